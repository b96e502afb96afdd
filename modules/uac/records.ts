import { type Db, type DbCondition, type DbValue, dbColumn, dbText } from 'strowger';

/** A row of uacreg: whom to register where. Texts are latin1; '' for none. */
export interface RegRecord {
  readonly uuid: string;
  readonly localUser: string;
  readonly localDomain: string;
  readonly remoteUser: string;
  readonly remoteDomain: string;
  /** '' goes with any. */
  readonly realm: string;
  readonly authUser: string;
  readonly authPassword: string;
  readonly authHa1: string;
  /** URI that REGISTERs are sent to. */
  readonly authProxy: string;
  readonly expiresSec: number;
  readonly isDisabled: boolean;
  readonly delaySec: number;
  /** Host, port and parameters of our Contact; '' for that of the parameter reg_contact_addr. */
  readonly contactAddr: string;
  readonly socket: string;
}

/** Version of Kamailio's table. */
export const UACREG_VERSION = 5;

const COLUMNS = [
  'l_uuid',
  'l_username',
  'l_domain',
  'r_username',
  'r_domain',
  'realm',
  'auth_username',
  'auth_password',
  'auth_ha1',
  'auth_proxy',
  'expires',
  'flags',
  'reg_delay',
  'contact_addr',
  'socket',
] as const;
export type UacregColumn = (typeof COLUMNS)[number];

/** What a row must have. */
const NEEDED: readonly UacregColumn[] = [
  'l_uuid',
  'l_username',
  'l_domain',
  'r_username',
  'r_domain',
  'auth_username',
  'auth_proxy',
];

/** Hex digits of H(A1) by MD5 and by SHA-256. */
const HA1_LENGTHS: readonly number[] = [32, 64];

/** What is wrong with a row. */
export interface BadRecord {
  readonly error: string;
  /** It is about the password or H(A1). */
  readonly isSecret: boolean;
}

/** A record of columns' texts, or what is wrong with it. */
export function recordOf(text: (column: UacregColumn) => string): RegRecord | BadRecord {
  const missing = NEEDED.find((column) => text(column) === '');
  if (missing !== undefined) return { error: `empty value not allowed for column ${missing}`, isSecret: false };
  const authPassword = text('auth_password');
  const authHa1 = text('auth_ha1');
  if (authPassword === '' && authHa1 === '') return { error: 'no password value provided', isSecret: true };
  if (authHa1 !== '' && !HA1_LENGTHS.includes(authHa1.length))
    return { error: `invalid HA1 length: ${authHa1.length}`, isSecret: true };
  const number = (column: UacregColumn): number => Math.max(0, Math.trunc(Number(text(column)) || 0));
  return {
    uuid: text('l_uuid'),
    localUser: text('l_username'),
    localDomain: text('l_domain'),
    remoteUser: text('r_username'),
    remoteDomain: text('r_domain'),
    realm: text('realm'),
    authUser: text('auth_username'),
    authPassword,
    authHa1,
    authProxy: text('auth_proxy'),
    expiresSec: number('expires'),
    isDisabled: (number('flags') & 1) !== 0,
    delaySec: number('reg_delay'),
    contactAddr: text('contact_addr'),
    socket: text('socket'),
  };
}

/** Reads rows, of one uuid where it is given. `onBad` is told of those that are left out. Rejects as the database does. */
export async function readRecords(
  db: Db,
  table: string,
  onBad: (uuid: string, why: string) => void,
  uuid: string | null = null,
): Promise<RegRecord[]> {
  const where: DbCondition[] = uuid === null ? [] : [{ column: 'l_uuid', value: uuid }];
  const result = await db.query({ table, columns: COLUMNS, where });
  const records: RegRecord[] = [];
  for (const row of result.rows) {
    const column = (name: UacregColumn): DbValue | undefined => dbColumn(result, row, name);
    const record = recordOf((name) => dbText(column(name)));
    if ('error' in record) onBad(dbText(column('l_uuid')), record.error);
    else records.push(record);
  }
  return records;
}

/** True where nothing of what is registered has changed. */
export function isSameRecord(a: RegRecord, b: RegRecord): boolean {
  return (Object.keys(a) as (keyof RegRecord)[]).every((key) => a[key] === b[key]);
}
