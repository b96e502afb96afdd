import type { TmCore } from './core.ts';

/** What `tm.stats` and tmx's statistics show. Plain numbers: they are touched for every transaction. */
export class TmStats {
  readonly #tm: TmCore;
  /** Transactions of received and of own requests so far. */
  uas = 0;
  uac = 0;
  /** By class of the final reply: index 2 to 6. */
  readonly finals: number[] = [0, 0, 0, 0, 0, 0, 0];
  rplReceived = 0;
  rplGenerated = 0;
  rplSent = 0;
  rplRelayed = 0;
  rplAbsorbed = 0;
  freed = 0;
  /** Freed by `tm.clean`. */
  delayedFree = 0;

  constructor(tm: TmCore) {
    this.#tm = tm;
  }

  /** A transaction has got its final status. */
  completed(status: number): void {
    const kind = Math.floor(status / 100);
    if (kind >= 2 && kind <= 6) this.finals[kind] = (this.finals[kind] ?? 0) + 1;
  }

  final(kind: number): number {
    return this.finals[kind] ?? 0;
  }

  get created(): number {
    return this.uas + this.uac;
  }

  /** Transactions there are. */
  get current(): number {
    return this.#tm.table.size;
  }

  /** Those that are not answered yet. Counted when asked for. */
  get active(): number {
    let count = 0;
    for (const t of this.#tm.table.live()) if (!t.isAnswered) count++;
    return count;
  }

  /** Those that are done and wait for late messages. */
  get waiting(): number {
    return this.current - this.active;
  }
}
