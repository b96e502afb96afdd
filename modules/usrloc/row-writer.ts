import type { Db, ModuleContext } from 'strowger';
import { AttributeRows } from './attribute-rows.ts';
import { LocationRows } from './location-rows.ts';
import type { RowChange } from './record.ts';

/** Makes rows what their contacts are. */
export class RowWriter {
  readonly rows: LocationRows;
  /** Null where contacts have no attributes (`xavp_contact`). */
  readonly attributes: AttributeRows | null;
  readonly #insertsOrUpdates: boolean;
  readonly #updatesByInsert: boolean;
  readonly #checksUpdates: boolean;

  constructor(ctx: ModuleContext) {
    this.rows = new LocationRows(ctx);
    this.attributes = ctx.str('xavp_contact') === '' ? null : new AttributeRows(this.rows);
    this.#insertsOrUpdates = ctx.int('db_insert_update') === 1;
    this.#updatesByInsert = ctx.int('db_update_as_insert') === 1;
    this.#checksUpdates = ctx.int('db_check_update') === 1;
  }

  /** Rejects with what the database says. */
  async apply(db: Db, table: string, change: RowChange): Promise<void> {
    const { contact } = change;
    if (change.kind === 'delete') {
      await db.delete(table, this.rows.ofContact(contact));
      await this.attributes?.remove(db, table, contact.ruid);
      return;
    }
    if (change.kind === 'insert') await this.#insert(db, table, change);
    else await this.#update(db, table, change);
    await this.attributes?.replace(db, table, contact, change.kind === 'insert');
  }

  /** For what failed: a row to be inserted may be there already, and the other way round. */
  async applyAnyway(db: Db, table: string, change: RowChange): Promise<void> {
    try {
      await this.apply(db, table, change);
    } catch (error) {
      if (change.kind !== 'insert') throw error;
      const { rows } = this;
      const { affected } = await db.update(table, rows.updateRow(change.contact), rows.ofContact(change.contact));
      if (affected === 0) throw error;
      await this.attributes?.replace(db, table, change.contact, false);
    }
  }

  async #insert(db: Db, table: string, { contact }: RowChange): Promise<void> {
    const row = this.rows.insertRow(contact);
    if (this.#insertsOrUpdates) await db.insertUpdate(table, row, [this.rows.columns.ruid]);
    else await db.insert(table, row);
  }

  async #update(db: Db, table: string, change: RowChange): Promise<void> {
    if (this.#updatesByInsert) {
      await this.#insert(db, table, change);
      return;
    }
    const { rows } = this;
    const where = rows.ofContact(change.contact);
    const { affected } = await db.update(table, rows.updateRow(change.contact), where);
    if (affected === 0 && this.#checksUpdates) await this.#insert(db, table, change);
  }
}
