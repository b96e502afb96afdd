import {
  bracketed,
  HDR,
  listValues,
  PROTO,
  PROTO_NAMES,
  type PvDef,
  type PvValue,
  type Run,
  readOnly,
  readWrite,
  type SipMsg,
  type Via,
  viaCount,
} from 'strowger';
import { unknownKey } from './message.ts';
import type { PvState } from './state.ts';
import { attributeOf, URI_ATTRIBUTES, type UriAttribute } from './uri-attributes.ts';

/** $du and its parts, the forced socket, and where the message goes next. */
export const DESTINATION_PVS: Readonly<Record<string, PvDef<PvState>>> = {
  du: readWrite('Destination URI.', (run) => run.msg.dstUri || null, setDestination),
  duri: readWrite('Destination URI.', (run) => run.msg.dstUri || null, setDestination),
  dd: readOnly('Host of the destination URI.', (run) => attributeOf(run.msg.dstUri, URI_ATTRIBUTES.host)),
  dp: readOnly('Port of the destination URI.', (run) => attributeOf(run.msg.dstUri, URI_ATTRIBUTES.port)),
  dP: readOnly('Transport of the destination URI.', (run) => attributeOf(run.msg.dstUri, URI_ATTRIBUTES.transport)),
  fs: readWrite('Forced socket, proto:address:port.', (run) => run.msg.forceSocket?.uri ?? null, setForcedSocket),
  fsn: readWrite('Name of the forced socket.', (run) => run.msg.forceSocket?.name || null, setForcedSocketName),
  fsp: readOnly('Port of the forced socket, 0 without one.', (run) => run.msg.forceSocket?.port ?? 0),
  nh: {
    doc: 'Next hop: u URI, U user, d host, p port, P transport, i protocol number. Of a reply, from the second Via.',
    name: 'required',
    bind: (use) => {
      const attribute = NEXT_HOP.get(use.name ?? '');
      return attribute === undefined
        ? unknownKey(use.name, NEXT_HOP.keys())
        : { get: (run) => nextHop(run, attribute) };
    },
  },
  rpl: {
    doc: 'Where a reply goes, from its second Via: duri, dhost, dport, dproto, dprotoid; cntvia, cntrr: values of Via and Record-Route.',
    name: 'required',
    bind: (use) => {
      const key = REPLY_KEYS.get(use.name ?? '');
      if (key === undefined) return unknownKey(use.name, REPLY_KEYS.keys());
      return { get: (run) => (run.msg.isRequest ? null : key(run.msg)) };
    },
  },
};

function setDestination(run: Run, value: PvValue): boolean {
  if (typeof value === 'number') return false;
  run.msg.dstUri = value ?? '';
  return true;
}

function setForcedSocket(run: Run, value: PvValue): boolean {
  if (typeof value === 'number') return false;
  const socket = value === null ? null : run.server.transport.findSocket(value);
  if (value !== null && socket === null) return false;
  run.msg.forceSocket = socket;
  return true;
}

function setForcedSocketName(run: Run, value: PvValue): boolean {
  if (value === null) {
    run.msg.forceSocket = null;
    return true;
  }
  const socket = run.server.transport.sockets.find((candidate) => candidate.name === value);
  if (socket === undefined || socket.name === '') return false;
  run.msg.forceSocket = socket;
  return true;
}

interface NextHopAttribute {
  readonly ofUri: UriAttribute | null;
  readonly ofReply: (via: Via) => PvValue;
}

const NEXT_HOP: ReadonlyMap<string, NextHopAttribute> = new Map<string, NextHopAttribute>([
  ['u', { ofUri: null, ofReply: replyUri }],
  ['U', { ofUri: URI_ATTRIBUTES.user, ofReply: () => null }],
  ['d', { ofUri: URI_ATTRIBUTES.host, ofReply: replyHost }],
  ['p', { ofUri: URI_ATTRIBUTES.port, ofReply: replyPort }],
  ['P', { ofUri: URI_ATTRIBUTES.transport, ofReply: (via) => PROTO_NAMES[via.proto] }],
  ['i', { ofUri: (uri) => uri.transport, ofReply: (via) => via.proto }],
]);

function nextHop(run: Run, attribute: NextHopAttribute): PvValue {
  const { msg } = run;
  if (!msg.isRequest) return msg.via2 === null ? null : attribute.ofReply(msg.via2);
  if (attribute.ofUri !== null) return attributeOf(msg.dstUri || msg.uri, attribute.ofUri);
  return msg.dstUri || msg.uri;
}

const REPLY_KEYS: ReadonlyMap<string, (msg: SipMsg) => PvValue> = new Map<string, (msg: SipMsg) => PvValue>([
  ['duri', (msg) => ofSecondVia(msg, replyUri)],
  ['dhost', (msg) => ofSecondVia(msg, replyHost)],
  ['dport', (msg) => ofSecondVia(msg, replyPort)],
  ['dproto', (msg) => ofSecondVia(msg, (via) => PROTO_NAMES[via.proto])],
  ['dprotoid', (msg) => ofSecondVia(msg, (via) => via.proto)],
  ['cntvia', (msg) => viaCount(msg)],
  ['cntrr', (msg) => listValues(msg, HDR.RECORDROUTE).length],
]);

function ofSecondVia(msg: SipMsg, get: (via: Via) => PvValue): PvValue {
  return msg.via2 === null ? null : get(msg.via2);
}

/** RFC 3261 §18.2.2: received before sent-by, rport (RFC 3581) before the port. */
function replyHost(via: Via): string {
  return bracketed(via.param('received') || via.host);
}

function replyPort(via: Via): number {
  const rport = Number(via.param('rport') || 0);
  if (rport > 0 && rport < 65536) return rport;
  return via.port !== 0 ? via.port : via.proto === PROTO.TLS ? 5061 : 5060;
}

function replyUri(via: Via): string {
  return `sip:${replyHost(via)}:${replyPort(via)};transport=${PROTO_NAMES[via.proto]}`;
}
