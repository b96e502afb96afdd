import { flatCopy } from 'strowger';
import type { Dest } from './destination.ts';
import type { DsTable } from './table.ts';

interface Call {
  setId: number;
  duid: string;
  expiresMs: number;
}

/** Calls followed at a time; more are sent without being counted. */
const MAX_CALLS = 1_000_000;

/** Calls by Call-ID, for algorithm 10: how many each destination has. */
export class CallLoads {
  readonly #table: DsTable;
  readonly #calls = new Map<string, Call>();
  readonly #now: () => number;
  readonly #initMs: number;
  readonly #confirmedMs: number;

  /** Ms that a call counts before and after it was answered. */
  constructor(table: DsTable, now: () => number, initMs: number, confirmedMs: number) {
    this.#table = table;
    this.#now = now;
    this.#initMs = initMs;
    this.#confirmedMs = confirmedMs;
  }

  get size(): number {
    return this.#calls.size;
  }

  /** Counts a call on a destination. Why not, or null. */
  add(callId: string, dest: Dest): string | null {
    if (callId === '') return 'it has no Call-ID';
    if (dest.attrs.duid === '') return `${dest.uri} has no duid`;
    if (this.#calls.has(callId)) return 'its Call-ID is counted already';
    if (this.#calls.size >= MAX_CALLS) return 'too many calls are counted';
    const call = { setId: dest.setId, duid: dest.attrs.duid, expiresMs: this.#now() + this.#initMs };
    this.#calls.set(flatCopy(callId), call);
    dest.load++;
    return null;
  }

  /** The call goes to another destination of a set. False where it is not counted. */
  move(callId: string, setId: number, duid: string): boolean {
    const call = this.#calls.get(callId);
    const dest = this.#find(setId, duid);
    if (call === undefined || dest === undefined) return false;
    this.#subtract(call);
    dest.load++;
    call.setId = setId;
    call.duid = dest.attrs.duid;
    return true;
  }

  /** The call was answered. */
  confirm(callId: string): boolean {
    const call = this.#calls.get(callId);
    if (call === undefined) return false;
    call.expiresMs = this.#now() + this.#confirmedMs;
    return true;
  }

  /** The call is over. False where it was not counted. */
  remove(callId: string): boolean {
    const call = this.#calls.get(callId);
    if (call === undefined) return false;
    this.#calls.delete(callId);
    this.#subtract(call);
    return true;
  }

  /** Ends calls whose time is over. Returns how many. */
  expire(): number {
    const now = this.#now();
    let ended = 0;
    for (const [callId, call] of this.#calls) {
      if (call.expiresMs > now) continue;
      this.remove(callId);
      ended++;
    }
    return ended;
  }

  #subtract(call: Call): void {
    const dest = this.#find(call.setId, call.duid);
    if (dest !== undefined && dest.load > 0) dest.load--;
  }

  #find(setId: number, duid: string): Dest | undefined {
    return this.#table.set(setId)?.dests.find((dest) => dest.attrs.duid === duid);
  }
}
