import { type Server, type SharedStore, sharedStore } from 'strowger';

/** In front of keys: of a profile as a whole, and of one of its values. */
const WHOLE = 'n';
const VALUE = 'v';
/** What counts items of other servers (dlg_remote_profile), beside the numbers of workers. */
const REMOTE = 'r';

type CountServer = Pick<Server, 'sharedHeap' | 'workerCount' | 'workerIndex' | 'clock'>;

/**
 * How many dialogs are in a profile, all workers' together. Each worker counts its own, so that those of one that died
 * can be forgotten.
 */
export class ProfileCounts {
  readonly #server: CountServer;
  readonly #own = new Map<string, number>();
  /** Null where this worker is the only one: then nobody else needs to know. */
  readonly #shared: SharedStore | null;
  /** Counts that `dlg_remote_profile` made. */
  readonly #remote: SharedStore;

  constructor(server: CountServer) {
    this.#server = server;
    this.#remote = sharedStore(server, 'dialog.remote-counts');
    this.#shared = server.workerCount === 1 ? null : sharedStore(server, 'dialog.profiles');
    this.#forgetPredecessor();
  }

  /** A dialog of ours comes (1) or goes (-1). `value` is null in a profile without values. */
  add(profile: string, value: string | null, delta: 1 | -1): void {
    this.#count(WHOLE + profile, delta);
    if (value !== null) this.#count(`${VALUE}${profile}\0${value}`, delta);
  }

  addRemote(profile: string, value: string | null, delta: 1 | -1): void {
    const nowMs = this.#server.clock.wall();
    this.#remote.add(`${REMOTE}${WHOLE}${profile}`, delta, nowMs);
    if (value !== null) this.#remote.add(`${REMOTE}${VALUE}${profile}\0${value}`, delta, nowMs);
  }

  /** `value` null: all of the profile. */
  size(profile: string, value: string | null): number {
    const key = value === null ? WHOLE + profile : `${VALUE}${profile}\0${value}`;
    let sum = this.#own.get(key) ?? 0;
    const { workerCount, workerIndex, clock } = this.#server;
    const nowMs = clock.wall();
    if (this.#shared !== null) {
      for (let worker = 0; worker < workerCount; worker++)
        if (worker !== workerIndex) sum += numberOf(this.#shared.get(`${worker} ${key}`, nowMs));
    }
    if (this.#remote.size > 0) sum += numberOf(this.#remote.get(REMOTE + key, nowMs));
    return sum;
  }

  #count(key: string, delta: number): void {
    const count = (this.#own.get(key) ?? 0) + delta;
    if (count <= 0) this.#own.delete(key);
    else this.#own.set(key, count);
    if (this.#shared === null) return;
    const name = `${this.#server.workerIndex} ${key}`;
    if (count <= 0) this.#shared.delete(name);
    else this.#shared.set(name, count);
  }

  /** What a worker counted whose place we take, whose dialogs are gone with it. */
  #forgetPredecessor(): void {
    if (this.#shared === null) return;
    const own = `${this.#server.workerIndex} `;
    for (const { key } of this.#shared.records()) if (key.startsWith(own)) this.#shared.delete(key);
  }
}

function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}
