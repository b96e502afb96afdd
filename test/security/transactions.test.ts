import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { TmApi } from '../../modules/tm/api.ts';
import { response, TestMsg } from '../support/msg.ts';
import { SipWorld } from '../support/sip-world.ts';

/**
 * Messages forged by a third party into transactions and calls of others, floods of what makes state, and numbers at
 * their limits. carol (10.0.2.2) is the attacker: she knows what her test says she knows, alice calls bob.
 */

const ROUTES = `
loadmodule "sanity.so"
request_route {
  if (!mf_process_maxfwd_header("70")) { sl_send_reply("483", "Too Many Hops"); exit; }
  if (!sanity_check("17895", "7")) exit;
  if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
  if (is_method("ACK")) { if (t_check_trans() || loose_route()) t_relay(); exit; }
  t_check_trans();
  if (has_totag()) { if (loose_route()) t_relay(); else sl_send_reply("404", "Not here"); exit; }
  record_route();
  t_on_failure("F");
  $ru = "sip:bob@10.0.2.1";
  t_relay();
}
reply_route { if (!t_check_trans()) drop; }
failure_route[F] { if (t_check_status("486")) { t_reply("480", "Busy"); } }
`;

async function inWorld(use: (world: SipWorld) => Promise<void>): Promise<void> {
  const world = await SipWorld.start(ROUTES);
  try {
    await use(world);
    world.clock.advance(600_000);
    await world.passes(10);
    assert.equal(world.sim.api<TmApi>('tm').core.table.size, 0, 'transactions left');
  } finally {
    await world.stop();
  }
}

/** alice calls, bob has the INVITE. */
async function ringing(world: SipWorld): Promise<{ invite: string; atBob: TestMsg }> {
  const invite = world.calls('sip:bob@10.0.0.1');
  const atBob = await world.bob.receives('INVITE');
  return { invite, atBob };
}

suite('replies forged for branches of others', () => {
  test('a reply with a guessed branch: dropped, in tm by the branch and in reply_route by t_check_trans()', () =>
    inWorld(async (world) => {
      const { invite, atBob } = await ringing(world);
      const own = atBob.all('Via')[0] ?? '';
      const branch = atBob.branch;
      const forge = (via: readonly string[]): string =>
        response(atBob, 486, { headers: { Via: [...via, ...atBob.all('Via').slice(1)] } });
      const [magic = '', slot = '', label = ''] = branch.split('-');
      const flipped = branch.replace(`-${label}-`, `-${label.replace(/.$/, (c) => (c === '0' ? '1' : '0'))}-`);
      const before = world.alice.heard.length;
      for (const via of [
        own.replace(branch, flipped),
        own.replace(branch, `${magic}-${slot}-0-0-0`),
        own.replace(branch, branch.replace(`-${slot}-`, '-zzzzzz-')),
        own.replace(branch, branch.replace(`-${label}-`, '--')),
        own.replace(branch, 'z9hG4bK'),
        own.replace(branch, ''),
      ]) {
        if (via === own) continue;
        world.carol.sends(forge([via]));
      }
      await world.passes(200);
      const stateful = world.alice.heard.slice(before).filter((msg) => msg.status >= 180);
      assert.deepEqual(
        stateful.map((msg) => msg.startLine),
        [],
      );
      world.bob.replies(atBob, 200);
      assert.equal((await world.alice.receives('2xx')).status, 200, invite.slice(0, 10));
    }));

  test('branches of later calls can not be foretold from one that is known: forged answers are not taken', () =>
    inWorld(async (world) => {
      // bob's first call tells him a branch; the second is carol's to answer, and he guesses.
      const first = await ringing(world);
      world.bob.replies(first.atBob, 486);
      await world.alice.receives(480);
      const invite = world.alice.request('INVITE', 'sip:bob@10.0.0.1', { callId: 'second' });
      world.alice.sends(invite);
      const atBob = await world.bob.receives('INVITE');
      const [magic = '', , label = '', , hash = ''] = first.atBob.branch.split('-');
      const known = Number.parseInt(label, 36);
      for (let ahead = -2; ahead <= 64; ahead++)
        for (let slot = 0; slot < 4; slot++) {
          const guess = `${magic}-${slot.toString(36)}-${(known + ahead).toString(36).padStart(label.length, '0')}-0-${hash}`;
          if (slot === 0 && ahead === 0) continue;
          world.carol.sends(response(atBob, 200).replace(atBob.branch, guess));
        }
      await world.passes(200);
      assert.equal(world.alice.count(200), 0);
      world.bob.replies(atBob, 486);
      await world.alice.receives(480);
    }));

  test('a reply of another method, or with another CSeq or Call-ID, of the right branch: dropped', () =>
    inWorld(async (world) => {
      const { atBob } = await ringing(world);
      for (const headers of [{ CSeq: '1 BYE' }, { CSeq: '1 CANCEL' }]) {
        world.carol.sends(response(atBob, 200, { headers }));
      }
      await world.passes(200);
      assert.equal(world.alice.count('2xx'), 0);
      world.bob.replies(atBob, 486);
      assert.equal((await world.alice.receives(480)).status, 480);
    }));

  test('a reply without our Via is sent nowhere: no relay of replies', () =>
    inWorld(async (world) => {
      const seen: string[] = [];
      world.network.onPacket = ({ what, from, to }) => {
        if (what === 'sent' && from.startsWith('10.0.0.1:')) seen.push(to);
      };
      for (const via of [
        ['SIP/2.0/UDP 10.0.2.3:5060;branch=z9hG4bK1'],
        ['SIP/2.0/UDP 10.0.2.2:5060;branch=z9hG4bK1', 'SIP/2.0/UDP 10.0.2.3:5060;branch=z9hG4bK2'],
        ['SIP/2.0/UDP 10.0.0.1.evil.test:5060;branch=z9hG4bK1', 'SIP/2.0/UDP 10.0.2.3:5060;branch=z9hG4bK2'],
        ['SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK1'],
      ])
        world.carol.sends(
          `SIP/2.0 200 OK\r\n${via.map((row) => `Via: ${row}\r\n`).join('')}From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\n` +
            'Call-ID: x\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n',
        );
      await world.passes(500);
      assert.deepEqual(seen, []);
    }));
});

