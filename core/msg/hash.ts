/** Hashes of message parts for branches, tags and tables: FNV-1a over chars, 32 bits, never for security. */

export const HASH_START = 0x811c9dc5;

/** Continues a hash with a text. About one nanosecond a char. */
export function hashText(text: string, seed: number = HASH_START): number {
  let h = seed;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
}

/** Continues a hash with `buf[start … end)`, without slicing. */
export function hashSpan(buf: string, start: number, end: number, seed: number = HASH_START): number {
  let h = seed;
  for (let i = start; i < end; i++) h = Math.imul(h ^ buf.charCodeAt(i), 0x01000193);
  return h >>> 0;
}

/**
 * Hash for tables whose keys strangers choose, with a secret seed. Every char stirs all bits: in FNV alone the lowest 8 bits
 * of the seed decide which texts fall together, and 256 guesses are none.
 */
export function keyedHash(text: string, seed: number): number {
  return keyedHashSpan(text, 0, text.length, seed);
}

/** The same of `buf[start … end)`. A slice of a message costs three times as much: each char is looked for anew. */
export function keyedHashSpan(buf: string, start: number, end: number, seed: number): number {
  let h = seed;
  for (let i = start; i < end; i++) {
    h = Math.imul(h ^ buf.charCodeAt(i), 0x01000193);
    h ^= h >>> 15;
  }
  return mixHash(h);
}

/** Final mixing, so that low bits depend on all: for masks and modulo. */
export function mixHash(h: number): number {
  let x = h ^ (h >>> 16);
  x = Math.imul(x, 0x45d9f3b);
  x ^= x >>> 16;
  return x >>> 0;
}

/** Every pair of base-36 digits: numbers become text by looking three of them up, ten times as fast as `toString(36)`. */
const PAIRS: readonly string[] = Array.from({ length: 1296 }, (_, n) => n.toString(36).padStart(2, '0'));

/** The lower 31 bits of a number as six base-36 digits. */
export function base36(n: number): string {
  const v = n & 0x7fffffff;
  const high = Math.floor(v / 1296);
  const top = Math.floor(high / 1296);
  return (PAIRS[top] as string) + (PAIRS[high - top * 1296] as string) + (PAIRS[v - high * 1296] as string);
}
