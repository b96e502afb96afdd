import { bracketed, hostPort, PROTO, parseIpv4, type ReceiveInfo } from 'strowger';

/** First and last address of a net. */
type Net = readonly [first: number, last: number];

function net(address: string, bits: number): Net {
  const first = parseIpv4(address);
  return [first, first + 2 ** (32 - bits) - 1];
}

/** RFC 1918, RFC 6598 (carrier-grade NAT), RFC 7335 (192.0.0.0/29). */
const PRIVATE: readonly Net[] = [
  net('10.0.0.0', 8),
  net('172.16.0.0', 12),
  net('192.168.0.0', 16),
  net('100.64.0.0', 10),
  net('192.0.0.0', 29),
];
/** With `nat_addr_mode` 1 all of 192.0.0.0/24 too (RFC 6890). */
const RESERVED: readonly Net[] = [...PRIVATE, net('192.0.0.0', 24)];

/** True for an IPv4 address that no host outside a private network has. Names and IPv6 addresses are none. */
export function isPrivateAddress(host: string, withReserved: boolean): boolean {
  const address = parseIpv4(host);
  if (address < 0) return false;
  return (withReserved ? RESERVED : PRIVATE).some(([first, last]) => address >= first && address <= last);
}

const TRANSPORTS = ['', '', 'tcp', 'tls', 'sctp', 'ws', 'ws'] as const;

/** `;transport=…` of a protocol as URIs have it: none for UDP, ws for both kinds of WebSocket (RFC 7118 §5.3). */
export function transportParam(proto: number): string {
  const name = TRANSPORTS[proto] ?? '';
  return name === '' ? '' : `;transport=${name}`;
}

/** Where a message came from, as a URI (Kamailio: the value of `received`). */
export function receivedUri({ srcIp, srcPort, proto }: ReceiveInfo): string {
  return `sip:${hostPort(srcIp, srcPort)}${transportParam(proto)}`;
}

/** `ip~port~protocol number`, the value of an alias parameter. */
export function aliasOf(ip: string, port: number, proto: number): string {
  return `${bracketed(ip)}~${port}~${proto}`;
}

/** What an alias value says; null where it is none. */
interface Alias {
  readonly host: string;
  readonly port: number;
  readonly proto: number;
}

/** Reads an alias value. The host is an address or a name, without a check that it is one of ours. */
export function parseAlias(value: string): Alias | null {
  const match = /^(\[[0-9a-fA-F:.]+\]|[0-9A-Za-z._-]+|[0-9a-fA-F:.]+)~(\d{1,5})~([1-6])$/.exec(value);
  if (match === null) return null;
  const port = Number(match[2]);
  return port > 65_535 ? null : { host: match[1] ?? '', port, proto: Number(match[3]) };
}

/** The URI that an alias stands for. */
export function aliasUri({ host, port, proto }: Alias): string {
  return `sip:${hostPort(host, port)}${transportParam(proto)}`;
}

/** True for the protocols of WebSocket connections. */
export function isWebSocket(proto: number): boolean {
  return proto === PROTO.WS || proto === PROTO.WSS;
}
