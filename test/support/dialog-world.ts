import type { DialogApi } from '../../modules/dialog/api.ts';
import type { TestMsg } from './msg.ts';
import type { SipPeer } from './sip-peer.ts';
import { SipWorld } from './sip-world.ts';

/** Pieces of the script of a `DialogWorld`. */
export interface DialogScript {
  /** modparam lines of dialog and of modules beside it. */
  readonly params?: string;
  /** loadmodule lines of what must be there before dialog. */
  readonly loads?: string;
  /** Around dlg_manage() in the INVITE. */
  readonly before?: string;
  readonly after?: string;
  /** In requests within the call, after loose_route(). */
  readonly within?: string;
  readonly blocks?: string;
}

function routes({ before = '', after = '', within = '', blocks = '' }: DialogScript): string {
  return `
request_route {
  if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
  if (has_totag()) {
    if (loose_route()) { ${within} t_relay(); exit; }
    if (is_method("ACK")) { if (t_check_trans()) t_relay(); exit; }
    sl_send_reply("404", "Not here");
    exit;
  }
  record_route();
  if (is_method("INVITE")) { ${before} dlg_manage(); ${after} }
  $du = "sip:10.0.2.1";
  t_relay();
}
event_route[dialog:start] { xlog("L_ERR", "MARK start $ci $dlg(callid)\\n"); }
event_route[dialog:end] { xlog("L_ERR", "MARK end $rm $dlg(callid)\\n"); }
event_route[dialog:failed] { xlog("L_ERR", "MARK failed $rs $dlg(callid)\\n"); }
${blocks}
`;
}

/** A proxy that follows the calls of alice to bob, on virtual time. */
export class DialogWorld {
  readonly world: SipWorld;
  readonly api: DialogApi;

  private constructor(world: SipWorld) {
    this.world = world;
    this.api = world.sim.api<DialogApi>('dialog');
  }

  static async start(script: DialogScript = {}): Promise<DialogWorld> {
    const params = `${script.loads ?? ''}\nloadmodule "dialog.so"\n${script.params ?? ''}\n`;
    return new DialogWorld(await SipWorld.start(routes(script), { params }));
  }

  /** Runs `use` in a world of its own. */
  static async with<T>(script: DialogScript, use: (w: DialogWorld) => Promise<T>): Promise<T> {
    const w = await DialogWorld.start(script);
    try {
      return await use(w);
    } finally {
      await w.world.stop();
    }
  }

  get alice(): SipPeer {
    return this.world.alice;
  }

  get bob(): SipPeer {
    return this.world.bob;
  }

  call(callId: string): WorldCall {
    return new WorldCall(this, callId);
  }

  /** What the script marked: `start c1 c1`. */
  get marks(): string[] {
    return this.world.sim.log.lines.flatMap((line) => /MARK (.*)/.exec(line)?.[1]?.trim() ?? []);
  }

  /** A counter's value now. */
  stat(name: string): number {
    return this.world.sim.server.counters.find('dialog', name)?.get() ?? -1;
  }

  async rpc(name: string, ...params: (string | number)[]): Promise<unknown> {
    return await this.world.sim.server.rpc.call(name, params);
  }

  /** What dlg.list shows, as plain objects. */
  async list(): Promise<Record<string, unknown>[]> {
    const { values } = (await this.rpc('dlg.list')) as {
      readonly values: readonly { readonly entries: [string, unknown][] }[];
    };
    return values.map(({ entries }) => Object.fromEntries(entries));
  }

  passes(ms: number): Promise<void> {
    return this.world.passes(ms);
  }
}

/** A call of alice to bob. */
export class WorldCall {
  readonly callId: string;
  /** alice's Route set; bob's is the reverse. */
  route: string[] = [];
  invite: TestMsg | null = null;
  readonly #w: DialogWorld;
  #text = '';

  constructor(w: DialogWorld, callId: string) {
    this.#w = w;
    this.callId = callId;
  }

  async sends(): Promise<TestMsg> {
    this.#text = this.#w.world.calls('sip:bob@10.0.0.1', { callId: this.callId });
    this.invite = await this.#w.bob.receives((msg) => msg.method === 'INVITE' && msg.get('Call-ID') === this.callId);
    return this.invite;
  }

  /** bob's reply; alice has it, and has acknowledged it where it is negative. */
  async replied(status: number): Promise<TestMsg> {
    const { alice, bob, world } = this.#w;
    const invite = this.invite ?? (await this.sends());
    bob.replies(invite, status);
    const reply = await alice.receives((msg) => msg.status === status && msg.get('Call-ID') === this.callId);
    if (status < 300) this.route = reply.all('Record-Route').toReversed();
    else alice.sends(world.ackOf(this.#text, reply));
    return reply;
  }

  async answered(): Promise<this> {
    await this.sends();
    await this.replied(180);
    await this.replied(200);
    await this.fromAlice('ACK', 1);
    return this;
  }

  cancel(): void {
    this.#w.alice.sends(this.#w.world.cancelOf(this.#text));
  }

  /** A request of alice's; bob has it, and has answered it (0: not). */
  async fromAlice(method: string, cseq: number, headers: Record<string, string> = {}, status = 200): Promise<TestMsg> {
    const { alice, bob } = this.#w;
    const { callId, route } = this;
    const to = { to: '<sip:bob@10.0.0.1>', toTag: 'bob-tag' };
    alice.sends(alice.request(method, bob.uri, { callId, route, cseq, ...split(headers), ...to }));
    return await this.#arrives(bob, alice, method, status);
  }

  async fromBob(method: string, cseq: number, headers: Record<string, string> = {}, status = 200): Promise<TestMsg> {
    const { alice, bob } = this.#w;
    const { callId } = this;
    const tags = { from: '<sip:bob@10.0.0.1>', fromTag: 'bob-tag', to: '<sip:alice@example.org>', toTag: 'alice-tag' };
    bob.sends(
      bob.request(method, alice.uri, { callId, route: this.route.toReversed(), cseq, ...split(headers), ...tags }),
    );
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

/** A Contact among the headers takes the place of the peer's own. */
function split({ Contact, ...headers }: Record<string, string>): { headers: Record<string, string>; contact?: string } {
  return Contact === undefined ? { headers } : { headers, contact: Contact };
}
