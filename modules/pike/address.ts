import { formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from 'strowger';

/** The bytes of an address, 4 or 16; null where the text is none. IPv6 may be in brackets. */
export function addressBytes(text: string): readonly number[] | null {
  const v4 = parseIpv4(text);
  if (v4 !== -1) return bytesOf(v4);
  const v6 = parseIpv6(text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text);
  return v6 === null ? null : [...v6.words].flatMap(bytesOf);
}

export function addressText(bytes: readonly number[]): string {
  const words = [0, 4, 8, 12].map((at) => bytes.slice(at, at + 4).reduce((word, byte) => (word << 8) | byte | 0, 0));
  const [w0 = 0, w1 = 0, w2 = 0, w3 = 0] = words;
  return bytes.length <= 4 ? formatIpv4(w0) : formatIpv6(w0, w1, w2, w3);
}

function bytesOf(word: number): number[] {
  return [word >>> 24, (word >>> 16) & 0xff, (word >>> 8) & 0xff, word & 0xff];
}
