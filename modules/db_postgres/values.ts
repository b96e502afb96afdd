import { type DbValue, fromDbText, localTimeText, toDbText } from 'strowger';

/** PostgreSQL's ids of types whose text is not left as it is. */
const OID = {
  BOOL: 16,
  BYTEA: 17,
  INT8: 20,
  INT2: 21,
  INT4: 23,
  OID: 26,
  FLOAT4: 700,
  FLOAT8: 701,
  DATE: 1082,
  TIMESTAMP: 1114,
  TIMESTAMPTZ: 1184,
  NUMERIC: 1700,
} as const;

const PARSERS: ReadonlyMap<number, (text: string) => DbValue> = new Map<number, (text: string) => DbValue>([
  [OID.BOOL, (text) => (text === 't' ? 1 : 0)],
  [OID.BYTEA, bytesOf],
  [OID.INT8, integerOf],
  [OID.INT2, Number],
  [OID.INT4, Number],
  [OID.OID, Number],
  [OID.FLOAT4, Number],
  [OID.FLOAT8, Number],
  [OID.NUMERIC, Number],
  [OID.DATE, localTime],
  [OID.TIMESTAMP, localTime],
  [OID.TIMESTAMPTZ, zonedTime],
]);

/** How the library reads a column of this type: always from text. */
export function parserOf(oid: number): (text: string) => DbValue {
  return PARSERS.get(oid) ?? fromDbText;
}

/** A parameter as the library sends it. */
export function toPostgres(value: DbValue): string | Buffer | null {
  if (value === null) return null;
  if (typeof value === 'string') return toDbText(value);
  if (value instanceof Date) return localTimeText(value);
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return String(value);
}

function integerOf(text: string): number | bigint {
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : BigInt(text);
}

/** Both ways in which PostgreSQL writes bytes: `\x6162`, and characters with `\ooo` and `\\`. */
function bytesOf(text: string): Uint8Array {
  if (text.startsWith('\\x')) return Buffer.from(text.slice(2), 'hex');
  const plain = text.replace(/\\(\\|[0-7]{3})/g, (_, code: string) =>
    code === '\\' ? code : String.fromCharCode(Number.parseInt(code, 8)),
  );
  return Buffer.from(plain, 'latin1');
}

/** Times without a zone are local ones, as Kamailio writes them. */
function localTime(text: string): DbValue {
  const match = /^(\d{4})-(\d\d)-(\d\d)(?: (\d\d):(\d\d):(\d\d)(\.\d+)?)?$/.exec(text);
  if (match === null) return text;
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0, fraction = 0] = match
    .slice(1)
    .map((part) => Number(part ?? 0));
  return new Date(year, month - 1, day, hour, minute, second, Math.trunc(fraction * 1000));
}

function zonedTime(text: string): DbValue {
  const date = new Date(text.replace(' ', 'T').replace(/([+-]\d\d)$/, '$1:00'));
  return Number.isNaN(date.getTime()) ? text : date;
}
