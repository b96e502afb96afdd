import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startServer } from '../../core/start.ts';
import { RealClock } from '../../core/timer/real-clock.ts';
import { DgramUdpDriver } from '../../core/transport/udp-dgram.ts';
import { scriptOptions } from './both-servers.ts';
import { MemoryLog } from './fake-run.ts';
import { KAMAILIO_MODULES, Kamailio } from './kamailio.ts';
import { kamcmd } from './kamcmd.ts';
import type { RequestOptions, TestMsg } from './msg.ts';
import { SipPeer } from './sip-peer.ts';

/** Kamailio counts dialogs' lives in whole seconds, and on a busy machine its timer process comes late. */
const PATIENCE_MS = 15_000;

const clock = new RealClock();

/** What a stage knows of a server of its own. */
interface StagedServer {
  readonly port: number;
  /** All it has logged. */
  log(): string;
  stop(): Promise<void>;
}

/** One server with a caller and a callee; what a play notes is compared with the other server's. */
export class CallStage {
  readonly name: 'kamailio' | 'strowger';
  /** Where the server keeps its control socket, and the play its files. */
  readonly folder: string;
  readonly alice: SipPeer;
  readonly bob: SipPeer;
  readonly notes: string[] = [];
  readonly #server: StagedServer;
  #logSeen = 0;

  constructor(name: CallStage['name'], folder: string, server: StagedServer, alice: SipPeer, bob: SipPeer) {
    this.name = name;
    this.folder = folder;
    this.#server = server;
    this.alice = alice;
    this.bob = bob;
    alice.target = bob.target = { ip: '127.0.0.1', port: server.port };
  }

  /** Notes something, without what two servers must differ in. */
  note(what: string, text: string): void {
    this.notes.push(`-- ${what}\n${this.#normalise(text)}`);
  }

  /** What kamcmd prints. */
  async rpc(...args: readonly string[]): Promise<string> {
    return await kamcmd(`unix:${join(this.folder, 'ctl')}`, ...args);
  }

  async noteRpc(...args: readonly string[]): Promise<void> {
    this.note(args.join(' '), await this.rpc(...args));
  }

