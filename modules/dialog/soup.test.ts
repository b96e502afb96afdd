import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '../../core/timer/random.ts';
import { DialogWorld, type WorldCall } from '../../test/support/dialog-world.ts';

const CALLS = 400;

type Step = (w: DialogWorld, call: WorldCall, random: SeededRandom) => unknown;

/** What may happen to a call, in any order, fitting or not. */
const STEPS: readonly Step[] = [
  (w, call) => call.invite !== null && w.bob.replies(call.invite, 180),
  (w, call) => call.invite !== null && w.bob.replies(call.invite, 200),
  (w, call) => call.invite !== null && w.bob.replies(call.invite, 200),
  (w, call) => call.invite !== null && w.bob.replies(call.invite, 486),
  (w, call) => call.invite !== null && w.bob.replies(call.invite, 503),
  (_w, call) => call.cancel(),
  (w, call) => sendWithin(w, call, 'ACK', 1),
  (w, call, random) => sendWithin(w, call, 'INFO', random.int(20)),
  (w, call, random) => sendWithin(w, call, 'INVITE', random.int(20)),
  (w, call, random) => sendWithin(w, call, 'BYE', random.int(20)),
  (w, call, random) => sendBack(w, call, 'BYE', random.int(20)),
  (w, call, random) => sendBack(w, call, 'UPDATE', random.int(20)),
  (w, call) => w.rpc('dlg.terminate_dlg', call.callId, 'alice-tag', 'bob-tag').catch(() => {}),
  (w, _call, random) => w.passes(random.int(40_000)),
];

function sendWithin(w: DialogWorld, { callId, route }: WorldCall, method: string, cseq: number): void {
  w.alice.sends(
    w.alice.request(method, w.bob.uri, { callId, route, cseq, to: '<sip:bob@10.0.0.1>', toTag: 'bob-tag' }),
  );
}

function sendBack(w: DialogWorld, { callId, route }: WorldCall, method: string, cseq: number): void {
  const tags = { from: '<sip:bob@10.0.0.1>', fromTag: 'bob-tag', to: '<sip:alice@example.org>', toTag: 'alice-tag' };
  w.bob.sends(w.bob.request(method, w.alice.uri, { callId, route, cseq, ...tags }));
}

test(`${CALLS} calls in which anything happens: nothing of them is left`, { timeout: 120_000 }, async () => {
  const params = `modparam("dialog", "profiles_with_value", "caller")
modparam("dialog", "default_timeout", 120)
modparam("dialog", "ka_timer", 1)
modparam("dialog", "ka_interval", 30)`;
  const script = {
    params,
    before: 'if ($hdr(X-Bye) == "1") $dlg_ctx(timeout_bye) = 1;',
    after:
      'set_dlg_profile("caller", "$fu"); $dlg_var(x) = "x"; dlg_set_property("ka-src"); dlg_set_property("ka-dst");',
    within: '$dlg_var(y) = "y";',
  };
  await DialogWorld.with(script, async (w) => {
    const random = new SeededRandom(7);
    // Half of what the server sends within calls is answered.
    for (const peer of [w.alice, w.bob]) {
      peer.autoReply = (msg) => {
        if (msg.status === 0 && msg.method !== 'ACK' && msg.method !== 'INVITE' && random.int(2) === 0)
          peer.replies(msg, random.int(4) === 0 ? 481 : 200);
        return null;
      };
    }
    for (let i = 0; i < CALLS; i++) {
      const call = w.call(`soup-${i}`);
      await call.sends();
      call.route = w.bob.heard.findLast((msg) => msg.get('Call-ID') === call.callId)?.all('Record-Route') ?? [];
      for (let steps = 2 + random.int(10); steps > 0; steps--) {
        await STEPS[random.int(STEPS.length)]?.(w, call, random);
        await w.passes(random.int(300));
      }
      w.alice.inbox.length = w.bob.inbox.length = w.alice.heard.length = w.bob.heard.length = 0;
    }
    assert.ok(w.stat('processed_dialogs') >= CALLS);
    assert.ok(w.stat('expired_dialogs') > 10 && w.stat('failed_dialogs') > 10);
    await w.passes(1_000_000);
    assert.deepEqual(await w.list(), []);
    assert.deepEqual([w.stat('active_dialogs'), w.stat('early_dialogs')], [0, 0]);
    assert.equal(await w.rpc('dlg.profile_get_size', 'caller'), 0);
    // Each call had its end told once at most.
    const ends = w.marks.filter((mark) => mark.startsWith('end ')).map((mark) => mark.split(' ').at(-1));
    assert.equal(new Set(ends).size, ends.length);
    assert.deepEqual(
      w.world.sim.log.lines.filter((line) => /callback|internal|failed to/.test(line)),
      [],
    );
  });
});
