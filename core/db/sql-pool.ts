import { StrowgerError } from '../errors.ts';
import type { Log } from '../log/log.ts';
import type { Timer } from '../timer/timer.ts';
import type { TimerWheel } from '../timer/wheel.ts';
import type { DbResult } from './db.ts';
import type { SqlStatement } from './sql.ts';
import { isReading, type SqlConnection, type SqlSession } from './sql-db.ts';

/** One connection to a server. It runs one statement at a time. */
export interface SqlLink {
  /** Rejects with DB_QUERY or DB_BUSY, or DB_LOST where the connection broke. */
  run(statement: SqlStatement): Promise<DbResult>;
  /** Says goodbye to the server. */
  close(): Promise<void>;
  /** Ends at once; what runs rejects. */
  destroy(): void;
  /** Called once, when it has ended: by itself, by `close`, or at once by `destroy`. */
  onEnd(listener: () => void): void;
}

export interface SqlPoolOptions {
  /** For logs: the URL without its password. */
  readonly name: string;
  readonly wheel: TimerWheel;
  readonly log: Log;
  /** Opens a connection; rejects with DB_OPEN. `signal` is aborted when nobody waits for it any more. */
  connect(signal: AbortSignal): Promise<SqlLink>;
  /** Connections at most. */
  readonly size: number;
  /** Ms a connection may take to open. */
  readonly connectTimeoutMs: number;
  /** Ms a statement may take in all: waiting for a connection, and its repetitions; 0 for any time. */
  readonly timeoutMs: number;
  /** How often a statement that reads is repeated when its connection breaks. */
  readonly retries: number;
  /** Ms between questions whether an idle connection still lives; 0 for none. */
  readonly pingMs: number;
  /** False: once lost, it stays lost. */
  readonly reconnects: boolean;
}

/** Statements that may wait for a connection. */
const MAX_WAITING = 10_000;
/** Ms between attempts to reach a database that is gone. */
const RETRY_MS = 1000;
/** Ms that running statements have at the end. */
const CLOSE_MS = 2000;

interface Member {
  readonly link: SqlLink;
  readonly ended: Promise<void>;
  hasEnded: boolean;
}

interface Waiter {
  resolve(member: Member): void;
  reject(error: Error): void;
}

/**
 * Connections to one database, opened as they are needed. While the database can not be reached statements are refused at
 * once, so that scripts can act on it, and it is tried again every second.
 */
export class SqlPool implements SqlConnection {
  readonly #options: SqlPoolOptions;
  readonly #members = new Set<Member>();
  readonly #idle: Member[] = [];
  readonly #waiting = new Set<Waiter>();
  readonly #listeners = new Set<(isUp: boolean) => void>();
  #connecting = 0;
  /** Why it can not be reached; null while it can, or that is being found out. */
  #down: StrowgerError | null = null;
  #isUp = false;
  #isClosed = false;
  #retry: Timer | null = null;
  #ping: Timer | null = null;

  private constructor(options: SqlPoolOptions) {
    this.#options = options;
  }

  /** Rejects with DB_OPEN where the database can not be reached now. */
  static async open(options: SqlPoolOptions): Promise<SqlPool> {
    const pool = new SqlPool(options);
    const member = await pool.#connect();
    pool.#isUp = true;
    pool.#release(member);
    if (options.pingMs > 0) pool.#ping = options.wheel.every(options.pingMs, () => pool.#pingAll());
    return pool;
  }

  async run(statement: SqlStatement): Promise<DbResult> {
    const { retries, timeoutMs, wheel } = this.#options;
    const endMs = timeoutMs === 0 ? Infinity : wheel.now() + timeoutMs;
    for (let attempt = 0; ; attempt++) {
      const member = await this.#acquire(endMs);
      try {
        return await this.#runOn(member, statement, endMs);
      } catch (error) {
        if (!isLost(error)) throw error;
        this.#drop(member);
        if (attempt >= retries || !isReading(statement.sql)) throw error;
      } finally {
        this.#release(member);
      }
    }
  }

  async session(): Promise<SqlSession> {
    const { timeoutMs, wheel } = this.#options;
    const endOf = (): number => (timeoutMs === 0 ? Infinity : wheel.now() + timeoutMs);
    const member = await this.#acquire(endOf());
    return {
      run: (statement) => this.#runOn(member, statement, endOf()),
      release: (isClean) => {
        if (!isClean) this.#drop(member);
        this.#release(member);
      },
    };
  }