  /** Lines of the script (`xlog("MARK …")`) since the last time, once there are `count`. */
  async noteLog(what: string, count: number): Promise<void> {
    const marks = (): string[] => [...this.#server.log().matchAll(/MARK ([^\n]*)/g)].map((match) => match[1] ?? '');
    for (let i = 0; i < 300 && marks().length < this.#logSeen + count; i++) await this.pause(20);
    const all = marks();
    this.note(what, all.slice(this.#logSeen).join('\n'));
    this.#logSeen = all.length;
  }

  /** What of the server's log fits, once there is as much. */
  async logged(pattern: RegExp, count: number): Promise<string[]> {
    const found = (): string[] => this.#server.log().match(new RegExp(pattern, 'g')) ?? [];
    for (let i = 0; i < 100 && found().length < count; i++) await this.pause(20);
    return found();
  }

  /** Notes the next message that a peer hears. */
  async noteHeard(peer: SipPeer, expected: string | number, withinMs?: number): Promise<TestMsg> {
    const msg = await peer.receives(expected, withinMs);
    this.note(`${peer.name} hears ${expected}`, msg.text);
    return msg;
  }

  /** alice calls bob through the server. */
  call(callId: string, options: RequestOptions = {}): StagedCall {
    return new StagedCall(this, callId, options);
  }

  pause(ms: number): Promise<void> {
    return new Promise((resolve) => void clock.schedule(ms, resolve));
  }

  #normalise(raw: string): string {
    const branches: string[] = [];
    const nameOf = (branch: string): string => {
      let at = branches.indexOf(branch);
      if (at < 0) at = branches.push(branch) - 1;
      return `branch=P${at}`;
    };
    let text = raw.replaceAll('\r\n', '\n').trimEnd();
    for (const peer of [this.alice, this.bob]) text = text.replaceAll(`127.0.0.1:${peer.port}`, peer.name);
    return text
      .replaceAll(`127.0.0.1:${this.#server.port}`, 'proxy')
      .replaceAll(this.folder, 'FOLDER')
      .replace(/rm=OPTIONS ru=\S+ ci=\S+/g, 'made up')
      .replace(/did=[0-9a-f]+\.[0-9a-f]+/g, 'did=D')
      .replace(/h_id: \d+/g, 'h_id: H')
      .replace(/duration: \d\b/g, 'duration: D')
      .replace(/\b1[6-9]\d{8}\b/g, 'T')
      .replace(/branch=(z9hG4bK(?!-)[^;\s,]*)/g, (_all, branch: string) => nameOf(branch))
      .replace(/^(Server|User-Agent): .*/gm, '$1: x');
  }
}

/** A call on a stage: the messages of both parties. */
export class StagedCall {
  readonly callId: string;
  invite: TestMsg | null = null;
  readonly #stage: CallStage;
  readonly #options: RequestOptions;
  #route: string[] = [];
  #text = '';

  constructor(stage: CallStage, callId: string, options: RequestOptions) {
    this.#stage = stage;
    this.callId = callId;
    this.#options = options;
  }

  /** alice's Route set. */
  get route(): readonly string[] {
    return this.#route;
  }

  setRoute(route: readonly string[]): void {
    this.#route = [...route];
  }

  get #uri(): string {
    return 'sip:bob@example.org';
  }

  /** Sends the INVITE; resolves when bob has it. */
  async sends(): Promise<TestMsg> {
    const { alice, bob } = this.#stage;
    this.#text = alice.request('INVITE', this.#uri, { callId: this.callId, ...this.#options });
    alice.sends(this.#text);
    this.invite = await bob.receives((msg) => msg.method === 'INVITE' && msg.get('Call-ID') === this.callId);
    return this.invite;
  }

  /** bob answers the INVITE; resolves when alice hears it. Negative answers are acknowledged. */
  async replied(status: number): Promise<TestMsg> {
    const { alice, bob } = this.#stage;
    assert.ok(this.invite);
    bob.replies(this.invite, status);
    const reply = await alice.receives((msg) => msg.status === status && msg.get('Call-ID') === this.callId);
    if (status < 300) this.#route = reply.all('Record-Route').toReversed();
    else await this.acknowledges(reply);
    return reply;
  }

  /** alice's ACK of a negative answer, and bob's of the server. */
  async acknowledges(reply: TestMsg): Promise<void> {
    const text = this.#text.replace(/^INVITE/, 'ACK').replace(/CSeq: (\d+) INVITE/, 'CSeq: $1 ACK');
    this.#stage.alice.sends(text.replace(/To: [^\r]*/, `To: ${reply.get('To')}`));
    await this.#stage.bob.receives((msg) => msg.method === 'ACK' && msg.get('Call-ID') === this.callId);
  }

  cancels(): void {
    this.#stage.alice.sends(this.#text.replace(/^INVITE/, 'CANCEL').replace(/CSeq: (\d+) INVITE/, 'CSeq: $1 CANCEL'));
  }

  /** 180, 200, ACK. */
  async answered(): Promise<void> {
    await this.sends();
    await this.replied(180);
    await this.replied(200);
    await this.fromAlice('ACK', 1);
  }

  /** A request of alice's within the call; bob has it, and has answered it with 200 (or not, with 0). */
  async fromAlice(method: string, cseq: number, headers: Record<string, string> = {}, status = 200): Promise<TestMsg> {
    const { alice, bob } = this.#stage;
    const within = { callId: this.callId, to: `<${this.#uri}>`, toTag: 'bob-tag', route: this.#route, cseq, headers };
    alice.sends(alice.request(method, bob.uri, within));
    return await this.#arrives(bob, alice, method, status);
  }

  /** A request of alice's within the call that the server answers itself; its answer. */
  async asks(method: string, cseq: number, headers: Record<string, string> = {}): Promise<TestMsg> {
    const { alice, bob } = this.#stage;
    const { callId } = this;
    const within = { callId, to: `<${this.#uri}>`, toTag: 'bob-tag', route: this.#route, cseq, headers };
    alice.sends(alice.request(method, bob.uri, within));
    return await alice.receives((msg) => msg.cseqMethod === method && msg.get('Call-ID') === callId);
  }

  async fromBob(method: string, cseq: number, headers: Record<string, string> = {}, status = 200): Promise<TestMsg> {
    const { alice, bob } = this.#stage;
    const within = {
      callId: this.callId,
      from: `<${this.#uri}>`,
      fromTag: 'bob-tag',
      to: '<sip:alice@example.org>',
      toTag: 'alice-tag',
      route: this.#route.toReversed(),
      cseq,
      headers,
    };
    bob.sends(bob.request(method, alice.uri, within));
    return await this.#arrives(alice, bob, method, status);
  }

  async #arrives(at: SipPeer, from: SipPeer, method: string, status: number): Promise<TestMsg> {
    const isOurs = (msg: TestMsg): boolean => msg.get('Call-ID') === this.callId;
    const arrived = await at.receives((msg) => msg.method === method && isOurs(msg));
    if (method === 'ACK' || status === 0) return arrived;
    at.replies(arrived, status);
    await from.receives((msg) => msg.status === status && msg.cseqMethod === method && isOurs(msg));
    return arrived;
  }
}

/** Pieces of a `relayRoute`. */
export interface RelayRoute {
  /** Before Record-Route, in requests that begin something. */
  readonly first?: string;
  /** After Record-Route. */
  readonly initial?: string;
  /** In requests within a dialog, after loose_route(). */
  readonly within?: string;
}

/** A proxy that stays in the path of calls: what is within them goes by its Route, all else to the callee. */
export function relayRoute(calleePort: number, { first = '', initial = '', within = '' }: RelayRoute): string {
  return `request_route {
  if ($rU == "ready") { sl_send_reply("200", "ready"); exit; }
  if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
  if (has_totag()) {
    if (loose_route()) { ${within} t_relay(); exit; }
    if (is_method("ACK")) { if (t_check_trans()) t_relay(); exit; }
    sl_send_reply("404", "Not here");
    exit;
  }
  ${first}
  record_route();
  ${initial}
  $du = "sip:127.0.0.1:${calleePort}";
  t_relay();
}
`;
}

/** Modules that the scripts of plays have already. */
const LOADED = ['kex', 'pv', 'tm', 'tmx', 'sl', 'rr', 'maxfwd', 'textops', 'siputils', 'xlog', 'ctl', 'corex'];

/**
 * Runs a play on both servers at the same time, with the same script; what it notes must be the same. `script` gets the
 * callee's port and a folder.
 */
export async function playOnBoth(
  script: (calleePort: number, folder: string) => string,
  play: (stage: CallStage) => Promise<void>,
  prepare: (folder: string) => void = () => {},
): Promise<void> {
  const [theirs, ours] = await Promise.all([
    onStage('kamailio', script, play, prepare),
    onStage('strowger', script, play, prepare),
  ]);
  theirs.forEach((note, i) => assert.equal(ours[i], note));
  assert.equal(ours.length, theirs.length);
}

async function onStage(
  name: CallStage['name'],
  script: (calleePort: number, folder: string) => string,
  play: (stage: CallStage) => Promise<void>,
  prepare: (folder: string) => void,
): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), `stage-${name}-`));
  const driver = new DgramUdpDriver();
  const alice = await SipPeer.udp(driver, { clock, name: 'alice', patienceMs: PATIENCE_MS });
  const bob = await SipPeer.udp(driver, { clock, name: 'bob', patienceMs: PATIENCE_MS });
  let server: StagedServer | null = null;
  try {
    prepare(folder);
    const modules = LOADED.map((module) => `loadmodule "${module}.so"\n`).join('');
    const control = `modparam("ctl", "binrpc", "unix:${join(folder, 'ctl')}")\n`;
    const text = `debug=0\nlog_stderror=yes\n${modules}${control}${script(bob.port, folder)}`;
    server = name === 'kamailio' ? await kamailio(text) : await strowger(text, folder);
    const stage = new CallStage(name, folder, server, alice, bob);
    await play(stage);
    return stage.notes;
  } catch (error) {
    throw new Error(`${name}: ${(error as Error).message}`, { cause: error });
  } finally {
    await server?.stop();
    await alice.close();
    await bob.close();
    rmSync(folder, { recursive: true });
  }
}

async function kamailio(text: string): Promise<StagedServer> {
  const server = await Kamailio.start(`mpath="${KAMAILIO_MODULES}"\n${text}`);
  return { port: server.port, log: () => server.log, stop: () => server.stop() };
}

async function strowger(text: string, folder: string): Promise<StagedServer> {
  const log = new MemoryLog();
  const settings = { disable_tcp: 1, auto_aliases: 0, workers: 1 };
  const started = await startServer(scriptOptions(text, { log, runtimeDir: folder, settings }));
  return {
    port: started.server.transport.sockets[0]?.port ?? 0,
    log: () => log.lines.join('\n'),
    stop: async () => void (await started.stop(0)),
  };
}
