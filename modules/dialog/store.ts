import {
  checkTableVersion,
  type Db,
  type DbCondition,
  hashText,
  type ModuleContext,
  mixHash,
  TableRow,
} from 'strowger';
import { DFLAG, type Dialog } from './dialog.ts';
import type { Dialogs } from './dialogs.ts';
import { isActive } from './fsm.ts';
import { DialogRows, type StoredDialog } from './rows.ts';

/** Versions of Kamailio's tables. */
const DIALOG_VERSION = 7;
const VARS_VERSION = 1;

/** `db_mode` */
export const DB_MODE = { NONE: 0, REALTIME: 1, DELAYED: 2, SHUTDOWN: 3 } as const;

/** Dialogs written in one transaction. */
const BATCH = 200;
/** What the database did not take in real time is tried again after this time, ms. */
const RETRY_MS = 5000;
/** Bus topic: load what is in the database and not in memory. */
const LOAD_TOPIC = 'dialog.load';

/** Keeps dialogs in a database (db_mode): answered calls only, for others do not survive a restart. */
export class DialogStore {
  readonly #dialogs: Dialogs;
  readonly #ctx: ModuleContext;
  readonly #db: Db;
  readonly #mode: number;
  readonly #rows: DialogRows;
  readonly #table: string;
  readonly #varsTable: string;
  /** To be written. */
  readonly #changed = new Set<Dialog>();
  /** To be deleted. */
  readonly #gone = new Map<string, Pick<Dialog, 'hEntry' | 'hId'>>();
  #running: Promise<void> | null = null;
  #isScheduled = false;
  #isClosing = false;
  #stop: (() => void) | null = null;

  constructor(dialogs: Dialogs, db: Db, mode: number) {
    const { ctx } = dialogs;
    this.#dialogs = dialogs;
    this.#ctx = ctx;
    this.#db = db;
    this.#mode = mode;
    this.#rows = new DialogRows(ctx, () => dialogs.nowSec);
    this.#table = ctx.str('table_name');
    this.#varsTable = ctx.str('vars_table_name');
  }

  /** Opens the database where `db_mode` asks for one; rejects where it can not be used. */
  static async open(dialogs: Dialogs): Promise<DialogStore | null> {
    const { ctx } = dialogs;
    const mode = ctx.int('db_mode');
    if (mode === DB_MODE.NONE) return null;
    const db = await ctx.server.db.open(ctx.str('db_url'));
    await checkTableVersion(db, ctx.str('table_name'), DIALOG_VERSION);
    await checkTableVersion(db, ctx.str('vars_table_name'), VARS_VERSION);
    return new DialogStore(dialogs, db, mode);
  }

