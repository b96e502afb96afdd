import { type TableDef, table } from './table-def.ts';

/** Tables of the module b2bua, in the style of Kamailio's, which has none for it. */
export const B2BUA_TABLES: readonly TableDef[] = [
  table(
    'b2b_peer',
    1,
    `
      name v64
      uri v255 = ''
      proxy v255 = ''
      auth_user v64 = ''
      auth_password v64 = ''
      auth_realm v64 = ''
      peer_group v64 = ''
      call_limit int = 0
      qualify int?
      register v8 = ''
      aor v255 = ''
      expires int = 3600
      match_addr v255 = ''
      description v64 = ''
    `,
    { unique: ['name'], index: ['peer_group'] },
  ),
  table(
    'b2b_cdr',
    1,
    `
      call_id v64
      start_time time
      answer_time time?
      end_time time
      duration float(12,3) = 0
      setup_ms int = 0
      status int = 0
      cause v128 = ''
      caller v255 = ''
      callee v255 = ''
      ruri v255 = ''
      cdr text
    `,
    { index: ['call_id', 'start_time'] },
  ),
  table(
    'b2b_call',
    1,
    `
      call_id v64
      start_time time
      caller v255 = ''
      callee v255 = ''
      state mediumtext
    `,
    { unique: ['call_id'] },
  ),
];
