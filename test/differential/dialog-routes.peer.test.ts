import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { suite, test } from 'node:test';
import { type CallStage, playOnBoth, relayRoute } from '../support/call-stage.ts';
import { response, type TestMsg } from '../support/msg.ts';
import { skipWithout } from '../support/peers.ts';

/** Dialogs by their Route parameter or without it, with other proxies around, in a database. */

function script(port: number, params: string, within = '', invite = ''): string {
  return `
loadmodule "dialog.so"
modparam("dialog", "profiles_with_value", "caller")
modparam("dialog", "profiles_no_value", "all")
${params}
${relayRoute(port, {
  first: `if (is_method("INVITE") && $ci =~ "^spiral" && $hdr(X-Pass) == $null) {
    record_route();
    dlg_manage();
    append_hf("X-Pass: 1\\r\\n");
    $du = "sip:127.0.0.1:" + $Rp;
    t_relay();
    exit;
  }`,
  initial: `if (is_method("INVITE")) { dlg_manage(); ${invite} }`,
  within: `if (is_known_dlg()) xlog("L_ERR", "MARK $rm known state=$dlg(state) status=$DLG_status\\n");
    else xlog("L_ERR", "MARK $rm not known\\n");
    ${within}`,
})}`;
}

/** Kamailio's tables in a file of its own. */
function makeTables(folder: string): void {
  const db = new DatabaseSync(join(folder, 'dialogs.db'));
  for (const name of ['standard', 'dialog'])
    db.exec(readFileSync(`/usr/share/kamailio/db_sqlite/${name}-create.sql`, 'latin1'));
  db.close();
}

function noteRows(stage: CallStage, what: string): void {
  const db = new DatabaseSync(join(stage.folder, 'dialogs.db'), { readOnly: true });
  const dialogs = db.prepare('SELECT * FROM dialog ORDER BY callid').all();
  const vars = db.prepare('SELECT * FROM dialog_vars ORDER BY hash_entry, dialog_key').all();
  db.close();
  const text = [...dialogs, ...vars].map((row) => JSON.stringify({ ...row, id: 0, hash_id: 0 })).join('\n');
  // Kamailio writes the time before it knows it; its names of memberships are its own.
  stage.note(what, text.replace(/"timeout":\d+/g, '"timeout":0').replace(/dlgp-[-0-9a-f]+/g, 'dlgp'));
}

