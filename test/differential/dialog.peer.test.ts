import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { playOnBoth, relayRoute } from '../support/call-stage.ts';
import type { TestMsg } from '../support/msg.ts';
import { skipWithout } from '../support/peers.ts';
import type { SipPeer } from '../support/sip-peer.ts';

/** The same calls through both servers: what RPC shows, which event routes run when, what is sent within the calls. */

const SHOW =
  'rm=$rm ru=$ru ci=$ci rs=$rs state=$dlg(state) v=$dlg_var(x) status=$DLG_status count=$DLG_count set=$dlg_ctx(set)';

interface Script {
  readonly params?: string;
  /** Before dlg_manage(), and after it. */
  readonly before?: string;
  readonly after?: string;
  readonly within?: string;
  readonly reply?: string;
  readonly failure?: string;
  readonly blocks?: string;
}

function script(port: number, parts: Script): string {
  const show = (what: string): string => `xlog("L_ERR", "MARK ${what} ${SHOW}\\n");`;
  return `
loadmodule "dialog.so"
modparam("dialog", "profiles_with_value", "caller;p2")
modparam("dialog", "profiles_no_value", "all")
${parts.params ?? ''}
${relayRoute(port, {
  initial: `if (is_method("INVITE")) {
    ${parts.before ?? ''}
    ${show('before')}
    dlg_manage();
    ${show('after')}
    ${parts.after ?? ''}
  }
  t_on_reply("REPLY");
  t_on_failure("FAILURE");`,
  within: `${show('within')} ${parts.within ?? ''}`,
})}onreply_route[REPLY] { ${show('reply')} ${parts.reply ?? ''} }
failure_route[FAILURE] { ${show('failure')} ${parts.failure ?? ''} }
event_route[dialog:start] { ${show('start')} }
event_route[dialog:end] { ${show('end')} }
event_route[dialog:failed] { ${show('failed')} }
${parts.blocks ?? ''}
`;
}

