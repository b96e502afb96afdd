import { type ModuleContext, type SipMsg, Timer } from 'strowger';
import type { TmApi } from '../tm/api.ts';
import type { Target } from './dial.ts';
import type { PeerDef } from './peer-def.ts';
import { type PeerState, type ProbeResult, probed } from './peer-state.ts';
import { type Peers, setPeer } from './peers.ts';

/** While a peer is down, or its answers contradict what is known of it, it is asked this often, ms. */
const DOUBT_MS = 10_000;
/** The first questions are spread over so long for each peer, at most over an interval; ms. */
const FIRST_SPREAD_MS = 20;
/** Nobody is there, or nobody is registered. */
const NO_ANSWER = 408;
const NOT_REGISTERED = 480;

/** Asks peers with OPTIONS whether they are there. One worker does it, and tells the others. */
export class Qualifier {
  readonly #ctx: ModuleContext;
  readonly #tm: TmApi;
  readonly #peers: Peers;
  readonly #timer: Timer<Qualifier>;
  /** When each is asked next, ms of the wheel. */
  readonly #due = new Map<string, number>();
  readonly #asked = new Set<string>();
  #isOn = false;

  constructor(ctx: ModuleContext, tm: TmApi, peers: Peers) {
    this.#ctx = ctx;
    this.#tm = tm;
    this.#peers = peers;
    this.#timer = new Timer<Qualifier>(onTimer, this);
  }

  get isOn(): boolean {
    return this.#isOn;
  }

  /** Begins, with whom is in the table, or goes on with those that are in it now. */
  start(): void {
    this.#isOn = true;
    this.#plan();
  }

  stop(): void {
    this.#isOn = false;
    this.#ctx.server.wheel.cancel(this.#timer);
  }

  #plan(): void {
    if (!this.#isOn) return;
    const now = this.#ctx.server.clock.now();
    const { random } = this.#ctx.server;
    for (const name of this.#due.keys()) if (this.#peers.get(name) === undefined) this.#due.delete(name);
    for (const peer of this.#peers) {
      const every = this.#everyMs(peer);
      if (every === 0) this.#due.delete(peer.name);
      else if (!this.#due.has(peer.name))
        this.#due.set(peer.name, now + random.int(Math.max(1, Math.min(every, this.#peers.size * FIRST_SPREAD_MS))));
    }
    this.#arm();
  }

  /** The table has changed, or the parameters. */
  reloaded(): void {
    this.#plan();
  }

  #everyMs({ qualify }: PeerDef): number {
    return (qualify < 0 ? this.#ctx.int('qualify_interval') : qualify) * 1000;
  }

  #arm(): void {
    const { wheel, clock } = this.#ctx.server;
    wheel.cancel(this.#timer);
    if (!this.#isOn || this.#due.size === 0) return;
    const next = Math.min(...this.#due.values());
    wheel.arm(this.#timer, Math.max(1, next - clock.now()));
  }

  /** Asks those that are due. */
  tick(): void {
    const now = this.#ctx.server.clock.now();
    for (const [name, due] of this.#due) {
      if (due > now) continue;
      const peer = this.#peers.get(name);
      if (peer === undefined) {
        this.#due.delete(name);
        continue;
      }
      const every = this.#everyMs(peer);
      this.#due.set(name, now + (this.#isInDoubt(name) ? Math.min(every, DOUBT_MS) : every));
      void this.ask(peer);
    }
    this.#arm();
  }

  #isInDoubt(name: string): boolean {
    const { status, against } = this.#peers.state(name);
    return status === 'down' || against > 0;
  }

  /** Asks one now; resolves with its state afterwards, at once where it is being asked already. */
  async ask(peer: PeerDef): Promise<PeerState> {
    if (this.#asked.has(peer.name)) return this.#peers.state(peer.name);
    this.#asked.add(peer.name);
    try {
      const [target] = await this.#peers.targets(peer, '');
      const result = await this.#probe(peer, target);
      // A reload may have taken it out meanwhile.
      if (this.#peers.get(peer.name) !== undefined) await this.#found(peer, result);
    } catch (error) {
      this.#ctx.log.error(`peer ${peer.name} can not be asked: ${(error as Error).message}`);
    } finally {
      this.#asked.delete(peer.name);
    }
    return this.#peers.state(peer.name);
  }

  #probe(peer: PeerDef, target: Target | undefined): Promise<ProbeResult> {
    const { clock, transport } = this.#ctx.server;
    const askedMs = clock.now();
    if (target === undefined) return Promise.resolve({ isAlive: false, code: NOT_REGISTERED, latencyMs: -1, askedMs });
    const shown = target.socket ?? transport.sockets.find((socket) => !socket.isVirtual) ?? null;
    return new Promise((resolve) => {
      const sent = this.#tm.send({
        method: 'OPTIONS',
        uri: target.uri,
        nextHop: target.nextHop,
        from: `<sip:${this.#ctx.str('contact_user') || 'qualify'}@${shown?.sentBy ?? 'localhost'}>`,
        to: `<${target.uri}>`,
        headers: (target.routes ?? []).map((route) => `Route: ${route}\r\n`).join('') + 'Accept: application/sdp\r\n',
        socket: target.socket,
        frTimeoutMs: this.#ctx.int('qualify_timeout'),
        onReply: (reply, code) => resolve(this.#resultOf(reply, code, askedMs)),
      });
      if (sent === null) {
        this.#ctx.log.error(`no socket to ask peer ${peer.name} from`);
        resolve(this.#resultOf(null, NO_ANSWER, askedMs));
      }
    });
  }

  /** Any final answer is a sign of life but 408 and 503: nobody behind it, or nothing to be had of it. */
  #resultOf(reply: SipMsg | null, code: number, askedMs: number): ProbeResult {
    const isAlive = reply !== null && code !== 408 && code !== 503;
    return { isAlive, code, latencyMs: this.#ctx.server.clock.now() - askedMs, askedMs };
  }

  async #found(peer: PeerDef, result: ProbeResult): Promise<void> {
    const before = this.#peers.state(peer.name);
    // That nobody is registered is no lost packet.
    const state = probed(
      before,
      result,
      result.code === NOT_REGISTERED && !result.isAlive ? 1 : this.#ctx.int('qualify_threshold'),
    );
    this.#peers.setState(peer.name, state);
    if (this.#due.has(peer.name) && this.#isInDoubt(peer.name)) this.#hurry(peer);
    if (state.status === before.status) return;
    // That a peer is there is what was expected of it.
    if (state.status === 'up' && before.status === 'unknown') return;
    this.#ctx.log.warn(`peer ${peer.name} is ${state.status}`, { code: state.code, latencyMs: state.latencyMs });
    await this.#tell(peer, state.status === 'up' ? 'b2bua:peer-up' : 'b2bua:peer-down');
  }

  #hurry(peer: PeerDef): void {
    const soon = this.#ctx.server.clock.now() + DOUBT_MS;
    if ((this.#due.get(peer.name) ?? 0) <= soon) return;
    this.#due.set(peer.name, soon);
    this.#arm();
  }

  async #tell(peer: PeerDef, event: string): Promise<void> {
    const { server } = this.#ctx;
    const msg = server.program.event.has(event) ? server.fakeMessage() : null;
    if (msg === null) return;
    if (peer.uri !== '') msg.newUri = peer.uri;
    setPeer(msg, peer);
    await server.runEventRoute(event, msg);
  }
}

function onTimer(qualifier: Qualifier): void {
  qualifier.tick();
}
