/** The first 32 bits of the fractions of sines (RFC 1321 §3.4). */
const SINES = Int32Array.from({ length: 64 }, (_, i) => Math.floor(Math.abs(Math.sin(i + 1)) * 2 ** 32));
/** The two hex digits of each byte, the first one in the lower eight bits. */
const HEX = Uint16Array.from({ length: 256 }, (_, byte) => digit(byte >> 4) | (digit(byte & 15) << 8));

const BLOCK_WORDS = 16;
const HEX_CHARS = 32;
/** Room for what is not hashed yet: whole blocks. */
const ROOM = 512;
/** Texts up to this many chars are never parts of others in V8: reading them char by char is the quickest. */
const SHORT = 12;

/**
 * MD5 (RFC 1321) of texts in several pieces. For digests only, which hash short texts, several a request: a call of
 * node:crypto costs more than a thousand nanoseconds whatever its input, this two hundred for each 64 chars.
 */
export class Md5 {
  readonly #state = new Int32Array(4);
  /** The same memory twice; as everywhere here, its first byte is a word's lowest. */
  readonly #words = new Int32Array(ROOM / 4);
  readonly #bytes = Buffer.from(this.#words.buffer);
  /** Bytes in there, and those hashed before. */
  #held = 0;
  #hashed = 0;

  /** Begins a new text. */
  begin(): this {
    const state = this.#state;
    state[0] = 0x67452301;
    state[1] = 0xefcdab89;
    state[2] = 0x98badcfe;
    state[3] = 0x10325476;
    this.#held = 0;
    this.#hashed = 0;
    return this;
  }

  /** Begins a new text with the hex digits of what was finished last: H(A1) is how a response's begins. */
  beginWithHex(): this {
    const words = this.#words;
    for (let i = 0; i < HEX_CHARS / 4; i++) words[i] = this.#hexWord(i);
    this.begin();
    this.#held = HEX_CHARS;
    return this;
  }

  /** Continues with a latin1 text. */
  add(text: string): this {
    const { length } = text;
    let at = this.#held;
    if (length > ROOM - at) return this.#addLong(text);
    if (length > SHORT) this.#bytes.latin1Write(text, at);
    else for (let i = 0; i < length; i++) this.#bytes[at++] = text.charCodeAt(i);
    this.#held += length;
    return this;
  }

  /** Continues with a colon and a text: the parts of what digests hash are put together so. */
  part(text: string): this {
    return this.add(':').add(text);
  }