  onConnection(listener: (isUp: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Lets what runs come to its end, for two seconds. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const { wheel } = this.#options;
    if (this.#retry !== null) wheel.cancel(this.#retry);
    if (this.#ping !== null) wheel.cancel(this.#ping);
    this.#refuseAll(this.#closed());
    const ended = Promise.all([...this.#members].map((member) => member.ended));
    for (const member of this.#idle.splice(0)) this.#bye(member);
    const timer = wheel.after(CLOSE_MS, () => {
      for (const member of this.#members) this.#drop(member);
    });
    await ended;
    wheel.cancel(timer);
  }

  #acquire(endMs: number): Promise<Member> {
    if (this.#isClosed) return Promise.reject(this.#closed());
    const idle = this.#idle.pop();
    if (idle !== undefined) return Promise.resolve(idle);
    if (this.#down !== null) return Promise.reject(this.#down);
    if (this.#waiting.size >= MAX_WAITING)
      return Promise.reject(new StrowgerError('DB_BUSY', `${this.#options.name}: too many statements wait`));
    if (this.#members.size + this.#connecting < this.#options.size) this.#grow();
    return this.#wait(endMs);
  }

  #wait(endMs: number): Promise<Member> {
    const { wheel } = this.#options;
    return new Promise((resolve, reject) => {
      const timer =
        endMs === Infinity
          ? null
          : wheel.after(endMs - wheel.now(), () => waiter.reject(this.#late('no connection was free')));
      const settle = (): void => {
        this.#waiting.delete(waiter);
        if (timer !== null) wheel.cancel(timer);
      };
      const waiter: Waiter = {
        resolve: (member) => {
          settle();
          resolve(member);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      };
      this.#waiting.add(waiter);
    });
  }

  #runOn(member: Member, statement: SqlStatement, endMs: number): Promise<DbResult> {
    const running = member.link.run(statement);
    if (endMs === Infinity) return running;
    const { wheel } = this.#options;
    return new Promise((resolve, reject) => {
      // What comes after would wait behind it, so the connection ends with the statement.
      const timer = wheel.after(endMs - wheel.now(), () => {
        reject(this.#late('no answer'));
        this.#drop(member);
      });
      running.then(resolve, reject).finally(() => wheel.cancel(timer));
    });
  }

  /** Makes a connection free again, for who waits longest. */
  #release(member: Member): void {
    if (member.hasEnded) return;
    if (this.#isClosed) {
      this.#bye(member);
      return;
    }
    const [waiter] = this.#waiting;
    if (waiter === undefined) this.#idle.push(member);
    else waiter.resolve(member);
  }

  /** Opens a connection for those who wait. */
  #grow(): void {
    this.#connecting++;
    this.#connect()
      .finally(() => this.#connecting--)
      .then(
        (member) => {
          this.#setUp();
          this.#release(member);
        },
        (error: StrowgerError) => this.#failed(error),
      );
  }

  async #connect(): Promise<Member> {
    const { connectTimeoutMs, name, wheel } = this.#options;
    const aborter = new AbortController();
    const timer = wheel.after(connectTimeoutMs, () => aborter.abort());
    try {
      const link = await this.#options.connect(aborter.signal);
      const { promise: ended, resolve } = Promise.withResolvers<void>();
      const member: Member = { link, ended, hasEnded: false };
      this.#members.add(member);
      link.onEnd(() => {
        this.#ended(member);
        resolve();
      });
      return member;
    } catch (error) {
      if (aborter.signal.aborted)
        throw new StrowgerError('DB_OPEN', `${name}: no connection within ${connectTimeoutMs} ms`, error);
      throw error;
    } finally {
      wheel.cancel(timer);
    }
  }

  #failed(error: StrowgerError): void {
    const { log, wheel } = this.#options;
    if (this.#isClosed) return;
    // Others are open: those who wait get one of them.
    if (this.#members.size > 0 || this.#connecting > 0) {
      log.warn(`one more connection is not to be had: ${error.message}`);
      return;
    }
    if (this.#down === null) log.error(error.message);
    this.#down = error;
    this.#refuseAll(error);
    this.#retry ??= wheel.after(RETRY_MS, () => {
      this.#retry = null;
      this.#grow();
    });
  }

  #setUp(): void {
    this.#down = null;
    if (this.#isUp) return;
    this.#isUp = true;
    this.#options.log.notice(`${this.#options.name}: connected again`);
    for (const listener of this.#listeners) listener(true);
  }

  #ended(member: Member): void {
    member.hasEnded = true;
    this.#members.delete(member);
    const at = this.#idle.indexOf(member);
    if (at >= 0) this.#idle.splice(at, 1);
    if (this.#isClosed || this.#members.size > 0) return;
    const { log, name, reconnects } = this.#options;
    if (this.#isUp) {
      this.#isUp = false;
      log.warn(`${name}: the connection is lost`);
      for (const listener of this.#listeners) listener(false);
    }
    if (reconnects) {
      if (this.#connecting === 0 && this.#retry === null) this.#grow();
      return;
    }
    this.#down = new StrowgerError('DB_LOST', `${name}: the connection is lost, and is not made anew`);
    this.#refuseAll(this.#down);
  }

  #bye(member: Member): void {
    member.link.close().catch(() => this.#drop(member));
  }

  #drop(member: Member): void {
    member.link.destroy();
  }

  #refuseAll(error: Error): void {
    for (const waiter of this.#waiting) waiter.reject(error);
  }

  #pingAll(): void {
    const { connectTimeoutMs, wheel } = this.#options;
    for (const member of this.#idle.splice(0)) {
      this.#runOn(member, { sql: 'SELECT 1', params: [] }, wheel.now() + connectTimeoutMs)
        .catch(() => this.#drop(member))
        .finally(() => this.#release(member));
    }
  }

  #late(what: string): StrowgerError {
    const { name, timeoutMs } = this.#options;
    return new StrowgerError('DB_TIMEOUT', `${name}: ${what} within ${timeoutMs} ms`);
  }

  #closed(): StrowgerError {
    return new StrowgerError('DB_CLOSED', `${this.#options.name} is closed`);
  }
}

function isLost(error: unknown): boolean {
  return error instanceof StrowgerError && error.code === 'DB_LOST';
}
