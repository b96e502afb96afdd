import { intParam, listParam, type ParamDef, strParam } from 'strowger';

/** rtpproxy's parameters (Kamailio's names and defaults). */
export const RTPP_PARAMS: Readonly<Record<string, ParamDef>> = {
  rtpproxy_sock: listParam({ doc: 'Nodes of a set: `[set ==] udp:host:port[=weight] …`, or unix:/path.' }),
  rtpproxy_disable_tout: intParam({
    default: 60,
    min: 0,
    runtime: true,
    doc: 'Seconds that a node which did not answer is left alone.',
  }),
  rtpproxy_tout: intParam({ default: 1, min: 1, runtime: true, doc: 'Seconds to wait for an answer.' }),
  rtpproxy_retr: intParam({ default: 5, min: 1, runtime: true, doc: 'Times a command is sent.' }),
  nortpproxy_str: strParam({
    default: 'a=nortpproxy:yes\r\n',
    doc: 'SDP line, with its end, that marks a body as changed; empty for none.',
  }),
  timeout_socket: strParam({
    default: null,
    doc: 'Where rtpproxy tells of sessions without media.',
    noEffect: 'Kamailio 5.6 does not send it either',
  }),
  ice_candidate_priority_avp: strParam({
    default: null,
    doc: 'AVP that says how relay candidates are added for ICE: 0 not, 1 with high, 2 with low priority.',
  }),
  extra_id_pv: strParam({ default: null, doc: 'Variable for the option b.' }),
  rtp_inst_pvar: strParam({ default: null, doc: 'Variable for the URL of the node that has the call.' }),
  db_url: strParam({ default: null, doc: 'Database with the nodes, in place of rtpproxy_sock.' }),
  table_name: strParam({ default: 'rtpproxy', doc: 'Its table.' }),
};
