import { flatCopy, HDR, METHOD, type SipMsg } from 'strowger';
import { adoptCall } from './adoption.ts';
import type { Call } from './call.ts';
import { parseRecord, recordOf, textOf } from './call-record.ts';
import type { Calls } from './calls.ts';
import type { B2bContext } from './context.ts';
import type { Leg } from './leg.ts';
import { pickUpBy, pickUpRinging, ringing } from './pickup.ts';
import { parseReplaces } from './replaces.ts';

/** Bus topics. */
const FETCH = 'b2bua.fetch';
const ARRIVED = 'b2bua.arrived';
const RINGING = 'b2bua.ringing';
const TAKE = 'b2bua.take';
const PICKUP = 'b2bua.pickup';

/** How long a call that left waits for the worker that asked for it; longer than an answer on the bus may take. */
const ARRIVAL_MS = 4000;
/** Messages kept meanwhile. */
const MAX_KEPT = 50;

/** What is asked for: by the id of a call or leg, `call-id;tag`, the value of a Replaces, or a parking slot. */
interface Wanted {
  readonly kind: 'key' | 'replaces' | 'slot';
  readonly value: string;
}

/** An INVITE for a call of another worker: it is to pick up a leg there, or has Replaces. */
interface Taking {
  readonly worker: number;
  readonly callId: string;
  readonly legId: string;
  readonly replaces: string;
}

/** Somebody who is to be called, and gets the call that rings. */
interface Pickup {
  readonly worker: number;
  readonly legId: string;
  readonly uri: string;
}

/** The earliest call that rings in a worker. */
export interface RingingElsewhere {
  readonly worker: number;
  readonly legId: string;
  /** Wall time: each worker's clock counts from somewhere else. */
  readonly startedMs: number;
}

/** A call that is on its way to another worker. */
interface Departure {
  readonly record: string;
  readonly messages: SipMsg[];
}

/**
 * What concerns calls of other workers. A call in which nothing is under way is fetched: it goes on here. To a call that
 * rings, whose transactions can not move, the INVITE goes that is about it.
 */
export class OtherWorkers {
  readonly #calls: Calls;
  /** By the Call-IDs of calls that have just left. */
  readonly #departed = new Map<string, Departure>();
  /** INVITEs that come for a leg that rings here, by Call-ID. */
  readonly #expected = new Map<string, string>();
  /** INVITEs with Replaces, by Call-ID, that the others are asked about. */
  readonly #asking = new Set<string>();
  /** Those among them that nobody else has. */
  readonly #settled = new Set<string>();
  readonly #off: () => void;

