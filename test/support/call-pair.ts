import type { Clock } from '../../core/timer/clock.ts';
import type { UdpDriver } from '../../core/transport/drivers.ts';
import type { TestMsg } from './msg.ts';
import { SipPeer } from './sip-peer.ts';

/** Where the callee of a `CallPair` is, for the script: `route` sends there what has no Route set. */
export function proxyScript(calleeUri: string, globals = ''): string {
  return `${globals}
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
request_route {
  if (method == "OPTIONS") { sl_send_reply("200", "OK"); exit; }
  if (loose_route()) { t_relay(); exit; }
  record_route();
  $du = "${calleeUri}";
  t_relay();
}
`;
}

/** A caller and a callee on both sides of a proxy: they tell whether calls still go through it. */
export class CallPair {
  readonly alice: SipPeer;
  readonly bob: SipPeer;
  #calls = 0;

  private constructor(alice: SipPeer, bob: SipPeer) {
    this.alice = alice;
    this.bob = bob;
  }

  static async open(
    driver: (who: 'alice' | 'bob') => UdpDriver,
    clock: Clock,
    address: (who: 'alice' | 'bob') => string = () => '127.0.0.1',
  ): Promise<CallPair> {
    const peer = (name: 'alice' | 'bob'): Promise<SipPeer> =>
      SipPeer.udp(driver(name), { clock, name, address: address(name), patienceMs: 10_000 });
    const [alice, bob] = await Promise.all([peer('alice'), peer('bob')]);
    return new CallPair(alice, bob);
  }

  /** `sip:10.0.0.3:32768` of the callee. */
  get calleeUri(): string {
    return `sip:${this.bob.ip}:${this.bob.port}`;
  }

  set target(target: { ip: string; port: number }) {
    this.alice.target = target;
    this.bob.target = target;
  }

  /**
   * One call from INVITE to the 200 of its BYE; rejects when anything of it is missing. What else the phones hear stays
   * in their inboxes.
   */
  async call(): Promise<void> {
    const { alice, bob } = this;
    const callId = `pair-${++this.#calls}`;
    const uri = `sip:bob@${alice.target.ip}:${alice.target.port}`;
    const heard = (method: string) => (msg: TestMsg) => msg.get('Call-ID') === callId && msg.method === method;
    const okTo = (cseq: string) => (msg: TestMsg) =>
      msg.get('Call-ID') === callId && msg.status === 200 && msg.get('CSeq') === cseq;
    alice.sends(alice.request('INVITE', uri, { callId, body: 'v=0\r\n' }));
    const invite = await bob.receives(heard('INVITE'));
    bob.replies(invite, 180);
    bob.replies(invite, 200);
    const answer = await alice.receives(okTo('1 INVITE'));
    const inDialog = { callId, toTag: 'bob-tag', to: `<${uri}>`, route: answer.all('Record-Route').toReversed() };
    alice.sends(alice.request('ACK', bob.uri, inDialog));
    await bob.receives(heard('ACK'));
    alice.sends(alice.request('BYE', bob.uri, { ...inDialog, cseq: 2 }));
    bob.replies(await bob.receives(heard('BYE')), 200);
    await alice.receives(okTo('2 BYE'));
  }

  async close(): Promise<void> {
    await Promise.all([this.alice.close(), this.bob.close()]);
  }
}
