import { intParam, type ParamDef, strParam } from 'strowger';

const FLAG_DOC = 'a branch flag, 0 to 31; -1 for none.';

/** nathelper's parameters (Kamailio's names and defaults). */
export const NH_PARAMS: Readonly<Record<string, ParamDef>> = {
  natping_interval: intParam({ default: 0, min: 0, doc: 'Seconds between two pings of a contact; 0 for no pings.' }),
  ping_nated_only: intParam({ default: 0, min: 0, max: 1, doc: "Ping only contacts with usrloc's nat_bflag." }),
  nortpproxy_str: strParam({
    default: 'a=nortpproxy:yes\r\n',
    doc: 'SDP line, with its end, that marks a body as changed; empty for none.',
  }),
  received_avp: strParam({ default: null, doc: 'AVP that fix_nated_register sets, the same as registrar has.' }),
  force_socket: strParam({ default: null, doc: 'Our socket that UDP pings are sent from.' }),
  sipping_from: strParam({ default: null, doc: 'From URI of SIP pings; needed for them.' }),
  sipping_method: strParam({ default: 'OPTIONS', doc: 'Method of SIP pings.' }),
  sipping_bflag: intParam({ default: -1, min: -1, max: 31, doc: `Contacts to ping by a SIP request: ${FLAG_DOC}` }),
  natping_disable_bflag: intParam({ default: -1, min: -1, max: 31, doc: `Contacts not to ping: ${FLAG_DOC}` }),
  natping_processes: intParam({
    default: 1,
    min: 0,
    doc: 'Number of processes that ping.',
    noEffect: 'one event loop sends all pings, spread over the interval',
  }),
  natping_socket: strParam({
    default: null,
    doc: 'Address that pings pretend to come from.',
    noEffect: 'it takes raw sockets; force_socket names one of our own',
  }),
  keepalive_timeout: intParam({
    default: 0,
    min: 0,
    doc: 'Seconds without an answer to SIP pings after which a contact is removed; 0 never.',
  }),
  udpping_from_path: intParam({
    default: 0,
    min: 0,
    max: 1,
    doc: 'UDP pings pretend to come from the address in Path.',
    noEffect: 'it takes raw sockets; contacts with a Path can be pinged by SIP requests, which go along it',
  }),
  append_sdp_oldmediaip: intParam({
    default: 1,
    min: 0,
    max: 1,
    doc: 'fix_nated_sdp adds a=oldmediaip lines with the addresses it replaced.',
  }),
  filter_server_id: intParam({ default: 0, min: 0, max: 1, doc: 'Ping only contacts that this server_id took.' }),
  nat_addr_mode: intParam({ default: 1, min: 0, max: 1, doc: '1: 192.0.0.0/24 counts as private too.' }),
  alias_name: strParam({ default: 'alias', doc: 'Name of the URI parameter with an alias.' }),
};
