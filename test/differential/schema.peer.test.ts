import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { after, before, suite, test } from 'node:test';
import type { Db } from '../../core/db/db.ts';
import { ALL_TABLES, createSql, type SchemaDialect } from '../../core/db/schema/index.ts';
import { RealClock } from '../../core/timer/real-clock.ts';
import mysql from '../../modules/db_mysql/index.ts';
import postgres from '../../modules/db_postgres/index.ts';
import { BareServer } from '../support/bare-server.ts';
import { DatabaseServer } from '../support/database.ts';
import { skipWithout } from '../support/peers.ts';

/** The tables that Kamailio's scripts make, and ours, in real databases: the same columns, types, defaults and keys. */

const FOLDERS = { sqlite: 'db_sqlite', mysql: 'mysql', postgres: 'postgres' } as const;
/** Tables that only Kamailio's MySQL scripts have: those of its IMS modules, which none of ours is. */
const IMS = /^ims_|^subscriber$|^active_watchers$/;

/** The statements of Kamailio's scripts for a dialect, without those of its IMS modules. */
function theirStatements(dialect: SchemaDialect): string[] {
  return globSync(`/usr/share/kamailio/${FOLDERS[dialect]}/*-create.sql`)
    .filter((file) => !/\/ims_/.test(file))
    .toSorted((a, b) => Number(b.includes('standard')) - Number(a.includes('standard')))
    .flatMap((file) => readFileSync(file, 'utf8').split(';'))
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}

function ourStatements(dialect: SchemaDialect): string[] {
  return ALL_TABLES.flatMap((table) => createSql(table, dialect));
}

/** `table version` of each line that Kamailio's scripts put into the table version. */
function theirVersions(dialect: SchemaDialect): string[] {
  return theirStatements(dialect)
    .flatMap((statement) => {
      const [, name, version] = /INSERT INTO version .*values \('(\w+)','(\d+)'\)/.exec(statement) ?? [];
      return name === undefined ? [] : [`${name} ${version}`];
    })
    .filter((line) => !IMS.test(line))
    .toSorted();
}

function skipWithoutScripts(dialect: SchemaDialect): string | false {
  return existsSync(`/usr/share/kamailio/${FOLDERS[dialect]}`)
    ? false
    : `apt-get install kamailio-${{ sqlite: 'sqlite', mysql: 'mysql', postgres: 'postgres' }[dialect]}-modules`;
}

const ourVersions = ALL_TABLES.map(({ name, version }) => `${name} ${version}`)
  .filter((line) => !IMS.test(line))
  .toSorted();

suite('tables of SQLite', { skip: skipWithoutScripts('sqlite') }, () => {
  function columns(statements: readonly string[]): string[] {
    const database = new DatabaseSync(':memory:');
    for (const statement of statements) database.exec(statement);
    const found = database
      .prepare(
        `SELECT m.name || '.' || c.name || ' ' || c.type || ' ' || c."notnull" || ' ' ||
           coalesce(nullif(c.dflt_value, 'NULL'), '-') AS line
         FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' ORDER BY m.name, c.cid`,
      )
      .all()
      .map(({ line }) => String(line));
    const keys = database
      .prepare(
        `SELECT m.name || '(' || (SELECT group_concat(i.name) FROM pragma_index_info(l.name) i) || ') ' || l."unique" AS line
         FROM sqlite_master m JOIN pragma_index_list(m.name) l WHERE m.type = 'table' ORDER BY 1`,
      )
      .all()
      .map(({ line }) => String(line));
    database.close();
    return [...found, ...keys];
  }

  test('columns and keys', () =>
    assert.deepEqual(columns(ourStatements('sqlite')), columns(theirStatements('sqlite'))));
  test('versions', () => assert.deepEqual(ourVersions, theirVersions('sqlite')));
});

/** Columns of one database of a server, in the order of the tables. */
async function columnsOf(db: Db, schema: string): Promise<string[]> {
  const { rows } = await db.raw(
    `SELECT table_name, column_name, data_type, is_nullable, column_default, character_maximum_length
     FROM information_schema.columns WHERE table_schema = ? ORDER BY table_name, ordinal_position`,
    [schema],
  );
  // PostgreSQL keeps DEFAULT NULL as an expression.
  return rows.map((row) => row.map((value) => String(value ?? '-').replace(/^NULL(?:::.*)?$/, '-')).join(' '));
}

async function inServer(bare: BareServer, server: DatabaseServer, dialect: SchemaDialect): Promise<string[][]> {
  const admin = await bare.server.db.open(server.url(dialect === 'mysql' ? 'mysql' : 'postgres'));
  const found: string[][] = [];
  for (const [name, statements] of [
    ['theirs', theirStatements(dialect)],
    ['ours', ourStatements(dialect)],
  ] as const) {
    await admin.raw(`CREATE DATABASE ${name}${dialect === 'mysql' ? ' CHARACTER SET utf8mb3' : ''}`);
    const db = await bare.server.db.open(server.url(name));
    for (const statement of statements) await db.raw(statement);
    found.push(await columnsOf(db, dialect === 'mysql' ? name : 'public'));
    await db.close();
  }
  await admin.close();
  return found;
}

for (const [dialect, kind, program] of [
  ['mysql', 'mariadb', 'mariadbd'],
  ['postgres', 'postgres', 'postgres'],
] as const) {
  suite(`tables of ${kind}`, { skip: skipWithout(program) || skipWithoutScripts(dialect) }, () => {
    let bare: BareServer;
    let server: DatabaseServer;
    before(async () => {
      server = await DatabaseServer.start(kind);
      bare = new BareServer({ clock: new RealClock() });
      if (dialect === 'mysql') await bare.load(mysql);
      else await bare.load(postgres);
    });
    after(async () => {
      await bare?.stop();
      bare?.server.wheel.close();
      await server?.stop();
    });

    test('columns', async () => {
      const [theirs, ours] = await inServer(bare, server, dialect);
      assert.deepEqual(ours, theirs);
    });
    test('versions', () => assert.deepEqual(ourVersions, theirVersions(dialect)));
  });
}
