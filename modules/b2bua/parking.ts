import { type SharedStore, sharedStore, type Timer } from 'strowger';
import { joinAnswered } from './bridge.ts';
import type { Call } from './call.ts';
import type { Calls } from './calls.ts';
import type { Target } from './dial.ts';
import { hold } from './hold.ts';
import { LEG, type Leg } from './leg.ts';
import { connect, moveTo } from './rebridge.ts';

/** A leg that waits in a slot for somebody to take its call. */
export interface Parked {
  readonly slot: string;
  readonly leg: Leg;
  /** Who parked it, and gets it back when nobody takes it. */
  readonly from: Target;
  timer: Timer<undefined> | null;
  /** Somebody is taking it. */
  isTaken: boolean;
}

const PARKED = 'Reason: SIP;cause=200;text="Call parked"\r\n';
/** A slot that is being taken when its time is up gets so much more, in ms. */
const GRACE_MS = 10_000;

/** The parked calls of a server, by slot. All workers share the slots; what is in them belongs to the one that has the call. */
export class ParkingLot {
  readonly #calls: Calls;
  /** Worker by slot. */
  readonly #taken: SharedStore;
  readonly #slots = new Map<string, Parked>();

  constructor(calls: Calls) {
    this.#calls = calls;
    this.#taken = sharedStore(calls.server, 'b2bua.slots');
    // Of a worker that died, whose place this one takes.
    for (const { key, value } of this.#taken.records()) if (value === calls.server.workerIndex) this.#taken.delete(key);
  }

  /** Takes a slot for this worker; false where another call is in it, in any worker. */
  #takes(slot: string): boolean {
    let isFree = false;
    const { workerIndex } = this.#calls.server;
    this.#taken.update(slot, 0, (record) => {
      isFree = record === undefined;
      return isFree ? { value: workerIndex, expiresMs: 0 } : undefined;
    });
    return isFree;
  }

  /** The leg in a slot; null where none is, or not in this worker. */
  legIn(slot: string): Leg | null {
    return this.#slots.get(slot)?.leg ?? null;
  }

  [Symbol.iterator](): IterableIterator<Parked> {
    return this.#slots.values();
  }

  /** Parks the other side of `leg`, which is hung up. False where the slot is taken or there is nobody to park. */
  async park(leg: Leg, slot: string): Promise<boolean> {
    const parked = leg.peer;
    if (slot === '' || parked === null || leg.state !== LEG.CONFIRMED || parked.state !== LEG.CONFIRMED) return false;
    if (!this.#takes(slot)) return false;
    const { remoteTarget, flow } = leg.dialog;
    const from: Target = { uri: remoteTarget, nextHop: flow, socket: leg.socket };
    const entry: Parked = { slot, leg: parked, from, timer: null, isTaken: false };
    this.#slots.set(slot, entry);
    parked.peer = null;
    leg.peer = null;
    parked.owner.note(parked, `parked in ${slot}`);
    leg.hangup(PARKED);
    this.#wait(entry, this.#calls.settings.parkMs);
    await hold(parked);
    return true;
  }

  /** Places of a call's legs. */
  of(call: Call): Parked[] {
    return [...this.#slots.values()].filter(({ leg }) => leg.owner === call);
  }

  /** A leg that was parked before a restart, or in another worker; `dueMs` 0: for ever. */
  resume(slot: string, leg: Leg, from: Target, dueMs: number): void {
    const entry: Parked = { slot, leg, from, timer: null, isTaken: false };
    this.#taken.set(slot, this.#calls.server.workerIndex);
    this.#slots.set(slot, entry);
    this.#wait(entry, dueMs === 0 ? 0 : Math.max(1, dueMs - this.#calls.server.clock.now()));
  }

  #wait(entry: Parked, ms: number): void {
    if (ms > 0) entry.timer = this.#calls.server.wheel.after(ms, () => this.#expired(entry));
  }

  /** Whoever asks gets the parked call: false where the slot is empty or its call can not be had. */
  async unpark(slot: string, fresh: Leg): Promise<boolean> {
    if (!this.#slots.has(slot)) await this.#calls.others.fetch('slot', slot);
    const entry = this.#slots.get(slot);
    if (entry === undefined || entry.isTaken || entry.leg.isEnded) return false;
    entry.isTaken = true;
    const isJoined = await connect(fresh, entry.leg);
    entry.isTaken = false;
    if (!isJoined) return false;
    this.#remove(entry);
    entry.leg.isOnHold = false;
    moveTo(entry.leg.owner as Call, fresh, 'unparked');
    return true;
  }

  #remove(entry: Parked): void {
    if (this.#slots.get(entry.slot) === entry) {
      this.#slots.delete(entry.slot);
      this.#taken.delete(entry.slot);
    }
    if (entry.timer !== null) this.#calls.server.wheel.cancel(entry.timer);
  }

  /** A call has ended: its legs are parked no longer. */
  release(call: Call): void {
    for (const entry of this.#slots.values()) if (entry.leg.owner === call) this.#remove(entry);
  }

  /** A call goes on in another worker, in its slots. */
  leaves(call: Call): void {
    for (const entry of this.of(call)) {
      this.#slots.delete(entry.slot);
      if (entry.timer !== null) this.#calls.server.wheel.cancel(entry.timer);
    }
  }

  #expired(entry: Parked): void {
    if (entry.isTaken) return this.#wait(entry, GRACE_MS);
    const call = entry.leg.owner as Call;
    call.post(() => {
      this.#remove(entry);
      if (entry.leg.isEnded || entry.leg.peer !== null) return;
      const veto = call.fire('park-timeout', entry.leg);
      const go = (isVetoed: boolean): void => {
        if (!isVetoed && !entry.leg.isEnded && entry.leg.peer === null) giveBack(call, entry);
      };
      return veto instanceof Promise ? veto.then(go) : go(veto);
    });
  }
}

/** Calls who parked the call; where nobody answers it ends. */
function giveBack(call: Call, { leg, from }: Parked): void {
  void call.dialFor(leg, [from], { body: leg.remoteSdp }, (result) => {
    const { leg: answered, reply } = result;
    if (answered === null || reply === null) return call.end('park timeout');
    void joinAnswered(leg, answered, reply.body).then((isJoined) => {
      if (isJoined) leg.isOnHold = false;
      else call.post(() => call.end('park timeout'));
    });
  });
}
