import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { request, sipMsg } from 'strowger/testing';
import { CryptoRandom } from '../../core/timer/random.ts';
import { SipWorld } from '../../test/support/sip-world.ts';
import { RouteSignature } from './route-signature.ts';

const signature = new RouteSignature('a key of more than 16 characters');
const CALL = { callId: 'c1', fromTag: 'a' };
const first = sipMsg(request('INVITE', 'sip:b@x', CALL));
const SIG = signature.of(first);

suite('signature of Record-Route', () => {
  test('requests of both sides of its dialog have it, others do not', () => {
    assert.match(SIG, /^[0-9a-f]{24}$/);
    const isOf = (options: object, sig = SIG): boolean =>
      signature.isOf(sipMsg(request('BYE', 'sip:b@x', { ...CALL, toTag: 'b', ...options })), sig);
    assert.ok(isOf({}));
    assert.ok(isOf({ fromTag: 'b', toTag: 'a' }));
    for (const other of [{ callId: 'c2' }, { fromTag: 'c' }, { fromTag: '' }, { callId: 'c', fromTag: '1a' }])
      assert.ok(!isOf(other), JSON.stringify(other));
    for (const sig of ['', SIG.slice(1), `${SIG}0`, SIG.toUpperCase(), SIG.replace(/.$/, 'x'), '\u00e9'.repeat(24)])
      assert.ok(!isOf({}, sig), sig);
    assert.ok(!new RouteSignature('another key, as long as it must be').isOf(first, SIG));
  });

  test('the key is made once, for its owner only; one that is too short is refused', () => {
    const folder = mkdtempSync(join(tmpdir(), 'strowger-rr-'));
    try {
      const path = join(folder, 'run', 'route.key');
      const made = RouteSignature.ofFile(path, new CryptoRandom());
      assert.equal(statSync(path).mode & 0o777, 0o600);
      const key = readFileSync(path, 'latin1');
      assert.equal(key.trim().length, 64);
      assert.equal(RouteSignature.ofFile(path, new CryptoRandom()).of(first), made.of(first));
      assert.equal(readFileSync(path, 'latin1'), key);
      writeFileSync(path, '\n');
      assert.throws(() => RouteSignature.ofFile(path, new CryptoRandom()), /too short/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('every kind of Record-Route carries it, on both rows of a double one', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'strowger-rr-'));
    const world = await SipWorld.start(
      `request_route {
        if ($rU == "one") record_route();
        if ($rU == "two") record_route_preset("10.0.0.1:5060", "10.0.0.1:5070");
        if ($rU == "three") record_route_advertised_address("edge.example.org");
        if ($rU == "back") { record_route(); remove_record_route(); }
        $ru = "sip:bob@10.0.2.1";
        t_relay();
      }`,
      {
        params: `modparam("rr", "signature_key", "${join(folder, 'key')}")\nmodparam("rr", "enable_double_rr", 2)`,
      },
    );
    try {
      for (const [user, rows] of [
        ['one', 2],
        ['two', 2],
        ['three', 1],
        ['back', 0],
      ] as const) {
        world.calls(`sip:${user}@10.0.0.1`, { callId: user });
        const routes = (await world.bob.receives((msg) => msg.get('Call-ID') === user)).all('Record-Route');
        assert.equal(routes.length, rows, user);
        for (const route of routes) assert.match(route, /;sig=[0-9a-f]{24}[;>]/);
        assert.equal(new Set(routes.map((route) => /sig=(\w+)/.exec(route)?.[1])).size, Math.min(rows, 1));
      }
    } finally {
      await world.stop();
      rmSync(folder, { recursive: true });
    }
  });
});
