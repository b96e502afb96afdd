import { DatabaseSync } from 'node:sqlite';
import { createSql, STANDARD_TABLES } from '../../core/db/schema/index.ts';

const NAMES = new Set(['version', 'dialog', 'dialog_vars', 'acc', 'acc_cdrs', 'missed_calls']);

/** A new SQLite file with the tables of dialogs and accounting; `change` is SQL that is run on them. */
export function createTables(file: string, change = ''): void {
  const db = new DatabaseSync(file);
  db.exec('CREATE TABLE IF NOT EXISTS version (table_name VARCHAR(32) PRIMARY KEY, table_version INTEGER DEFAULT 0)');
  for (const table of STANDARD_TABLES) {
    if (!NAMES.has(table.name) || table.name === 'version') continue;
    for (const sql of createSql(table, 'sqlite')) db.exec(sql);
    db.prepare('INSERT INTO version VALUES (?, ?)').run(table.name, table.version);
  }
  if (change !== '') db.exec(change);
  db.close();
}
