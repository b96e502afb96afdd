import { type TableDef, table } from './table-def.ts';

/** Presence, and chat rooms. Names, types and versions are those of Kamailio 5.6. */
export const PRESENCE_TABLES: readonly TableDef[] = [
  table(
    'presentity',
    5,
    `
      username v64
      domain v64
      event v64
      etag v128
      expires int
      received_time int
      body blob
      sender v255
      priority int = 0
      ruid v64?
    `,
    { unique: ['username domain event etag', 'ruid'], index: ['expires', 'username domain event'] },
  ),
  table(
    'active_watchers',
    12,
    `
      presentity_uri v255
      watcher_username v64
      watcher_domain v64
      to_user v64
      to_domain v64
      event v64 = 'presence'
      event_id v64?
      to_tag v128
      from_tag v128
      callid v255
      local_cseq int
      remote_cseq int
      contact v255
      record_route text?
      expires int
      status int = 2
      reason v64?
      version int = 0
      socket_info v64
      local_contact v255
      from_user v64
      from_domain v64
      updated int
      updated_winfo int
      flags int = 0
      user_agent v255? = ''
    `,
    {
      unique: ['callid to_tag from_tag'],
      index: ['expires', 'presentity_uri event', 'updated', 'updated_winfo presentity_uri'],
    },
  ),
  table(
    'watchers',
    3,
    `
      presentity_uri v255
      watcher_username v64
      watcher_domain v64
      event v64 = 'presence'
      status int
      reason v64?
      inserted_time int
    `,
    { unique: ['presentity_uri watcher_username watcher_domain event'] },
  ),
  table(
    'xcap',
    4,
    `
      username v64
      domain v64
      doc mediumblob
      doc_type int
      etag v128
      source int
      doc_uri v255
      port int
    `,
    {
      unique: ['doc_uri'],
      index: ['username domain doc_type', 'username domain doc_type doc_uri', 'username domain doc_uri'],
    },
  ),
  table(
    'pua',
    7,
    `
      pres_uri v255
      pres_id v255
      event int
      expires int
      desired_expires int
      flag int
      etag v128
      tuple_id v64?
      watcher_uri v255
      call_id v255
      to_tag v128
      from_tag v128
      cseq int
      record_route text?
      contact v255
      remote_contact v255
      version int
      extra_headers text
    `,
    {
      unique: ['etag tuple_id call_id from_tag'],
      index: ['expires', 'pres_id pres_uri', 'call_id from_tag', 'pres_id'],
    },
  ),
  table(
    'rls_presentity',
    1,
    `
      rlsubs_did v255
      resource_uri v255
      content_type v255
      presence_state blob
      expires int
      updated int
      auth_state int
      reason v64
    `,
    { unique: ['rlsubs_did resource_uri'], index: ['rlsubs_did', 'updated', 'expires'] },
  ),
  table(
    'rls_watchers',
    3,
    `
      presentity_uri v255
      to_user v64
      to_domain v64
      watcher_username v64
      watcher_domain v64
      event v64 = 'presence'
      event_id v64?
      to_tag v128
      from_tag v128
      callid v255
      local_cseq int
      remote_cseq int
      contact v255
      record_route text?
      expires int
      status int = 2
      reason v64
      version int = 0
      socket_info v64
      local_contact v255
      from_user v64
      from_domain v64
      updated int
    `,
    { unique: ['callid to_tag from_tag'], index: ['watcher_username watcher_domain event', 'expires', 'updated'] },
  ),
  table(
    'imc_rooms',
    1,
    `
      name v64
      domain v64
      flag int
    `,
    { unique: ['name domain'] },
  ),
  table(
    'imc_members',
    1,
    `
      username v64
      domain v64
      room v64
      flag int
    `,
    { unique: ['username domain room'] },
  ),
  table(
    'purplemap',
    1,
    `
      sip_user v255
      ext_user v255
      ext_prot v16
      ext_pass v64?
    `,
  ),
];