  #addLong(text: string): this {
    const most = ROOM - 4 * BLOCK_WORDS;
    for (let start = 0; start < text.length; start += most) {
      this.#hash(this.#held >>> 6);
      this.add(text.slice(start, start + most));
    }
    return this;
  }

  /** Hashes so many blocks of those that are held; what is left moves to the front. */
  #hash(blocks: number): void {
    for (let at = 0; at < blocks * BLOCK_WORDS; at += BLOCK_WORDS) compress(this.#state, this.#words, at);
    this.#bytes.copyWithin(0, blocks * 4 * BLOCK_WORDS, this.#held);
    this.#hashed += blocks * 4 * BLOCK_WORDS;
    this.#held -= blocks * 4 * BLOCK_WORDS;
  }

  /** Ends the text: `isHex` tells about its hash. */
  finish(): this {
    // One byte and two words more must fit.
    if (this.#held > ROOM - 9) this.#hash(this.#held >>> 6);
    const words = this.#words;
    const length = this.#hashed + this.#held;
    const end = ((this.#held + 72) >>> 6) * BLOCK_WORDS;
    let at = this.#held;
    this.#bytes[at++] = 0x80;
    while (at % 4 !== 0) this.#bytes[at++] = 0;
    for (let word = at / 4; word < end - 2; word++) words[word] = 0;
    words[end - 2] = length << 3;
    words[end - 1] = length >>> 29;
    for (let block = 0; block < end; block += BLOCK_WORDS) compress(this.#state, words, block);
    return this;
  }

  /** Whether the hash is this one, in lower-case hex digits. How long that takes tells nothing of where they differ. */
  isHex(text: string): boolean {
    if (text.length !== HEX_CHARS) return false;
    this.#bytes.latin1Write(text, 0);
    let difference = 0;
    for (let i = 0; i < HEX_CHARS / 4; i++) difference |= (this.#words[i] as number) ^ this.#hexWord(i);
    return difference === 0;
  }

  /** Four of the hex digits. */
  #hexWord(index: number): number {
    const half = (this.#state[index >>> 1] as number) >>> ((index & 1) << 4);
    return (HEX[half & 0xff] as number) | ((HEX[(half >>> 8) & 0xff] as number) << 16);
  }
}

function digit(value: number): number {
  return value < 10 ? 48 + value : 87 + value;
}

/**
 * Takes the block at a word into the state (RFC 1321 §3.4): four rounds of 16 steps, four in a row, so that a to d keep their
 * places.
 */
function compress(state: Int32Array, words: Int32Array, at: number): void {
  let a = state[0] as number;
  let b = state[1] as number;
  let c = state[2] as number;
  let d = state[3] as number;
  for (let i = 0; i < 16; i += 4) {
    a = turn((a + (d ^ (b & (c ^ d))) + (words[at + i] as number) + (SINES[i] as number)) | 0, 7, b);
    d = turn((d + (c ^ (a & (b ^ c))) + (words[at + i + 1] as number) + (SINES[i + 1] as number)) | 0, 12, a);
    c = turn((c + (b ^ (d & (a ^ b))) + (words[at + i + 2] as number) + (SINES[i + 2] as number)) | 0, 17, d);
    b = turn((b + (a ^ (c & (d ^ a))) + (words[at + i + 3] as number) + (SINES[i + 3] as number)) | 0, 22, c);
  }
  for (let i = 16; i < 32; i += 4) {
    a = turn((a + (c ^ (d & (b ^ c))) + (words[at + ((5 * i + 1) & 15)] as number) + (SINES[i] as number)) | 0, 5, b);
    d = turn(
      (d + (b ^ (c & (a ^ b))) + (words[at + ((5 * i + 6) & 15)] as number) + (SINES[i + 1] as number)) | 0,
      9,
      a,
    );
    c = turn(
      (c + (a ^ (b & (d ^ a))) + (words[at + ((5 * i + 11) & 15)] as number) + (SINES[i + 2] as number)) | 0,
      14,
      d,
    );
    b = turn((b + (d ^ (a & (c ^ d))) + (words[at + ((5 * i) & 15)] as number) + (SINES[i + 3] as number)) | 0, 20, c);
  }
  for (let i = 32; i < 48; i += 4) {
    a = turn((a + (b ^ c ^ d) + (words[at + ((3 * i + 5) & 15)] as number) + (SINES[i] as number)) | 0, 4, b);
    d = turn((d + (a ^ b ^ c) + (words[at + ((3 * i + 8) & 15)] as number) + (SINES[i + 1] as number)) | 0, 11, a);
    c = turn((c + (d ^ a ^ b) + (words[at + ((3 * i + 11) & 15)] as number) + (SINES[i + 2] as number)) | 0, 16, d);
    b = turn((b + (c ^ d ^ a) + (words[at + ((3 * i + 14) & 15)] as number) + (SINES[i + 3] as number)) | 0, 23, c);
  }
  for (let i = 48; i < 64; i += 4) {
    a = turn((a + (c ^ (b | ~d)) + (words[at + ((7 * i) & 15)] as number) + (SINES[i] as number)) | 0, 6, b);
    d = turn((d + (b ^ (a | ~c)) + (words[at + ((7 * i + 7) & 15)] as number) + (SINES[i + 1] as number)) | 0, 10, a);
    c = turn((c + (a ^ (d | ~b)) + (words[at + ((7 * i + 14) & 15)] as number) + (SINES[i + 2] as number)) | 0, 15, d);
    b = turn((b + (d ^ (c | ~a)) + (words[at + ((7 * i + 5) & 15)] as number) + (SINES[i + 3] as number)) | 0, 21, c);
  }
  state[0] = (state[0] as number) + a;
  state[1] = (state[1] as number) + b;
  state[2] = (state[2] as number) + c;
  state[3] = (state[3] as number) + d;
}

/** `sum` rotated to the left, plus `to`. Its caller makes `sum` an integer: V8 would add floating-point numbers else. */
function turn(sum: number, bits: number, to: number): number {
  return (((sum << bits) | (sum >>> (32 - bits))) + to) | 0;
}
