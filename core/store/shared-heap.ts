import { keyedHash } from '../msg/hash.ts';

/** Room a heap begins with and the room it may grow to, bytes. The latter is address space, not memory. */
const FIRST_BYTES = 256 * 1024;
/** Addresses of words are positive 32-bit numbers. */
const LARGEST_BYTES = 8 * 1024 ** 3 - 1024 ** 2;
/** Less address space than this is no use. */
const LEAST_BYTES = 64 * 1024 ** 2;

/** Words of the header. Addresses are indices of words; 0 is none. */
const LOCK = 0;
const SIZE = 1;
const TOP = 2;
const REGIONS = 3;
const SEED = 4;
const FREE = 8;
/** Sizes of blocks: 8, 12, 16, 24, 32, 48 … words, two an octave. */
const CLASSES = 50;
const HEADER_WORDS = 64;
/** In front of each block: its class, and one word so that blocks begin at eight bytes. */
const BLOCK_WORDS = 2;

/** A region's entry: the next, its address, its length, the length of its name, the name. */
const REGION_NEXT = 0;
const REGION_AT = 1;
const REGION_NAME_LENGTH = 2;
const REGION_NAME = 3;

/** How often the lock is looked at before the thread sleeps for it, and how long it sleeps, milliseconds. */
const SPINS = 200;
const NAP_MS = 1;

/** Memory for a heap. `seed` keys the hashes of its tables; 32 bits that nobody outside knows. */
export function heapMemory(seed: number, largestBytes: number = LARGEST_BYTES): SharedArrayBuffer {
  const first = Math.min(FIRST_BYTES, largestBytes);
  const memory = reserve(first, largestBytes);
  const words = new Int32Array(memory);
  words[SIZE] = first >>> 2;
  words[TOP] = HEADER_WORDS;
  words[SEED] = seed;
  return memory;
}

/** Where the system does not give so much address space, half of it, and so on. */
function reserve(first: number, largestBytes: number): SharedArrayBuffer {
  try {
    return new SharedArrayBuffer(first, { maxByteLength: largestBytes });
  } catch (error) {
    if (largestBytes < LEAST_BYTES) throw error;
    return reserve(first, largestBytes / 2);
  }
}

/**
 * Memory that the workers of a server share: blocks, and regions that are found by name. Whoever reads or writes what
 * others may write does so between `lock()` and `unlock()`: some hundred nanoseconds, never over a wait, and not nested.
 */
export class SharedHeap {
  /** Both are made anew when the heap grows: not to be kept over a call of `lock` or `allocate`. */
  words: Int32Array;
  bytes: Buffer;
  floats: Float64Array;
  readonly #memory: SharedArrayBuffer;
  /** What stands in the lock while it is ours. */
  readonly #own: number;