suite('dialogs, as kamailio has them', { skip: skipWithout('kamailio', 'kamcmd'), timeout: 120_000 }, () => {
  test('from INVITE to BYE: what RPC shows, events in their order', async () => {
    const parts: Script = {
      before: '$dlg_ctx(timeout_bye) = 1; $dlg_ctx(timeout_route) = "TIMEOUT"; dlg_setflag("4"); $dlg_var(x) = "1x";',
      after:
        '$dlg_var(y) = "2"; set_dlg_profile("all"); set_dlg_profile("caller", "$fu"); set_dlg_profile("p2", "$ci");',
      blocks: 'route[TIMEOUT] { xlog("MARK timeout\\n"); }',
    };
    await playOnBoth(
      (port) => script(port, parts),
      async (stage) => {
        const call = stage.call('one');
        stage.note('INVITE', (await call.sends()).text);
        await stage.noteRpc('dlg.list');
        await call.replied(180);
        await stage.noteRpc('dlg.list');
        await call.replied(200);
        await stage.noteRpc('dlg.list');
        await call.fromAlice('ACK', 1);
        await stage.noteRpc('dlg.list');
        await call.fromBob('INFO', 7);
        await call.fromAlice('INFO', 2);
        await stage.noteRpc('dlg.list');
        await stage.noteLog('events of the call', 9);
        await call.fromAlice('BYE', 3);
        await stage.noteLog('events of its end', 2);
        await stage.noteRpc('dlg.list');
        await stage.noteRpc('stats.get_statistics', 'dialog:');
      },
    );
  });

  test('calls that are not answered', async () => {
    await playOnBoth(
      (port) =>
        script(port, {
          after:
            'if ($ci == "none") { sl_send_reply("403", "No"); exit; } if ($ci == "own") { t_newtran(); t_reply("403", "No"); exit; }',
          failure: 'if ($ci == "late") t_reply("480", "Later");',
        }),
      async (stage) => {
        for (const [callId, status] of [
          ['busy', 486],
          ['late', 480],
        ] as const) {
          const call = stage.call(callId);
          await call.sends();
          if (callId === 'busy') await call.replied(180);
          stage.bob.replies(call.invite ?? assert.fail(), 486);
          await call.acknowledges(await stage.alice.receives(status));
          await stage.noteLog(callId, callId === 'busy' ? 6 : 5);
          await stage.noteRpc('dlg.stats_active');
        }
        for (const callId of ['none', 'own']) {
          stage.alice.sends(stage.alice.request('INVITE', 'sip:bob@example.org', { callId }));
          await stage.alice.receives(403);
          await stage.noteLog(callId, callId === 'own' ? 3 : 2);
        }
        await stage.noteRpc('dlg.dlg_list', 'none');
        const cancelled = stage.call('cancelled');
        await cancelled.sends();
        await cancelled.replied(180);
        cancelled.cancels();
        stage.bob.replies(await stage.bob.receives('CANCEL'), 200);
        stage.bob.replies(cancelled.invite ?? assert.fail(), 487);
        await cancelled.acknowledges(await stage.alice.receives(487));
        await stage.noteLog('cancelled', 6);
        await stage.noteRpc('stats.get_statistics', 'dialog:');
      },
    );
  });

  test('ended by RPC and by the script: the BYEs, and when it is over', async () => {
    await playOnBoth(
      (port) =>
        script(port, {
          params:
            'modparam("dialog", "dlg_extra_hdrs", "X-Extra: 1\\r\\n")\nmodparam("dialog", "lreq_callee_headers", "X-Callee: 2\\r\\n")',
          within: `if ($hdr(X-Do) == "all") { dlg_bye("all"); sl_send_reply("200", "$rc"); exit; }
            if ($hdr(X-Do) == "caller") { dlg_bye("caller"); sl_send_reply("200", "$rc"); exit; }`,
        }),
      async (stage) => {
        const byes = async (callId: string, peers: readonly SipPeer[]): Promise<TestMsg[]> => {
          const heard = await Promise.all(peers.map((peer) => stage.noteHeard(peer, 'BYE')));
          await stage.noteRpc('dlg.dlg_list', callId);
          return heard;
        };
        const { alice, bob } = stage;
        for (const how of ['end_dlg', 'terminate_dlg', 'all', 'caller']) {
          const call = stage.call(how);
          await call.answered();
          const found = /h_entry: (\d+)\n\s*h_id: (\d+)/.exec(await stage.rpc('dlg.dlg_list', how));
          if (how === 'end_dlg')
            stage.note(how, await stage.rpc('dlg.end_dlg', found?.[1] ?? '', found?.[2] ?? '', 'X-Why: because\r\n'));
          else if (how === 'terminate_dlg') await stage.noteRpc('dlg.terminate_dlg', how, 'alice-tag', 'bob-tag');
          else {
            stage.note('reply', (await call.asks('INFO', 2, { 'X-Do': how })).startLine);
          }
          const heard = await byes(how, how === 'caller' ? [alice] : [alice, bob]);
          alice.replies(heard[0] ?? assert.fail(), how === 'all' ? 481 : 200);
          await stage.pause(100);
          await stage.noteRpc('dlg.dlg_list', how);
          if (heard[1] !== undefined) bob.replies(heard[1], 200);
          await stage.noteLog(how, how === 'end_dlg' || how === 'terminate_dlg' ? 7 : 8);
        }
        await stage.noteRpc('stats.get_statistics', 'dialog:');
      },
    );
  });

  test('the time is over: with BYEs, with a route, silently', async () => {
    await playOnBoth(
      (port) =>
        script(port, {
          params: 'modparam("dialog", "default_timeout", 3)\nmodparam("dialog", "timeout_avp", "$avp(timeout)")',
          before: `if ($ci =~ "bye") $dlg_ctx(timeout_bye) = 1;
            if ($ci =~ "route") $dlg_ctx(timeout_route) = "OVER";
            if ($ci == "avp") $avp(timeout) = 2;`,
          after: 'if ($ci == "longer") dlg_set_timeout("600"); $dlg_var(x) = "x";',
          blocks: `route[OVER] { xlog("L_ERR", "MARK over rm=$rm state=$dlg(state) $dlg(callid) v=$dlg_var(x)\\n"); }`,
        }),
      async (stage) => {
        for (const callId of ['avp', 'longer', 'bye-route', 'bye', 'route', 'silent']) {
          await stage.call(callId).answered();
          await stage.noteLog(callId, 6);
          await stage.noteRpc('dlg.dlg_list', callId);
          if (callId === 'longer') continue;
          if (callId.startsWith('bye')) {
            const heard = [await stage.noteHeard(stage.alice, 'BYE'), await stage.noteHeard(stage.bob, 'BYE')];
            await stage.noteRpc('dlg.dlg_list', callId);
            stage.alice.replies(heard[0] ?? assert.fail(), 200);
            stage.bob.replies(heard[1] ?? assert.fail(), 200);
          }
          await stage.noteLog(`${callId} is over`, callId.endsWith('route') ? 2 : 1);
          await stage.pause(200);
          await stage.noteRpc('dlg.dlg_list', callId);
        }
        await stage.noteRpc('stats.get_statistics', 'dialog:');
      },
    );
  });

  test('the records of calls that acc writes', async () => {
    await playOnBoth(
      (port) =>
        script(port, {
          params: `loadmodule "acc.so"
modparam("acc", "cdr_enable", 1)
modparam("acc", "log_level", -1)
modparam("acc", "cdr_skip", "nocdr")
modparam("acc", "cdr_extra", "x=$dlg_var(x);ci=$ci;none=$dlg_var(none);fu=$fu")`,
          before: '$dlg_var(x) = "a;b";',
          after: 'if ($ci == "skip") $dlg_var(nocdr) = "1";',
        }),
      async (stage) => {
        for (const callId of ['one', 'skip', 'two']) {
          const call = stage.call(callId);
          await call.answered();
          if (callId === 'two') await call.fromBob('BYE', 5);
          else await call.fromAlice('BYE', 2);
        }
        const failed = stage.call('failed');
        await failed.sends();
        await failed.replied(486);
        const lines = await stage.logged(/start_time=\d.*/, 3);
        stage.note('records', lines.join('\n').replace(/=\d+\.\d{3}; end_time=\d+\.\d{3}; duration=[\d.]+/g, '=T'));
      },
    );
  });

  test('RPC with all sorts of parameters', async () => {
    await playOnBoth(
      (port) => script(port, { after: 'set_dlg_profile("all"); set_dlg_profile("caller", "$fu"); $dlg_var(v) = "w";' }),
      async (stage) => {
        await stage.call('one').answered();
        await stage.call('two').sends();
        for (const args of RPC_CALLS) await stage.noteRpc(...args);
        await stage.noteRpc('dlg.set_state', 'one', 'alice-tag', 'bob-tag', '5');
        await stage.noteRpc('dlg.list');
        await stage.noteRpc('stats.get_statistics', 'dialog:');
      },
    );
  });

  test('what functions return, with and without a dialog', async () => {
    const uses = FUNCTIONS.map((use, i) => `${use} xlog("L_ERR", "MARK ${i} $rc $var(n)\\n");`).join(' ');
    await playOnBoth(
      (port) =>
        script(port, { after: uses, within: uses, reply: `if ($rs == 200) { ${uses.replace('dlg_manage();', '')} }` }),
      async (stage) => {
        const call = stage.call('one');
        await call.answered();
        await call.fromBob('INFO', 4);
        await stage.noteLog('marks', 5 + 3 * FUNCTIONS.length);
        await stage.noteRpc('dlg.list');
      },
    );
  });
});

