import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SipPeer } from '../../test/support/sip-peer.ts';
import { withTmWorld } from '../../test/support/sip-world.ts';

const OVER_TCP = 'request_route { $du = "sip:10.0.2.1;transport=tcp"; t_relay(); exit; }';

test('over TCP nothing is repeated; timers B and F hold all the same (RFC 3261 §17.1)', async () => {
  await withTmWorld(
    OVER_TCP,
    async (world) => {
      const { clock, network } = world;
      const bob = await SipPeer.tcp(network.host('10.0.2.1').stream, {
        clock,
        name: 'bob',
        address: '10.0.2.1',
        port: 5060,
      });
      const invite = world.calls();
      await bob.receives('INVITE');
      assert.equal((await world.final(invite, 31_000)).status, 408);
      assert.equal(bob.count('INVITE'), 1);
      await bob.close();
    },
    { params: 'modparam("tm", "fr_timer", 30000)' },
  );
});

test('a caller over TCP gets its replies on its connection, final ones once', async () => {
  await withTmWorld('request_route { t_newtran(); t_reply("486", "Busy"); exit; }', async (world) => {
    const { clock, network } = world;
    const erin = await SipPeer.tcpClient(network.host('10.0.1.9').stream, {
      clock,
      name: 'erin',
      address: '10.0.1.9',
      target: { ip: '10.0.0.1', port: 5060 },
    });
    erin.sends(erin.request('INVITE', 'sip:x@10.0.0.1'));
    await erin.receives(486);
    await world.passes(10_000);
    assert.equal(erin.count(486), 1);
    await erin.close();
  });
});

test('a connection that is refused counts as 503 at once, and is passed on as 500 (RFC 3261 §16.9, §16.7)', async () => {
  await withTmWorld(OVER_TCP, async (world) => {
    const reply = await world.final(world.calls(), 5000);
    assert.equal(reply.startLine, 'SIP/2.0 500 Service Unavailable');
  });
  await withTmWorld(
    OVER_TCP,
    async (world) => {
      assert.equal((await world.final(world.calls(), 5000)).status, 503);
    },
    { params: 'modparam("tm", "remap_503_500", 0)' },
  );
});

const TO_BOB = 'request_route { $du = "sip:10.0.2.1"; t_relay(); exit; }';
const BLOCKLIST = 'use_dst_blocklist = yes\ndst_blocklist_expire = 100';

test('a destination that did not answer is listed, and not tried again for a while (blst_methods_add, _lookup)', async () => {
  await withTmWorld(
    TO_BOB,
    async (world) => {
      assert.equal((await world.final(world.calls('sip:x@10.0.0.1', { callId: 'one' }))).status, 408);
      const second = await world.final(world.calls('sip:x@10.0.0.1', { callId: 'two' }), 100);
      assert.equal(second.startLine, 'SIP/2.0 473 Filtered destination (473/TM)');
      // BYE is sent whatever the list says.
      world.alice.sends(world.alice.request('BYE', 'sip:x@10.0.0.1', { callId: 'three' }));
      await world.bob.receives('BYE');
      await world.passes(101_000);
      const third = world.calls('sip:x@10.0.0.1', { callId: 'four' });
      world.bob.replies(await world.bob.receives((msg) => msg.get('Call-ID') === 'four'), 200);
      assert.equal((await world.final(third)).status, 200);
    },
    { params: `${BLOCKLIST}\nmodparam("tm", "fr_timer", 2000)` },
  );
});

test('blst_503: a 503 lists its source as long as Retry-After says, within bounds', async () => {
  const params = `${BLOCKLIST}
modparam("tm", "blst_503", 1)
modparam("tm", "blst_503_max_timeout", 20)`;
  await withTmWorld(
    TO_BOB,
    async (world) => {
      const refuses = async (callId: string, retryAfter: string): Promise<void> => {
        const invite = world.calls('sip:x@10.0.0.1', { callId });
        const headers = retryAfter === '' ? {} : { headers: { 'Retry-After': retryAfter } };
        world.bob.replies(
          await world.bob.receives((msg) => msg.get('Call-ID') === callId && msg.method === 'INVITE'),
          503,
          headers,
        );
        assert.equal((await world.final(invite)).status, 500);
      };
      // Without Retry-After blst_503_def_timeout holds, which is 0.
      await refuses('one', '');
      await refuses('two', '3600');
      assert.equal((await world.final(world.calls('sip:x@10.0.0.1', { callId: 'three' }), 100)).status, 473);
      await world.passes(21_000);
      await refuses('four', '1');
    },
    { params },
  );
});
