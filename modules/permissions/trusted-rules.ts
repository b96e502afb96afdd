import { coreHash, PosixCache, PROTO, PROTO_NAMES } from 'strowger';
import { BUCKETS } from './address-table.ts';
import { toExtended } from './basic-regex.ts';

/** A row of the table. */
export interface TrustedRow {
  readonly source: string;
  /** `any`, a protocol or `none`; case does not count. */
  readonly proto: string;
  /** POSIX basic expressions; null for any. */
  readonly fromPattern: string | null;
  readonly ruriPattern: string | null;
  readonly tag: string | null;
  readonly priority: number;
}

/** What is asked whether it can be trusted. */
export interface Claim {
  readonly source: string;
  /** PROTO.NONE for any. */
  readonly proto: number;
  readonly from: string;
  readonly ruri: string;
}

/** Rows in memory, by source; the highest priority first. */
export type TrustedTable = ReadonlyMap<string, readonly TrustedRow[]>;

/** The number of a protocol, PROTO.NONE for `any`; null for a name that is none. */
export function protoNumber(name: string): number | null {
  const lower = name.toLowerCase();
  if (lower === 'any') return PROTO.NONE;
  const number = PROTO_NAMES.findIndex((known) => known === lower);
  return number > PROTO.NONE ? number : null;
}

/** Throws for a protocol that is none. Rows with `none` are left out: they never match. */
export function tableOf(rows: readonly TrustedRow[]): TrustedTable {
  const table = new Map<string, TrustedRow[]>();
  for (const row of rows.toSorted((a, b) => b.priority - a.priority)) {
    if (row.proto.toLowerCase() === 'none') continue;
    if (protoNumber(row.proto) === null) throw new Error(`${row.source} has proto "${row.proto}", which is none`);
    const list = table.get(row.source);
    if (list === undefined) table.set(row.source, [row]);
    else list.push(row);
  }
  return table;
}

/** Rows in the order of Kamailio's dump, with their buckets. */
export function inDumpOrder(table: TrustedTable): { bucket: number; row: TrustedRow }[] {
  return [...table.values()]
    .flat()
    .map((row) => ({ row, bucket: coreHash(row.source, BUCKETS) }))
    .toSorted((a, b) => a.bucket - b.bucket || b.row.priority - a.row.priority);
}

/** Matches rows; expressions stay compiled. */
export class TrustedMatcher {
  readonly #regexes = new PosixCache({});
  readonly #warn: (text: string) => void;

  constructor(warn: (text: string) => void) {
    this.#warn = warn;
  }

  matches(row: TrustedRow, { proto, from, ruri }: Claim): boolean {
    const isProto = proto === PROTO.NONE || [PROTO.NONE, proto].includes(protoNumber(row.proto) ?? -1);
    return isProto && this.#fits(row.fromPattern, from) && this.#fits(row.ruriPattern, ruri);
  }

  #fits(pattern: string | null, text: string): boolean {
    if (pattern === null) return true;
    const regex = this.#regexes.get(toExtended(pattern));
    if (typeof regex !== 'string') return regex.test(text);
    this.#warn(regex);
    return false;
  }
}
