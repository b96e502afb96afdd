import { createHmac, timingSafeEqual } from 'node:crypto';
import { ipBytes, ipText, PROTO, PROTO_NAMES, type Proto } from 'strowger';

/** A flow (RFC 5626 §3.1): where a request came from, and where to. */
export interface Flow {
  readonly proto: Proto;
  readonly srcIp: string;
  readonly srcPort: number;
  readonly dstIp: string;
  readonly dstPort: number;
}

/** `none`: the text is no token at all. `forged`: it has the form of one, but is not ours. */
export type TokenResult =
  | { readonly kind: 'none' }
  | { readonly kind: 'forged' }
  | { readonly kind: 'flow'; readonly flow: Flow };

/** Bytes of the truncated HMAC-SHA1 in front (RFC 5626 §5.2). */
const MAC_BYTES = 10;
/** Set in the protocol's byte where the addresses are IPv6. */
const IPV6 = 0x80;
const LENGTH_4 = MAC_BYTES + 1 + 2 * (4 + 2);
const LENGTH_6 = MAC_BYTES + 1 + 2 * (16 + 2);
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

const NONE: TokenResult = { kind: 'none' };
const FORGED: TokenResult = { kind: 'forged' };

/** Writes and reads flow tokens: the addresses of a flow, integrity-protected, in base64 (RFC 5626 §5.2). */
export class FlowTokens {
  readonly #key: () => string;

  /** `key` gives the secret, which all workers have. */
  constructor(key: () => string) {
    this.#key = key;
  }

  encode(flow: Flow): string {
    const source = bytesOf(flow.srcIp);
    const destination = bytesOf(flow.dstIp);
    const data = Buffer.from([
      flow.proto | (source.length === 4 ? 0 : IPV6),
      ...destination,
      flow.dstPort >> 8,
      flow.dstPort & 255,
      ...source,
      flow.srcPort >> 8,
      flow.srcPort & 255,
    ]);
    return Buffer.concat([this.#mac(data), data]).toString('base64');
  }

  decode(text: string): TokenResult {
    if (text.length > 2 * LENGTH_6 || !BASE64.test(text)) return NONE;
    const bytes = Buffer.from(text, 'base64');
    if (bytes.length !== LENGTH_4 && bytes.length !== LENGTH_6) return NONE;
    const data = bytes.subarray(MAC_BYTES);
    if (!timingSafeEqual(this.#mac(data), bytes.subarray(0, MAC_BYTES))) return FORGED;
    const width = bytes.length === LENGTH_4 ? 4 : 16;
    const proto = ((data[0] ?? 0) & ~IPV6) as Proto;
    if (proto === PROTO.NONE || PROTO_NAMES[proto] === undefined) return FORGED;
    return {
      kind: 'flow',
      flow: {
        proto,
        dstIp: ipText(data.subarray(1, 1 + width)),
        dstPort: data.readUInt16BE(1 + width),
        srcIp: ipText(data.subarray(3 + width, 3 + 2 * width)),
        srcPort: data.readUInt16BE(3 + 2 * width),
      },
    };
  }

  #mac(data: Buffer): Buffer {
    return createHmac('sha1', Buffer.from(this.#key(), 'latin1')).update(data).digest().subarray(0, MAC_BYTES);
  }
}

/** Flows are between addresses. */
function bytesOf(ip: string): number[] {
  const bytes = ipBytes(ip);
  if (bytes === null) throw new Error(`"${ip}" is no IP address`);
  return bytes;
}
