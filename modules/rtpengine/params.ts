import { intParam, listParam, type ParamDef, strParam } from 'strowger';
import { mosParamNames } from './mos.ts';

/** Kamailio's MAX_QUERIED_NODES_LIMIT. */
const MAX_QUERIED_NODES = 30;

const MOS_PARAMS: Readonly<Record<string, ParamDef>> = Object.fromEntries(
  (['', '_A', '_B'] as const).flatMap((scope) =>
    mosParamNames(scope).map((name) => [
      name,
      strParam({ default: null, doc: 'Variable for a fact about the quality of the call (see the README).' }),
    ]),
  ),
);

/** rtpengine's parameters (Kamailio's names and defaults). */
export const NG_PARAMS: Readonly<Record<string, ParamDef>> = {
  rtpengine_sock: listParam({
    doc: 'Nodes of a set: `[set ==] URL[=weight] …`, a URL being udp:host:port, ws://host:port/path or wss://….',
  }),
  rtpengine_disable_tout: intParam({
    default: 60,
    min: 0,
    runtime: true,
    doc: 'Seconds that a node which did not answer is left alone.',
  }),
  aggressive_redetection: intParam({
    default: 1,
    min: 0,
    max: 1,
    runtime: true,
    doc: 'With no node left, ping them all before giving up.',
  }),
  rtpengine_tout_ms: intParam({ default: 1000, min: 1, runtime: true, doc: 'Milliseconds to wait for a reply.' }),
  rtpengine_retr: intParam({ default: 5, min: 1, runtime: true, doc: 'Times a request is sent.' }),
  queried_nodes_limit: intParam({
    default: MAX_QUERIED_NODES,
    min: 1,
    max: MAX_QUERIED_NODES,
    runtime: true,
    doc: 'Nodes tried for one request.',
  }),
  rtpengine_allow_op: intParam({
    default: 0,
    min: 0,
    max: 2,
    runtime: true,
    doc: 'Calls stay with a disabled node: 1 with any, 2 with one that an administrator disabled.',
  }),
  control_cmd_tos: intParam({ default: -1, min: -1, max: 255, doc: 'IP_TOS of requests; -1 for none.' }),
  force_send_interface: strParam({ default: null, doc: 'Address that requests are sent from.' }),
  setid_default: intParam({ default: 0, min: 0, doc: 'The set that is used where none is chosen.' }),
  setid_avp: strParam({ default: null, doc: 'AVP that chooses the set.' }),
  extra_id_pv: strParam({ default: null, doc: 'Variable for via-branch=extra.' }),
  rtp_inst_pvar: strParam({ default: null, doc: 'Variable for the URL of the node that has taken the call.' }),
  read_sdp_pv: strParam({ default: null, doc: 'Variable that holds the SDP, in place of the body.' }),
  write_sdp_pv: strParam({ default: null, doc: 'Variable for the new SDP, in place of the body.' }),
  media_duration: strParam({
    default: null,
    doc: 'Variable for the length of what play_media plays, in ms; -1 unknown.',
  }),
  hash_algo: intParam({ default: 0, min: 0, max: 2, doc: 'Calls are spread by 0: sum of chars, 1: SHA-1, 2: CRC-32.' }),
  hash_table_size: intParam({
    default: 256,
    min: 0,
    doc: 'Slots of the table of calls.',
    noEffect: 'the table grows by itself',
  }),
  hash_table_tout: intParam({ default: 3600, min: 1, doc: 'Seconds that a call is remembered with its node.' }),
  db_url: strParam({ default: null, doc: 'Database with the nodes, in place of rtpengine_sock.' }),
  table_name: strParam({ default: 'rtpengine', doc: 'Its table.' }),
  setid_col: strParam({ default: 'setid', doc: 'Column: the set.' }),
  url_col: strParam({ default: 'url', doc: 'Column: the URL.' }),
  weight_col: strParam({ default: 'weight', doc: 'Column: the weight.' }),
  disabled_col: strParam({ default: 'disabled', doc: 'Column: 1 for a node that is not to be used.' }),
  wsapi: strParam({
    default: null,
    doc: 'Module with a WebSocket client.',
    noEffect: 'nodes over WebSocket need no module',
  }),
  ...MOS_PARAMS,
};