  /** `worker`: the index of the one that uses it. What its predecessor may have held is free again. */
  constructor(memory: SharedArrayBuffer, worker = 0) {
    this.#memory = memory;
    this.#own = worker + 1;
    this.words = new Int32Array(memory, 0, memory.byteLength / 4);
    this.bytes = Buffer.from(memory, 0, memory.byteLength);
    this.floats = new Float64Array(memory, 0, memory.byteLength / 8);
    if (Atomics.compareExchange(this.words, LOCK, this.#own, 0) === this.#own) Atomics.notify(this.words, LOCK);
  }

  /** Bytes in use, freed blocks among them. */
  get usedBytes(): number {
    return Atomics.load(this.words, TOP) * 4;
  }

  /** A hash that depends on a secret of this server: nobody can choose keys that fall together. */
  hash(text: string): number {
    return keyedHash(text, this.words[SEED] as number);
  }

  lock(): void {
    if (Atomics.compareExchange(this.words, LOCK, 0, this.#own) !== 0) this.#waitForLock();
    if (this.words[SIZE] !== this.words.length) this.#look();
  }

  unlock(): void {
    Atomics.store(this.words, LOCK, 0);
  }

  /** A block of at least so many words, at an even address, its content arbitrary; 0 when there is no room. Locked. */
  allocate(wordCount: number): number {
    const sizeClass = classOf(wordCount);
    if (sizeClass >= CLASSES) return 0;
    const free = this.words[FREE + sizeClass] as number;
    if (free !== 0) {
      this.words[FREE + sizeClass] = this.words[free] as number;
      return free;
    }
    const at = this.words[TOP] as number;
    const end = at + BLOCK_WORDS + classWords(sizeClass);
    if (end > this.words.length && !this.#grow(end)) return 0;
    this.words[at] = sizeClass;
    this.words[TOP] = end;
    return at + BLOCK_WORDS;
  }

  /** Gives a block back. Locked. */
  release(address: number): void {
    const sizeClass = this.words[address - BLOCK_WORDS] as number;
    this.words[address] = this.words[FREE + sizeClass] as number;
    this.words[FREE + sizeClass] = address;
  }

  /** Words that fit into a block. */
  roomOf(address: number): number {
    return classWords(this.words[address - BLOCK_WORDS] as number);
  }

  /**
   * The address of a region of so many words, which is made of zeros where there is none of this name. It stays for the
   * life of the server. Throws where the heap is full. Not locked.
   */
  region(name: string, wordCount: number): number {
    this.lock();
    try {
      for (let at = this.words[REGIONS] as number; at !== 0; at = this.words[at + REGION_NEXT] as number) {
        if (this.#nameOf(at) === name) return this.words[at + REGION_AT] as number;
      }
      const entry = this.allocate(REGION_NAME + ((name.length + 3) >>> 2));
      const data = this.allocate(wordCount);
      if (entry === 0 || data === 0) throw new Error(`no shared memory for ${name}`);
      this.words.fill(0, data, data + wordCount);
      this.words[entry + REGION_NEXT] = this.words[REGIONS] as number;
      this.words[entry + REGION_AT] = data;
      this.words[entry + REGION_NAME_LENGTH] = name.length;
      this.bytes.latin1Write(name, (entry + REGION_NAME) * 4);
      this.words[REGIONS] = entry;
      return data;
    } finally {
      this.unlock();
    }
  }

  #nameOf(entry: number): string {
    const start = (entry + REGION_NAME) * 4;
    return this.bytes.latin1Slice(start, start + (this.words[entry + REGION_NAME_LENGTH] as number));
  }

  #waitForLock(): void {
    for (let spins = 0; ; spins++) {
      const holder = Atomics.compareExchange(this.words, LOCK, 0, this.#own);
      if (holder === 0) return;
      if (holder === this.#own) throw new Error('the lock of the shared heap is held already');
      if (spins >= SPINS) Atomics.wait(this.words, LOCK, holder, NAP_MS);
    }
  }

  #grow(endWord: number): boolean {
    const limit = this.#memory.maxByteLength;
    const wanted = Math.max(endWord * 4, Math.min(this.words.length * 8, this.words.length * 4 + 64 * 1024 * 1024));
    const bytes = Math.min(limit, Math.ceil(wanted / 8) * 8);
    if (bytes < endWord * 4) return false;
    try {
      this.#memory.grow(bytes);
    } catch {
      return false;
    }
    this.words[SIZE] = bytes / 4;
    this.#look();
    return true;
  }

  /** Sees all of the memory, which has grown. */
  #look(): void {
    const words = this.words[SIZE] as number;
    this.words = new Int32Array(this.#memory, 0, words);
    this.bytes = Buffer.from(this.#memory, 0, words * 4);
    this.floats = new Float64Array(this.#memory, 0, words >>> 1);
  }
}

/** The smallest class that holds so many words. */
function classOf(wordCount: number): number {
  const need = Math.max(wordCount, 8);
  const octave = 31 - Math.clz32(need - 1);
  // 2^octave < need <= 2^(octave + 1)
  const half = need <= 3 << (octave - 1) ? 1 : 2;
  return need === 8 ? 0 : (octave - 3) * 2 + half;
}

function classWords(sizeClass: number): number {
  const octave = 3 + (sizeClass >>> 1);
  return (sizeClass & 1) === 0 ? 1 << octave : 3 << (octave - 1);
}
