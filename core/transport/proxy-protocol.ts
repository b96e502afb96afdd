import { formatIpv6, ipFamily } from './ip-address.ts';

/** The ends of a connection as a load balancer in front of us knows them. */
export interface ProxiedAddresses {
  readonly remoteIp: string;
  readonly remotePort: number;
  readonly localIp: string;
  readonly localPort: number;
}

type ProxyHeader =
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'bad'; readonly reason: string }
  /** `addresses` is null when the balancer speaks for itself (LOCAL, UNKNOWN): those of the socket then hold. */
  | { readonly kind: 'done'; readonly length: number; readonly addresses: ProxiedAddresses | null };

const SIGNATURE_V2 = '\r\n\r\n\0\r\nQUIT\n';
/** Including the line end (PROXY protocol §2.1). */
const MAX_V1_BYTES = 107;
/** What a version 2 header may announce; the addresses need 36, the rest is for extensions, which are skipped. */
const MAX_V2_BYTES = 4096;

const INCOMPLETE: ProxyHeader = { kind: 'incomplete' };

/** Reads the PROXY protocol header (HAProxy, versions 1 and 2) that begins a connection's latin1 text. */
export function parseProxyHeader(text: string): ProxyHeader {
  const length = Math.min(text.length, SIGNATURE_V2.length);
  if (text.slice(0, length) === SIGNATURE_V2.slice(0, length)) {
    return length < SIGNATURE_V2.length ? INCOMPLETE : parseV2(text);
  }
  const start = text.slice(0, 6);
  return 'PROXY '.startsWith(start) ? parseV1(text) : bad('no PROXY header');
}

function bad(reason: string): ProxyHeader {
  return { kind: 'bad', reason };
}

function parseV1(text: string): ProxyHeader {
  const end = text.slice(0, MAX_V1_BYTES).indexOf('\r\n');
  if (end < 0) return text.length >= MAX_V1_BYTES ? bad('PROXY header without end') : INCOMPLETE;
  const [, family, remoteIp = '', localIp = '', remotePort, localPort, ...rest] = text.slice(0, end).split(' ');
  const length = end + 2;
  if (family === 'UNKNOWN') return { kind: 'done', length, addresses: null };
  const wanted = family === 'TCP4' ? 4 : family === 'TCP6' ? 6 : -1;
  const addresses = { remoteIp, remotePort: port(remotePort), localIp, localPort: port(localPort) };
  const isGood = ipFamily(remoteIp) === wanted && ipFamily(localIp) === wanted && rest.length === 0;
  if (!isGood || addresses.remotePort < 0 || addresses.localPort < 0) return bad('malformed PROXY header');
  return { kind: 'done', length, addresses };
}

function port(text: string | undefined): number {
  return text !== undefined && /^\d{1,5}$/.test(text) && Number(text) <= 65535 ? Number(text) : -1;
}

function parseV2(text: string): ProxyHeader {
  if (text.length < 16) return INCOMPLETE;
  const version = text.charCodeAt(12);
  const family = text.charCodeAt(13);
  const announced = u16(text, 14);
  if (version >> 4 !== 2 || (version & 15) > 1) return bad('unknown PROXY version or command');
  if (announced > MAX_V2_BYTES) return bad('PROXY header too long');
  const length = 16 + announced;
  if (text.length < length) return INCOMPLETE;
  const isLocal = (version & 15) === 0;
  if (isLocal || (family !== 0x11 && family !== 0x21)) return { kind: 'done', length, addresses: null };
  const isV6 = family === 0x21;
  if (announced < (isV6 ? 36 : 12)) return bad('malformed PROXY header');
  const size = isV6 ? 16 : 4;
  const address = isV6 ? v6 : v4;
  return {
    kind: 'done',
    length,
    addresses: {
      remoteIp: address(text, 16),
      localIp: address(text, 16 + size),
      remotePort: u16(text, 16 + 2 * size),
      localPort: u16(text, 18 + 2 * size),
    },
  };
}

function u16(text: string, at: number): number {
  return (text.charCodeAt(at) << 8) | text.charCodeAt(at + 1);
}

function v4(text: string, at: number): string {
  return [0, 1, 2, 3].map((i) => text.charCodeAt(at + i)).join('.');
}

function v6(text: string, at: number): string {
  const word = (i: number): number => (u16(text, at + 4 * i) << 16) | u16(text, at + 4 * i + 2);
  return formatIpv6(word(0), word(1), word(2), word(3));
}