const RPC_CALLS: readonly (readonly string[])[] = [
  ['dlg.list_ctx'],
  ['dlg.dlg_list', 'one', 'alice-tag'],
  ['dlg.dlg_list', 'one', 'other'],
  ['dlg.dlg_list', 'nobody'],
  ['dlg.dlg_list'],
  ['dlg.dlg_list_ctx', 'one'],
  ['dlg.briefing', 'ftcFISEs'],
  ['dlg.briefing', 's'],
  ['dlg.stats_active'],
  ['dlg.stats_active', '1'],
  ['dlg.is_alive', 'one', 'alice-tag', 'bob-tag'],
  ['dlg.is_alive', 'one', 'alice-tag', 'other'],
  ['dlg.is_alive', 'two', 'alice-tag', ''],
  ['dlg.is_alive', 'one'],
  ['dlg.profile_get_size', 'all'],
  ['dlg.profile_get_size', 'caller'],
  ['dlg.profile_get_size', 'caller', 'sip:alice@example.org'],
  ['dlg.profile_get_size', 'caller', 'nobody'],
  ['dlg.profile_get_size', 'none'],
  ['dlg.profile_get_size'],
  ['dlg.profile_list', 'caller', 'nobody'],
  ['dlg.profile_list', 'none'],
  ['dlg.profile_list'],
  ['dlg.list_match', 'furi', 'eq', 'sip:alice@example.org'],
  ['dlg.list_match', 'furi', 'eq', 'sip:alice@example.org', '1'],
  ['dlg.list_match', 'callid', 're', '^t'],
  ['dlg.list_match', 'ruri', 'sw', 'sip:bob@'],
  ['dlg.list_match', 'turi', 'sw', 'sip:x'],
  ['dlg.list_match', 'start_ts', 'gt', 's:1'],
  ['dlg.list_match', 'start_ts', 'eq', 's:1'],
  ['dlg.list_match', 'none', 'eq', 'x'],
  ['dlg.list_match', 'furi', 'xx', 'x'],
  ['dlg.list_match'],
  ['dlg.list_match_ctx', 'callid', 'eq', 'one'],
  ['dlg.end_dlg'],
  ['dlg.end_dlg', '1', '2'],
  ['dlg.terminate_dlg', 'one'],
  ['dlg.terminate_dlg', 'a', 'b', 'c'],
  ['dlg.set_state', 'a', 'b', 'c', '5'],
  ['dlg.set_state', 'one', 'alice-tag', 'bob-tag', '9'],
  ['dlg.set_state', 'one'],
  ['dlg.bridge_dlg'],
  ['dlg.dump_file'],
];

