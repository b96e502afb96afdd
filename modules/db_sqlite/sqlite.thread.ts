/**
 * The thread in which one SQLite database is open: the library is synchronous, so it waits here and not where calls are
 * routed. Requests are answered in order.
 */

import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import type { ThreadReply, ThreadRequest, ThreadSetup } from './protocol.ts';

/** Prepared statements kept. */
const MAX_STATEMENTS = 256;

const setup = workerData as ThreadSetup;
const port = parentPort;
const statements = new Map<string, StatementSync>();

function open(): DatabaseSync {
  const database = new DatabaseSync(setup.path, { readOnly: setup.isReadOnly, timeout: setup.busyTimeoutMs });
  if (setup.journalMode !== '') database.exec(`PRAGMA journal_mode = ${setup.journalMode}`);
  return database;
}

function statementOf(database: DatabaseSync, sql: string): StatementSync {
  const known = statements.get(sql);
  if (known !== undefined) return known;
  const statement = database.prepare(sql);
  statement.setReturnArrays(true);
  if (statements.size >= MAX_STATEMENTS) statements.clear();
  statements.set(sql, statement);
  return statement;
}

function run(database: DatabaseSync, { id, sql, params }: ThreadRequest): ThreadReply {
  try {
    const statement = statementOf(database, sql);
    const columns = statement.columns().map(({ name }) => name);
    if (columns.length > 0) {
      const rows = statement.all(...(params as SQLInputValue[])) as unknown as ThreadReply['rows'];
      return { id, columns, rows, affected: 0, lastId: null, error: null };
    }
    const { changes, lastInsertRowid } = statement.run(...(params as SQLInputValue[]));
    return { id, columns, rows: [], affected: Number(changes), lastId: lastInsertRowid, error: null };
  } catch (error) {
    const { message, errcode } = error as Error & { errcode?: number };
    return { id, columns: [], rows: [], affected: 0, lastId: null, error: { message, code: errcode ?? 0 } };
  }
}

try {
  const database = open();
  port?.postMessage({ opened: true, error: '' });
  port?.on('message', (request: ThreadRequest | 'close') => {
    if (request !== 'close') {
      port.postMessage(run(database, request));
      return;
    }
    statements.clear();
    database.close();
    port.close();
  });
} catch (error) {
  port?.postMessage({ opened: false, error: (error as Error).message });
}
