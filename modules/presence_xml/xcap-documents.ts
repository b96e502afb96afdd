import { checkTableVersion, type Db, dbColumn, type ModuleContext } from 'strowger';

const TABLE_VERSION = 4;
/** Kinds of documents in the column doc_type. */
const DOC_TYPE = { PRES_RULES: 2 } as const;

/** Documents in the table xcap, where an XCAP server keeps them. */
export class XcapDocuments {
  readonly #db: Db;
  readonly #table: string;

  private constructor(db: Db, table: string) {
    this.#db = db;
    this.#table = table;
  }

  /** Rejects where the database or the table is not usable. */
  static async open(ctx: ModuleContext): Promise<XcapDocuments> {
    const db = await ctx.server.db.open(ctx.str('db_url'));
    try {
      await checkTableVersion(db, ctx.str('xcap_table'), TABLE_VERSION);
    } catch (error) {
      await db.close();
      throw error;
    }
    return new XcapDocuments(db, ctx.str('xcap_table'));
  }

  /** A user's rules of presence (RFC 5025); null where there are none. */
  async presRules(user: string, domain: string): Promise<string | null> {
    const result = await this.#db.query({
      table: this.#table,
      columns: ['doc'],
      where: [
        { column: 'username', value: user },
        { column: 'domain', value: domain },
        { column: 'doc_type', value: DOC_TYPE.PRES_RULES },
      ],
      orderBy: ['id'],
      limit: 1,
    });
    const [row] = result.rows;
    const doc = row === undefined ? null : (dbColumn(result, row, 'doc') ?? null);
    if (doc instanceof Uint8Array) return Buffer.from(doc).toString('latin1');
    return typeof doc === 'string' && doc !== '' ? doc : null;
  }

  close(): Promise<void> {
    return this.#db.close();
  }
}
