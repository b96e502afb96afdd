import { intParam, type ParamDef, strParam } from 'strowger';
import { COLUMN_PARAMS } from './columns.ts';
import { parseProfileNames } from './profiles.ts';

const bit = (value: 0 | 1, doc: string): ParamDef => intParam({ default: value, min: 0, max: 1, doc });
const seconds = (value: number, doc: string): ParamDef => intParam({ default: value, min: 1, doc });
const profileNames = (doc: string): ParamDef =>
  strParam({
    default: null,
    doc,
    check: (value) => {
      const names = parseProfileNames(String(value));
      return typeof names === 'string' ? names : null;
    },
  });

/** dialog's parameters (Kamailio: dialog, Parameters). */
export const DIALOG_PARAMS: Readonly<Record<string, ParamDef>> = {
  enable_stats: bit(1, '0: the statistics stay 0.'),
  hash_size: intParam({
    default: 4096,
    min: 1,
    max: 1 << 20,
    doc: 'Entries that dialogs are numbered in; a power of two.',
  }),
  rr_param: strParam({
    default: 'did',
    doc: 'Record-Route parameter that dialogs are found by.',
    check: (value) => (/^[A-Za-z0-9_.-]+$/.test(String(value)) ? null : 'it is not the name of a parameter'),
  }),
  dlg_flag: intParam({
    default: -1,
    min: -1,
    max: 31,
    doc: 'Flag of INVITEs that begin a dialog without dlg_manage().',
  }),
  timeout_avp: strParam({ default: null, doc: 'Variable with the lifetime of the dialog, seconds.' }),
  default_timeout: seconds(43_200, 'Lifetime of dialogs, seconds.'),
  early_timeout: seconds(300, 'Seconds after which a call that nobody answers is forgotten.'),
  noack_timeout: seconds(60, 'Seconds that the ACK of an answer may take; then the call has ten more.'),
  end_timeout: seconds(300, 'Seconds after which a dialog that is over is forgotten, whoever still has it.'),
  dlg_extra_hdrs: strParam({ default: null, doc: 'Header rows of BYEs that we send, each with CRLF.' }),
  dlg_match_mode: intParam({
    default: 0,
    min: 0,
    max: 2,
    doc: 'How requests find their dialog: 0 by the Record-Route parameter, 1 else by Call-ID and tags, 2 by these only.',
  }),
  detect_spirals: bit(1, '0: an INVITE that comes by again begins another dialog.'),
  db_url: strParam({ default: 'mysql://kamailio:kamailiorw@localhost/kamailio', doc: 'Database of the dialogs.' }),
  db_mode: intParam({
    default: 0,
    min: 0,
    max: 3,
    doc: '0: memory only; 1: written at once; 2: every db_update_period; 3: at the end.',
  }),
  table_name: strParam({ default: 'dialog', doc: 'Table of the dialogs.' }),
  ...COLUMN_PARAMS,
  vars_table_name: strParam({ default: 'dialog_vars', doc: 'Table of their variables.' }),
  db_update_period: seconds(60, 'Seconds between two writings (db_mode 2).'),
  db_fetch_rows: intParam({
    default: 200,
    doc: 'Rows to fetch at once.',
    noEffect: 'the drivers read a table as one result',
  }),
  db_skip_load: bit(0, '1: dialogs of the database are not loaded at start.'),
  profiles_with_value: profileNames('Profiles whose members have a value: a;b.'),
  profiles_no_value: profileNames('Profiles without values: a;b.'),
  bridge_controller: strParam({ default: 'sip:controller@kamailio.org', doc: 'Who calls in dlg_bridge() and refers.' }),
  bridge_contact: strParam({ default: 'sip:controller@kamailio.org:5060', doc: 'Its Contact.' }),
  ruri_pvar: strParam({ default: '$ru', doc: 'Variable with the Request-URI of the dialog.' }),
  initial_cbs_inscript: bit(1, '0: other modules hear of a new dialog when the script is done.'),
  send_bye: bit(0, '1: both sides get a BYE when the time of a dialog is over.'),
  wait_ack: bit(1, '0: a call that failed is forgotten before its ACK.'),
  xavp_cfg: strParam({
    default: null,
    doc: 'XAVP with settings of a dialog.',
    noEffect: 'Kamailio 5.6 reads nothing from it',
  }),
  ka_timer: intParam({
    default: 0,
    min: 0,
    doc: 'Seconds between two looks for keepalives that are due; 0: none are sent.',
  }),
  ka_interval: intParam({
    default: 0,
    min: 0,
    doc: 'Seconds between two keepalives of a dialog, at least 30; 0: none.',
  }),
  ka_failed_limit: intParam({ default: 1, min: 1, doc: 'Keepalives without an answer until the dialog is given up.' }),
  timeout_noreset: bit(0, '1: requests within a dialog do not give it its whole lifetime again.'),
  timer_procs: intParam({
    default: 0,
    doc: 'Processes for timers.',
    noEffect: 'each worker keeps the time of its dialogs',
  }),
  enable_dmq: intParam({ default: 0, doc: 'Replication to other servers.', noEffect: 'there is no dmq module yet' }),
  track_cseq_updates: bit(0, '1: what uac_auth() adds to CSeq is added to further requests too.'),
  lreq_callee_headers: strParam({ default: null, doc: 'Header rows of requests that we send to the callee.' }),
  event_callback: strParam({
    default: null,
    doc: 'Function of an embedded language for the events.',
    noEffect: 'scripts of embedded languages are not run here',
  }),
  h_id_start: intParam({ default: 0, min: -1, doc: 'Where ids of dialogs begin; -1: at the server_id.' }),
  h_id_step: intParam({ default: 1, min: 1, max: 1 << 16, doc: 'Step between two ids.' }),
  keep_proxy_rr: intParam({
    default: 0,
    min: 0,
    max: 3,
    doc: 'Our own Record-Route in the routes of requests that we send: 1 to the callee, 2 to the caller.',
  }),
  dlg_filter_mode: intParam({
    default: 0,
    min: 0,
    max: 1,
    doc: '1: neither keepalives nor timeouts for dialogs whose sockets are not ours.',
  }),
};
