import { canonicalIp, PROTO, parseUri, type SipMsg } from 'strowger';
import type { PeerDef } from './peer-def.ts';

/** An address that a peer's requests come from. */
interface PeerAddress {
  readonly peer: PeerDef;
  /** 0 for any. */
  readonly port: number;
  /** Never from another port. */
  readonly isStrict: boolean;
}

/** The address in a URI; null where its host is a name. */
export function addressOf(uri: string): string | null {
  const host = uri === '' ? '' : (parseUri(uri)?.host ?? '');
  return canonicalIp(host.replace(/^\[(.*)\]$/, '$1'));
}

/** `192.0.2.1`, `192.0.2.1:5070`, `2001:db8::1`, `[2001:db8::1]:5070`; port 0 where none is written; null for anything else. */
export function parseMatch(text: string): { readonly address: string; readonly port: number } | null {
  const whole = canonicalIp(text.replace(/^\[(.*)\]$/, '$1'));
  if (whole !== null) return { address: whole, port: 0 };
  const [, host = '', digits = ''] = /^(?:\[([^\]]*)\]|[^:]*):(\d{1,5})$/.exec(text) ?? [];
  const address = canonicalIp(host === '' ? text.slice(0, text.lastIndexOf(':')) : host);
  const port = Number(digits);
  return address === null || port < 1 || port > 65_535 ? null : { address, port };
}

function portOf(uri: string): number {
  const parsed = parseUri(uri);
  if (parsed === null) return 0;
  if (parsed.port > 0) return parsed.port;
  return /^sips:/i.test(uri) || /;transport=tls(?:;|$)/i.test(uri) ? 5061 : 5060;
}

/** Who is at which address. */
export class PeerAddresses {
  readonly #byAddress = new Map<string, PeerAddress[]>();

  constructor(peers: Iterable<PeerDef>) {
    for (const peer of peers) {
      for (const uri of [peer.uri, peer.proxy]) this.#add(addressOf(uri), { peer, port: portOf(uri), isStrict: false });
      for (const text of peer.match) {
        const match = parseMatch(text);
        if (match !== null) this.#add(match.address, { peer, port: match.port, isStrict: match.port !== 0 });
      }
    }
  }

  #add(address: string | null, entry: PeerAddress): void {
    if (address === null) return;
    const list = this.#byAddress.get(address);
    if (list === undefined) this.#byAddress.set(address, [entry]);
    else list.push(entry);
  }

  /**
   * The peer that a request comes from. One that has an address for itself may send from any port of it; of several at one
   * address it is the one of the port: that the request came from, or, over a connection, whose port means nothing, that
   * its topmost Via names. Null where that says nothing.
   */
  sender({ rcv, via1 }: SipMsg): PeerDef | null {
    const known = this.#byAddress.get(canonicalIp(rcv.srcIp) ?? rcv.srcIp) ?? [];
    const port = rcv.proto === PROTO.UDP ? rcv.srcPort : via1?.port || (rcv.proto === PROTO.TLS ? 5061 : 5060);
    const there = known.find((each) => each.port === port);
    if (there !== undefined) return there.peer;
    const isShared = known.some(({ peer }) => peer !== known[0]?.peer);
    const fitting = known.filter((each) => !each.isStrict && (!isShared || each.port === 0));
    const [first] = fitting;
    return first !== undefined && fitting.every(({ peer }) => peer === first.peer) ? first.peer : null;
  }
}
