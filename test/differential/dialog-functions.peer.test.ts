import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { playOnBoth, relayRoute } from '../support/call-stage.ts';
import type { TestMsg } from '../support/msg.ts';
import { skipWithout } from '../support/peers.ts';

/** Functions, variables and parameters of dialog that the other two files leave out. */

interface Script {
  readonly params?: string;
  readonly before?: string;
  /** In place of dlg_manage(). */
  readonly manage?: string;
  readonly after?: string;
  readonly within?: string;
  readonly reply?: string;
  readonly blocks?: string;
}

function script(port: number, parts: Script): string {
  return `
loadmodule "dialog.so"
modparam("dialog", "profiles_with_value", "caller")
modparam("dialog", "profiles_no_value", "all")
${parts.params ?? ''}
${relayRoute(port, {
  initial: `if (is_method("INVITE")) { ${parts.before ?? ''} ${parts.manage ?? 'dlg_manage();'} ${parts.after ?? ''} }
  t_on_reply("REPLY");`,
  within: parts.within ?? '',
})}onreply_route[REPLY] { ${parts.reply ?? 'return;'} }
${parts.blocks ?? ''}
`;
}

const show = (what: string, text: string): string => `xlog("L_ERR", "MARK ${what} ${text}\\n");`;

const ATTRIBUTES =
  'state callid sflags toroute lifetime start_ts from_uri from_tag from_contact from_cseq from_rs from_bindaddr ' +
  'to_uri to_tag to_contact to_cseq to_rs to_bindaddr';
const ALL = ATTRIBUTES.split(' ')
  .map((name) => `${name}=$dlg(${name})`)
  .join(' ');
const CONTEXT = ['on', 'timeout', 'timeout_bye', 'timeout_route', 'timeout_route_id', 'set'];
const ALL_OF_CONTEXT = CONTEXT.map((name) => `${name}=$dlg_ctx(${name})`).join(' ');

const lifetimeOf = (text: string): string => /lifetime: \d+/.exec(text)?.[0] ?? 'none';

