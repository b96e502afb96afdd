import type { MsgVars } from '../pv/msg-vars.ts';

/** Kamailio's protocol numbers (`PROTO_UDP` …), used as `$pr` ids and in ds/usrloc tables. */
export const PROTO = { NONE: 0, UDP: 1, TCP: 2, TLS: 3, SCTP: 4, WS: 5, WSS: 6 } as const;
export type Proto = (typeof PROTO)[keyof typeof PROTO];

export const PROTO_NAMES = ['none', 'udp', 'tcp', 'tls', 'sctp', 'ws', 'wss'] as const;
/** The transport token of a Via header, by protocol number. */
export const PROTO_VIA = ['NONE', 'UDP', 'TCP', 'TLS', 'SCTP', 'WS', 'WSS'] as const;

/** One listening socket (one `listen` line and address), Kamailio's `socket_info`. */
export interface SocketInfo {
  readonly index: number;
  readonly proto: Proto;
  readonly family: 4 | 6;
  /** Address in text without brackets; never a host name. */
  readonly address: string;
  /** The port bound; 0 in a `listen` line has been replaced by the real one. */
  readonly port: number;
  /** `advertise ADDR:PORT`: what Via and Record-Route show; the bound address and port where not given. */
  readonly advertisedHost: string;
  readonly advertisedPort: number;
  readonly isAdvertised: boolean;
  /** `name "x"` of the listen line, for `$fsn`, `force_send_socket("x")`; empty where not given. */
  readonly name: string;
  readonly isVirtual: boolean;
  /** `udp:10.0.0.1:5060` — `$Ru`'s form without the URI part, `$RAu` with advertise. */
  readonly uri: string;
  /** `10.0.0.1:5060` or `[::1]:5060`, advertised where there is an advertise: ready for a Via header. */
  readonly sentBy: string;
  /** True for a protocol over a stream. */
  readonly isReliable: boolean;
}

const webSockets = new WeakMap<SocketInfo, SocketInfo>();

/**
 * The socket that WebSocket connections accepted on a TCP or TLS socket have: the same one under their protocol, so that
 * Via and Record-Route tell it. `uri` stays the bound socket's, as Kamailio stores it. One object for each.
 */
export function webSocketOf(socket: SocketInfo): SocketInfo {
  if (socket.proto !== PROTO.TCP && socket.proto !== PROTO.TLS) return socket;
  let web = webSockets.get(socket);
  if (web === undefined) {
    web = { ...socket, proto: socket.proto === PROTO.TLS ? PROTO.WSS : PROTO.WS };
    webSockets.set(socket, web);
  }
  return web;
}

/** The protocol of the listener below one: TCP for WS, TLS for WSS, itself for others. */
export function carrierProto(proto: number): number {
  return proto === PROTO.WS ? PROTO.TCP : proto === PROTO.WSS ? PROTO.TLS : proto;
}

/**
 * True when a protocol, as a URI or Via names it, may be that of a listener. `transport=ws` is said of WebSockets over TLS
 * too (RFC 7118 §5.2.4).
 */
export function isCarriedBy(proto: number, listener: number): boolean {
  return proto === listener || carrierProto(proto) === listener || (proto === PROTO.WS && listener === PROTO.TLS);
}

/** Where a message came from and on what; one per message, Kamailio's `receive_info`. */
export interface ReceiveInfo {
  readonly proto: Proto;
  readonly srcIp: string;
  readonly srcPort: number;
  /** Local address the message arrived at. */
  readonly dstIp: string;
  readonly dstPort: number;
  readonly socket: SocketInfo;
  /** Stream connection id, 0 for UDP. */
  readonly conId: number;
}

/** As if a message of our own had come from the socket it will leave by. */
export function receivedBySelf(socket: SocketInfo): ReceiveInfo {
  return {
    proto: socket.proto,
    srcIp: socket.address,
    srcPort: socket.port,
    dstIp: socket.address,
    dstPort: socket.port,
    socket,
    conId: 0,
  };
}

/** Where to send: resolved address, protocol, the socket to use, Kamailio's `dest_info`. */
export interface Destination {
  proto: Proto;
  /** IP literal without brackets. */
  ip: string;
  port: number;
  /** Socket to send from; null lets the core choose by protocol and family. */
  socket: SocketInfo | null;
  /** A connection that must be used when it is open (replies on a stream); 0 for none. */
  conId: number;
  /** Kamailio's SND_F_FORCE_CON_REUSE / set_forward_no_connect: never open a connection. */
  noConnect: boolean;
  /** Close the connection once sent (set_reply_close, set_forward_close). */
  closeAfter: boolean;
  /** Host name this address was resolved from (TLS server name, SNI); empty for a literal. */
  host: string;
  /** AVPs and XAVPs of the message it is for, with TLS: the script may say there how to connect. */
  vars?: MsgVars | null;
}

/** The result of a send: 1 handed to the kernel or a connection, -1 it could not be. Streams may fail later. */
export type SendResult = 1 | -1;