  constructor(calls: Calls) {
    const { bus } = calls.server;
    this.#calls = calls;
    bus.answer(FETCH, (wanted) => this.#give(wanted as Wanted));
    bus.answer(RINGING, (key) => this.#ringing(String(key)));
    bus.answer(TAKE, (taking) => this.#take(taking as Taking));
    bus.answer(PICKUP, (pickup) => this.#pickUpAt(pickup as Pickup));
    this.#off = bus.on(ARRIVED, (callIds) => this.#arrived(callIds as readonly string[]));
  }

  get areThere(): boolean {
    return this.#calls.server.workerCount > 1;
  }

  close(): void {
    this.#off();
  }

  // ---- calls that move

  /** Brings a call here that another worker has; null where none has it, or it can not move now. */
  async fetch(kind: Wanted['kind'], value: string): Promise<Call | null> {
    const calls = this.#calls;
    if (!this.areThere || value === '') return null;
    const answers = await calls.server.bus.ask(FETCH, { kind, value: flatCopy(value) } satisfies Wanted);
    const text = answers.find((answer) => typeof answer === 'string');
    const record = typeof text === 'string' ? parseRecord(text) : null;
    if (record === null) return null;
    const callIds = record.legs.flatMap((leg) => (leg.isEnded ? [] : [leg.callId]));
    for (const callId of callIds) calls.homes.set(callId);
    const call = adoptCall(calls, record, true);
    calls.store?.knows(call);
    calls.server.bus.publish(ARRIVED, callIds);
    calls.stats.count('moved_calls');
    return call;
  }

  /** The leg of a key of a leg, or the first of a call's, fetched where it is elsewhere. */
  async leg(key: string): Promise<Leg | null> {
    const own = this.#legHere(key);
    if (own !== null || (await this.fetch('key', key)) === null) return own;
    return this.#legHere(key);
  }

  #legHere(key: string): Leg | null {
    const leg = this.#calls.legById(key) ?? this.#calls.get(key)?.legs.find((each) => !each.isEnded) ?? null;
    return leg === null || leg.isEnded ? null : leg;
  }

  /** The text of a call that leaves; null where it is not here, or something is under way in it. */
  #give({ kind, value }: Wanted): string | null {
    const call = this.#callOf(kind, value);
    if (call === null || call.isEnded || !call.isIdle) return null;
    const record = textOf(recordOf(call));
    const departure: Departure = { record, messages: [] };
    const callIds = call.legs.flatMap((leg) => (leg.isEnded ? [] : [leg.dialog.callId]));
    this.#calls.departs(call);
    for (const callId of callIds) this.#departed.set(callId, departure);
    this.#calls.server.wheel.after(ARRIVAL_MS, () => {
      // Nobody took it: it comes back.
      if (callIds.some((callId) => this.#departed.get(callId) === departure)) this.#comesBack(departure, callIds);
    });
    return record;
  }

  #callOf(kind: Wanted['kind'], value: string): Call | null {
    const calls = this.#calls;
    if (kind === 'slot') return (calls.parking.legIn(value)?.owner as Call | undefined) ?? null;
    const leg = kind === 'replaces' ? calls.legOfReplaces(value) : this.#legHere(value);
    return (leg?.owner as Call | undefined) ?? null;
  }

  #comesBack(departure: Departure, callIds: readonly string[]): void {
    const record = parseRecord(departure.record);
    for (const callId of callIds) this.#departed.delete(callId);
    if (record === null) return;
    const call = adoptCall(this.#calls, record, true);
    this.#calls.store?.knows(call);
    for (const msg of departure.messages) this.#calls.server.receiveOwn(msg.buf, msg.rcv);
  }

  /** A call has arrived where it was wanted; what came for it meanwhile goes there. */
  #arrived(callIds: readonly string[]): void {
    for (const callId of callIds) {
      const departure = this.#departed.get(callId);
      this.#departed.delete(callId);
      for (const msg of departure?.messages.splice(0) ?? []) this.#calls.server.receiveOwn(msg.buf, msg.rcv);
    }
  }

  // ---- messages

