import type { TmCore } from './core.ts';
import { T_FLAG, type Transaction } from './transaction.ts';

/** What `tm.stats` and tmx's statistics show. Plain numbers: they are touched for every transaction. */
export class TmStats {
  readonly #tm: TmCore;
  uas = 0;
  uac = 0;
  /** By class of the final reply: index 2 to 6. */
  readonly finals: number[] = [0, 0, 0, 0, 0, 0, 0];
  rplReceived = 0;
  rplGenerated = 0;
  rplSent = 0;
  relayedReplies = 0;
  waiting = 0;
  created = 0;
  freed = 0;
  delayedFree = 0;

  constructor(tm: TmCore) {
    this.#tm = tm;
  }

  begun(t: Transaction): void {
    this.created++;
    if ((t.flags & T_FLAG.LOCAL) !== 0) this.uac++;
    else this.uas++;
  }

  ended(t: Transaction): void {
    this.freed++;
    const kind = Math.floor(t.status / 100);
    if (kind >= 2 && kind <= 6) this.finals[kind] = (this.finals[kind] ?? 0) + 1;
  }

  reply(_status: number): void {
    this.rplReceived++;
  }

  relayed(): void {
    this.relayedReplies++;
    this.rplSent++;
  }

  local(_code: number): void {
    this.rplGenerated++;
    this.rplSent++;
  }

  get current(): number {
    return this.#tm.table.size;
  }
}
