import { callOwner, type Server, type SharedStore, type SipMsg, sharedStore } from 'strowger';

/** Tries to find a Call-ID of this worker's: fails once in (1 - 1/workers)^tries. */
const MAX_TRIES = 2000;
/** How long requests come here for a dialog that is to begin, ms. */
const LENT_MS = 60_000;
/** Buckets of the table that are looked through for what is over whenever something is lent. */
const SWEPT = 16;

/**
 * Where the requests of a Call-ID are handled: in the worker that its hash names, unless this table, which all workers
 * share, says otherwise: the call has moved there.
 */
export class Homes {
  readonly #server: Server;
  readonly #moved: SharedStore | null;
  #sweepFrom = 0;

  constructor(server: Server) {
    this.#server = server;
    this.#moved = server.workerCount === 1 ? null : sharedStore(server, 'b2bua.homes');
  }

  /** A Call-ID whose requests come to this worker: the first of those that `make` gives. */
  ownCallId(make: (attempt: number) => string): string {
    const { workerCount, workerIndex } = this.#server;
    for (let attempt = 0; ; attempt++) {
      const callId = make(attempt);
      if (callOwner(callId, workerCount) === workerIndex) return callId;
      if (attempt < MAX_TRIES) continue;
      this.set(callId);
      return callId;
    }
  }

  /** The worker that gets the requests of a Call-ID. */
  of(callId: string): number {
    const moved = this.#moved === null || this.#moved.size === 0 ? undefined : this.#moved.get(callId, this.#nowMs);
    return typeof moved === 'number' ? moved : callOwner(callId, this.#server.workerCount);
  }

  /** Of every worker the same. */
  get #nowMs(): number {
    return this.#server.clock.wall();
  }

  /** They come to this worker for a while: until a leg has this Call-ID they are nobody's. */
  lend(callId: string): void {
    const { workerCount, workerIndex } = this.#server;
    if (this.#moved === null) return;
    this.#sweepFrom = this.#moved.sweep(this.#nowMs, this.#sweepFrom, SWEPT);
    if (callOwner(callId, workerCount) === workerIndex) this.#moved.delete(callId);
    else this.#moved.set(callId, workerIndex, this.#nowMs + LENT_MS);
  }

  /** A leg has this Call-ID: what was lent is kept. */
  keep(callId: string): void {
    if (this.#moved === null || this.#moved.size === 0) return;
    const { workerIndex } = this.#server;
    this.#moved.update(callId, this.#nowMs, (record) =>
      record?.value === workerIndex ? { value: workerIndex, expiresMs: 0 } : undefined,
    );
  }

  /** They come to this worker from now on. */
  set(callId: string): void {
    const { workerCount, workerIndex } = this.#server;
    if (this.#moved === null) return;
    if (callOwner(callId, workerCount) === workerIndex) this.#moved.delete(callId);
    else this.#moved.set(callId, workerIndex);
  }

  /** A dialog of this worker's is over. */
  forget(callId: string): void {
    const { workerIndex } = this.#server;
    if (this.#moved === null || this.#moved.size === 0) return;
    this.#moved.update(callId, this.#nowMs, (record) => (record?.value === workerIndex ? null : undefined));
  }

  /** Passes a message on to the worker that has its call; false where that is this one. */
  passesOn(msg: SipMsg): boolean {
    if (this.#moved === null || this.#moved.size === 0) return false;
    const { handover, workerIndex } = this.#server;
    const home = this.#moved.get(msg.callId ?? '', this.#nowMs);
    if (typeof home !== 'number' || home === workerIndex || handover === null) return false;
    handover.hand(msg, home);
    return true;
  }
}
