import { type TableDef, table } from './table-def.ts';

/** Accounts, their registrations and what belongs to them; domains and peers. Names, types and versions are those of Kamailio 5.6. */
export const USERS_TABLES: readonly TableDef[] = [
  table(
    'version',
    1,
    `
      table_name v32
      table_version uint = 0
    `,
    { unique: ['table_name'] },
  ),
  table(
    'subscriber',
    7,
    `
      username v64 = ''
      domain v64 = ''
      password v64 = ''
      ha1 v128 = ''
      ha1b v128 = ''
    `,
    { unique: ['username domain'], index: ['username'] },
  ),
  table(
    'location',
    9,
    `
      ruid v64 = ''
      username v64 = ''
      domain v64?
      contact v512 = ''
      received v128?
      path v512?
      expires time = '2030-05-28 21:32:15'
      q float(10,2) = 1.0
      callid v255 = 'Default-Call-ID'
      cseq int = 1
      last_modified time = '2000-01-01 00:00:01'
      flags int = 0
      cflags int = 0
      user_agent v255 = ''
      socket v64?
      methods int?
      instance v255?
      reg_id int = 0
      server_id int = 0
      connection_id int = 0
      keepalive int = 0
      partition int = 0
    `,
    { unique: ['ruid'], index: ['username domain contact', 'expires', 'connection_id', 'server_id connection_id'] },
  ),
  table(
    'location_attrs',
    1,
    `
      ruid v64 = ''
      username v64 = ''
      domain v64?
      aname v64 = ''
      atype int = 0
      avalue v512 = ''
      last_modified time = '2000-01-01 00:00:01'
    `,
    { index: ['username domain ruid', 'last_modified'] },
  ),
  table(
    'aliases',
    8,
    `
      ruid v64 = ''
      username v64 = ''
      domain v64?
      contact v255 = ''
      received v255?
      path v512?
      expires time = '2030-05-28 21:32:15'
      q float(10,2) = 1.0
      callid v255 = 'Default-Call-ID'
      cseq int = 1
      last_modified time = '2000-01-01 00:00:01'
      flags int = 0
      cflags int = 0
      user_agent v255 = ''
      socket v64?
      methods int?
      instance v255?
      reg_id int = 0
      server_id int = 0
      connection_id int = 0
      keepalive int = 0
      partition int = 0
    `,
    { unique: ['ruid'], index: ['username domain contact', 'expires'] },
  ),
  table(
    'dbaliases',
    1,
    `
      alias_username v64 = ''
      alias_domain v64 = ''
      username v64 = ''
      domain v64 = ''
    `,
    { index: ['alias_username', 'alias_username alias_domain', 'username domain'] },
  ),
  table(
    'speed_dial',
    2,
    `
      username v64 = ''
      domain v64 = ''
      sd_username v64 = ''
      sd_domain v64 = ''
      new_uri v255 = ''
      fname v64 = ''
      lname v64 = ''
      description v64 = ''
    `,
    { unique: ['username domain sd_domain sd_username'] },
  ),
  table(
    'uri',
    1,
    `
      username v64 = ''
      domain v64 = ''
      uri_user v64 = ''
      last_modified time = '2000-01-01 00:00:01'
    `,
    { unique: ['username domain uri_user'] },
  ),
  table(
    'grp',
    2,
    `
      username v64 = ''
      domain v64 = ''
      grp v64 = ''
      last_modified time = '2000-01-01 00:00:01'
    `,
    { unique: ['username domain grp'] },
  ),
  table(
    're_grp',
    1,
    `
      reg_exp v128 = ''
      group_id int = 0
    `,
    { index: ['group_id'] },
  ),
  table(
    'usr_preferences',
    2,
    `
      uuid v64 = ''
      username v255 = 0
      domain v64 = ''
      attribute v32 = ''
      type int = 0
      value v128 = ''
      last_modified time = '2000-01-01 00:00:01'
    `,
    { index: ['uuid attribute', 'username domain attribute'] },
  ),
  table(
    'domain',
    2,
    `
      domain v64
      did v64?
      last_modified time = '2000-01-01 00:00:01'
    `,
    { unique: ['domain'] },
  ),
  table(
    'domain_attrs',
    1,
    `
      did v64
      name v32
      type uint
      value v255
      last_modified time = '2000-01-01 00:00:01'
    `,
    { index: ['did name'] },
  ),
  table(
    'trusted',
    6,
    `
      src_ip v50
      proto v4
      from_pattern v64?
      ruri_pattern v64?
      tag v64?
      priority int = 0
    `,
    { index: ['src_ip'] },
  ),
  table(
    'address',
    6,
    `
      grp uint = 1
      ip_addr v50
      mask int = 32
      port usmall = 0
      tag v64?
    `,
  ),
  table(
    'silo',
    8,
    `
      src_addr v255 = ''
      dst_addr v255 = ''
      username v64 = ''
      domain v64 = ''
      inc_time int = 0
      exp_time int = 0
      snd_time int = 0
      ctype v32 = 'text/plain'
      body blob?
      extra_hdrs text?
      callid v128 = ''
      status int = 0
    `,
    { index: ['username domain'] },
  ),
  table(
    'uacreg',
    5,
    `
      l_uuid v64 = ''
      l_username v64 = ''
      l_domain v64 = ''
      r_username v64 = ''
      r_domain v64 = ''
      realm v64 = ''
      auth_username v64 = ''
      auth_password v64 = ''
      auth_ha1 v128 = ''
      auth_proxy v255 = ''
      expires int = 0
      flags int = 0
      reg_delay int = 0
      contact_addr v255 = ''
      socket v128 = ''
    `,
    { unique: ['l_uuid'] },
  ),
  table(
    'userblocklist',
    1,
    `
      username v64 = ''
      domain v64 = ''
      prefix v64 = ''
      allowlist tiny = 0
    `,
    { index: ['username domain prefix'] },
  ),
  table(
    'globalblocklist',
    1,
    `
      prefix v64 = ''
      allowlist tiny = 0
      description v255?
    `,
    { index: ['prefix'] },
  ),
  table(
    'cpl',
    1,
    `
      username v64
      domain v64 = ''
      cpl_xml text?
      cpl_bin text?
    `,
    { unique: ['username domain'] },
  ),
];
