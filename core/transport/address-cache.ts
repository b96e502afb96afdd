import { flatCopy } from '../values.ts';
import { formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from './ip-address.ts';

const SLOTS = 1024;
const MAX_DESTINATIONS = 4096;

/**
 * Address words to text. Direct-mapped: a slot holds the last address that hashed to it, so that forged sources cost
 * a formatting each and no memory.
 */
export class AddressTexts {
  readonly #words4 = new Int32Array(SLOTS);
  readonly #texts4: string[] = Array<string>(SLOTS).fill('0.0.0.0');
  readonly #words6 = new Int32Array(SLOTS * 4);
  readonly #texts6: string[] = Array<string>(SLOTS).fill('::');

  v4(word: number): string {
    const slot = Math.imul(word, 0x9e3779b1) >>> 22;
    if (this.#words4[slot] === word) return this.#texts4[slot] as string;
    this.#words4[slot] = word;
    const text = formatIpv4(word);
    this.#texts4[slot] = text;
    return text;
  }

  v6(w0: number, w1: number, w2: number, w3: number): string {
    const slot = Math.imul(w0 ^ Math.imul(w1, 31) ^ Math.imul(w2, 961) ^ Math.imul(w3, 29791), 0x9e3779b1) >>> 22;
    const words = this.#words6;
    const at = slot * 4;
    if (words[at] === w0 && words[at + 1] === w1 && words[at + 2] === w2 && words[at + 3] === w3)
      return this.#texts6[slot] as string;
    words[at] = w0;
    words[at + 1] = w1;
    words[at + 2] = w2;
    words[at + 3] = w3;
    const text = formatIpv6(w0, w1, w2, w3);
    this.#texts6[slot] = text;
    return text;
  }
}

/** An address as words, ready for a send descriptor. Family 0: the text is no address. */
interface AddressWords {
  readonly family: 4 | 6 | 0;
  readonly w0: number;
  readonly w1: number;
  readonly w2: number;
  readonly w3: number;
}

/** Address text to words: the last few thousand destinations, in two generations. */
export class AddressWordsCache {
  #young = new Map<string, AddressWords>();
  #old = new Map<string, AddressWords>();

  get(text: string): AddressWords {
    return this.#young.get(text) ?? this.#find(text);
  }

  #find(text: string): AddressWords {
    const words = this.#old.get(text) ?? toWords(text);
    if (words.family === 0) return words;
    if (this.#young.size >= MAX_DESTINATIONS) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(flatCopy(text), words);
    return words;
  }
}

function toWords(text: string): AddressWords {
  const v4 = parseIpv4(text);
  if (v4 !== -1) return { family: 4, w0: v4 | 0, w1: 0, w2: 0, w3: 0 };
  const v6 = parseIpv6(text);
  if (v6 === null) return { family: 0, w0: 0, w1: 0, w2: 0, w3: 0 };
  const [w0 = 0, w1 = 0, w2 = 0, w3 = 0] = v6.words;
  return { family: 6, w0, w1, w2, w3 };
}
