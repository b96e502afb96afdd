import { type DbValue, fromDbText, localTimeText, toDbText } from 'strowger';

/** MySQL's types of columns that are not left as the library reads them. */
const TYPE = { TIMESTAMP: 7, LONGLONG: 8, DATE: 10, DATETIME: 12, BIT: 16, NEWDECIMAL: 246 } as const;

/** How times of the server become points in time: as local ones, or at the server's distance from UTC. */
export interface TimeZone {
  /** Seconds the server is ahead of UTC; null for this machine's own zone. */
  readonly offsetSec: number | null;
}

/** A value of a column of this type, as the library read it: times are text. */
export function fromMysql(value: unknown, type: number, zone: TimeZone): DbValue {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string') {
    if (type === TYPE.TIMESTAMP || type === TYPE.DATETIME || type === TYPE.DATE) return timeOf(value, zone);
    if (type === TYPE.LONGLONG) return BigInt(value);
    return type === TYPE.NEWDECIMAL ? Number(value) : fromDbText(value);
  }
  if (value instanceof Uint8Array) return type === TYPE.BIT ? bitsOf(value) : value;
  if (typeof value === 'number' || typeof value === 'bigint') return value;
  return JSON.stringify(value);
}

/** A parameter as the library sends it. */
export function toMysql(value: DbValue): string | number | Buffer | null {
  if (value === null || typeof value === 'number') return value;
  if (typeof value === 'string') return toDbText(value);
  if (value instanceof Date) return localTimeText(value);
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return String(value);
}

function timeOf(text: string, { offsetSec }: TimeZone): DbValue {
  const match = /^(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d):(\d\d)(\.\d+)?)?$/.exec(text);
  // 0000-00-00 is no time.
  if (match === null || text.startsWith('0000')) return null;
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0, fraction = 0] = match
    .slice(1)
    .map((part) => Number(part ?? 0));
  const ms = Math.trunc(fraction * 1000);
  if (offsetSec === null) return new Date(year, month - 1, day, hour, minute, second, ms);
  return new Date(Date.UTC(year, month - 1, day, hour, minute, second, ms) - offsetSec * 1000);
}

function bitsOf(bytes: Uint8Array): number {
  return bytes.reduce((sum, byte) => sum * 256 + byte, 0);
}
