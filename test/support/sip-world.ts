import assert from 'node:assert/strict';
import { SeededRandom } from '../../core/timer/random.ts';
import { VirtualClock } from '../../core/timer/virtual-clock.ts';
import type { TmApi } from '../../modules/tm/api.ts';
import { type RequestOptions, type TestMsg } from './msg.ts';
import { SimNetwork, type SimNetworkOptions } from './sim-network.ts';
import { SimServer, type SimServerOptions } from './sim-server.ts';
import { SipPeer } from './sip-peer.ts';

/** Modules that most scripts of tests load. */
const LOADED = ['pv', 'tm', 'tmx', 'sl', 'rr', 'maxfwd', 'textops', 'siputils', 'corex', 'kex', 'xlog'];

export interface WorldOptions extends Omit<Partial<SimServerOptions>, 'script'> {
  readonly network?: SimNetworkOptions;
  readonly networkSeed?: number;
  /** modparam lines and core parameters. */
  readonly params?: string;
}

/**
 * A server at 10.0.0.1 on virtual time, alice who calls (10.0.1.1), and bob, carol and dave (10.0.2.1 to 3) whom the
 * script reaches as `sip:bob@10.0.2.1` and so on.
 */
export class SipWorld {
  readonly clock: VirtualClock;
  readonly network: SimNetwork;
  /** Another one after `restarts`. */
  sim: SimServer;
  readonly alice: SipPeer;
  readonly bob: SipPeer;
  readonly carol: SipPeer;
  readonly dave: SipPeer;
  readonly #options: SimServerOptions;

  private constructor(
    clock: VirtualClock,
    network: SimNetwork,
    sim: SimServer,
    peers: readonly SipPeer[],
    options: SimServerOptions,
  ) {
    this.clock = clock;
    this.network = network;
    this.sim = sim;
    this.#options = options;
    [this.alice, this.bob, this.carol, this.dave] = peers as [SipPeer, SipPeer, SipPeer, SipPeer];
  }

  /** `routes` is what follows the loadmodule and modparam lines. */
  static async start(routes: string, options: WorldOptions = {}): Promise<SipWorld> {
    const clock = new VirtualClock();
    const random = new SeededRandom(options.networkSeed ?? 1);
    const network = new SimNetwork(clock, random, options.network ?? {});
    const script = scriptOf(routes, options.params);
    const sim = await SimServer.start(network, { ...options, script });
    const peers: SipPeer[] = [];
    for (const [name, ip] of PEERS) {
      const target = { ip: sim.ip, port: 5060 };
      peers.push(await SipPeer.udp(network.host(ip).udp, { clock, name, address: ip, port: 5060, target }));
    }
    return new SipWorld(clock, network, sim, peers, { ...options, script });
  }

  /** alice's INVITE to someone behind the server, sent. */
  calls(uri = 'sip:someone@10.0.0.1', options: RequestOptions = {}): string {
    const invite = this.alice.request('INVITE', uri, options);
    this.alice.sends(invite);
    return invite;
  }

  /** The CANCEL of a request that alice sent. */
  cancelOf(invite: string, headers = ''): string {
    const cancel = invite.replace(/^INVITE/, 'CANCEL').replace(/CSeq: (\d+) INVITE/, 'CSeq: $1 CANCEL');
    return cancel.replace('Content-Length: 0\r\n', `${headers}Content-Length: 0\r\n`);
  }

  /** The ACK of a negative reply to a request that alice sent (RFC 3261 §17.1.1.3). */
  ackOf(invite: string, reply: TestMsg): string {
    const ack = invite.replace(/^INVITE/, 'ACK').replace(/CSeq: (\d+) INVITE/, 'CSeq: $1 ACK');
    return ack.replace(/To: [^\r]*/, `To: ${reply.get('To')}`);
  }

  /** alice's final reply to an INVITE, acknowledged when it is a negative one. */
  async final(invite: string, withinMs = 400_000): Promise<TestMsg> {
    const reply = await this.alice.receives((msg) => msg.status >= 200 && msg.cseqMethod === 'INVITE', withinMs);
    if (reply.status >= 300) this.alice.sends(this.ackOf(invite, reply));
    return reply;
  }

  /** Reloads with other routes, and modparam lines in the place of those it started with. */
  reload(routes: string, params?: string): ReturnType<SimServer['reload']> {
    return this.clock.runUntilSettled(this.sim.reload(scriptOf(routes, params)));
  }

  /** Passes virtual time, letting promises settle. */
  passes(ms: number): Promise<void> {
    return this.clock.advanceAsync(ms);
  }

  /** The server ends and begins again, with other random numbers. */
  async restarts(downMs = 0): Promise<void> {
    await this.sim.stop();
    if (downMs > 0) await this.passes(downMs);
    this.sim = await SimServer.start(this.network, { ...this.#options, seed: (this.#options.seed ?? 1) + 1000 });
  }

  async stop(): Promise<void> {
    await this.sim.stop();
    for (const peer of [this.alice, this.bob, this.carol, this.dave]) await peer.close();
  }
}

function scriptOf(routes: string, params = ''): string {
  const modules = LOADED.map((name) => `loadmodule "${name}.so"`).join('\n');
  return `${modules}\n${params}\n${routes}`;
}

/** Longer than any transaction lasts. */
const LONG_MS = 400_000;

/** Runs a test in a world, and looks that no transaction and no timer is left when its time is over. */
export async function withTmWorld(
  routes: string,
  use: (world: SipWorld, tm: TmApi) => Promise<void>,
  options: WorldOptions = {},
): Promise<void> {
  const world = await SipWorld.start(routes, options);
  const tm = world.sim.api<TmApi>('tm');
  try {
    await use(world, tm);
    await world.passes(LONG_MS);
    assert.equal(tm.core.table.size, 0, 'transactions left');
    assert.equal(world.sim.server.wheel.size, 0, 'timers left');
  } finally {
    await world.stop();
  }
}

const PEERS = [
  ['alice', '10.0.1.1'],
  ['bob', '10.0.2.1'],
  ['carol', '10.0.2.2'],
  ['dave', '10.0.2.3'],
] as const;
