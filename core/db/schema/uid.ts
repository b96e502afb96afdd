import { type TableDef, table } from './table-def.ts';

/** Accounts and domains by number, for the modules whose names begin with uid. Names, types and versions are those of Kamailio 5.6. */
export const UID_TABLES: readonly TableDef[] = [
  table(
    'uid_credentials',
    7,
    `
      auth_username v64
      did v64 = '_default'
      realm v64
      password v28 = ''
      flags int = 0
      ha1 v32
      ha1b v32 = ''
      uid v64
    `,
    { index: ['auth_username did', 'uid', 'did', 'realm'] },
  ),
  table(
    'uid_user_attrs',
    3,
    `
      uid v64
      name v32
      value v128?
      type int = 0
      flags uint = 0
    `,
    { unique: ['uid name value'] },
  ),
  table(
    'uid_domain',
    2,
    `
      did v64
      domain v64
      flags uint = 0
    `,
    { unique: ['domain'], index: ['did'] },
  ),
  table(
    'uid_domain_attrs',
    1,
    `
      did v64?
      name v32
      type int = 0
      value v128?
      flags uint = 0
    `,
    { unique: ['did name value'], index: ['did flags'] },
  ),
  table(
    'uid_global_attrs',
    1,
    `
      name v32
      type int = 0
      value v128?
      flags uint = 0
    `,
    { unique: ['name value'] },
  ),
  table(
    'uid_uri',
    3,
    `
      uid v64
      did v64
      username v64
      flags uint = 0
      scheme v8 = 'sip'
    `,
    { index: ['username did scheme', 'uid'] },
  ),
  table(
    'uid_uri_attrs',
    2,
    `
      username v64
      did v64
      name v32
      value v128?
      type int = 0
      flags uint = 0
      scheme v8 = 'sip'
    `,
    { unique: ['username did name value scheme'] },
  ),
];
