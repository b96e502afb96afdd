import { createHmac, timingSafeEqual } from 'node:crypto';
import { ipFamily, PROTO, PROTO_NAMES, type Proto } from 'strowger';

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
    const source = addressBytes(flow.srcIp);
    const destination = addressBytes(flow.dstIp);
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
        dstIp: addressText(data.subarray(1, 1 + width)),
        dstPort: data.readUInt16BE(1 + width),
        srcIp: addressText(data.subarray(3 + width, 3 + 2 * width)),
        srcPort: data.readUInt16BE(3 + 2 * width),
      },
    };
  }

  #mac(data: Buffer): Buffer {
    return createHmac('sha1', Buffer.from(this.#key(), 'latin1')).update(data).digest().subarray(0, MAC_BYTES);
  }
}

/** Four bytes of an IPv4 address, sixteen of an IPv6 one. */
function addressBytes(ip: string): number[] {
  if (ipFamily(ip) !== 6) return ip.split('.').map(Number);
  const [left = '', right] = ip.split('%', 1).join('').split('::');
  const head = groupBytes(left);
  const tail = right === undefined ? [] : groupBytes(right);
  return [...head, ...new Array<number>(Math.max(0, 16 - head.length - tail.length)).fill(0), ...tail];
}

function groupBytes(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (group.includes('.')) return group.split('.').map(Number);
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 255];
  });
}

function addressText(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(bytes.readUInt16BE(i));
  return compressed(groups);
}

/** IPv6 as RFC 5952 writes it: the longest run of zero groups is left out. */
function compressed(groups: readonly number[]): string {
  let best = -1;
  let length = 1;
  for (let i = 0; i < groups.length; i++) {
    let end = i;
    while (end < groups.length && groups[end] === 0) end++;
    if (end - i > length) {
      best = i;
      length = end - i;
    }
    if (end > i) i = end;
  }
  const hex = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(':');
  return best < 0 ? hex(groups) : `${hex(groups.slice(0, best))}::${hex(groups.slice(best + length))}`;
}
