import { Client, type ClientConfig, type CustomTypesConfig } from 'pg';
import {
  type DbResult,
  type DbValue,
  dbErrorText,
  fromDbText,
  type SqlLink,
  type SqlStatement,
  StrowgerError,
  toDbText,
} from 'strowger';
import { numberPlaces } from './placeholders.ts';
import { parserOf, toPostgres } from './values.ts';

/** Prepared statements kept by a connection. */
const MAX_STATEMENTS = 256;
/** SQLSTATE of a lock that could not be had, a deadlock, a transaction that met another. */
const BUSY = new Set(['40001', '40P01', '55P03']);
/** The plan of a prepared statement no longer fits its tables. */
const STALE_PLAN = '0A000';
/** The server, or a pooler before it, does not know the statement, or knows another of the name. */
const NO_STATEMENT = new Set(['26000', '42P05']);

const TYPES: CustomTypesConfig = { getTypeParser: parserOf };

interface Answer {
  readonly fields: readonly { readonly name: string }[];
  readonly rows: readonly (readonly DbValue[])[];
  readonly rowCount: number | null;
  readonly command: string;
}

/** A connection to PostgreSQL. */
export class PostgresLink implements SqlLink {
  readonly #name: string;
  readonly #client: Client;
  /** Prepared statements by their text; null where they can not be used. */
  #statements: Map<string, { readonly name: string; readonly text: string }> | null = new Map();
  #hasEnded = false;
  #listener: () => void = noop;

  private constructor(name: string, client: Client) {
    this.#name = name;
    this.#client = client;
    client.on('error', () => this.#ended());
    client.on('end', () => this.#ended());
  }

  /** Rejects with DB_OPEN. */
  static async connect(name: string, config: ClientConfig, signal: AbortSignal): Promise<PostgresLink> {
    const client = new Client({ ...config, types: TYPES });
    client.on('error', noop);
    const abort = (): void => socketOf(client).destroy();
    signal.addEventListener('abort', abort);
    try {
      await client.connect();
      return new PostgresLink(name, client);
    } catch (error) {
      socketOf(client).destroy();
      throw new StrowgerError('DB_OPEN', `${name}: ${dbErrorText(error)}`, error);
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  async run(statement: SqlStatement): Promise<DbResult> {
    if (this.#hasEnded) throw this.#lost();
    const prepared = statement.params.length === 0 ? null : this.#prepared(statement.sql);
    try {
      return await this.#ask(statement, prepared);
    } catch (error) {
      if (prepared === null || !this.#isStale(codeOf(error), statement.sql)) throw this.#refused(error);
      return await this.#ask(statement, null).catch((again: unknown) => {
        throw this.#refused(again);
      });
    }
  }

  async close(): Promise<void> {
    await this.#client.end();
    this.#ended();
  }

  destroy(): void {
    this.#ended();
    socketOf(this.#client).destroy();
  }

  onEnd(listener: () => void): void {
    if (this.#hasEnded) listener();
    else this.#listener = listener;
  }

  async #ask({ sql, params }: SqlStatement, prepared: { name: string; text: string } | null): Promise<DbResult> {
    const query = prepared ?? { text: numberPlaces(toDbText(sql)) };
    const values = params.length === 0 ? {} : { values: params.map(toPostgres) };
    const answer = (await this.#client.query({ ...query, ...values, rowMode: 'array' })) as unknown as
      | Answer
      | readonly Answer[];
    // Several statements in one text have several answers.
    const last = Array.isArray(answer) ? (answer as readonly Answer[]).at(-1) : (answer as Answer);
    const isSelect = last?.command === 'SELECT' || last?.command === 'SHOW';
    return {
      columns: last?.fields.map((field) => fromDbText(field.name)) ?? [],
      rows: last?.rows ?? [],
      affected: isSelect ? 0 : (last?.rowCount ?? 0),
      lastId: null,
    };
  }

  #prepared(sql: string): { name: string; text: string } | null {
    const statements = this.#statements;
    const known = statements?.get(sql);
    if (known !== undefined || statements === null) return known ?? null;
    if (statements.size >= MAX_STATEMENTS) return null;
    const made = { name: `s${statements.size + 1}`, text: numberPlaces(toDbText(sql)) };
    statements.set(sql, made);
    return made;
  }

  /** Is it worth another try without the prepared statement? */
  #isStale(code: string, sql: string): boolean {
    if (NO_STATEMENT.has(code)) this.#statements = null;
    else if (code === STALE_PLAN) this.#statements?.set(sql, { name: '', text: numberPlaces(toDbText(sql)) });
    else return false;
    return true;
  }

  #refused(error: unknown): StrowgerError {
    const code = codeOf(error);
    // Connection exceptions, and a server that shuts down; without a code the socket failed.
    if (!/^[0-9A-Z]{5}$/.test(code) || code.startsWith('08') || code.startsWith('57P0')) return this.#lost(error);
    return new StrowgerError(BUSY.has(code) ? 'DB_BUSY' : 'DB_QUERY', `${this.#name}: ${dbErrorText(error)}`, error);
  }

  #lost(cause?: unknown): StrowgerError {
    const why = cause === undefined ? '' : `: ${dbErrorText(cause)}`;
    return new StrowgerError('DB_LOST', `${this.#name}: the connection is lost${why}`, cause);
  }

  #ended(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#listener();
  }
}

function socketOf(client: Client): { destroy(): void } {
  return (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream;
}

function codeOf(error: unknown): string {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : '';
}

function noop(): void {}
