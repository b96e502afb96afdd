import { callOwner, currentText, METHOD, type ModuleContext, type Server, type SipMsg, TextMap } from 'strowger';
import type { TmApi, Transaction } from '../tm/api.ts';
import { beginCall } from './admission.ts';
import { adoptCall } from './adoption.ts';
import { Call, type CallOptions } from './call.ts';
import { CallStore } from './call-store.ts';
import { CdrWriter, statusOf } from './cdr.ts';
import type { B2bContext } from './context.ts';
import type { Target } from './dial.ts';
import { Homes } from './homes.ts';
import { LEG, type Leg } from './leg.ts';
import { Limits } from './limits.ts';
import { findEngine, type MediaEngine } from './media.ts';
import { OtherWorkers } from './other-workers.ts';
import { overlap, type Refusal } from './overlap.ts';
import { ParkingLot } from './parking.ts';
import { PeerTargets } from './peer-targets.ts';
import { Peers } from './peers.ts';
import { Qualifier } from './qualify.ts';
import { parseReplaces } from './replaces.ts';
import { B2buaSettings } from './settings.ts';
import { B2buaStats } from './statistics.ts';
import { reasonOf } from './status.ts';
import { HiddenNames } from './topology.ts';

/** What workers tell each other: whether peers are asked. */
const QUALIFY_TOPIC = 'b2bua.qualify';
/** Name of the limit of calls at once. */
export const MAX_CALLS = 'max_calls';

/** All calls of a server, and the way of messages to their legs. */
export class Calls {
  readonly server: Server;
  readonly tm: TmApi;
  readonly ctx: ModuleContext;
  settings: B2buaSettings;
  readonly limits: Limits;
  readonly stats: B2buaStats;
  readonly peers: Peers;
  readonly peerTargets: PeerTargets;
  readonly qualifier: Qualifier;
  readonly cdr: CdrWriter;
  readonly parking: ParkingLot;
  readonly homes: Homes;
  readonly others: OtherWorkers;
  /** Where calls survive a restart; null where they do not. */
  store: CallStore | null = null;
  /** Where media go through; null where they go from side to side. */
  media: MediaEngine | null = null;
  #stopMedia: (() => void) | null = null;
  readonly hidden = new HiddenNames();
  readonly #calls = new Map<string, Call>();
  /** Calls that have ended, while their legs still answer what comes late. */
  readonly #ended = new Map<string, Call>();
  /** By Call-ID and our tag. Ended legs stay for dialog_linger. */
  readonly #legs: TextMap<Leg>;
  readonly #byInvite = new WeakMap<Transaction, Leg>();
  readonly #detach: (() => void)[];
  #lastId = 0;