  /** Loads what is there, unless told not to, and starts writing. */
  async start(): Promise<void> {
    const { server } = this.#ctx;
    server.bus.on(LOAD_TOPIC, () => void this.load([]).catch((error: unknown) => this.#failed('load', error)));
    if (this.#ctx.int('db_skip_load') === 0) await this.load([]);
    if (this.#mode !== DB_MODE.DELAYED) return;
    const timer = server.wheel.every(this.#ctx.int('db_update_period') * 1000, () => this.#begin());
    this.#stop = () => server.wheel.cancel(timer);
  }

  /** A dialog is not as the database has it. */
  changed(dialog: Dialog): void {
    if (!isActive(dialog.state)) return;
    this.#changed.add(dialog);
    this.#schedule();
  }

  /** A dialog is over. */
  remove(dialog: Dialog): void {
    this.#changed.delete(dialog);
    if (!dialog.isStored) return;
    dialog.isStored = false;
    this.#gone.set(`${dialog.hEntry} ${dialog.hId}`, { hEntry: dialog.hEntry, hId: dialog.hId });
    this.#schedule();
  }

  /** Resolves when everything is written. Nothing is written any more then. */
  async close(): Promise<void> {
    this.#stop?.();
    this.#isClosing = true;
    if (this.#mode === DB_MODE.SHUTDOWN)
      for (const dialog of this.#dialogs.table.all()) if (isActive(dialog.state)) this.#changed.add(dialog);
    await this.#running;
    this.#begin();
    await this.#running;
    await this.#db.close();
  }

  /** dlg_db_load_callid(): how many dialogs of this call have been loaded. Rejects with DB_…. */
  loadCall(callId: string): Promise<number> {
    return this.load([{ column: this.#rows.columns.callId, value: callId }]);
  }

  /** dlg_db_load_extra(): what is not in memory; other workers load theirs. Rejects with DB_…. */
  loadExtra(): Promise<number> {
    this.#ctx.server.bus.publish(LOAD_TOPIC, null);
    return this.load([]);
  }

  /** Loads dialogs that are not in memory and belong to this worker. Rejects with DB_…. */
  async load(where: readonly DbCondition[]): Promise<number> {
    await this.#running;
    const result = await this.#db.query({ table: this.#table, columns: this.#rows.names, where });
    const loaded = new Map<string, StoredDialog>();
    for (const values of result.rows) {
      const stored = this.#rows.read(new TableRow(result, values));
      if (stored === null || !this.#isOurs(stored.dialog)) continue;
      loaded.set(`${stored.dialog.hEntry} ${stored.dialog.hId}`, stored);
    }
    if (loaded.size === 0) return 0;
    await this.#loadVars(loaded, where.length === 0);
    for (const stored of loaded.values()) this.#enter(stored);
    return loaded.size;
  }

  /** A call's messages all come to one worker, whose dialog it is. */
  #isOurs({ hEntry, hId, callId }: Dialog): boolean {
    const { server, log } = this.#ctx;
    const { table } = this.#dialogs;
    if (mixHash(hashText(callId)) % server.workerCount !== server.workerIndex || table.find(hEntry, hId) !== null)
      return false;
    if (hEntry < table.entryCount && table.entryOf(callId) === hEntry) return true;
    log.error('a dialog of the database belongs to another hash_size', { callId, hEntry });
    return false;
  }

  async #loadVars(loaded: ReadonlyMap<string, StoredDialog>, isAll: boolean): Promise<void> {
    const { varsHEntry, varsHId, varsKey, varsValue } = this.#rows.columns;
    const columns = [varsHEntry, varsHId, varsKey, varsValue];
    const wheres = isAll ? [[]] : [...loaded.values()].map(({ dialog }) => this.#rows.varsOfDialog(dialog));
    for (const where of wheres) {
      const result = await this.#db.query({ table: this.#varsTable, columns, where });
      for (const values of result.rows) {
        const row = new TableRow(result, values);
        const stored = loaded.get(`${row.int(varsHEntry)} ${row.int(varsHId)}`);
        stored?.dialog.setVariable(row.str(varsKey), row.str(varsValue));
      }
    }
  }

  #enter({ dialog, links }: StoredDialog): void {
    const { table, profiles, lifetimes, keepalive, events } = this.#dialogs;
    if (table.find(dialog.hEntry, dialog.hId) !== null) return;
    for (const { name, value, puid } of links.toReversed()) {
      const profile = profiles.find(name);
      if (profile !== undefined) profiles.add(dialog, profile, value ?? null, puid);
    }
    dialog.dflags = 0;
    table.add(dialog);
    this.#dialogs.active++;
    lifetimes.arm(dialog);
    keepalive.add(dialog);
    events.emit('loaded', dialog);
  }

  /** What changes within one turn of the event loop is written at once. */
  #schedule(): void {
    if (this.#mode !== DB_MODE.REALTIME || this.#isScheduled || this.#isClosing) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.#begin();
    });
  }

  #begin(): void {
    if (this.#running !== null || (this.#changed.size === 0 && this.#gone.size === 0)) return;
    this.#running = this.#write().then((isWritten) => {
      this.#running = null;
      if (this.#mode !== DB_MODE.REALTIME || this.#isClosing) return;
      if (isWritten) this.#begin();
      else this.#ctx.server.wheel.after(RETRY_MS, () => this.#begin());
    });
  }

  /** False where the database did not take it. */
  async #write(): Promise<boolean> {
    while (this.#gone.size > 0 || this.#changed.size > 0) {
      const gone = [...this.#gone.values()].slice(0, BATCH);
      const changed = [...this.#changed].slice(0, BATCH);
      for (const each of gone) this.#gone.delete(`${each.hEntry} ${each.hId}`);
      for (const dialog of changed) this.#changed.delete(dialog);
      const fresh = new Set(changed.filter(({ isStored }) => !isStored));
      try {
        if (gone.length + changed.length === 1) await this.#writeAll(this.#db, gone, changed);
        else await this.#db.transaction((db) => this.#writeAll(db, gone, changed));
      } catch (error) {
        this.#failed('write', error);
        for (const each of gone) this.#gone.set(`${each.hEntry} ${each.hId}`, each);
        for (const dialog of changed) this.#putBack(dialog, fresh.has(dialog));
        return false;
      }
    }
    return true;
  }

  /** It was not written. */
  #putBack(dialog: Dialog, isNew: boolean): void {
    if (!isActive(dialog.state)) return;
    dialog.dflags |= DFLAG.VARS_CHANGED;
    if (isNew) dialog.isStored = false;
    this.#changed.add(dialog);
  }

  async #writeAll(db: Db, gone: readonly Pick<Dialog, 'hEntry' | 'hId'>[], changed: readonly Dialog[]): Promise<void> {
    for (const each of gone) {
      await db.delete(this.#table, this.#rows.ofDialog(each));
      await db.delete(this.#varsTable, this.#rows.varsOfDialog(each));
    }
    for (const dialog of changed) await this.#writeOne(db, dialog);
  }

  async #writeOne(db: Db, dialog: Dialog): Promise<void> {
    if (!isActive(dialog.state)) return;
    const { isStored } = dialog;
    const varsChanged = (dialog.dflags & DFLAG.VARS_CHANGED) !== 0 || (!isStored && dialog.vars !== null);
    const vars = varsChanged ? [...(dialog.vars ?? [])] : [];
    const row = isStored ? this.#rows.changing(dialog) : this.#rows.row(dialog);
    dialog.dflags &= ~(DFLAG.NEW | DFLAG.CHANGED | DFLAG.VARS_CHANGED);
    dialog.isStored = true;
    if (isStored) await db.update(this.#table, row, this.#rows.ofDialog(dialog));
    else await db.insert(this.#table, row);
    if (!varsChanged) return;
    if (isStored) await db.delete(this.#varsTable, this.#rows.varsOfDialog(dialog));
    for (const [name, value] of vars) await db.insert(this.#varsTable, this.#rows.varRow(dialog, name, value));
  }

  #failed(what: string, error: unknown): void {
    this.#ctx.log.error(`dialogs: ${what}: ${(error as Error).message}`);
  }
}
