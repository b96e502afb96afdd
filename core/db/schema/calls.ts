import { type TableDef, table } from './table-def.ts';

/** Calls that are and were, and what goes with them. Names, types and versions are those of Kamailio 5.6. */
export const CALLS_TABLES: readonly TableDef[] = [
  table(
    'acc',
    5,
    `
      method v16 = ''
      from_tag v128 = ''
      to_tag v128 = ''
      callid v255 = ''
      sip_code v3 = ''
      sip_reason v128 = ''
      time time
    `,
    { index: ['callid'] },
  ),
  table(
    'acc_cdrs',
    2,
    `
      start_time time = '2000-01-01 00:00:00'
      end_time time = '2000-01-01 00:00:00'
      duration float(10,3) = 0
    `,
    { index: ['start_time'] },
  ),
  table(
    'missed_calls',
    4,
    `
      method v16 = ''
      from_tag v128 = ''
      to_tag v128 = ''
      callid v255 = ''
      sip_code v3 = ''
      sip_reason v128 = ''
      time time
    `,
    { index: ['callid'] },
  ),
  table(
    'dialog',
    7,
    `
      hash_entry uint
      hash_id uint
      callid v255
      from_uri v255
      from_tag v128
      to_uri v255
      to_tag v128
      caller_cseq v20
      callee_cseq v20
      caller_route_set v512?
      callee_route_set v512?
      caller_contact v255
      callee_contact v255
      caller_sock v64
      callee_sock v64
      state uint
      start_time uint
      timeout uint = 0
      sflags uint = 0
      iflags uint = 0
      toroute_name v32?
      req_uri v255
      xdata v512?
    `,
    { index: ['hash_entry hash_id'] },
  ),
  table(
    'dialog_vars',
    1,
    `
      hash_entry uint
      hash_id uint
      dialog_key v128
      dialog_value v512
    `,
    { index: ['hash_entry hash_id'] },
  ),
  table(
    'topos_d',
    2,
    `
      rectime time
      x_context v64 = ''
      s_method v64 = ''
      s_cseq v64 = ''
      a_callid v255 = ''
      a_uuid v255 = ''
      b_uuid v255 = ''
      a_contact v512 = ''
      b_contact v512 = ''
      as_contact v512 = ''
      bs_contact v512 = ''
      a_tag v255 = ''
      b_tag v255 = ''
      a_rr mediumtext?
      b_rr mediumtext?
      s_rr mediumtext?
      iflags uint = 0
      a_uri v255 = ''
      b_uri v255 = ''
      r_uri v255 = ''
      a_srcaddr v128 = ''
      b_srcaddr v128 = ''
      a_socket v128 = ''
      b_socket v128 = ''
    `,
    { index: ['rectime', 'a_callid', 'a_uuid', 'b_uuid'] },
  ),
  table(
    'topos_t',
    2,
    `
      rectime time
      x_context v64 = ''
      s_method v64 = ''
      s_cseq v64 = ''
      a_callid v255 = ''
      a_uuid v255 = ''
      b_uuid v255 = ''
      direction int = 0
      x_via mediumtext?
      x_vbranch v255 = ''
      x_rr mediumtext?
      y_rr mediumtext?
      s_rr mediumtext?
      x_uri v255 = ''
      a_contact v512 = ''
      b_contact v512 = ''
      as_contact v512 = ''
      bs_contact v512 = ''
      x_tag v255 = ''
      a_tag v255 = ''
      b_tag v255 = ''
      a_srcaddr v255 = ''
      b_srcaddr v255 = ''
      a_socket v128 = ''
      b_socket v128 = ''
    `,
    { index: ['rectime', 'a_callid', 'x_vbranch', 'a_uuid'] },
  ),
  table(
    'sip_trace',
    4,
    `
      time_stamp time = '2000-01-01 00:00:01'
      time_us uint = 0
      callid v255 = ''
      traced_user v255 = ''
      msg mediumtext
      method v50 = ''
      status v255 = ''
      fromip v64 = ''
      toip v64 = ''
      fromtag v128 = ''
      totag v128 = ''
      direction v4 = ''
    `,
    { index: ['traced_user', 'time_stamp', 'fromip', 'callid'] },
  ),
  table(
    'htable',
    2,
    `
      key_name v64 = ''
      key_type int = 0
      value_type int = 0
      key_value v128 = ''
      expires int = 0
    `,
  ),
  table(
    'pl_pipes',
    1,
    `
      pipeid v64 = ''
      algorithm v32 = ''
      plimit int = 0
    `,
  ),
  table(
    'rtpengine',
    1,
    `
      setid uint = 0
      url v64
      weight uint = 1
      disabled int = 0
      stamp time = '1900-01-01 00:00:01'
    `,
    { unique: ['setid url'] },
  ),
  table(
    'rtpproxy',
    1,
    `
      setid v32 = 00
      url v64 = ''
      flags int = 0
      weight int = 1
      description v64 = ''
    `,
  ),
  table(
    'mohqcalls',
    1,
    `
      mohq_id uint
      call_id v100
      call_status uint
      call_from v100
      call_contact v100?
      call_time time
    `,
    { unique: ['call_id'] },
  ),
  table(
    'mohqueues',
    1,
    `
      name v25
      uri v100
      mohdir v100?
      mohfile v100
      debug int
    `,
    { unique: ['uri', 'name'] },
  ),
  table(
    'sca_subscriptions',
    2,
    `
      subscriber v255
      aor v255
      event int = 0
      expires int = 0
      state int = 0
      app_idx int = 0
      call_id v255
      from_tag v128
      to_tag v128
      record_route text?
      notify_cseq int
      subscribe_cseq int
      server_id int = 0
    `,
    { unique: ['subscriber call_id from_tag to_tag'], index: ['server_id expires', 'subscriber event'] },
  ),
  table(
    'secfilter',
    1,
    `
      action small = 0
      type small = 0
      data v64 = ''
    `,
    { index: ['action type data'] },
  ),
];
