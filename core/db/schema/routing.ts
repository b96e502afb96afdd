import { type TableDef, table } from './table-def.ts';

/** Where calls go. Names, types and versions are those of Kamailio 5.6. */
export const ROUTING_TABLES: readonly TableDef[] = [
  table(
    'dispatcher',
    4,
    `
      setid int = 0
      destination v192 = ''
      flags int = 0
      priority int = 0
      attrs v128 = ''
      description v64 = ''
    `,
  ),
  table(
    'dialplan',
    2,
    `
      dpid int
      pr int
      match_op int
      match_exp v64
      match_len int
      subst_exp v64
      repl_exp v256
      attrs v64
    `,
  ),
  table(
    'lcr_gw',
    3,
    `
      lcr_id usmall
      gw_name v128?
      ip_addr v50?
      hostname v64?
      port usmall?
      params v64?
      uri_scheme utiny?
      transport utiny?
      strip utiny?
      prefix v16?
      tag v64?
      flags uint = 0
      defunct uint?
    `,
    { index: ['lcr_id'] },
  ),
  table(
    'lcr_rule_target',
    1,
    `
      lcr_id usmall
      rule_id uint
      gw_id uint
      priority utiny
      weight uint = 1
    `,
    { unique: ['rule_id gw_id'], index: ['lcr_id'] },
  ),
  table(
    'lcr_rule',
    3,
    `
      lcr_id usmall
      prefix v16?
      from_uri v64?
      request_uri v64?
      mt_tvalue v128?
      stopper uint = 0
      enabled uint = 1
    `,
    { unique: ['lcr_id prefix from_uri'] },
  ),
  table(
    'pdt',
    1,
    `
      sdomain v255
      prefix v32
      domain v255 = ''
    `,
    { unique: ['sdomain prefix'] },
  ),
  table(
    'carrierroute',
    3,
    `
      carrier uint = 0
      domain uint = 0
      scan_prefix v64 = ''
      flags uint = 0
      mask uint = 0
      prob float = 0
      strip uint = 0
      rewrite_host v255 = ''
      rewrite_prefix v64 = ''
      rewrite_suffix v64 = ''
      description v255?
    `,
  ),
  table(
    'carrierfailureroute',
    2,
    `
      carrier uint = 0
      domain uint = 0
      scan_prefix v64 = ''
      host_name v255 = ''
      reply_code v3 = ''
      flags uint = 0
      mask uint = 0
      next_domain uint = 0
      description v255?
    `,
  ),
  table(
    'carrier_name',
    1,
    `
      carrier v64?
    `,
  ),
  table(
    'domain_name',
    1,
    `
      domain v64?
    `,
  ),
  table(
    'dr_gateways',
    3,
    `
      type uint = 0
      address v128
      strip uint = 0
      pri_prefix v64?
      attrs v255?
      description v128 = ''
    `,
    { id: 'gwid' },
  ),
  table(
    'dr_rules',
    3,
    `
      groupid v255
      prefix v64
      timerec v255
      priority int = 0
      routeid v64
      gwlist v255
      description v128 = ''
    `,
    { id: 'ruleid' },
  ),
  table(
    'dr_gw_lists',
    1,
    `
      gwlist v255
      description v128 = ''
    `,
  ),
  table(
    'dr_groups',
    2,
    `
      username v64
      domain v128 = ''
      groupid uint = 0
      description v128 = ''
    `,
  ),
  table(
    'mtree',
    1,
    `
      tprefix v32 = ''
      tvalue v128 = ''
    `,
    { unique: ['tprefix'] },
  ),
  table(
    'mtrees',
    2,
    `
      tname v128 = ''
      tprefix v32 = ''
      tvalue v128 = ''
    `,
    { unique: ['tname tprefix tvalue'] },
  ),
  table(
    'matrix',
    1,
    `
      first int
      second small
      res int
    `,
    { index: ['first second'] },
  ),
  table(
    'domainpolicy',
    2,
    `
      rule v255
      type v255
      att v255?
      val v128?
      description v255
    `,
    { unique: ['rule att val'], index: ['rule'] },
  ),
];
