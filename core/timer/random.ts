import { randomFillSync } from 'node:crypto';
import type { Random } from './clock.ts';

const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyz';
const PAIRS: readonly string[] = Array.from(
  { length: 1296 },
  (_, i) => ALPHABET.charAt(Math.floor(i / 36)) + ALPHABET.charAt(i % 36),
);
/** Five characters hold 36^5 values; draws at or above the largest multiple of it in 2^32 are repeated. */
const FIVE_CHARS = 60_466_176;
const FIVE_CHARS_LIMIT = FIVE_CHARS * 71;

/** What both sources derive from 32 random bits; every result is uniform. */
abstract class RandomBase implements Random {
  abstract uint32(): number;

  int(below: number): number {
    const limit = 0x1_0000_0000 - (0x1_0000_0000 % below);
    let value = this.uint32();
    while (value >= limit) value = this.uint32();
    return value % below;
  }

  token(length: number): string {
    let text = '';
    for (let left = length; left > 0; left -= 5) {
      let value = this.uint32();
      while (value >= FIVE_CHARS_LIMIT) value = this.uint32();
      value %= FIVE_CHARS;
      const first = value % 1296;
      value = (value - first) / 1296;
      const second = value % 1296;
      const five = (PAIRS[first] ?? '') + (PAIRS[second] ?? '') + ALPHABET.charAt((value - second) / 1296);
      text += left >= 5 ? five : five.slice(0, left);
    }
    return text;
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i += 4) {
      const word = this.uint32();
      bytes[i] = word;
      bytes[i + 1] = word >>> 8;
      bytes[i + 2] = word >>> 16;
      bytes[i + 3] = word >>> 24;
    }
    return bytes;
  }
}

const POOL_WORDS = 1024;

/** Cryptographic randomness, drawn from the system 4 KB at a time. Used words are wiped from the pool. */
export class CryptoRandom extends RandomBase {
  readonly #pool = new Uint32Array(POOL_WORDS);
  #at = POOL_WORDS;

  override uint32(): number {
    if (this.#at === POOL_WORDS) {
      randomFillSync(this.#pool);
      this.#at = 0;
    }
    const at = this.#at++;
    const word = this.#pool[at] ?? 0;
    this.#pool[at] = 0;
    return word;
  }
}

/** Repeatable randomness for tests (sfc32): the same seed gives the same sequence on every machine. Never for production. */
export class SeededRandom extends RandomBase {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number) {
    super();
    this.#a = seed | 0;
    this.#b = Math.floor(seed / 0x1_0000_0000) | 0;
    this.#c = 0x9e37_79b9 | 0;
    // The first outputs of near seeds are alike; a dozen rounds part them.
    for (let i = 0; i < 12; i++) this.uint32();
  }

  override uint32(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }
}