suite('CANCEL, ACK and BYE of a third party', () => {
  test('a CANCEL with what is seen from outside (Call-ID, tags, CSeq) but another branch or sent-by: nothing is cancelled', () =>
    inWorld(async (world) => {
      const { invite, atBob } = await ringing(world);
      world.bob.replies(atBob, 180);
      await world.alice.receives(180);
      const cancel = world.cancelOf(invite);
      const branch = new TestMsg(invite).branch;
      for (const text of [
        cancel.replace(branch, 'z9hG4bK-other'),
        cancel.replace(`;branch=${branch}`, ''),
        cancel.replace('10.0.1.1:5060', '10.0.2.2:5060'),
      ]) {
        assert.notEqual(text, cancel);
        world.carol.sends(text);
      }
      await world.bob.receivesNothing(1000, 'CANCEL');
      world.bob.replies(atBob, 200);
      assert.equal((await world.alice.receives(200)).status, 200);
    }));

  test('a BYE of somebody who knows Call-ID and tags, but not the routes: it does not pass through us', () =>
    inWorld(async (world) => {
      const { atBob } = await ringing(world);
      world.bob.replies(atBob, 200);
      const ok = await world.alice.receives(200);
      const dialog = {
        callId: ok.get('Call-ID'),
        fromTag: ok.param('From', 'tag'),
        toTag: ok.param('To', 'tag'),
        cseq: 2,
      };
      world.carol.sends(world.carol.request('BYE', 'sip:bob@10.0.0.1', dialog));
      assert.equal((await world.carol.receives((msg) => msg.status >= 300)).status, 404);
      await world.bob.receivesNothing(500, 'BYE');
    }));

  test('10,000 ACKs of no call: no state, nothing sent', () =>
    inWorld(async (world) => {
      const { sent } = world.network.counts;
      for (let i = 0; i < 10_000; i++)
        world.carol.sends(
          world.carol.request('ACK', 'sip:bob@10.0.0.1', { callId: `a${i}`, ...(i % 2 ? { toTag: `t${i}` } : {}) }),
        );
      await world.passes(100);
      assert.equal(world.network.counts.sent - sent, 10_000, 'only hers');
      assert.equal(world.sim.api<TmApi>('tm').core.table.size, 0);
    }));

  test('CANCELs of no transaction: no state, nothing to bob', () =>
    inWorld(async (world) => {
      for (let i = 0; i < 1000; i++)
        world.carol.sends(world.carol.request('CANCEL', 'sip:bob@10.0.0.1', { callId: `c${i}`, cseq: i + 1 }));
      await world.passes(100);
      assert.equal(world.sim.api<TmApi>('tm').core.table.size, 0);
      assert.equal(world.bob.heard.length, 0);
    }));

  test('one branch for different calls: a transaction is not taken over, neither by method nor by Call-ID', () =>
    inWorld(async (world) => {
      const { invite, atBob } = await ringing(world);
      const branch = new TestMsg(invite).branch;
      // carol knows alice's branch and pretends to be behind her address.
      const via = `SIP/2.0/UDP 10.0.1.1:5060;branch=${branch}`;
      world.carol.sends(world.carol.request('MESSAGE', 'sip:bob@10.0.0.1', { via, callId: 'carols', cseq: 77 }));
      await world.passes(100);
      world.bob.replies(atBob, 200);
      assert.equal((await world.alice.receives((msg) => msg.status >= 200 && msg.cseqMethod === 'INVITE')).status, 200);
    }));
});