  /** True for a message that is not handled here, or not yet. */
  takes(msg: SipMsg): boolean {
    const callId = msg.callId ?? '';
    const departure = this.#departed.size === 0 ? undefined : this.#departed.get(callId);
    if (departure !== undefined) {
      if (departure.messages.length < MAX_KEPT) departure.messages.push(msg);
      return true;
    }
    if (this.#calls.homes.passesOn(msg)) return true;
    if (msg.method !== METHOD.INVITE || msg.toTag !== '') return false;
    const legId = this.#expected.get(callId);
    if (legId !== undefined) return this.#picksUp(msg, callId, legId);
    const replaces = msg.header(HDR.REPLACES);
    return replaces !== null && this.#asksAbout(msg, callId, replaces);
  }

  /** An INVITE with Replaces goes to the worker that has the dialog, before the script sees it. */
  #asksAbout(msg: SipMsg, callId: string, value: string): boolean {
    if (this.#settled.delete(callId)) return false;
    const { homes, server } = this.#calls;
    const replaced = parseReplaces(value)?.callId ?? '';
    const worker = homes.of(replaced);
    if (replaced === '' || worker === server.workerIndex || this.#replacedBy(value) !== null) return false;
    // Repeated while we ask.
    if (this.#asking.has(callId)) return true;
    this.#asking.add(callId);
    void this.#isTaken({ worker, callId, legId: '', replaces: value }).then((isTaken) => {
      this.#asking.delete(callId);
      if (isTaken) server.handover?.hand(msg, worker);
      else {
        this.#settled.add(callId);
        server.receiveOwn(msg.buf, msg.rcv);
      }
    });
    return true;
  }

  async #isTaken(taking: Taking): Promise<boolean> {
    return (await this.#calls.server.bus.ask(TAKE, taking)).includes(true);
  }

  #take({ worker, callId, legId, replaces }: Taking): boolean {
    const calls = this.#calls;
    if (worker !== calls.server.workerIndex) return false;
    const leg = legId === '' ? this.#replacedBy(replaces) : ringing(calls, legId);
    if (leg === null) return false;
    calls.homes.lend(callId);
    if (legId !== '') {
      this.#expected.set(callId, legId);
      calls.server.wheel.after(ARRIVAL_MS, () => this.#expected.delete(callId));
    }
    return true;
  }

  /** The leg that a Replaces names here, by its dialog or by the name that it has for the other side. */
  #replacedBy(value: string): Leg | null {
    const callId = parseReplaces(value)?.callId ?? '';
    return this.#calls.hidden.legOf(callId) ?? this.#calls.legOfReplaces(value);
  }

  /** The INVITE that was announced: who sent it gets the call that rings. */
  #picksUp(msg: SipMsg, callId: string, legId: string): boolean {
    const calls = this.#calls;
    this.#expected.delete(callId);
    const about = calls.begin(msg);
    if (about === null || about.call.isEnded) return true;
    if (pickUpRinging(calls, about.leg, legId)) return true;
    about.leg.refuse(481, 'Nothing rings any more');
    about.call.end('nothing rings any more');
    return true;
  }

  // ---- calls that ring

  #ringing(key: string): RingingElsewhere | null {
    const { clock, workerIndex } = this.#calls.server;
    const leg = ringing(this.#calls, key);
    if (leg === null) return null;
    return {
      worker: workerIndex,
      legId: leg.id,
      startedMs: clock.wall() - clock.now() + (leg.owner as Call).startedMs,
    };
  }

  /** The earliest call that rings in any worker. */
  async ringing(key: string): Promise<RingingElsewhere | null> {
    const found = this.areThere ? await this.#calls.server.bus.ask(RINGING, flatCopy(key)) : [];
    let best = this.#ringing(key);
    for (const each of found as (RingingElsewhere | null)[])
      if (each !== null && (best === null || each.startedMs < best.startedMs)) best = each;
    return best;
  }

  /** Calls a URI from the worker where a leg rings: true when that has begun. */
  async pickUpAt(rings: RingingElsewhere, uri: string): Promise<boolean> {
    const { worker, legId } = rings;
    return (await this.#calls.server.bus.ask(PICKUP, { worker, legId, uri } satisfies Pickup)).includes(true);
  }

  #pickUpAt({ worker, legId, uri }: Pickup): boolean {
    const leg = worker === this.#calls.server.workerIndex ? ringing(this.#calls, legId) : null;
    if (leg === null) return false;
    return pickUpBy(this.#calls, leg, uri) !== null;
  }

  /** The caller's INVITE goes to the worker where a leg rings, which picks it up. False where that does not any more. */
  async picksUpAt(msg: SipMsg, about: B2bContext | undefined, rings: RingingElsewhere): Promise<boolean> {
    const calls = this.#calls;
    const callId = flatCopy(msg.callId ?? '');
    if (!(await this.#isTaken({ worker: rings.worker, callId, legId: rings.legId, replaces: '' }))) return false;
    about?.leg.leave();
    about?.call.end('picked up in another worker');
    const t = calls.tm.transaction(msg);
    if (t !== null) calls.tm.core.release(t);
    calls.server.handover?.hand(msg, rings.worker);
    return true;
  }
}