  constructor(ctx: ModuleContext) {
    this.ctx = ctx;
    this.server = ctx.server;
    this.tm = ctx.api<TmApi>('tm');
    this.settings = new B2buaSettings(ctx);
    this.limits = new Limits(ctx.server);
    this.stats = new B2buaStats(ctx);
    this.peers = new Peers(ctx, this.limits);
    this.peerTargets = new PeerTargets(this.peers);
    this.qualifier = new Qualifier(ctx, this.tm, this.peers);
    this.peers.onLoaded = () => this.qualifier.reloaded();
    this.parking = new ParkingLot(this);
    this.homes = new Homes(ctx.server);
    this.others = new OtherWorkers(this);
    this.cdr = new CdrWriter(ctx, () => this.stats.count('cdrs_lost'));
    this.#legs = new TextMap(ctx.server.random.uint32());
    this.#detach = [
      ctx.server.hooks.requestIn.add((msg) => this.#requestIn(msg)),
      ctx.server.bus.on(QUALIFY_TOPIC, (isOn) => this.#qualify(isOn === true)),
    ];
  }

  /** Reads the peers and opens what CDRs are written to; rejects with what is wrong. */
  async open(): Promise<void> {
    await this.peers.load();
    await this.cdr.open();
    this.store = await CallStore.open(this.ctx);
  }

  get size(): number {
    return this.#calls.size;
  }

  get legCount(): number {
    return this.#legs.size;
  }

  [Symbol.iterator](): IterableIterator<Call> {
    return this.#calls.values();
  }

  get(id: string): Call | null {
    return this.#calls.get(id) ?? null;
  }

  /** A call that is there, or one that has just ended. */
  recent(id: string): Call | null {
    return this.get(id) ?? this.#ended.get(id) ?? null;
  }

  firstCseq(): number {
    return this.server.random.int(10_000);
  }

  textOf(msg: SipMsg): string {
    return currentText(msg);
  }

  /** A call that we begin ourselves; null beyond max_calls. */
  newCall(options: Partial<CallOptions> = {}): Call | null {
    const call = this.make(options);
    if (this.takesCall(call)) return call;
    this.stats.count('limit_rejects');
    call.end('limit max_calls');
    return null;
  }

  /** False where max_calls are there already. */
  takesCall(call: Call): boolean {
    const { maxCalls } = this.settings;
    return this.limits.take(call, MAX_CALLS, maxCalls === 0 ? Number.POSITIVE_INFINITY : maxCalls);
  }

  /** A call without legs, which counts for no limit yet. */
  make(options: Partial<CallOptions> = {}): Call {
    const { settings } = this;
    const id = `${this.server.workerIndex}-${(++this.#lastId).toString(36)}-${this.server.random.token(6)}`;
    const call = new Call(this, id, {
      policy: settings.policy,
      ringMs: settings.ringMs,
      contactUser: settings.contactUser,
      advertise: settings.advertise,
      callIdMode: settings.callIdMode,
      tagMode: settings.tagMode,
      referMode: settings.referMode,
      rel100: settings.rel100,
      lateOffer: 'pass',
      isTopologyHidden: settings.hidesTopology,
      usesMedia: this.media !== null,
      authUser: '',
      ...options,
    });
    this.addCall(call);
    this.stats.count('calls');
    return call;
  }

  addCall(call: Call): void {
    this.#calls.set(call.id, call);
  }

  /** Begins a call with a new INVITE, or lets it into the call that its Replaces names; null for any other message. */
  begin(msg: SipMsg): B2bContext | null {
    return beginCall(this, msg);
  }

  // ---- legs

  addLeg(leg: Leg): void {
    this.homes.keep(leg.dialog.callId);
    this.#legs.set(keyOf(leg.dialog.callId, leg.dialog.localTag), leg);
    if (leg.invite !== null) this.#byInvite.set(leg.invite, leg);
  }

  removeLeg(leg: Leg): void {
    this.homes.forget(leg.dialog.callId);
    this.#legs.delete(keyOf(leg.dialog.callId, leg.dialog.localTag));
  }

  /** A call is over; its legs answer for a while what comes late. */
  ended(call: Call): void {
    this.#calls.delete(call.id);
    this.#ended.set(call.id, call);
    this.limits.release(call);
    this.parking.release(call);
    this.store?.ended(call);
    this.stats.ended({ isAnswered: call.answeredMs !== 0, status: statusOf(call), cause: call.cause });
    this.cdr.write(call);
    this.server.wheel.after(this.settings.lingerMs, () => {
      this.#ended.delete(call.id);
      this.hidden.release(call);
      for (const leg of call.legs) this.removeLeg(leg);
    });
  }

  /** A leg by its id, or by `call-id;tag` (ours); null where there is none. */
  legById(id: string): Leg | null {
    const semicolon = id.lastIndexOf(';');
    if (semicolon >= 0) return this.legOf(id.slice(0, semicolon), id.slice(semicolon + 1).replace(/^tag=/, ''));
    return this.get(id.slice(0, id.lastIndexOf('-')))?.legs.find((leg) => leg.id === id) ?? null;
  }

  /** The leg of a request or reply in its dialog; null when there is none. */
  legOf(callId: string, tag: string): Leg | null {
    return this.#legs.get(keyOf(callId, tag)) ?? null;
  }

  /** The leg whose dialog the value of a Replaces names, from either side of it. */
  legOfReplaces(value: string): Leg | null {
    const replaces = parseReplaces(value);
    if (replaces === null) return null;
    const { callId, toTag, fromTag } = replaces;
    const leg = this.legOf(callId, toTag) ?? this.legOf(callId, fromTag);
    return leg !== null && !leg.isEnded ? leg : null;
  }

  /** Once all modules are there: the engine that media go through. */
  openMedia(): void {
    const engine = findEngine(this);
    if (typeof engine === 'string') throw new Error(engine);
    this.media = engine;
    this.#stopMedia = engine?.onTimeout((id) => this.#calls.get(id)?.mediaTimeout()) ?? null;
  }

  /** A call goes on in another worker: nothing of it is left here. */
  departs(call: Call): void {
    this.#calls.delete(call.id);
    for (const leg of call.legs) {
      this.#legs.delete(keyOf(leg.dialog.callId, leg.dialog.localTag));
      if (leg.isEnded) this.homes.forget(leg.dialog.callId);
      this.limits.release(leg);
    }
    this.limits.release(call);
    this.parking.leaves(call);
    this.hidden.release(call);
    this.store?.leaves(call);
    call.leave();
  }

  /** Takes up the calls that the store has and whose requests come to this worker. */
  async adoptStored(): Promise<void> {
    const { workerCount, workerIndex } = this.server;
    for (const record of (await this.store?.records()) ?? []) {
      const first = record.legs.find((leg) => !leg.isEnded);
      if (callOwner(first?.callId ?? '', workerCount) !== workerIndex || this.#calls.has(record.id)) continue;
      for (const leg of record.legs) if (!leg.isEnded) this.homes.set(leg.callId);
      this.store?.knows(adoptCall(this, record, false));
    }
  }

  // ---- messages on their way to request_route

  /** False when the message was a leg's. */
  #requestIn(msg: SipMsg): boolean {
    if (this.others.areThere && this.others.takes(msg)) return false;
    if (this.#legs.size === 0) return true;
    if (msg.method === METHOD.INVITE && this.hidden.size > 0) this.hidden.restore(msg);
    if (msg.method === METHOD.CANCEL) return this.#cancel(msg);
    const known = this.tm.transaction(msg);
    if (known !== null && this.#byInvite.has(known)) {
      again(known, msg);
      return false;
    }
    if (msg.toTag === '') return true;
    const leg = this.legOf(msg.callId ?? '', msg.toTag);
    if (leg === null || (leg.dialog.remoteTag !== '' && leg.dialog.remoteTag !== msg.fromTag)) return true;
    if (known !== null) {
      again(known, msg);
      return false;
    }
    if (msg.method === METHOD.ACK) leg.acknowledged(msg);
    else this.#inDialog(leg, msg);
    return false;
  }

  #cancel(msg: SipMsg): boolean {
    const t = this.tm.inviteOf(msg);
    const leg = t === null ? undefined : this.#byInvite.get(t);
    if (leg === undefined) return true;
    if (this.tm.transaction(msg) !== null) return false;
    this.tm.begin(msg);
    this.tm.reply(msg, 200, 'OK');
    leg.owner.note(leg, '< CANCEL');
    if (leg.state === LEG.EARLY && !leg.isEnded) leg.owner.onCancel(leg, msg);
    return false;
  }

  #inDialog(leg: Leg, msg: SipMsg): void {
    const t = this.tm.begin(msg);
    leg.owner.note(leg, `< ${msg.methodName}`);
    const refusal = this.#refusal(leg, msg, t);
    if (refusal !== null) {
      if (refusal.code === 491) this.stats.count('glare');
      this.tm.reply(msg, refusal.code, reasonOf(refusal.code), refusal.rows ?? '');
      return;
    }
    if (msg.method === METHOD.INVITE || msg.method === METHOD.UPDATE) {
      leg.dialog.refresh(msg);
      leg.hears(msg);
    }
    if (msg.method === METHOD.INVITE) {
      leg.invite = t;
      this.#byInvite.set(t, leg);
    }
    leg.owner.onRequest(leg, msg, t);
  }

