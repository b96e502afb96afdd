import { timingSafeEqual } from 'node:crypto';

/** Compares proofs without telling by its time how much of one is right. Keeps the buffers that this needs. */
export class SafeEqual {
  readonly #buffers = new Map<number, readonly [Buffer, Buffer]>();

  /** Latin1 texts; of different lengths they are not equal. */
  equals(a: string, b: string): boolean {
    const { length } = a;
    if (b.length !== length) return false;
    let pair = this.#buffers.get(length);
    if (pair === undefined) this.#buffers.set(length, (pair = [Buffer.alloc(length), Buffer.alloc(length)]));
    pair[0].latin1Write(a);
    pair[1].latin1Write(b);
    return timingSafeEqual(pair[0], pair[1]);
  }
}
