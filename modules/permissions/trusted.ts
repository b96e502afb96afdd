import { checkTableVersion, type Db, type ModuleContext, type ParamPv, type Run, TableCache, TableRow } from 'strowger';
import {
  type Claim,
  protoNumber,
  TrustedMatcher,
  type TrustedRow,
  type TrustedTable,
  tableOf,
} from './trusted-rules.ts';

/** Version of Kamailio's table. */
const VERSION = 6;

/** allow_trusted(): rules from a table in memory (db_mode 1), or asked for each time. */
export class Trusted {
  readonly #ctx: ModuleContext;
  readonly #tag: ParamPv;
  readonly #isCached: boolean;
  readonly #cache: TableCache<TrustedTable | null> | null;
  readonly #matcher: TrustedMatcher;
  /** Where each call asks. */
  #db: Db | null = null;
  readonly #isWanted: boolean;

  constructor(ctx: ModuleContext, tag: ParamPv, isWanted: boolean) {
    this.#ctx = ctx;
    this.#tag = tag;
    this.#isWanted = isWanted && ctx.str('db_url') !== '';
    this.#isCached = ctx.int('db_mode') === 1;
    this.#matcher = new TrustedMatcher((text) => ctx.log.error(`${ctx.str('trusted_table')}: ${text}`));
    const { source, all } = this.#columns();
    this.#cache =
      this.#isWanted && this.#isCached
        ? new TableCache<TrustedTable | null>(ctx.server.db, ctx.str('db_url'), null, async (tables) => {
            const table = ctx.str('trusted_table');
            const rows = await tables.rows({ table, columns: [source, ...all], version: VERSION });
            return tableOf(rows.map((row) => this.#row(row, row.str(source))));
          })
        : null;
  }

  /** Null unless it is in memory. */
  get table(): TrustedTable | null {
    return this.#cache?.value ?? null;
  }

  /** Reads the table, or opens the database that is asked each time. */
  async start(): Promise<void> {
    if (!this.#isWanted) return;
    if (this.#cache !== null) {
      await this.#cache.load();
      return;
    }
    const { server } = this.#ctx;
    this.#db = await server.db.open(this.#ctx.str('db_url'));
    await checkTableVersion(this.#db, this.#ctx.str('trusted_table'), VERSION);
  }

  /** Reads the table anew; rejects where there is none in memory. */
  async reload(): Promise<void> {
    if (this.#cache === null) throw new Error('the table is not in memory: that needs db_url and db_mode 1');
    await this.#cache.load();
  }

  async close(): Promise<void> {
    await this.#cache?.close();
    await this.#db?.close();
  }

  /** 1, or with peer_tag_mode 1 the number of rows that match; -1 when none does. */
  allow(run: Run, source: string, proto: string, from: string | null): number | Promise<number> {
    const { log } = this.#ctx;
    const number = protoNumber(proto);
    const fromUri = from ?? run.msg.from?.uriText;
    if (number === null) log.error(`allow_trusted: "${proto}" is no protocol`);
    if (number === null || fromUri === undefined) return -1;
    const claim = { source, proto: number, from: fromUri, ruri: run.msg.originalUri };
    if (this.#db !== null) return this.#ask(run, this.#db, claim);
    return this.#decide(run, this.#cache?.value?.get(source) ?? [], claim);
  }

  #decide(run: Run, rows: readonly TrustedRow[], claim: Claim): number {
    const isCounting = this.#ctx.int('peer_tag_mode') !== 0;
    let count = 0;
    for (const row of rows) {
      if (!this.#matcher.matches(row, claim)) continue;
      if (row.tag !== null) this.#tag.set(run, row.tag);
      if (!isCounting) return 1;
      count++;
    }
    return count === 0 ? -1 : count;
  }

  async #ask(run: Run, db: Db, claim: Claim): Promise<number> {
    const { source, all, priority } = this.#columns();
    try {
      const result = await db.query({
        table: this.#ctx.str('trusted_table'),
        columns: all,
        where: [{ column: source, value: claim.source }],
        orderBy: [priority],
      });
      const rows = result.rows.map((row) => this.#row(new TableRow(result, row), claim.source));
      return this.#decide(run, rows, claim);
    } catch (error) {
      this.#ctx.log.error(`allow_trusted: ${(error as Error).message}`);
      return -1;
    }
  }

  #row(row: TableRow, source: string): TrustedRow {
    const { proto, from, ruri, tag, priority } = this.#columns();
    const optional = (column: string): string | null => (row.isNull(column) ? null : row.str(column));
    return {
      source,
      proto: row.str(proto),
      fromPattern: optional(from),
      ruriPattern: optional(ruri),
      tag: optional(tag),
      priority: row.int(priority),
    };
  }

  #columns(): Readonly<Record<'source' | 'proto' | 'from' | 'ruri' | 'tag' | 'priority', string>> & { all: string[] } {
    const name = (param: string): string => this.#ctx.str(param);
    const columns = {
      proto: name('proto_col'),
      from: name('from_col'),
      ruri: name('ruri_col'),
      tag: name('tag_col'),
      priority: name('priority_col'),
    };
    return { ...columns, source: name('source_col'), all: Object.values(columns) };
  }
}
