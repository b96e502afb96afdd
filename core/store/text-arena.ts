/** Bytes of one block. A text lies in one block, so none may be longer. */
const BLOCK_BYTES = 1 << 18;
/** Free blocks that are kept for the next texts: 4 MB. */
const SPARE_BLOCKS = 16;

interface Block {
  readonly bytes: Buffer;
  /** Texts in it that have not been released. */
  count: number;
}

/**
 * latin1 texts outside V8's heap, for what is kept by the hundred thousand, for seconds, and is seldom read again: the
 * garbage collector copies a string twice before it leaves it alone, and these it never sees. A block is used again once
 * all of its texts are released, so texts should live about equally long.
 */
export class TextArena {
  static readonly MAX_LENGTH = BLOCK_BYTES;
  readonly #blocks: (Block | null)[] = [];
  readonly #spare: Buffer[] = [];
  /** Numbers of blocks that are none. */
  readonly #free: number[] = [];
  #current = -1;
  #used = BLOCK_BYTES;

  /** Blocks in use. */
  get blocks(): number {
    return this.#blocks.length - this.#free.length;
  }

  /** A place for texts of this length (chars) in all, at most MAX_LENGTH: to be written, read, and released once. */
  reserve(length: number): number {
    if (this.#used + Math.max(length, 1) > BLOCK_BYTES) this.#begin();
    const at = this.#current * BLOCK_BYTES + this.#used;
    this.#used += length;
    (this.#blocks[this.#current] as Block).count++;
    return at;
  }

  /** Writes a text at a reserved place, or at an offset into one. */
  write(at: number, text: string): void {
    this.#blockOf(at).bytes.latin1Write(text, at % BLOCK_BYTES, text.length);
  }

  read(at: number, length: number): string {
    const from = at % BLOCK_BYTES;
    return this.#blockOf(at).bytes.latin1Slice(from, from + length);
  }

  /** Gives a reserved place back. */
  release(at: number): void {
    const number = Math.floor(at / BLOCK_BYTES);
    const block = this.#blocks[number] as Block;
    block.count--;
    if (block.count === 0 && number !== this.#current) this.#drop(number, block);
  }

  #blockOf(at: number): Block {
    return this.#blocks[Math.floor(at / BLOCK_BYTES)] as Block;
  }

  #begin(): void {
    const full = this.#blocks[this.#current];
    if (full !== undefined && full !== null && full.count === 0) this.#drop(this.#current, full);
    this.#current = this.#free.pop() ?? this.#blocks.length;
    this.#blocks[this.#current] = { bytes: this.#spare.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES), count: 0 };
    this.#used = 0;
  }

  #drop(number: number, block: Block): void {
    this.#blocks[number] = null;
    this.#free.push(number);
    if (this.#spare.length < SPARE_BLOCKS) this.#spare.push(block.bytes);
  }
}
