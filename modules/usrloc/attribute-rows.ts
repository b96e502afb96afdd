import { type Db, type DbRow, type DbValue, dbText, TableRow, XavpList } from 'strowger';
import type { StoredContact } from './contact.ts';
import type { LocationRows } from './location-rows.ts';
import { xavpToText } from './xavp-text.ts';

/** Types of an attribute's value. */
const TYPE_TEXT = 0;
const TYPE_NUMBER = 1;

/** The attributes of contacts in the table `TABLE_attrs`: values of the list itself; lists in it are not written. */
export class AttributeRows {
  readonly #rows: LocationRows;

  constructor(rows: LocationRows) {
    this.#rows = rows;
  }

  /** Writes those of a contact in the place of what is there. `isNew`: nothing is. */
  async replace(db: Db, table: string, contact: StoredContact, isNew: boolean): Promise<void> {
    if (!isNew) await this.remove(db, table, contact.ruid);
    for (const { name, value } of contact.xavp?.items ?? []) {
      if (value === null || value instanceof XavpList) continue;
      const row: DbRow = {
        ruid: contact.ruid,
        ...this.#rows.account(contact.aor),
        aname: name,
        atype: typeof value === 'number' ? TYPE_NUMBER : TYPE_TEXT,
        avalue: String(value),
        last_modified: this.#rows.time(contact.lastModified),
      };
      await db.insert(attrsTable(table), row);
    }
  }

  async remove(db: Db, table: string, ruid: string): Promise<void> {
    await db.delete(attrsTable(table), [{ column: 'ruid', value: ruid }]);
  }

  /** Attributes by ruid, as texts for `ContactData.xavpText`, of the ruids from `first` to `last`. */
  async read(db: Db, table: string, first: string, last: string): Promise<ReadonlyMap<string, string>> {
    const result = await db.query({
      table: attrsTable(table),
      columns: ['ruid', 'aname', 'atype', 'avalue'],
      where: [
        { column: 'ruid', op: '>=', value: first },
        { column: 'ruid', op: '<=', value: last },
      ],
      orderBy: ['id'],
    });
    const lists = new Map<string, XavpList>();
    for (const values of result.rows) {
      const row = new TableRow(result, values);
      const ruid = row.str('ruid');
      let list = lists.get(ruid);
      if (list === undefined) lists.set(ruid, (list = new XavpList()));
      const value: DbValue = row.value('avalue');
      list.append(row.str('aname'), row.int('atype') === TYPE_NUMBER ? row.int('avalue') : dbText(value));
    }
    return new Map([...lists].map(([ruid, list]) => [ruid, xavpToText(list)]));
  }
}

function attrsTable(table: string): string {
  return `${table}_attrs`;
}