suite('functions of dialog, as kamailio has them', {
  skip: skipWithout('kamailio', 'kamcmd'),
  timeout: 120_000,
}, () => {
  test('$dlg, $dlg_ctx, $dlg_var, $DLG_*: before, in and after the call', async () => {
    await playOnBoth(
      (port) =>
        script(port, {
          before: `$dlg_ctx(on) = 3; $dlg_ctx(timeout) = 9; $dlg_ctx(timeout_bye) = 1; $dlg_ctx(timeout_route) = "OVER";
            $var(k) = "dyn"; $dlg_var(a) = "1"; $dlg_var(b) = "2"; $dlg_var(b) = $null; ${show('before', ALL_OF_CONTEXT)} ${show('before', ALL)}`,
          after: `${show('after', ALL_OF_CONTEXT)} ${show('after', ALL)} $dlg_var(c) = "3"; $dlg_var(a) = $null;
            ${show('vars', 'a=$dlg_var(a) b=$dlg_var(b) c=$dlg_var(c)')}`,
          within: `${show('within', ALL)} ${show('within', `${ALL_OF_CONTEXT} n=$DLG_count s=$DLG_status l=$DLG_lifetime c=$dlg_var(c)`)}
            $dlg_var(c) = "4";`,
          reply: show('reply', `$rs ${ALL}`),
          blocks: 'route[OVER] { xlog("over\\n"); }',
        }),
      async (stage) => {
        const call = stage.call('one');
        await call.answered();
        await call.fromBob('INFO', 5);
        await call.fromAlice('INFO', 2);
        await call.fromAlice('BYE', 3);
        await stage.noteLog('marks', 15);
      },
    );
  });

  test('dlg_bye("callee"), dlg_set_ruri, dlg_get', async () => {
    await playOnBoth(
      (port) =>
        script(port, {
          within: `if ($hdr(X-Do) == "bye") { dlg_bye("callee"); sl_send_reply("200", "$rc"); exit; }
            if ($hdr(X-Do) == "ruri") { $ru = "sip:lost@example.com"; $var(r) = dlg_set_ruri(); ${show('ruri', '$var(r) $ru')} }
            if ($hdr(X-Do) == "get") {
              $var(a) = dlg_get("two", "alice-tag", "bob-tag"); ${show('got', '$var(a) $dlg(callid)')}
              $var(a) = dlg_get("none", "alice-tag", "bob-tag"); ${show('got', '$var(a) $dlg(callid)')}
            }`,
        }),
      async (stage) => {
        const call = stage.call('one');
        await call.answered();
        await stage.call('two').answered();
        await call.fromAlice('INFO', 2, { 'X-Do': 'ruri' });
        await call.fromBob('INFO', 9, { 'X-Do': 'ruri' });
        await call.fromAlice('INFO', 3, { 'X-Do': 'get' });
        await stage.noteLog('marks', 4);
        const { bob } = stage;
        stage.note('reply', (await call.asks('INFO', 4, { 'X-Do': 'bye' })).startLine);
        const bye = await stage.noteHeard(bob, 'BYE');
        bob.replies(bye, 200);
        await stage.pause(100);
        await stage.noteRpc('dlg.dlg_list', 'one');
      },
    );
  });

  test('dlg_set_timeout, timeout-noreset: the lifetimes', async () => {
    await playOnBoth(
      (port) =>
        script(port, {
          after:
            'set_dlg_profile("all"); set_dlg_profile("caller", "$ci"); if ($ci == "kept") dlg_set_property("timeout-noreset");',
          within: 'if ($hdr(X-Do) == "own") dlg_set_timeout("700");',
        }),
      async (stage) => {
        const calls = [stage.call('kept'), stage.call('other')];
        for (const call of calls) await call.answered();
        const [first] = calls;
        assert.ok(first);
        let cseq = 2;
        for (const what of ['nothing', 'own', 'nothing']) {
          await first.fromAlice('INFO', cseq++, { 'X-Do': what });
          for (const { callId } of calls)
            stage.note(`${what} ${callId}`, lifetimeOf(await stage.rpc('dlg.dlg_list', callId)));
        }
      },
    );
  });

  for (const [name, params, manage] of [
    ['dlg_flag', 'modparam("dialog", "dlg_flag", 4)', 'setflag(4);'],
    [
      'dlg_flag in the script of initial_cbs_inscript 0',
      'modparam("dialog", "initial_cbs_inscript", 0)',
      'dlg_manage();',
    ],
    ['ruri_pvar', 'modparam("dialog", "ruri_pvar", "$avp(r)")', '$avp(r) = "sip:own@example.com"; dlg_manage();'],
    ['rr_param, send_bye', 'modparam("dialog", "rr_param", "xyz")\nmodparam("dialog", "send_bye", 1)', 'dlg_manage();'],
    ['timeout_noreset', 'modparam("dialog", "timeout_noreset", 1)', 'dlg_manage();'],
    [
      'h_id_start, h_id_step',
      'modparam("dialog", "h_id_start", 5)\nmodparam("dialog", "h_id_step", 10)',
      'dlg_manage();',
    ],
    ['detect_spirals 0', 'modparam("dialog", "detect_spirals", 0)', 'dlg_manage();'],
  ] as const)
    test(`parameters: ${name}`, async () => {
      await playOnBoth(
        (port) => script(port, { params, manage }),
        async (stage) => {
          const call = stage.call('one');
          const invite = await call.sends();
          stage.note('INVITE', invite.get('Record-Route').replace(/(xyz)=[^;>]*/, '$1=D'));
          await call.replied(180);
          await call.replied(200);
          await call.fromAlice('ACK', 1);
          await call.fromAlice('INFO', 2);
          stage.note('dlg.list', (await stage.rpc('dlg.list')).replace(/h_id: \d*(\d)\n/, 'h_id: $1\n'));
          await call.fromAlice('BYE', 3);
          await stage.noteRpc('dlg.stats_active');
          await stage.noteRpc('stats.get_statistics', 'dialog:');
        },
      );
    });

  for (const wait of [0, 1])
    test(`wait_ack ${wait}: a refused call before its ACK`, async () => {
      await playOnBoth(
        (port) => script(port, { params: `modparam("dialog", "wait_ack", ${wait})` }),
        async (stage) => {
          const call = stage.call('busy');
          await call.sends();
          stage.bob.replies(call.invite ?? assert.fail(), 486);
          await stage.alice.receives(486);
          await stage.pause(50);
          stage.note('before', String((await stage.rpc('dlg.dlg_list', 'busy')).includes('state: 5')));
        },
      );
    });

  test('dlg_bridge from the script; bridge_controller, bridge_contact', async () => {
    await playOnBoth(
      (port) =>
        script(port, {
          params: `modparam("dialog", "bridge_controller", "sip:ctrl@example.net")
modparam("dialog", "bridge_contact", "sip:ctrl@127.0.0.1:5555")`,
          manage: `$var(r) = dlg_bridge("sip:first@127.0.0.1:${port}", "sip:second@example.org", "sip:127.0.0.1:${port}"); sl_send_reply("200", "$var(r)"); exit;`,
        }),
      async (stage) => {
        const { alice, bob } = stage;
        alice.sends(alice.request('INVITE', 'sip:x@example.org', { callId: 'asks' }));
        stage.note('reply', (await alice.receives(200)).startLine);
        const own = (msg: TestMsg): string =>
          ['Request', 'From', 'To', 'Contact', 'Referred-By', 'Refer-To', 'CSeq', 'Route']
            .map((name) => (name === 'Request' ? msg.startLine : `${name}: ${msg.get(name)}`))
            .join('\n')
            .replace(/tag=\S+/g, 'tag=x');
        const invite = await bob.receives('INVITE');
        stage.note('INVITE', own(invite));
        bob.replies(invite, 200);
        stage.note('ACK', own(await bob.receives('ACK')));
        const refer = await bob.receives('REFER');
        stage.note('REFER', own(refer));
        bob.replies(refer, 202);
        const bye = await bob.receives('BYE');
        stage.note('BYE', own(bye));
        bob.replies(bye, 200);
      },
    );
  });

  test('dlg.dump_file: the same lines', async () => {
    await playOnBoth(
      (port) => script(port, { after: '$dlg_var(x) = "1"; set_dlg_profile("all"); set_dlg_profile("caller", "$fu");' }),
      async (stage) => {
        await stage.call('one').answered();
        const file = join(stage.folder, 'dump.json');
        stage.note('dlg.dump_file', await stage.rpc('dlg.dump_file', file));
        const text = readFileSync(file, 'latin1');
        stage.note(
          'dump',
          JSON.stringify(JSON.parse(text.split('\n')[0] ?? ''), null, 1).replace(/"h_id": \d+/, '"h_id": 1'),
        );
      },
    );
  });
});
