/** nat_uac_test: signs that a message comes from behind a NAT. */

import { ipFamily, PROTO, parseUri, type Run, type SipMsg, type SipUri, sdpOf, unbracketed } from 'strowger';
import { isPrivateAddress, isWebSocket } from './addresses.ts';
import { theContact } from './contact.ts';

/** Bits of the `flags` argument. */
const NAT_TEST = {
  CONTACT_PRIVATE: 1,
  RECEIVED: 2,
  VIA_PRIVATE: 4,
  SDP_PRIVATE: 8,
  RPORT: 16,
  SOURCE_PRIVATE: 32,
  WEBSOCKET: 64,
  CONTACT_PORT: 128,
  SDP_ADDRESS: 256,
  TARGET: 512,
} as const;

/** Tells whether a message shows one of the signs asked for. */
export class NatTest {
  readonly #withReserved: boolean;

  constructor(withReserved: boolean) {
    this.#withReserved = withReserved;
  }

  isPrivate(host: string): boolean {
    return isPrivateAddress(host, this.#withReserved);
  }

  run({ msg }: Run, flags: number): boolean {
    const { rcv, via1 } = msg;
    if ((flags & NAT_TEST.RPORT) !== 0 && via1 !== null && (via1.port || 5060) !== rcv.srcPort) return true;
    if ((flags & NAT_TEST.RECEIVED) !== 0 && via1 !== null && unbracketed(via1.host) !== rcv.srcIp) return true;
    if ((flags & NAT_TEST.SOURCE_PRIVATE) !== 0 && this.isPrivate(rcv.srcIp)) return true;
    if ((flags & NAT_TEST.WEBSOCKET) !== 0 && isWebSocket(rcv.proto)) return true;
    if ((flags & NAT_TEST.VIA_PRIVATE) !== 0 && via1 !== null && this.isPrivate(via1.host)) return true;
    if ((flags & (NAT_TEST.CONTACT_PRIVATE | NAT_TEST.CONTACT_PORT)) !== 0 && this.#contact(msg, flags)) return true;
    if ((flags & NAT_TEST.SDP_PRIVATE) !== 0 && this.#sdpIsPrivate(msg)) return true;
    if ((flags & NAT_TEST.SDP_ADDRESS) !== 0 && sdpIsElsewhere(msg)) return true;
    return (flags & NAT_TEST.TARGET) !== 0 && (msg.isRequest ? targetDiffers(msg) : viaDiffers(msg));
  }

  #contact(msg: SipMsg, flags: number): boolean {
    const uri = theContact(msg)?.uri;
    if (uri === undefined) return false;
    if ((flags & NAT_TEST.CONTACT_PRIVATE) !== 0 && this.isPrivate(uri.host)) return true;
    return (flags & NAT_TEST.CONTACT_PORT) !== 0 && portOf(uri) !== msg.rcv.srcPort;
  }

  /** Each stream's own address counts, or else that of its session. */
  #sdpIsPrivate(msg: SipMsg): boolean {
    return (
      sdpOf(msg)?.streams.some(({ connection }) => connection !== null && this.isPrivate(connection.address)) === true
    );
  }
}

function portOf(uri: SipUri): number {
  if (uri.port !== 0) return uri.port;
  return uri.transport === PROTO.TLS || uri.transport === PROTO.WSS ? 5061 : 5060;
}

/** The session's address, or where it has none that of a stream, is not the source's. Names are not compared. */
function sdpIsElsewhere(msg: SipMsg): boolean {
  const { srcIp } = msg.rcv;
  for (const session of sdpOf(msg)?.sessions ?? []) {
    const connections =
      session.connection === null ? session.streams.map((stream) => stream.ownConnection) : [session.connection];
    for (const connection of connections)
      if (connection !== null && ipFamily(connection.address) !== 0 && connection.address !== srcIp) return true;
  }
  return false;
}

/** A request goes elsewhere than its Request-URI says, or over a WebSocket. */
function targetDiffers(msg: SipMsg): boolean {
  const ruri = msg.ruri;
  const destination = msg.dstUri === '' ? null : parseUri(msg.dstUri);
  if (ruri === null) return false;
  if (destination === null) return isWebSocket(ruri.transport);
  if (isWebSocket(destination.transport)) return true;
  return destination.bareHost !== ruri.bareHost || (destination.port || 5060) !== (ruri.port || 5060);
}

/** A reply goes elsewhere than the Via below ours says, or over a WebSocket. */
function viaDiffers(msg: SipMsg): boolean {
  const via = msg.via2;
  if (via === null) return false;
  if (isWebSocket(via.proto)) return true;
  const { received, rport } = via;
  return (received !== null && received !== unbracketed(via.host)) || (rport !== 0 && rport !== (via.port || 5060));
}
