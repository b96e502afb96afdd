import { type AvpName, avpNameOf, type DbValue, dbText, type SipMsg, varsOf } from 'strowger';

/** A column and the AVP it is put into. */
export interface LoadedColumn {
  readonly column: string;
  readonly avp: AvpName;
}

const NAMED = /^\$avp\(([^()]+)\)\s*=\s*(\S+)$/;

/** The parameter load_credentials: `$avp(name)=column;column…`. An error text where it has another form. */
export function parseLoadCredentials(text: string): readonly LoadedColumn[] | string {
  const columns: LoadedColumn[] = [];
  for (const part of text.split(';')) {
    const item = part.trim();
    if (item === '') continue;
    const named = NAMED.exec(item);
    if (named === null && !/^[\w$]+$/.test(item)) return `"${item}" is neither a column nor $avp(name)=column`;
    columns.push({ column: named?.[2] ?? item, avp: avpNameOf(named?.[1]?.trim() ?? item) });
  }
  return columns;
}

/** Puts a row's values into AVPs; NULL leaves one unset. */
export function loadCredentials(msg: SipMsg, columns: readonly LoadedColumn[], values: readonly DbValue[]): void {
  for (const [i, { avp }] of columns.entries()) {
    const value = values[i] ?? null;
    if (value !== null) varsOf(msg).addAvp(avp, typeof value === 'number' ? value : dbText(value));
  }
}