const FUNCTIONS: readonly string[] = [
  'dlg_manage();',
  'is_known_dlg();',
  'set_dlg_profile("caller");',
  'set_dlg_profile("caller", "v");',
  'set_dlg_profile("all", "v");',
  'is_in_profile("all");',
  'is_in_profile("caller", "v");',
  'is_in_profile("caller", "w");',
  'is_in_profile("p2", "v");',
  'get_profile_size("all", "$var(n)");',
  'get_profile_size("caller", "v", "$var(n)");',
  'get_profile_size("caller", "w", "$var(n)");',
  'unset_dlg_profile("caller", "v");',
  'unset_dlg_profile("caller", "w");',
  'dlg_isflagset("3");',
  'dlg_setflag("3");',
  'dlg_isflagset("3");',
  'dlg_resetflag("3");',
  'dlg_isflagset("3");',
  'dlg_setflag("5");',
  'dlg_set_property("ka-src");',
  'dlg_set_property("ka-dst");',
  'dlg_set_property("timeout-noreset");',
  'dlg_set_property("other");',
  'dlg_reset_property("ka-dst");',
  'dlg_set_timeout("77");',
  'dlg_set_timeout("30", "1", "2");',
  'dlg_get("x", "y", "z");',
  'dlg_remote_profile("add", "caller", "far", "uid", "$Ts");',
  'dlg_remote_profile("rm", "caller", "far", "uid", "0");',
  'dlg_remote_profile("none", "caller", "far", "uid", "0");',
  'dlg_remote_profile("add", "none", "far", "uid", "0");',
];
