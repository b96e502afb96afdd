import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { DialogWorld } from '../../test/support/dialog-world.ts';
import { STATE } from './fsm.ts';

/** Nothing of any call is left. */
async function isEmpty(w: DialogWorld): Promise<void> {
  assert.deepEqual(await w.list(), []);
  assert.deepEqual([w.stat('active_dialogs'), w.stat('early_dialogs')], [0, 0]);
}

const PROFILES = `modparam("dialog", "profiles_with_value", "caller")
modparam("dialog", "profiles_no_value", "all")`;

suite('dialogs of calls', { timeout: 60_000 }, () => {
  test('a BYE ends it; it is forgotten when its transactions are', async () => {
    await DialogWorld.with({ params: PROFILES, after: 'set_dlg_profile("all");' }, async (w) => {
      const events: string[] = [];
      for (const event of ['created', 'early', 'answered', 'confirmed', 'request', 'terminated', 'destroyed'] as const)
        w.api.on(event, ({ dialog }) => events.push(`${event} ${dialog.state}`));
      const call = await w.call('c').answered();
      assert.equal(w.stat('active_dialogs'), 1);
      assert.equal(await w.rpc('dlg.profile_get_size', 'all'), 1);
      await call.fromBob('INFO', 3);
      await call.fromBob('BYE', 4);
      assert.equal(await w.rpc('dlg.profile_get_size', 'all'), 0);
      assert.equal((await w.list())[0]?.['state'], STATE.DELETED);
      await w.passes(6000);
      await isEmpty(w);
      assert.deepEqual(w.marks, ['start c c', 'end BYE c']);
      const steps = ['created 1', 'early 2', 'answered 3', 'confirmed 4', 'request 4', 'terminated 5', 'destroyed 5'];
      assert.deepEqual(events, steps);
    });
  });

  test('a BYE that crosses ours: the end is told once', async () => {
    await DialogWorld.with({}, async (w) => {
      const call = await w.call('c').answered();
      const dialog = [...(await w.list())][0];
      await w.rpc('dlg.end_dlg', dialog?.['h_entry'] as number, dialog?.['h_id'] as number);
      const [toAlice, toBob] = [await w.alice.receives('BYE'), await w.bob.receives('BYE')];
      await call.fromAlice('BYE', 2);
      w.alice.replies(toAlice, 481);
      w.bob.replies(toBob, 481);
      await w.passes(10_000);
      assert.deepEqual(w.marks, ['start c c', 'end OPTIONS c']);
      await isEmpty(w);
    });
  });

  test('nobody answers our BYEs: the call is over when they have been given up', async () => {
    await DialogWorld.with(
      { params: 'modparam("dialog", "send_bye", 1)\nmodparam("dialog", "default_timeout", 5)' },
      async (w) => {
        await w.call('c').answered();
        await w.passes(5000);
        assert.equal((await w.bob.receives('BYE')).get('CSeq'), '2 BYE');
        assert.equal((await w.alice.receives('BYE')).get('CSeq'), '1 BYE');
        assert.equal(w.stat('active_dialogs'), 1);
        await w.passes(40_000);
        await isEmpty(w);
        assert.equal(w.stat('expired_dialogs'), 1);
      },
    );
  });

  test('an INVITE that the script neither relays nor answers in a transaction begins nothing', async () => {
    await DialogWorld.with({ params: PROFILES, after: 'set_dlg_profile("caller", "$fu"); exit;' }, async (w) => {
      w.world.calls('sip:bob@10.0.0.1', { callId: 'c' });
      await w.passes(10);
      await isEmpty(w);
      assert.equal(await w.rpc('dlg.profile_get_size', 'caller'), 0);
      assert.deepEqual(w.marks, []);
    });
  });

  test('retransmissions of an INVITE whose script waits begin nothing either, with and without spirals', async () => {
    for (const spirals of [0, 1]) {
      await DialogWorld.with({ params: `modparam("dialog", "detect_spirals", ${spirals})` }, async (w) => {
        const call = w.call('c');
        await call.sends();
        const text = w.world.alice;
        for (let i = 0; i < 3; i++)
          text.sends(
            w.bob.heard[0]?.text
              .replace(/Via: SIP\/2.0\/UDP 10.0.0.1[^\n]*\n/, '')
              .replace(/Record-Route[^\n]*\n/, '') ?? '',
          );
        await w.passes(10);
        assert.equal((await w.list()).length, 1);
        await call.replied(486);
        await w.passes(10_000);
        await isEmpty(w);
      });
    }
  });

  test('early_timeout, noack_timeout: to the second', async () => {
    const params = 'modparam("dialog", "early_timeout", 20)\nmodparam("dialog", "noack_timeout", 15)';
    await DialogWorld.with({ params }, async (w) => {
      const rings = w.call('rings');
      await rings.sends();
      await rings.replied(180);
      await w.passes(19_900);
      assert.equal((await w.list()).length, 1);
      await w.passes(200);
      await isEmpty(w);
      const answered = w.call('answered');
      await answered.sends();
      await answered.replied(200);
      await w.passes(24_900);
      assert.equal((await w.list())[0]?.['state'], STATE.CONFIRMED_NA);
      await w.passes(200);
      await isEmpty(w);
      assert.deepEqual(w.marks, ['start answered answered', 'end OPTIONS answered']);
    });
  });

  test('lifetimes: timeout_avp, requests within the call, timeout-noreset, dlg_set_timeout', async () => {
    const params = 'modparam("dialog", "default_timeout", 100)\nmodparam("dialog", "timeout_avp", "$avp(t)")';
    const script = {
      params,
      before: 'if ($ci == "avp") $avp(t) = 50;',
      after: 'if ($ci == "fixed") dlg_set_property("timeout-noreset"); if ($ci == "set") dlg_set_timeout("30");',
    };
    await DialogWorld.with(script, async (w) => {
      const begun = w.world.clock.now();
      const calls = ['avp', 'fixed', 'set', 'plain'].map((callId) => w.call(callId));
      for (const call of calls) await call.answered();
      await w.passes(20_000 - (w.world.clock.now() - begun));
      for (const call of calls) await call.fromAlice('INFO', 2);
      const ends = new Map<string, number>();
      w.api.on('expired', ({ dialog }) => ends.set(dialog.callId, Math.round((w.world.clock.now() - begun) / 1000)));
      await w.passes(200_000);
      assert.deepEqual(Object.fromEntries(ends), { set: 50, avp: 70, fixed: 100, plain: 120 });
      await isEmpty(w);
    });
  });

  test('a timeout route may give it more time', async () => {
    const script = {
      params: 'modparam("dialog", "default_timeout", 10)',
      before: '$dlg_ctx(timeout_route) = "MORE";',
      blocks:
        'route[MORE] { xlog("L_ERR", "MARK more $rm\\n"); if ($dlg_var(n) == $null) { $dlg_var(n) = "1"; dlg_set_timeout("20"); } }',
    };
    await DialogWorld.with(script, async (w) => {
      await w.call('c').answered();
      await w.passes(15_000);
      assert.equal(w.stat('active_dialogs'), 1);
      await w.passes(16_000);
      await isEmpty(w);
      assert.deepEqual(w.marks, ['start c c', 'more OPTIONS', 'more OPTIONS', 'end OPTIONS c']);
    });
  });

  test('keepalives: answered they go on; a party that is gone ends the call', async () => {
    const script = {
      params:
        'modparam("dialog", "ka_timer", 1)\nmodparam("dialog", "ka_interval", 60)\nmodparam("dialog", "ka_failed_limit", 2)',
      after: 'dlg_set_property("ka-dst");',
    };
    await DialogWorld.with(script, async (w) => {
      await w.call('c').answered();
      for (let i = 0; i < 3; i++) {
        const options = await w.bob.receives('OPTIONS', 62_000);
        assert.equal(options.get('CSeq'), '0 OPTIONS');
        w.bob.replies(options, 405);
      }
      for (let i = 0; i < 2; i++) w.bob.replies(await w.bob.receives('OPTIONS', 62_000), 481);
      await w.passes(9000);
      assert.equal(w.stat('active_dialogs'), 1);
      await w.passes(2000);
      await isEmpty(w);
      await w.alice.receivesNothing(1000, 'OPTIONS');
    });
  });

  test('re-INVITE and UPDATE, and their answers, bring new addresses: our BYEs go there', async () => {
    await DialogWorld.with({}, async (w) => {
      const call = await w.call('c').answered();
      const invite = await call.fromAlice('INVITE', 2, { Contact: '<sip:alice@10.0.1.1:5060;again=1>' }, 0);
      w.bob.replies(invite, 200, { contact: '<sip:bob@10.0.2.1:5060;again=2>' });
      await w.alice.receives((msg) => msg.status === 200 && msg.get('CSeq') === '2 INVITE');
      const [shown] = await w.list();
      assert.deepEqual(
        ['caller', 'callee'].map((leg) => (shown?.[leg] as { contact: string } | undefined)?.contact),
        ['sip:alice@10.0.1.1:5060;again=1', 'sip:bob@10.0.2.1:5060;again=2'],
      );
      await call.fromBob('UPDATE', 9, { Contact: '<sip:bob@10.0.2.1:5060;again=3>' });
      await w.rpc('dlg.terminate_dlg', 'c', 'alice-tag', 'bob-tag');
      assert.equal((await w.bob.receives('BYE')).uri, 'sip:bob@10.0.2.1:5060;again=3');
      const toAlice = await w.alice.receives('BYE');
      // Her answer to the UPDATE had her old one again.
      assert.equal(toAlice.uri, 'sip:alice@10.0.1.1:5060');
      assert.equal(toAlice.get('CSeq'), '10 BYE');
    });
  });

  test('track_cseq_updates: the caller’s numbers grow on the way to the callee, and shrink on the way back', async () => {
    const script = { params: 'modparam("dialog", "track_cseq_updates", 1)', after: '$dlg_var(cseq_diff) = "1";' };
    await DialogWorld.with(script, async (w) => {
      const call = w.call('c');
      await call.sends();
      await call.replied(200);
      assert.equal((await call.fromAlice('ACK', 1)).get('CSeq'), '2 ACK');
      const info = await call.fromAlice('INFO', 2, {}, 0);
      assert.equal(info.get('CSeq'), '3 INFO');
      w.bob.replies(info, 200);
      assert.equal((await w.alice.receives((msg) => msg.cseqMethod === 'INFO')).get('CSeq'), '2 INFO');
      assert.equal((await call.fromBob('INFO', 7)).get('CSeq'), '7 INFO');
      await w.rpc('dlg.terminate_dlg', 'c', 'alice-tag', 'bob-tag');
      assert.equal((await w.bob.receives('BYE')).get('CSeq'), '4 BYE');
    });
  });

  test('track_cseq_updates with uac_auth: the callee sees one number more from the second INVITE on', async () => {
    const script = {
      params: `loadmodule "uac.so"
modparam("dialog", "track_cseq_updates", 1)
modparam("uac", "credential", "user:realm:secret")`,
      after: 't_on_failure("AUTH");',
      blocks: 'failure_route[AUTH] { if (t_check_status("401|407") && uac_auth()) { t_relay(); exit; } }',
    };
    await DialogWorld.with(script, async (w) => {
      const call = w.call('c');
      w.bob.replies(await call.sends(), 407, { headers: { 'Proxy-Authenticate': 'Digest realm="realm", nonce="n"' } });
      assert.equal((await w.bob.receives('ACK')).get('CSeq'), '1 ACK');
      call.invite = await w.bob.receives('INVITE');
      assert.deepEqual([call.invite.get('CSeq'), call.invite.get('Proxy-Authorization') !== ''], ['2 INVITE', true]);
      assert.equal((await call.replied(200)).get('CSeq'), '1 INVITE');
      assert.equal((await call.fromAlice('ACK', 1)).get('CSeq'), '2 ACK');
      const bye = await call.fromAlice('BYE', 2, {}, 0);
      assert.equal(bye.get('CSeq'), '3 BYE');
      w.bob.replies(bye, 200);
      assert.equal((await w.alice.receives((msg) => msg.cseqMethod === 'BYE')).get('CSeq'), '2 BYE');
    });
  });

  test('dlg_refer: the side that is named is asked; then the call ends for both', async () => {
    const script = {
      within:
        'if (is_method("INFO")) { dlg_refer("caller", "sip:carol@10.0.2.2"); sl_send_reply("200", "$rc"); exit; }',
    };
    await DialogWorld.with(script, async (w) => {
      const call = await w.call('c').answered();
      const within = { callId: 'c', route: call.route, to: '<sip:bob@10.0.0.1>', toTag: 'bob-tag', cseq: 2 };
      w.alice.sends(w.alice.request('INFO', w.bob.uri, within));
      const refer = await w.alice.receives('REFER');
      assert.deepEqual(
        [refer.get('Refer-To'), refer.get('From'), refer.get('To'), refer.get('CSeq')],
        ['sip:carol@10.0.2.2', '<sip:bob@10.0.0.1>;tag=bob-tag', '<sip:alice@example.org>;tag=alice-tag', '1 REFER'],
      );
      w.alice.replies(refer, 202);
      const bye = await w.alice.receives('BYE');
      assert.equal(bye.get('CSeq'), '2 BYE');
      w.alice.replies(bye, 200);
      w.bob.replies(await w.bob.receives('BYE'), 200);
      await w.passes(10_000);
      await isEmpty(w);
    });
  });

  test('dlg_flag begins a dialog as dlg_manage() does', async () => {
    await DialogWorld.with(
      { params: 'modparam("dialog", "dlg_flag", 4)', before: 'setflag(4); $du = "sip:10.0.2.1"; t_relay(); exit;' },
      async (w) => {
        const call = await w.call('c').answered();
        assert.equal(w.stat('active_dialogs'), 1);
        await call.fromAlice('BYE', 2);
        await w.passes(10_000);
        await isEmpty(w);
      },
    );
  });

  test('a cancelled call', async () => {
    await DialogWorld.with({}, async (w) => {
      const call = w.call('c');
      await call.sends();
      await call.replied(180);
      assert.equal(w.stat('early_dialogs'), 1);
      call.cancel();
      w.bob.replies(await w.bob.receives('CANCEL'), 200);
      await call.replied(487);
      await w.passes(10_000);
      await isEmpty(w);
      assert.deepEqual(w.marks, ['failed 487 c']);
      assert.deepEqual([w.stat('failed_dialogs'), w.stat('processed_dialogs')], [1, 1]);
    });
  });

  test('dlg.dump_file writes each dialog as a line of JSON', async () => {
    const { mkdtempSync, readFileSync, rmSync } = await import('node:fs');
    const folder = mkdtempSync('/tmp/strowger-dlg-');
    await DialogWorld.with({ after: '$dlg_var(x) = "\\"q";' }, async (w) => {
      await w.call('c').answered();
      await w.rpc('dlg.dump_file', `${folder}/dump.json`);
      const [line = ''] = readFileSync(`${folder}/dump.json`, 'latin1').split('\n');
      const dump = JSON.parse(line) as { call_id: string; variables: Record<string, string> };
      assert.deepEqual([dump.call_id, dump.variables], ['c', { x: '"q' }]);
    });
    rmSync(folder, { recursive: true });
  });
});