suite('numbers at their limits', () => {
  for (const [what, change] of [
    ['CSeq 2^31 - 1', { CSeq: '2147483647 OPTIONS' }],
    ['CSeq 2^31', { CSeq: '2147483648 OPTIONS' }],
    ['CSeq 2^32', { CSeq: '4294967296 OPTIONS' }],
    ['CSeq of 300 digits', { CSeq: `${'9'.repeat(300)} OPTIONS` }],
    ['CSeq below zero', { CSeq: '-1 OPTIONS' }],
    ['CSeq of another method', { CSeq: '1 INVITE' }],
    ['CSeq in hex', { CSeq: '0x10 OPTIONS' }],
    ['Max-Forwards 0', { 'Max-Forwards': 0 }],
    ['Max-Forwards 255', { 'Max-Forwards': 255 }],
    ['Max-Forwards 256', { 'Max-Forwards': 256 }],
    ['Max-Forwards 2^32', { 'Max-Forwards': '4294967296' }],
    ['Max-Forwards below zero', { 'Max-Forwards': '-1' }],
    ['Max-Forwards of letters', { 'Max-Forwards': 'many' }],
    ['Max-Forwards twice', { 'Max-Forwards': ['70', '70000'] }],
    ['Content-Length above the datagram', { 'Content-Length': 5000 }],
    ['Content-Length 2^53', { 'Content-Length': '9007199254740993' }],
    ['Content-Length below zero', { 'Content-Length': '-1' }],
    ['Content-Length twice', { 'Content-Length': ['0', '10'] }],
    ['Expires of 300 digits', { Expires: '9'.repeat(300) }],
  ] as const)
    test(`${what}: refused, dropped or passed on with a Max-Forwards in range; one answer at most`, () =>
      inWorld(async (world) => {
        world.bob.autoReply = (msg) => response(msg, 200);
        world.alice.sends(world.alice.request('OPTIONS', 'sip:bob@10.0.0.1', { headers: change }));
        await world.passes(5000);
        assert.ok(world.alice.count((msg) => msg.status >= 200) <= 1);
        assert.ok(world.bob.heard.length <= 1);
        for (const msg of world.bob.heard) {
          const hops = Number(msg.get('Max-Forwards'));
          assert.ok(hops >= 0 && hops < 256, msg.get('Max-Forwards'));
        }
      }));

  test('a request sent round and round: Max-Forwards ends a loop of two servers', () =>
    inWorld(async (world) => {
      const dave = world.dave;
      // dave sends whatever he gets back to the server, as a broken or hostile proxy does.
      world.bob.autoReply = (msg) => {
        if (msg.method === '' || msg.method === 'ACK') return null;
        dave.sends(
          msg.text.replace(
            /\r\n/,
            '\r\nVia: SIP/2.0/UDP 10.0.2.3:5060;branch=z9hG4bK-' + String(world.bob.heard.length) + '\r\n',
          ),
        );
        return response(msg, 200);
      };
      world.alice.sends(world.alice.request('OPTIONS', 'sip:bob@10.0.0.1', { maxForwards: 20 }));
      await world.passes(40_000);
      assert.ok(world.bob.count('OPTIONS') <= 21, `${world.bob.count('OPTIONS')}`);
    }));
});

suite('retransmissions and state', () => {
  test('one request 1,000 times: one transaction, one copy to bob', () =>
    inWorld(async (world) => {
      const text = world.carol.request('INVITE', 'sip:bob@10.0.0.1');
      for (let i = 0; i < 1000; i++) world.carol.sends(text);
      await world.passes(100);
      assert.equal(world.sim.api<TmApi>('tm').core.table.size, 1);
      assert.equal(world.bob.count('INVITE'), 1);
      world.bob.replies(await world.bob.receives('INVITE'), 486);
    }));

  test('a host that never answers gets at most eleven copies of a request (RFC 3261 §17.1.2)', () =>
    inWorld(async (world) => {
      world.alice.sends(world.alice.request('OPTIONS', 'sip:bob@10.0.0.1'));
      await world.passes(120_000);
      assert.ok(world.bob.count('OPTIONS') <= 11);
    }));
});
