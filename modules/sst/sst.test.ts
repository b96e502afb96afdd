import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type DialogScript, DialogWorld } from '../../test/support/dialog-world.ts';
import type { TestMsg } from '../../test/support/msg.ts';

function script(more = '', flag = 'setflag(6);'): DialogScript {
  return {
    params: `loadmodule "sst.so"
modparam("dialog", "timeout_avp", "$avp(timeout)")
modparam("sst", "timeout_avp", "$avp(timeout)")
modparam("sst", "sst_flag", 6)
modparam("sst", "min_se", 100)
${more}`,
    before: flag,
    within: 'if ($avp(timeout) != $null) xlog("L_ERR", "MARK avp $rm $avp(timeout)\\n");',
  };
}

/** alice's INVITE with these headers, as bob gets it; null where alice is refused. */
async function invite(w: DialogWorld, callId: string, headers: Record<string, string>): Promise<TestMsg | null> {
  w.world.calls('sip:bob@10.0.0.1', { callId, headers });
  await w.passes(10);
  return w.bob.heard.findLast((msg) => msg.method === 'INVITE' && msg.get('Call-ID') === callId) ?? null;
}

async function lifetime(w: DialogWorld): Promise<unknown> {
  return (await w.list())[0]?.['lifetime'];
}

suite('session timers of a proxy (RFC 4028)', { timeout: 30_000 }, () => {
  test('the INVITE: asked for, left alone, raised, refused', async () => {
    await DialogWorld.with(script(), async (w) => {
      const cases: readonly (readonly [Record<string, string>, string, string])[] = [
        [{}, '100', ''],
        [{ Supported: 'timer' }, '100', ''],
        [{ 'Session-Expires': '200;refresher=uas', 'Min-SE': '90' }, '200;refresher=uas', '90'],
        [{ x: '200' }, '200', ''],
        [{ 'Session-Expires': '50;refresher=uac' }, '100;refresher=uac', '100'],
        [{ 'Session-Expires': '50', 'Min-SE': '120' }, '120', '120'],
      ];
      for (const [i, [headers, expires, min]] of cases.entries()) {
        const atBob = await invite(w, `c${i}`, headers);
        assert.deepEqual(
          [atBob?.get('Session-Expires') || atBob?.get('x'), atBob?.get('Min-SE')],
          [expires, min],
          `case ${i}`,
        );
      }
      assert.equal(await invite(w, 'refused', { Supported: 'timer', 'Session-Expires': '50' }), null);
      assert.equal((await w.alice.receives(422)).get('Min-SE'), '100');
    });
  });

  test('reject_to_small = 0 and calls without the flag are left alone', async () => {
    await DialogWorld.with(script('modparam("sst", "reject_to_small", 0)'), async (w) => {
      const atBob = await invite(w, 'c', { Supported: 'timer', 'Session-Expires': '50' });
      assert.equal(atBob?.get('Session-Expires'), '50');
    });
    await DialogWorld.with(script('', ''), async (w) => {
      assert.equal((await invite(w, 'c', {}))?.get('Session-Expires'), '');
    });
  });

  test('an answer without Session-Expires gets one where the caller knows timers', async () => {
    await DialogWorld.with(script(), async (w) => {
      const answers: string[][] = [];
      for (const [i, supported] of ['timer, 100rel', '100rel'].entries()) {
        const atBob = await invite(w, `c${i}`, { Supported: supported, 'Session-Expires': '300' });
        assert.ok(atBob);
        w.bob.replies(atBob, 200);
        const answer = await w.alice.receives(200);
        answers.push([answer.get('Session-Expires'), answer.get('Require')]);
      }
      assert.deepEqual(answers, [
        ['300;refresher=uac', 'timer'],
        ['', ''],
      ]);
    });
  });

  test('refreshes and their answers give the dialog its lifetime; without them it ends', async () => {
    await DialogWorld.with(script('modparam("dialog", "send_bye", 1)'), async (w) => {
      const call = await w.call('c').answered();
      assert.equal(await lifetime(w), 43_200);
      const reInvite = await call.fromAlice('INVITE', 2, { 'Session-Expires': '400', Supported: 'timer' }, 0);
      assert.equal(await lifetime(w), 400);
      w.bob.replies(reInvite, 200, { headers: { 'Session-Expires': '350;refresher=uac' } });
      await w.alice.receives((msg) => msg.status === 200 && msg.get('CSeq') === '2 INVITE');
      assert.equal(await lifetime(w), 350);
      await w.passes(300_000);
      await call.fromBob('UPDATE', 7, { 'Session-Expires': '200', Supported: 'timer' });
      await call.fromBob('INFO', 8);
      assert.equal(await lifetime(w), 200);
      await w.passes(199_000);
      assert.equal(w.stat('active_dialogs'), 1);
      await w.passes(2000);
      assert.equal((await w.bob.receives('BYE')).method, 'BYE');
      assert.deepEqual(w.marks, ['start c c', 'avp INVITE 400', 'avp UPDATE 200', 'end OPTIONS c']);
      assert.equal(w.world.sim.server.counters.find('sst', 'expired_sst')?.get(), 1);
    });
  });

  test('a refresh that names no time is given one; where neither side knows timers the session has no end', async () => {
    await DialogWorld.with(script(), async (w) => {
      const call = await w.call('c').answered();
      const refresh = async (cseq: number, supported: Record<string, string>, answer = {}): Promise<string[]> => {
        const atBob = await call.fromAlice('UPDATE', cseq, supported, 0);
        w.bob.replies(atBob, 200, { headers: answer });
        const reply = await w.alice.receives((msg) => msg.cseqMethod === 'UPDATE' && msg.status === 200);
        return [atBob.get('Session-Expires'), reply.get('Session-Expires'), reply.get('Require')];
      };
      assert.deepEqual(await refresh(2, { Supported: 'timer' }), ['100', '100;refresher=uac', 'timer']);
      assert.equal(await lifetime(w), 100);
      assert.deepEqual(await refresh(3, {}, { 'Session-Expires': '90;refresher=uas' }), [
        '100',
        '90;refresher=uas',
        '',
      ]);
      assert.equal(await lifetime(w), 90);
      assert.deepEqual(await refresh(4, { 'Min-SE': '300' }), ['300', '', '']);
      assert.equal(await lifetime(w), 43_200);
    });
  });

  test('sstCheckMin', async () => {
    const check =
      'if (sstCheckMin("$hdr(X-Reply)")) { if ($hdr(X-Reply) == "0") sl_send_reply("200", "short"); exit; } sl_send_reply("200", "long"); exit;';
    await DialogWorld.with({ ...script(), before: check }, async (w) => {
      const cases: readonly (readonly [Record<string, string>, string])[] = [
        [{}, 'long'],
        [{ 'Session-Expires': '100' }, 'long'],
        [{ 'Session-Expires': '99' }, 'short'],
        [{ 'Session-Expires': '1800', 'Min-SE': '99' }, 'short'],
        [{ 'Session-Expires': '1800', 'Min-SE': '100' }, 'long'],
        [{ 'Session-Expires': 'soon' }, 'long'],
      ];
      for (const [i, [headers, wanted]] of cases.entries()) {
        w.world.calls('sip:bob@10.0.0.1', { callId: `a${i}`, headers: { ...headers, 'X-Reply': '0' } });
        assert.match((await w.alice.receives(200)).text, new RegExp(`^SIP/2.0 200 ${wanted}\r`), `case ${i}`);
        w.world.calls('sip:bob@10.0.0.1', { callId: `b${i}`, headers: { ...headers, 'X-Reply': '1' } });
        const reply = await w.alice.receives(wanted === 'short' ? 422 : 200);
        assert.equal(reply.get('Min-SE'), wanted === 'short' ? '100' : '');
      }
    });
  });

  test('sst_flag must be set', async () => {
    await assert.rejects(DialogWorld.start({ params: 'loadmodule "sst.so"' }), /sst_flag/);
  });
});