suite('dialogs and routes, as kamailio has them', { skip: skipWithout('kamailio', 'kamcmd'), timeout: 120_000 }, () => {
  for (const mode of [0, 1, 2]) {
    test(`dlg_match_mode ${mode}: a request without the parameter, with a wrong one, a spiral`, async () => {
      await playOnBoth(
        (port) => script(port, `modparam("dialog", "dlg_match_mode", ${mode})`),
        async (stage) => {
          const call = stage.call('plain');
          await call.answered();
          const { route } = call;
          call.setRoute(route.map((value) => value.replace(/;did=[^;>]*/, '')));
          await call.fromAlice('INFO', 2);
          call.setRoute(route.map((value) => value.replace(/;did=[^;>]*/, '').replace('>', ';did=1.1>')));
          await call.fromAlice('INFO', 3);
          await call.fromBob('INFO', 9);
          await stage.noteLog('requests', 4);
          await stage.noteRpc('dlg.dlg_list', 'plain');
          const spiral = stage.call('spiral');
          stage.note('INVITE', (await spiral.sends()).text.replace(/branch=[^\r;]*/g, 'branch=B'));
          await spiral.replied(200);
          await spiral.fromAlice('ACK', 1);
          await stage.noteRpc('dlg.dlg_list', 'spiral');
        },
      );
    });
  }

  for (const keep of [0, 3]) {
    test(`route sets of both sides, with keep_proxy_rr ${keep}: the BYEs go along them`, async () => {
      await playOnBoth(
        (port) => script(port, `modparam("dialog", "keep_proxy_rr", ${keep})`),
        async (stage) => {
          const { alice, bob } = stage;
          const call = stage.call('routes', {
            headers: { 'Record-Route': [`<sip:127.0.0.1:${alice.port};lr;x=2>`, '<sip:10.9.9.9;lr>'] },
          });
          const invite = await call.sends();
          const answer = response(invite, 200, { toTag: 'bob-tag', contact: `<${bob.uri}>` });
          const behind = `Record-Route: <sip:127.0.0.9;lr>, <sip:127.0.0.1:${bob.port};lr>\r\n`;
          bob.sends(answer.replace('Record-Route:', `${behind}Record-Route:`));
          await alice.receives(200);
          await stage.noteRpc('dlg.list');
          const found = /h_entry: (\d+)\n\s*h_id: (\d+)/.exec(await stage.rpc('dlg.list'));
          await stage.rpc('dlg.end_dlg', found?.[1] ?? '', found?.[2] ?? '');
          const sorted = (msg: TestMsg): string => msg.text.split('\r\n').sort().join('\n');
          stage.note('bob hears', sorted(await bob.receives('BYE')));
          if (keep === 0) stage.note('alice hears', sorted(await alice.receives('BYE')));
        },
      );
    });
  }

  test('dlg_refer and dlg_bridge: what a bridge sends', async () => {
    await playOnBoth(
      (port) => script(port, ''),
      async (stage) => {
        const { alice } = stage;
        const uri = `sip:first@127.0.0.1:${alice.port}`;
        stage.note('bridge_dlg', (await stage.rpc('dlg.bridge_dlg', uri, 'sip:second@example.org')).trim());
        const invite = await alice.receives('INVITE');
        stage.note('INVITE', own(invite.text));
        alice.replies(invite, 200);
        stage.note(
          'ACK',
          own((await alice.receives('ACK')).text.replace(/User-Agent: .*\r\n/, '').replace(/Max-Forwards: .*\r\n/, ''))
            .split('\n')
            .sort()
            .join('\n'),
        );
        const refer = await alice.receives('REFER');
        stage.note('REFER', own(refer.text));
        alice.replies(refer, 202);
        const bye = await alice.receives('BYE');
        stage.note('BYE', own(bye.text));
        alice.replies(bye, 200);
      },
    );
  });

  test('keepalives: their shape, and the end of a call whose party is gone', async () => {
    await playOnBoth(
      (port) =>
        script(
          port,
          'modparam("dialog", "ka_timer", 1)\nmodparam("dialog", "ka_interval", 30)',
          '',
          'dlg_set_property("ka-src"); dlg_set_property("ka-dst");',
        ),
      async (stage) => {
        const { alice, bob } = stage;
        const call = stage.call('kept');
        await call.answered();
        await call.fromAlice('INFO', 5);
        await call.fromBob('INFO', 9);
        const [toAlice, toBob] = await Promise.all([
          stage.noteHeard(alice, 'OPTIONS', 35_000),
          bob.receives('OPTIONS', 35_000),
        ]);
        stage.note('bob hears', toBob.text);
        alice.replies(toAlice, 200);
        bob.replies(toBob, 481);
        await stage.pause(300);
        stage.note('lifetime', /lifetime: \d+/.exec(await stage.rpc('dlg.dlg_list', 'kept'))?.[0] ?? '');
      },
    );
  });

  test('in a database, in real time: the same rows', async () => {
    await playOnBoth(
      (port, folder) =>
        script(
          port,
          `loadmodule "db_sqlite.so"\nmodparam("dialog", "db_url", "sqlite:////${folder}/dialogs.db")\nmodparam("dialog", "db_mode", 1)`,
          '$dlg_var(x) = "2"; $dlg_var(new) = "n";',
          '$dlg_var(x) = "1"; dlg_setflag("2"); set_dlg_profile("caller", "$fu"); dlg_set_property("ka-src");',
        ),
      async (stage) => {
        const call = stage.call('kept');
        await call.sends();
        await call.replied(180);
        noteRows(stage, 'ringing');
        await call.replied(200);
        await stage.pause(200);
        noteRows(stage, 'answered');
        await call.fromAlice('ACK', 1);
        await stage.pause(200);
        await call.fromAlice('INFO', 2);
        await stage.pause(200);
        noteRows(stage, 'within');
        assert.ok(stage.notes.length > 0);
      },
      makeTables,
    );
  });
});

/** Without what names the server. */
function own(text: string): string {
  return text
    .replace(/^o=.*$/m, 'o=x')
    .replace(/^s=.*$/m, 's=x')
    .replace(/^Content-Length: .*$/m, 'Content-Length: x')
    .replace(/^Call-ID: .*$/m, 'Call-ID: x')
    .replace(/^(From: .*tag=)\S+$/m, '$1x');
}
