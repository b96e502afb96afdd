import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '../../core/timer/random.ts';
import { VirtualClock } from '../../core/timer/virtual-clock.ts';
import { request, response, TestMsg } from './msg.ts';
import { SimNetwork } from './sim-network.ts';
import { SipPeer } from './sip-peer.ts';

async function pair(proto: 'udp' | 'tcp'): Promise<{ clock: VirtualClock; alice: SipPeer; bob: SipPeer }> {
  const clock = new VirtualClock();
  const network = new SimNetwork(clock, new SeededRandom(1), { link: { delayMs: [5, 5] }, maxChunkBytes: 100 });
  const [a, b] = [network.host('10.0.0.1'), network.host('10.0.0.2')];
  const options = { clock, name: 'bob', address: '10.0.0.2', port: 5060 };
  const bob = proto === 'udp' ? await SipPeer.udp(b.udp, options) : await SipPeer.tcp(b.stream, options);
  const caller = { clock, name: 'alice', address: '10.0.0.1', target: { ip: bob.ip, port: bob.port } };
  const alice = proto === 'udp' ? await SipPeer.udp(a.udp, caller) : await SipPeer.tcpClient(a.stream, caller);
  return { clock, alice, bob };
}

for (const proto of ['udp', 'tcp'] as const) {
  test(`two peers hold a scripted call over ${proto}`, async () => {
    const { alice, bob } = await pair(proto);
    alice.sends(
      alice.request('INVITE', 'sip:bob@example.org', { body: 'v=0\r\n', headers: { 'Record-Route': '<sip:p1;lr>' } }),
    );
    const invite = await bob.receives('INVITE');
    assert.equal(invite.body, 'v=0\r\n');
    bob.replies(invite, 180);
    bob.replies(invite, 200, { headers: { 'X-Test': [1, 2] } });
    const ok = await alice.receives('2xx');
    assert.deepEqual(ok.all('x-test'), ['1', '2']);
    assert.equal(ok.get('Record-Route'), '<sip:p1;lr>');
    assert.equal(ok.param('To', 'tag'), 'bob-tag');
    assert.equal(ok.branch, invite.branch);
    assert.equal((await alice.receives(180)).cseqMethod, 'INVITE');
    await alice.receivesNothing(100);
    await bob.close();
    await alice.close();
  });
}

test('a wait ends with what was heard instead', async () => {
  const { clock, alice, bob } = await pair('udp');
  alice.sends(alice.request('OPTIONS', 'sip:bob@example.org'));
  await assert.rejects(bob.receives('INVITE', 500), /bob waited 500 ms for INVITE; in its inbox: OPTIONS sip:bob/);
  assert.equal(clock.now(), 500);
  assert.equal(bob.count('OPTIONS'), 1);
});

test('builders give defaults their place to headers given', () => {
  const text = request('INVITE', 'sip:bob@example.org', {
    headers: { Via: ['SIP/2.0/UDP a', 'SIP/2.0/UDP b'], 'Max-Forwards': '' },
    fromTag: '',
  });
  const msg = new TestMsg(text);
  assert.deepEqual(msg.all('v'), ['SIP/2.0/UDP a', 'SIP/2.0/UDP b']);
  assert.equal(msg.has('Max-Forwards'), false);
  assert.equal(msg.get('From'), '<sip:alice@example.org>');
  assert.equal(msg.get('l'), '0');
  assert.equal(new TestMsg(response(msg, 404)).startLine, 'SIP/2.0 404 Not Found');
});