  /** Why a request in a dialog is answered at once; null when it goes on. */
  #refusal(leg: Leg, msg: SipMsg, t: Transaction): Refusal | null {
    // BYE that crosses ours is answered as any other (RFC 5407 §3.2.1).
    if (leg.isEnded) return { code: msg.method === METHOD.BYE && leg.hasSentBye ? 200 : 481 };
    if (!leg.dialog.takes(msg.cseqNumber)) return { code: 500 };
    const unsupported = this.settings.unsupported(msg);
    if (unsupported.length > 0) return { code: 420, rows: `Unsupported: ${unsupported.join(', ')}\r\n` };
    const tooShort = msg.method === METHOD.INVITE || msg.method === METHOD.UPDATE ? (leg.timer?.tooShort(msg) ?? 0) : 0;
    if (tooShort > 0) return { code: 422, rows: `Min-SE: ${tooShort}\r\n` };
    return overlap(leg, msg, t);
  }

  /** A reply that no transaction waits for: an answer that came again. False when it was a leg's. */
  onReply(msg: SipMsg): boolean {
    if (msg.status < 200 || msg.status >= 300 || msg.methodBit !== METHOD.INVITE) return true;
    if (this.homes.passesOn(msg)) return false;
    const leg = this.legOf(msg.callId ?? '', msg.fromTag);
    if (leg === null || (leg.role === 'uas' && leg.dialog.remoteTag !== msg.toTag)) return true;
    leg.strayAnswer(msg);
    return false;
  }

  /** In the worker that does it for all: asks peers, and registers at those that want it. */
  watchPeers(): void {
    this.qualifier.start();
    this.peers.registrations.start(this.peers);
  }

  /** Starts or stops asking peers, in the worker that does it for all. */
  setQualifying(isOn: boolean): void {
    this.server.bus.publish(QUALIFY_TOPIC, isOn);
    this.#qualify(isOn);
  }

  #qualify(isOn: boolean): void {
    if (!isOn) this.qualifier.stop();
    else if (this.server.isFirstWorker) this.qualifier.start();
  }

  /** The leg is a call of the peer that its target names: false when that has no room for it. */
  takesPeer(leg: Leg, { peer: name, routes }: Target): boolean {
    if (routes !== undefined) leg.dialog.routeSet = routes;
    if (name === undefined) return true;
    leg.peerName = name;
    const peer = this.peers.get(name);
    if (peer === undefined) return true;
    return this.peers.take(leg, peer);
  }

  /** New parameters: calls that are there keep what they began with. Returns those that only a new start changes. */
  reload(): string[] {
    this.settings = new B2buaSettings(this.ctx);
    this.qualifier.reloaded();
    this.peers.load().catch((error: unknown) => this.ctx.log.error(`the old peers stay: ${(error as Error).message}`));
    return [...(this.cdr.isChanged ? ['cdr_sink'] : []), ...(this.peers.isSourceChanged ? ['peers_source'] : [])];
  }

  /** Ends with the server: what is still there is written down. */
  async close(): Promise<void> {
    this.qualifier.stop();
    this.#stopMedia?.();
    await this.store?.close();
    for (const call of this.#calls.values()) if (this.store?.has(call) !== true) this.cdr.write(call);
    for (const undo of this.#detach) undo();
    this.limits.close();
    this.others.close();
    await Promise.all([this.cdr.close(), this.peers.close()]);
  }
}

/** A request of a transaction that is there: its ACK, or it comes again. */
function again(t: Transaction, msg: SipMsg): void {
  if (msg.method === METHOD.ACK) t.acknowledge();
  else t.absorb();
}

function keyOf(callId: string, tag: string): string {
  return `${callId}|${tag}`;
}
