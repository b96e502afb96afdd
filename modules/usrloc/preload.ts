import { type Db, type DbCondition, type ModuleContext, PROTO_NAMES, TableRow } from 'strowger';
import { DB_MODE, type DbMode } from './api.ts';
import { type ContactData, STATE } from './contact.ts';
import type { RowWriter } from './row-writer.ts';

/** What the rows of a table are read into. */
interface LoadTarget {
  load(aor: string, data: ContactData): void;
}

interface Row {
  readonly aor: string;
  readonly data: ContactData;
}

/** Reads a table at start (Kamailio: db_load, fetch_rows, db_clean_tcp, skip_remote_socket, server_id_filter). */
export class Preload {
  readonly #ctx: ModuleContext;
  readonly #writer: RowWriter;
  readonly #isOwnSocket: (socket: string) => boolean;

  constructor(ctx: ModuleContext, writer: RowWriter, isOwnSocket: (socket: string) => boolean) {
    this.#ctx = ctx;
    this.#writer = writer;
    this.#isOwnSocket = isOwnSocket;
  }

  /** Returns how many contacts there were. Rejects with DB_…. */
  async run(db: Db, table: string, target: LoadTarget, nowSec: number): Promise<number> {
    const writes = ([DB_MODE.WRITE_THROUGH, DB_MODE.WRITE_BACK] as DbMode[]).includes(
      this.#ctx.int('db_mode') as DbMode,
    );
    if (writes) await db.delete(table, [...this.#writer.rows.expired(nowSec), ...this.#filter()]);
    if (this.#ctx.int('db_load') === 0 && this.#ctx.int('db_mode') !== DB_MODE.READ_ONLY) return 0;
    let count = 0;
    let last = '';
    for (;;) {
      const page = await this.#page(db, table, last, nowSec);
      if (page === null) return count;
      last = page.last;
      count += await this.#load(db, table, page.rows, target, nowSec, writes);
    }
  }

  /** The rows after a ruid, by ruid; null where there are no more. */
  async #page(
    db: Db,
    table: string,
    after: string,
    nowSec: number,
  ): Promise<{ readonly rows: readonly Row[]; readonly last: string } | null> {
    const {
      rows,
      rows: { columns },
    } = this.#writer;
    const result = await db.query({
      table,
      columns: rows.names,
      where: [{ column: columns.ruid, op: '>', value: after }, ...this.#filter()],
      orderBy: [columns.ruid],
      limit: this.#ctx.int('fetch_rows'),
    });
    const last = result.rows.at(-1);
    if (last === undefined) return null;
    const read = result.rows.flatMap((values) => rows.read(new TableRow(result, values), nowSec) ?? []);
    return { rows: read, last: new TableRow(result, last).str(columns.ruid) };
  }

  async #load(
    db: Db,
    table: string,
    page: readonly Row[],
    target: LoadTarget,
    nowSec: number,
    writes: boolean,
  ): Promise<number> {
    const { attributes, rows } = this.#writer;
    const first = page[0];
    if (first === undefined) return 0;
    const texts = await attributes?.read(db, table, first.data.ruid, page.at(-1)?.data.ruid ?? '');
    let count = 0;
    for (const { aor, data } of page) {
      if (data.expires !== 0 && data.expires <= nowSec) continue;
      if (this.#ctx.int('db_clean_tcp') === 1 && isOverStream(data)) {
        if (writes) await db.delete(table, [{ column: rows.columns.ruid, value: data.ruid }]);
        continue;
      }
      if (this.#ctx.int('skip_remote_socket') === 1 && data.socket !== '' && !this.#isOwnSocket(data.socket)) continue;
      // Connections of another life are gone, and their ids are given anew.
      target.load(aor, { ...data, tcpconnId: -1, xavpText: texts?.get(data.ruid) ?? '', state: STATE.IN_DB });
      count++;
    }
    return count;
  }

  #filter(): DbCondition[] {
    if (this.#ctx.int('server_id_filter') === 0) return [];
    return [{ column: this.#writer.rows.columns.serverId, value: this.#ctx.server.settings.int('server_id') }];
  }
}

const STREAMS: readonly string[] = ['tcp', 'tls', 'ws', 'wss'] satisfies (typeof PROTO_NAMES)[number][];

/** A contact over TCP, TLS or WebSocket: by its socket, or else by what its URIs say. */
function isOverStream({ socket, received, contact }: ContactData): boolean {
  const proto = /^(\w+):/.exec(socket)?.[1]?.toLowerCase();
  if (proto !== undefined) return STREAMS.includes(proto);
  const transport = /;transport=(\w+)/i.exec(received === '' ? contact : received)?.[1]?.toLowerCase();
  return transport !== undefined && STREAMS.includes(transport);
}
