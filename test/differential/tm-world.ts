import { RealClock } from '../../core/timer/real-clock.ts';
import { DgramUdpDriver } from '../../core/transport/udp-dgram.ts';
import type { RequestOptions, TestMsg } from '../support/msg.ts';
import { SipPeer } from '../support/sip-peer.ts';

/** One caller and three callees on loopback, each with a socket of its own, for one case. */
export class Cast {
  readonly alice: SipPeer;
  readonly bob: SipPeer;
  readonly carol: SipPeer;
  readonly dave: SipPeer;
  readonly #name: string;
  readonly #serverPort: number;

  private constructor(name: string, serverPort: number, peers: readonly SipPeer[]) {
    this.#name = name;
    this.#serverPort = serverPort;
    [this.alice, this.bob, this.carol, this.dave] = peers as [SipPeer, SipPeer, SipPeer, SipPeer];
  }

  static async open(name: string, serverPort: number): Promise<Cast> {
    const clock = new RealClock();
    const driver = new DgramUdpDriver();
    const target = { ip: '127.0.0.1', port: serverPort };
    const peers: SipPeer[] = [];
    for (const who of ['alice', 'bob', 'carol', 'dave'])
      peers.push(await SipPeer.udp(driver, { clock, name: who, target, patienceMs: 4000 }));
    return new Cast(name, serverPort, peers);
  }

  get peers(): readonly SipPeer[] {
    return [this.alice, this.bob, this.carol, this.dave];
  }

  /** A request of alice's whose Request-URI user names the case, with the callees' addresses for the script. */
  request(method: string, options: RequestOptions = {}): string {
    const at = (peer: SipPeer): string => `sip:127.0.0.1:${peer.port}`;
    return this.alice.request(method, `sip:${this.#name}@127.0.0.1:${this.#serverPort}`, {
      callId: `${this.#name}-call`,
      ...options,
      headers: { 'X-B': at(this.bob), 'X-C': at(this.carol), 'X-D': at(this.dave), ...options.headers },
    });
  }

  /** The CANCEL of an INVITE that alice sent. */
  cancel(invite: string, headers = ''): string {
    return invite
      .replace(/^INVITE/, 'CANCEL')
      .replace(/CSeq: (\d+) INVITE/, 'CSeq: $1 CANCEL')
      .replace(/Content-Length: 0\r\n/, `${headers}Content-Length: 0\r\n`);
  }

  /** The ACK of a negative reply to an INVITE that alice sent: same branch (RFC 3261 §17.1.1.3). */
  ack(invite: string, reply: TestMsg): string {
    return invite
      .replace(/^INVITE/, 'ACK')
      .replace(/CSeq: (\d+) INVITE/, 'CSeq: $1 ACK')
      .replace(/To: [^\r]*/, `To: ${reply.get('To')}`);
  }

  pause(ms: number): Promise<void> {
    const clock = new RealClock();
    return new Promise((resolve) => void clock.schedule(ms, resolve));
  }

  /** Everything that was heard, peer by peer, with what two servers must differ in taken out. */
  trace(): string {
    return this.peers
      .map((peer) => `== ${peer.name}\n${this.#normalise(peer.heard.map((msg) => msg.text)).join('\n')}`)
      .join('\n');
  }

  #normalise(texts: readonly string[]): string[] {
    const branches: string[] = [];
    const name = (branch: string): string => {
      let at = branches.indexOf(branch);
      if (at < 0) at = branches.push(branch) - 1;
      return `branch=P${at}`;
    };
    return texts.map((raw) => {
      let text = raw.replaceAll('\r\n', '\n').trimEnd();
      for (const peer of this.peers) text = text.replaceAll(`127.0.0.1:${peer.port}`, peer.name);
      return text
        .replaceAll(`127.0.0.1:${this.#serverPort}`, 'proxy')
        .replace(new RegExp(`rport=(\\d+)`, 'g'), 'rport=PORT')
        .replace(/branch=(z9hG4bK(?!-)[^;\s,]*)/g, (_all, branch: string) => name(branch))
        .replace(/^(To: .*);tag=(?!\w+-tag)[^;\s]*/gm, '$1;tag=LOCAL')
        .replace(/^(From: .*);tag=(?!\w+-tag)[^;\s]*/gm, '$1;tag=LOCAL')
        .replace(/^(Server|User-Agent): .*/gm, '$1: x')
        .replace(/^Call-ID: [0-9a-z]{16}.*/gm, 'Call-ID: LOCAL');
    });
  }

  async close(): Promise<void> {
    for (const peer of this.peers) await peer.close();
  }
}

/** One behaviour of tm: a piece of script, and the traffic that shows it. */
export interface TmCase {
  readonly name: string;
  /** Body of `route[NAME]`, run for requests to `sip:NAME@…`. */
  readonly route: string;
  /** Further blocks of the script. */
  readonly blocks?: string;
  /** Why Strowger does something else, on purpose. */
  readonly differs?: string;
  play(cast: Cast): Promise<void>;
}

/** The whole script of some cases; each is reached by the user of the Request-URI. */
export function scriptOf(cases: readonly TmCase[], params = ''): string {
  return `
debug=2
log_stderror=yes
server_header="Server: x"
user_agent_header="User-Agent: x"
dns_srv_lb=no
loadmodule "pv.so"
loadmodule "tm.so"
loadmodule "tmx.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "kex.so"
loadmodule "corex.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "xlog.so"
${params}
request_route {
  if ($rU == "ready") { sl_send_reply("200", "ready"); exit; }
  switch ($rU) {
${cases.map(({ name }) => `    case "${name}": route(${name}); break;`).join('\n')}
    default: sl_send_reply("404", "no such case");
  }
}
${cases.map(({ name, route, blocks }) => `route[${name}] {\n${route}\n}\n${blocks ?? ''}`).join('\n')}
`;
}
