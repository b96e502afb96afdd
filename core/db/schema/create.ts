import { StrowgerError } from '../../errors.ts';
import type { Db } from '../db.ts';
import { createSql, type SchemaDialect } from './render.ts';
import type { TableDef } from './table-def.ts';

/** What came of it. */
export interface CreatedTables {
  readonly made: readonly string[];
  /** They were there, with the version wanted. */
  readonly found: readonly string[];
  /** They are there with another version, and were left as they are. */
  readonly differing: readonly { readonly name: string; readonly version: number; readonly wanted: number }[];
}

/** Makes those of the tables that are not there, and lists them in the table `version`, which is one of them. */
export async function createTables(
  db: Db,
  dialect: SchemaDialect,
  tables: readonly TableDef[],
): Promise<CreatedTables> {
  const versions = await versionsOf(db);
  const made: string[] = [];
  const found: string[] = [];
  const differing: { name: string; version: number; wanted: number }[] = [];
  await db.transaction(async (inside) => {
    for (const table of tables) {
      const version = versions.get(table.name);
      if (version === undefined) {
        for (const sql of createSql(table, dialect)) await inside.raw(sql);
        await inside.insert('version', { table_name: table.name, table_version: table.version });
        made.push(table.name);
      } else if (version === table.version) found.push(table.name);
      else differing.push({ name: table.name, version, wanted: table.version });
    }
  });
  return { made, found, differing };
}

/** By name of table; empty where there is no table `version`. */
async function versionsOf(db: Db): Promise<Map<string, number>> {
  try {
    const { rows } = await db.query({ table: 'version', columns: ['table_name', 'table_version'] });
    return new Map(rows.map(([name, version]) => [String(name), Number(version)]));
  } catch (error) {
    if (error instanceof StrowgerError && error.code === 'DB_QUERY') return new Map();
    throw error;
  }
}
