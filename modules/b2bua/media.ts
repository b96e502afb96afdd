import type { Timer } from 'strowger';
import type { Call } from './call.ts';
import type { Calls } from './calls.ts';
import { LEG, type Leg } from './leg.ts';
import type { Outgoing } from './outbox.ts';

/** A description for a media engine: of which call, who made it, and whom it is for. Sides are named by the ids of legs. */
export interface MediaParty {
  readonly callId: string;
  readonly from: string;
  readonly to: string;
}

/** What an engine knows of a call: packets that came from each side so far. */
export interface MediaState {
  /** It has ended the call by itself, or has lost it: no media flow any more. */
  readonly isGone?: boolean;
  readonly packets: ReadonlyMap<string, number>;
}

/**
 * What media go through: the api of rtpengine, or of another module that has the same. Nothing rejects: null and false say
 * that it could not be done.
 */
export interface MediaEngine {
  /** The description that the other side gets instead. */
  offer(party: MediaParty, sdp: string, flags: string): Promise<string | null>;
  answer(party: MediaParty, sdp: string, flags: string): Promise<string | null>;
  /** Ends the media of a call; `from` is one of its sides. */
  delete(callId: string, from: string): Promise<void>;
  /** Null where the engine does not say. */
  query(callId: string, from: string): Promise<MediaState | null>;
  /** Plays a digit to one side, for so many ms. */
  playDtmf(callId: string, to: string, digit: string, durationMs: number): Promise<boolean>;
  /** Told of calls whose media have stopped, by engines that notice by themselves; what it returns ends that. */
  onTimeout(told: (callId: string) => void): () => void;
}

/** Longest time between two looks at the media of a call, in ms, where there are few. */
const MAX_LOOK_MS = 10_000;
/** Shortest time between two looks at any call of a worker, in ms: many calls are looked at more rarely. */
const LOOK_PAUSE_MS = 2;

/** The media of one call in an engine. */
export class CallMedia {
  readonly #call: Call;
  readonly #engine: MediaEngine;
  readonly #heard = new Map<string, { packets: number; atMs: number }>();
  #timer: Timer<undefined> | null = null;
  /** The side that the engine heard of first; '' before. */
  first = '';

  constructor(call: Call, engine: MediaEngine) {
    this.#call = call;
    this.#engine = engine;
  }

  /** The description that a leg gets in the place of one that another leg made; null where the engine can not. */
  async pass(leg: Leg, out: Outgoing): Promise<string | null> {
    const origin = originOf(this.#call, leg, out.body);
    // What we made up ourselves has no media.
    if (origin === null) return out.body;
    leg.source = origin;
    const { callId, flags } = this.#names();
    this.first ||= origin.id;
    const party = { callId, from: origin.id, to: out.isOffer && leg.state === LEG.EARLY ? '' : leg.id };
    const passed = await (out.isOffer
      ? this.#engine.offer(party, out.body, flags)
      : this.#engine.answer(party, out.body, flags));
    if (passed === null) this.#call.note(leg, 'the media engine refuses');
    else if (!out.isOffer) this.#watch();
    return passed;
  }

  #names(): { readonly callId: string; readonly flags: string } {
    return { callId: this.#call.id, flags: this.#call.calls.settings.mediaFlags };
  }

  /** Digits for a leg; false where the engine plays none. */
  playDtmf(leg: Leg, digit: string, durationMs: number): Promise<boolean> {
    return this.#engine.playDtmf(this.#call.id, leg.id, digit, durationMs);
  }

  // ---- silence

  #watch(): void {
    const { rtpMs, rtpHoldMs } = this.#call.calls.settings;
    const shortest = Math.min(rtpMs || Infinity, rtpHoldMs || Infinity);
    if (this.#timer !== null || shortest === Infinity || this.#call.isEnded) return;
    const lookMs = Math.max(1000, Math.min(MAX_LOOK_MS, shortest / 2), this.#call.calls.size * LOOK_PAUSE_MS);
    this.#timer = this.#call.server.wheel.after(lookMs, () => {
      void this.#look().then(() => {
        this.#timer = null;
        this.#watch();
      });
    });
  }

  async #look(): Promise<void> {
    const call = this.#call;
    const state = await this.#engine.query(call.id, this.first);
    if (state === null || call.isEnded) return;
    if (state.isGone === true) return call.mediaTimeout();
    const nowMs = call.server.clock.now();
    for (const leg of call.legs) {
      const packets = state.packets.get(leg.id);
      if (packets === undefined || leg.state !== LEG.CONFIRMED) continue;
      const before = this.#heard.get(leg.id);
      if (before === undefined || before.packets !== packets) this.#heard.set(leg.id, { packets, atMs: nowMs });
      else if (this.#isSilent(leg, nowMs - before.atMs)) {
        before.atMs = nowMs;
        return call.post(() => call.mediaStopped(leg));
      }
    }
  }

  /** A side on hold, or whose other side is, may be silent for longer. */
  #isSilent(leg: Leg, ms: number): boolean {
    const { rtpMs, rtpHoldMs } = this.#call.calls.settings;
    const isHeld = [leg, leg.peer].some((each) => each === null || each.isHeld || each.isOnHold);
    const limit = isHeld ? rtpHoldMs : rtpMs;
    return limit > 0 && ms >= limit;
  }

  /** Goes on with a call that the engine has. */
  resume(first: string): void {
    this.first = first;
    if (first !== '') this.#watch();
  }

  /** Looks at it no more. */
  stop(): void {
    if (this.#timer !== null) this.#call.server.wheel.cancel(this.#timer);
  }

  /** The call has ended. */
  end(): void {
    this.stop();
    if (this.first !== '') void this.#engine.delete(this.#call.id, this.first);
  }
}

/** The leg that made a description: that of one that is in the call, or the one it talks to. */
function originOf(call: Call, leg: Leg, sdp: string): Leg | null {
  const { peer } = leg;
  if (peer !== null && peer.remoteSdp === sdp) return peer;
  return call.legs.find((each) => each !== leg && each.remoteSdp === sdp) ?? peer ?? leg.source;
}

/** The engine that `media_module` names; null for none, or why there is none. */
export function findEngine(calls: Calls): MediaEngine | null | string {
  const name = calls.settings.mediaModule;
  if (name === '') return null;
  const api = calls.server.modules.api(name);
  return isEngine(api) ? api : `media_module: ${name} is not loaded, or no media engine`;
}

function isEngine(api: unknown): api is MediaEngine {
  const has = (name: string): boolean => typeof (api as Record<string, unknown>)[name] === 'function';
  const methods = ['offer', 'answer', 'delete', 'query', 'playDtmf', 'onTimeout'];
  return typeof api === 'object' && api !== null && methods.every(has);
}
