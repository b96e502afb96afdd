/** IP addresses as text and as 32-bit words. Words are in the order of the text, as signed 32-bit integers. */

/** True for 127.0.0.0/8 and ::1. */
export function isLoopback(ip: string): boolean {
  return ip.startsWith('127.') || ip === '::1';
}

/** `0` for a text that is no IP literal; brackets are not part of one. */
export function ipFamily(text: string): 4 | 6 | 0 {
  if (parseIpv4(text) !== -1) return 4;
  return parseIpv6(text) === null ? 0 : 6;
}

/** Dotted decimal, four parts, no leading zeros. Returns 0 … 2^32-1, or -1 when it is something else. */
export function parseIpv4(text: string): number {
  const length = text.length;
  if (length < 7 || length > 15) return -1;
  let address = 0;
  let part = -1;
  let parts = 0;
  for (let i = 0; i <= length; i++) {
    const code = i < length ? text.charCodeAt(i) : 0x2e;
    if (code === 0x2e) {
      if (part < 0 || ++parts > 4) return -1;
      address = address * 256 + part;
      part = -1;
    } else if (code >= 0x30 && code <= 0x39 && part !== 0) {
      part = (part < 0 ? 0 : part * 10) + code - 0x30;
      if (part > 255) return -1;
    } else return -1;
  }
  return parts === 4 ? address : -1;
}

export interface Ipv6Parts {
  readonly words: Int32Array;
  /** Zone of `fe80::1%eth0`, empty where there is none. */
  readonly zone: string;
}

/** RFC 4291 text, with `::`, an IPv4 tail and a zone. Null when it is something else. */
export function parseIpv6(text: string): Ipv6Parts | null {
  if (text.length < 2 || text.length > 80) return null;
  const zoneAt = text.indexOf('%');
  const zone = zoneAt < 0 ? '' : text.slice(zoneAt + 1);
  if (zoneAt >= 0 && !/^[\w.:-]{1,32}$/.test(zone)) return null;
  const address = zoneAt < 0 ? text : text.slice(0, zoneAt);
  const gapAt = address.indexOf('::');
  if (gapAt >= 0 && address.includes('::', gapAt + 1)) return null;
  const head = parseGroups(gapAt < 0 ? address : address.slice(0, gapAt), gapAt < 0);
  const tail = gapAt < 0 ? [] : parseGroups(address.slice(gapAt + 2), true);
  if (head === null || tail === null) return null;
  const missing = 8 - head.length - tail.length;
  if (gapAt < 0 ? missing !== 0 : missing < 1) return null;
  const groups = [...head, ...Array<number>(gapAt < 0 ? 0 : missing).fill(0), ...tail];
  const words = new Int32Array(4);
  for (let i = 0; i < 4; i++) words[i] = ((groups[2 * i] ?? 0) << 16) | (groups[2 * i + 1] ?? 0);
  return { words, zone };
}

/** `a:b:c` to numbers; `endsAddress` allows an IPv4 tail. Null when it is malformed. */
function parseGroups(text: string, endsAddress: boolean): number[] | null {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [i, part] of parts.entries()) {
    if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      groups.push(Number.parseInt(part, 16));
      continue;
    }
    const v4 = endsAddress && i === parts.length - 1 ? parseIpv4(part) : -1;
    if (v4 === -1) return null;
    groups.push(v4 >>> 16, v4 & 0xffff);
  }
  return groups.length > 8 ? null : groups;
}

export function formatIpv4(word: number): string {
  return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`;
}

/** RFC 5952: lower case, no leading zeros, the first longest run of two or more zero groups as `::`. */
export function formatIpv6(w0: number, w1: number, w2: number, w3: number): string {
  const groups = [w0 >>> 16, w0 & 0xffff, w1 >>> 16, w1 & 0xffff, w2 >>> 16, w2 & 0xffff, w3 >>> 16, w3 & 0xffff];
  let gapAt = -1;
  let gapLength = 1;
  for (let i = 0; i < 8; ) {
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > gapLength) {
      gapAt = i;
      gapLength = end - i;
    }
    i = end + 1;
  }
  const hex = (part: number[]): string => part.map((group) => group.toString(16)).join(':');
  if (gapAt < 0) return hex(groups);
  return `${hex(groups.slice(0, gapAt))}::${hex(groups.slice(gapAt + gapLength))}`;
}

/** One spelling for one address, to be used as a key; null for a text that is no IP literal. The zone stays. */
export function canonicalIp(text: string): string | null {
  if (parseIpv4(text) !== -1) return text;
  const v6 = parseIpv6(text);
  if (v6 === null) return null;
  const [w0 = 0, w1 = 0, w2 = 0, w3 = 0] = v6.words;
  return formatIpv6(w0, w1, w2, w3) + (v6.zone === '' ? '' : `%${v6.zone}`);
}

/** `10.0.0.1:5060`, `[::1]:5060`: as in a Via or a URI. */
export function hostPort(ip: string, port: number): string {
  return `${bracketed(ip)}:${port}`;
}

/** An address as the host of a URI or a Via: IPv6 in brackets, everything else as it is. */
export function bracketed(host: string): string {
  return host.includes(':') && host.charCodeAt(0) !== 91 ? `[${host}]` : host;
}

/** `[::1]` without its brackets, everything else as it is. */
export function unbracketed(host: string): string {
  return host.charCodeAt(0) === 91 && host.charCodeAt(host.length - 1) === 93 ? host.slice(1, -1) : host;
}

/** True for an address that stands for all of the host's. */
export function isAnyAddress(address: string): boolean {
  return address === '0.0.0.0' || address === '::';
}

/** The bytes of an address, 4 or 16; null where the text is none. Brackets and a zone are no part of them. */
export function ipBytes(text: string): number[] | null {
  const v4 = parseIpv4(text);
  if (v4 !== -1) return wordBytes(v4);
  const v6 = parseIpv6(unbracketed(text));
  return v6 === null ? null : [...v6.words].flatMap(wordBytes);
}

/** The address that has these bytes, up to 4 or up to 16; what is missing is 0. */
export function ipText(bytes: ArrayLike<number>): string {
  const word = (at: number): number => [0, 1, 2, 3].reduce((word, i) => (word << 8) | (bytes[at + i] ?? 0), 0);
  return bytes.length <= 4 ? formatIpv4(word(0)) : formatIpv6(word(0), word(4), word(8), word(12));
}

function wordBytes(word: number): number[] {
  return [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255];
}
