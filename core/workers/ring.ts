/**
 * A queue of records in shared memory from one worker to another: one writer, one reader, no locks. The writer owns
 * `tail`, the reader `head`; both count bytes ever passed, modulo 2^32, so that their difference is what is queued.
 *
 * A record is RECORD_WORDS words (its length in bytes, its kind, numbers, the lengths of its texts), then its texts, one
 * byte a char, rounded up to whole words. It never wraps: where it does not fit before the end, a SKIP word stands.
 * A writer that dies half-way has not published the record, and whoever takes its place goes on behind the last whole one.
 */

/** Numbers of a record: `numbers[0 … 5]`, 32 bits each, their meaning is the kind's. */
const RECORD_NUMBERS = 6;
const RECORD_WORDS = 2 + RECORD_NUMBERS + 3;
const RECORD_BYTES = RECORD_WORDS * 4;
const SKIP = -1;

/** `tail` and `head` on cache lines of their own. */
const TAIL = 0;
const HEAD = 16;
const HEADER_WORDS = 32;

/** Memory of one ring with room for `capacity` bytes of records, a power of two. */
export function ringMemory(capacity: number): SharedArrayBuffer {
  return new SharedArrayBuffer(HEADER_WORDS * 4 + capacity);
}

/** What both ends see. */
class RingEnd {
  protected readonly words: Int32Array;
  protected readonly bytes: Buffer;
  protected readonly capacity: number;

  constructor(memory: SharedArrayBuffer) {
    this.words = new Int32Array(memory);
    this.bytes = Buffer.from(memory, HEADER_WORDS * 4);
    this.capacity = this.bytes.length;
  }

  /** First word of the record at a position. */
  protected wordAt(position: number): number {
    return HEADER_WORDS + ((position & (this.capacity - 1)) >>> 2);
  }
}

export class RingWriter extends RingEnd {
  #tail: number;

  constructor(memory: SharedArrayBuffer) {
    super(memory);
    this.#tail = Atomics.load(this.words, TAIL);
  }

  /** Longest sum of texts a record may have. */
  get maxTextBytes(): number {
    return (this.capacity >>> 1) - RECORD_BYTES;
  }

  /** Adds a record, which the reader sees after `publish`. False when there is no room for it. Texts are latin1. */
  push(kind: number, numbers: readonly number[], a: string, b: string, c: string): boolean {
    const { capacity, words, bytes } = this;
    const need = (RECORD_BYTES + a.length + b.length + c.length + 3) & ~3;
    if (need > capacity >>> 1) return false;
    const used = (this.#tail - Atomics.load(words, HEAD)) >>> 0;
    const untilEnd = capacity - (this.#tail & (capacity - 1));
    const skipped = untilEnd < need ? untilEnd : 0;
    if (used + skipped + need > capacity) return false;
    if (skipped > 0) {
      words[this.wordAt(this.#tail)] = SKIP;
      this.#tail = (this.#tail + skipped) | 0;
    }
    let at = this.wordAt(this.#tail);
    words[at++] = need;
    words[at++] = kind;
    for (let i = 0; i < RECORD_NUMBERS; i++) words[at++] = numbers[i] ?? 0;
    words[at++] = a.length;
    words[at++] = b.length;
    words[at] = c.length;
    let byte = (this.#tail & (capacity - 1)) + RECORD_BYTES;
    byte += bytes.latin1Write(a, byte);
    byte += bytes.latin1Write(b, byte);
    bytes.latin1Write(c, byte);
    this.#tail = (this.#tail + need) | 0;
    return true;
  }

  /** Lets the reader see what was pushed. */
  publish(): void {
    Atomics.store(this.words, TAIL, this.#tail);
  }
}

/** Filled by `RingReader.next`. */
export class RingRecord {
  kind = 0;
  readonly numbers: number[] = new Array<number>(RECORD_NUMBERS).fill(0);
  a = '';
  b = '';
  c = '';
}

export class RingReader extends RingEnd {
  get isEmpty(): boolean {
    return Atomics.load(this.words, TAIL) === Atomics.load(this.words, HEAD);
  }

  /**
   * Takes the next record; false when there is none. It is out of the ring when this returns: a reader that dies of it
   * does not leave it to its successor.
   */
  next(into: RingRecord): boolean {
    const { words, bytes } = this;
    const tail = Atomics.load(words, TAIL);
    let head = Atomics.load(words, HEAD);
    if (head === tail) return false;
    if (words[this.wordAt(head)] === SKIP) head = (head + this.capacity - (head & (this.capacity - 1))) | 0;
    let at = this.wordAt(head);
    const length = words[at++] as number;
    into.kind = words[at++] as number;
    for (let i = 0; i < RECORD_NUMBERS; i++) into.numbers[i] = words[at++] as number;
    const aEnd = (head & (this.capacity - 1)) + RECORD_BYTES + (words[at] as number);
    const bEnd = aEnd + (words[at + 1] as number);
    into.a = bytes.latin1Slice(aEnd - (words[at] as number), aEnd);
    into.b = bytes.latin1Slice(aEnd, bEnd);
    into.c = bytes.latin1Slice(bEnd, bEnd + (words[at + 2] as number));
    Atomics.store(words, HEAD, (head + length) | 0);
    return true;
  }
}
