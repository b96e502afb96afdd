/** Resource records as the resolver keeps them. */

export interface SrvData {
  readonly priority: number;
  readonly weight: number;
  readonly port: number;
  readonly target: string;
}

export interface NaptrData {
  readonly order: number;
  readonly preference: number;
  readonly flags: string;
  readonly services: string;
  readonly regexp: string;
  readonly replacement: string;
}

/** ENUM branch location record (draft-ietf-enum-branch-location-record), private type 65300. */
interface EblData {
  readonly position: number;
  readonly separator: string;
  readonly apex: string;
}

/** What a record of each type carries: addresses and names in text, names lower case and without the last dot. */
export interface DnsDataOf {
  readonly A: string;
  readonly AAAA: string;
  readonly CNAME: string;
  readonly PTR: string;
  readonly TXT: readonly string[];
  readonly SRV: SrvData;
  readonly NAPTR: NaptrData;
  readonly EBL: EblData;
}

export type DnsType = keyof DnsDataOf;

/** Numbers of the types (IANA), shown by `dns.debug`. */
export const DNS_TYPE_CODES: Readonly<Record<DnsType, number>> = {
  A: 1,
  CNAME: 5,
  PTR: 12,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  NAPTR: 35,
  EBL: 65_300,
};

export const DNS_TYPES = Object.keys(DNS_TYPE_CODES) as readonly DnsType[];

export interface DnsRecord<T extends DnsType = DnsType> {
  readonly data: DnsDataOf[T];
  /** Clock time; Infinity for a permanent one. */
  readonly expiresMs: number;
}

/** All records of one name and type, or the knowledge that there are none. */
export class DnsEntry<T extends DnsType = DnsType> {
  readonly name: string;
  readonly type: T;
  /** SRV sorted by priority, then by falling weight; others as the server sent them. */
  readonly records: readonly DnsRecord<T>[];
  readonly isNegative: boolean;
  /** Added by hand to stay: survives `dns.delete_all`. */
  readonly isPermanent: boolean;
  /** Of the record that lasts longest. */
  readonly expiresMs: number;
  /** Of the record that lasts shortest; earlier only where records were added by hand. */
  readonly firstExpiresMs: number;
  /** What Kamailio would use for it, so that `dns_cache_mem` means the same. */
  readonly sizeBytes: number;
  lastUsedMs: number;
  /** Used since the eviction last came by. */
  wasUsed = false;

  constructor(
    name: string,
    type: T,
    records: readonly DnsRecord<T>[],
    expiresMs: number,
    nowMs: number,
    isPermanent = false,
  ) {
    this.name = name;
    this.type = type;
    this.records = records;
    this.isNegative = records.length === 0;
    this.isPermanent = isPermanent;
    this.expiresMs = expiresMs;
    this.firstExpiresMs = records.reduce((first, record) => Math.min(first, record.expiresMs), expiresMs);
    this.lastUsedMs = nowMs;
    this.sizeBytes = entrySize(name, type, records);
  }
}

function round8(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}

/** Measured with `dns.view` of Kamailio 5.6.3 on 64 bits. */
function entrySize<T extends DnsType>(name: string, type: T, records: readonly DnsRecord<T>[]): number {
  if (records.length === 0) return 64 + name.length;
  return records.reduce((sum, record) => sum + recordSize(type, record.data), round8(64 + name.length));
}

function recordSize(type: DnsType, data: DnsDataOf[DnsType]): number {
  if (type === 'A') return 32;
  if (type === 'AAAA') return 40;
  if (typeof data === 'string') return 24 + round8(data.length + 1);
  if ('target' in data) return 24 + round8(data.target.length + 9);
  if ('services' in data) {
    return 24 + round8(48 + data.flags.length + data.services.length + data.regexp.length + data.replacement.length);
  }
  if ('apex' in data) return 24 + round8(24 + data.separator.length + data.apex.length);
  return 24 + round8(8 + data.reduce((sum, text) => sum + 17 + text.length, 0));
}

const NAME = /^[a-z0-9_*-]{1,63}(\.[a-z0-9_*-]{1,63})*$/;

/**
 * A host name as the cache and the queries spell it: lower case, no dot at the end. Null for what can not be a DNS
 * name, so that nothing odd from a message reaches a query.
 */
export function normalizeName(host: string): string | null {
  let name = host.toLowerCase();
  if (name.endsWith('.')) name = name.slice(0, -1);
  return name.length <= 253 && NAME.test(name) ? name : null;
}

/** The name to ask for the PTR record of an address: four parts of IPv4 or eight groups of IPv6, RFC 1035 §3.5, RFC 3596 §2.5. */
export function reverseName(family: 4 | 6, words: readonly number[]): string {
  if (family === 4) {
    const word = words[0] ?? 0;
    return `${word & 255}.${(word >>> 8) & 255}.${(word >>> 16) & 255}.${word >>> 24}.in-addr.arpa`;
  }
  const hex = words.map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
  return `${hex.split('').reverse().join('.')}.ip6.arpa`;
}
