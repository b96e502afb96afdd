/** What kind of address a text is (RFC 4291, RFC 5735, RFC 6598), and comparisons of addresses. */

import { canonicalIp, ipBytes, type PvAccessor, parseIpv4, parseIpv6, type Run, unbracketed } from 'strowger';

type Target = PvAccessor & Required<Pick<PvAccessor, 'set'>>;

const isV4 = (text: string): boolean => parseIpv4(text) !== -1;
/** Zones are no part of an address here. */
const isV6 = (text: string): boolean => !text.includes('%') && parseIpv6(text) !== null;
const isReference = (text: string): boolean => unbracketed(text) !== text && isV6(unbracketed(text));

export const isIp = (text: string): number => (isV4(text) || isV6(text) || isReference(text) ? 1 : -1);
export const isPureIp = (text: string): number => (isV4(text) || isV6(text) ? 1 : -1);
export const isIpv4 = (text: string): number => (isV4(text) ? 1 : -1);
export const isIpv6 = (text: string): number => (isV6(text) ? 1 : -1);
export const isIpv6Reference = (text: string): number => (isReference(text) ? 1 : -1);

/** ip_type: 1 IPv4, 2 IPv6, 3 IPv6 reference. */
export function ipType(text: string): number {
  if (isV4(text)) return 1;
  if (isV6(text)) return 2;
  return isReference(text) ? 3 : -1;
}

/** compare_pure_ips. */
export function comparePureIps(a: string, b: string): number {
  if (isPureIp(a) < 0 || isPureIp(b) < 0) return -1;
  return canonicalIp(a) === canonicalIp(b) ? 1 : -1;
}

/** compare_ips: a reference is its address. */
export function compareIps(a: string, b: string): number {
  return comparePureIps(unbracketed(a), unbracketed(b));
}

/** Network and length of `10.0.0.0/8` as bytes; null when it is none. A single address is a network of its own. */
interface Subnet {
  readonly bytes: readonly number[];
  readonly length: number;
}

/** 4 or 16 bytes of an address; null when it is none. */
function bytesOf(text: string): readonly number[] | null {
  return isV4(text) || isV6(text) ? ipBytes(text) : null;
}

function parseSubnet(text: string): Subnet | null {
  const slash = text.indexOf('/');
  const bytes = bytesOf(slash < 0 ? text : text.slice(0, slash));
  if (bytes === null) return null;
  if (slash < 0) return { bytes, length: bytes.length * 8 };
  const length = /^\d{1,3}$/.test(text.slice(slash + 1)) ? Number(text.slice(slash + 1)) : -1;
  return length < 0 || length > bytes.length * 8 ? null : { bytes, length };
}

function isInside(address: readonly number[], subnet: Subnet): boolean {
  if (address.length !== subnet.bytes.length) return false;
  for (let bit = 0; bit < subnet.length; bit += 8) {
    const mask = subnet.length - bit >= 8 ? 255 : (255 << (8 - (subnet.length - bit))) & 255;
    if ((((address[bit / 8] ?? 0) ^ (subnet.bytes[bit / 8] ?? 0)) & mask) !== 0) return false;
  }
  return true;
}

/** is_in_subnet: one of a list separated by commas. */
export function isInSubnet(text: string, list: string): number {
  const address = bytesOf(text);
  if (address === null) return -1;
  for (const item of list.split(',')) {
    const subnet = parseSubnet(item.trim());
    if (subnet !== null && isInside(address, subnet)) return 1;
  }
  return -1;
}

type Range = readonly [subnet: string, type: string];

/** First match wins. */
const V4_TYPES: readonly Range[] = [
  ['255.255.255.255/32', 'BROADCAST'],
  ['10.0.0.0/8', 'PRIVATE'],
  ['172.16.0.0/12', 'PRIVATE'],
  ['192.168.0.0/16', 'PRIVATE'],
  ['0.0.0.0/8', 'PRIVATE'],
  ['100.64.0.0/10', 'SHARED'],
  ['127.0.0.0/8', 'LOOPBACK'],
  ['169.254.0.0/16', 'LINK-LOCAL'],
  ['192.0.0.0/24', 'RESERVED'],
  ['192.0.2.0/24', 'TEST-NET'],
  ['198.51.100.0/24', 'TEST-NET'],
  ['203.0.113.0/24', 'TEST-NET'],
  ['192.88.99.0/24', '6TO4-RELAY'],
  ['198.18.0.0/15', 'RESERVED'],
  ['224.0.0.0/4', 'MULTICAST'],
  ['240.0.0.0/4', 'RESERVED'],
  ['0.0.0.0/0', 'PUBLIC'],
];

const V6_TYPES: readonly Range[] = [
  ['::/128', 'UNSPECIFIED'],
  ['::1/128', 'LOOPBACK'],
  ['::ffff:0:0/96', 'IPV4MAP'],
  ['100::/64', 'DISCARD'],
  ['2001::/32', 'TEREDO'],
  ['2001:2::/48', 'BMWG'],
  ['2001:db8::/32', 'DOCUMENTATION'],
  ['2001:10::/28', 'ORCHID'],
  ['2002::/16', '6TO4'],
  ['2000::/3', 'GLOBAL-UNICAST'],
  ['fc00::/7', 'UNIQUE-LOCAL-UNICAST'],
  ['fe80::/10', 'LINK-LOCAL-UNICAST'],
  ['ff00::/8', 'MULTICAST'],
  ['::/0', 'RESERVED'],
];

function compiled(ranges: readonly Range[]): readonly (readonly [Subnet, string])[] {
  return ranges.flatMap(([text, type]) => {
    const subnet = parseSubnet(text);
    return subnet === null ? [] : [[subnet, type] as const];
  });
}

const V4_RANGES = compiled(V4_TYPES);
const V6_RANGES = compiled(V6_TYPES);

/** Name of the range an address is in; null when the text is no address of the family. */
function detailedType(text: string, family: 4 | 6 | null): string | null {
  const bytes = bytesOf(unbracketed(text));
  if (bytes === null || (unbracketed(text) !== text && bytes.length === 4)) return null;
  if (family !== null && bytes.length !== (family === 4 ? 4 : 16)) return null;
  const ranges = bytes.length === 4 ? V4_RANGES : V6_RANGES;
  return ranges.find(([subnet]) => isInside(bytes, subnet))?.[1] ?? null;
}

/** detailed_ip_type and its kin: sets the variable; -1 when it is no such address. */
export function setDetailedType(run: Run, text: string, family: 4 | 6 | null, target: Target): number {
  const type = detailedType(text, family);
  return type !== null && target.set(run, type) !== false ? 1 : -1;
}

/** is_ip_rfc1918. */
export function isRfc1918(text: string): number {
  return isInSubnet(text, '10.0.0.0/8,172.16.0.0/12,192.168.0.0/16');
}
