import { B2BUA_TABLES } from './b2bua.ts';
import { CALLS_TABLES } from './calls.ts';
import { PRESENCE_TABLES } from './presence.ts';
import { ROUTING_TABLES } from './routing.ts';
import type { TableDef } from './table-def.ts';
import { UID_TABLES } from './uid.ts';
import { USERS_TABLES } from './users.ts';

export { type CreatedTables, createTables } from './create.ts';
export { createSql, type SchemaDialect } from './render.ts';
export type { ColumnDef, TableDef } from './table-def.ts';

/** What `strowger db create` makes unless told otherwise. */
export const STANDARD_TABLES: readonly TableDef[] = [
  ...USERS_TABLES,
  ...CALLS_TABLES,
  ...ROUTING_TABLES,
  ...PRESENCE_TABLES,
];
/** Every table of Kamailio 5.6's schema but those of its IMS modules. */
export const ALL_TABLES: readonly TableDef[] = [...STANDARD_TABLES, ...UID_TABLES];
/** Tables of modules that Kamailio does not have. */
export const OWN_TABLES: readonly TableDef[] = [...B2BUA_TABLES];
