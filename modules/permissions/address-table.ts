import { canonicalIp, coreHash, ipBytes } from 'strowger';

/** Buckets of Kamailio's tables: dumps show their numbers and come in their order. */
export const BUCKETS = 128;

/** One row of the table, or line of the file. */
export interface AddressEntry {
  /** From 1. */
  readonly group: number;
  /** An IP address, brackets allowed, or a name. */
  readonly address: string;
  /** Length of the prefix; 0 or that of the whole address for just this one. */
  readonly mask: number;
  /** 0 for any. */
  readonly port: number;
  /** Null for none. */
  readonly tag: string | null;
}

/** An entry as the dumps show it. */
export interface Listed extends AddressEntry {
  /** The address in its shortest form, or the name. */
  readonly shown: string;
  /** Its bytes, one char each, or the name. */
  readonly key: string;
  /** What buckets are numbered by: Kamailio takes the first four bytes of an address. */
  readonly hashed: string;
  /** Its place in what was read. */
  readonly place: number;
}

/** An address as bytes, one char each; null for what is none. Brackets are not part of it. */
export function addressBytes(text: string): string | null {
  const bytes = ipBytes(text);
  return bytes === null ? null : String.fromCharCode(...bytes);
}

/** Addresses, subnets and names with their groups, for lookup. */
export class AddressTable {
  /** By bytes of the address; the last of the table first. */
  readonly #exact = new Map<string, Listed[]>();
  /** By name as written; the last first. */
  readonly #names = new Map<string, Listed[]>();
  /** In order of groups, then of the table. */
  readonly subnets: Listed[] = [];
  /** By length of prefix, then by the prefix's bytes: places in `subnets`. Each length once, for 4 and 16 bytes. */
  readonly #prefixes = new Map<
    string,
    { readonly bits: number; readonly length: number; readonly byPrefix: Map<string, number[]> }
  >();

  /** Throws with what is wrong. Subnets beyond `maxSubnets` are left out, and counted by `onTooMany`. */
  constructor(entries: readonly AddressEntry[], maxSubnets: number, onTooMany: (count: number) => void = () => {}) {
    let tooMany = 0;
    for (const [place, entry] of entries.entries()) {
      if (entry.group < 1) throw new Error(`${entry.address} has group ${entry.group}: groups are numbers from 1`);
      const bytes = addressBytes(entry.address);
      if (bytes === null) {
        insert(this.#names, entry.address, {
          ...entry,
          shown: entry.address,
          key: entry.address,
          hashed: entry.address,
          place,
        });
        continue;
      }
      const bits = bytes.length * 8;
      if (entry.mask < 0 || entry.mask > bits)
        throw new Error(`${entry.address} has mask ${entry.mask}: it is from 0 to ${bits}`);
      const shown = canonicalIp(entry.address.replace(/^\[|\]$/g, '')) ?? entry.address;
      const listed = { ...entry, shown, key: bytes, hashed: bytes.slice(0, 4), place };
      if (entry.mask === 0 || entry.mask === bits) insert(this.#exact, bytes, listed);
      // Of subnets, an empty tag is none.
      else if (this.subnets.length < maxSubnets) this.subnets.push({ ...listed, tag: entry.tag || null });
      else tooMany++;
    }
    if (tooMany > 0) onTooMany(tooMany);
    this.subnets.sort((a, b) => a.group - b.group);
    for (const [place, { key, mask }] of this.subnets.entries()) this.#addSubnet(place, key, mask);
  }

  /** The entry for an address (as bytes) and a port in a group, or in any where that is null. */
  findAddress(bytes: string, port: number, group: number | null): Listed | null {
    return first(this.#exact.get(bytes), port, group) ?? this.#findSubnet(bytes, port, group);
  }

  /** The same for a name; case counts. */
  findName(name: string, port: number, group: number | null): Listed | null {
    return first(this.#names.get(name), port, group);
  }

  /** Whole addresses, in the order of Kamailio's dump. */
  get addresses(): Listed[] {
    return inBuckets(this.#exact);
  }

  get names(): Listed[] {
    return inBuckets(this.#names);
  }

  #addSubnet(place: number, bytes: string, length: number): void {
    const kind = `${bytes.length}/${length}`;
    let known = this.#prefixes.get(kind);
    if (known === undefined) {
      known = { bits: bytes.length * 8, length, byPrefix: new Map() };
      this.#prefixes.set(kind, known);
    }
    const prefix = prefixOf(bytes, length);
    const places = known.byPrefix.get(prefix);
    if (places === undefined) known.byPrefix.set(prefix, [place]);
    else places.push(place);
  }

  /** The first of `subnets` that fits. */
  #findSubnet(bytes: string, port: number, group: number | null): Listed | null {
    let best = this.subnets.length;
    for (const { bits, length, byPrefix } of this.#prefixes.values()) {
      if (bits !== bytes.length * 8) continue;
      for (const place of byPrefix.get(prefixOf(bytes, length)) ?? []) {
        if (place >= best) break;
        const subnet = this.subnets[place];
        if (subnet !== undefined && fits(subnet, port, group)) best = place;
      }
    }
    return this.subnets[best] ?? null;
  }
}

/** Number of an entry's bucket. */
export function bucketOf({ hashed }: Listed): number {
  return coreHash(hashed, BUCKETS);
}

/** The first `length` bits of an address, the others 0 or cut off. */
function prefixOf(bytes: string, length: number): string {
  const whole = length >>> 3;
  const rest = length & 7;
  if (rest === 0) return bytes.slice(0, whole);
  return bytes.slice(0, whole) + String.fromCharCode(bytes.charCodeAt(whole) & (0xff00 >>> rest) & 255);
}

function fits(entry: AddressEntry, port: number, group: number | null): boolean {
  return (entry.port === 0 || entry.port === port) && (group === null || entry.group === group);
}

function first(entries: readonly Listed[] | undefined, port: number, group: number | null): Listed | null {
  return entries?.find((entry) => fits(entry, port, group)) ?? null;
}

function insert(map: Map<string, Listed[]>, key: string, entry: Listed): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [entry]);
  else list.unshift(entry);
}

/** By bucket; in a bucket the last that was read comes first. */
function inBuckets(map: ReadonlyMap<string, readonly Listed[]>): Listed[] {
  return [...map.values()].flat().toSorted((a, b) => bucketOf(a) - bucketOf(b) || b.place - a.place);
}
