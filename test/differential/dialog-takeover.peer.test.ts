import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { suite, test } from 'node:test';
import { startServer } from '../../core/start.ts';
import { RealClock } from '../../core/timer/real-clock.ts';
import { DgramUdpDriver } from '../../core/transport/udp-dgram.ts';
import { scriptOptions } from '../support/both-servers.ts';
import { CallStage, StagedCall } from '../support/call-stage.ts';
import { MemoryLog } from '../support/fake-run.ts';
import { freePort, KAMAILIO_MODULES, Kamailio } from '../support/kamailio.ts';
import { skipWithout } from '../support/peers.ts';
import { SipPeer } from '../support/sip-peer.ts';

/** A call that one server began, and wrote, goes on at the other: the table of the dialogs is the same. */

type Name = 'kamailio' | 'strowger';

const MODULES = ['kex', 'pv', 'tm', 'sl', 'rr', 'textops', 'siputils', 'xlog', 'ctl', 'db_sqlite', 'dialog'];

function script(calleePort: number, folder: string): string {
  return `
debug=0
log_stderror=yes
${MODULES.map((name) => `loadmodule "${name}.so"`).join('\n')}
modparam("ctl", "binrpc", "unix:${join(folder, 'ctl')}")
modparam("dialog", "db_url", "sqlite:////${folder}/dialogs.db")
modparam("dialog", "db_mode", 1)
modparam("dialog", "profiles_with_value", "caller")
request_route {
  if ($rU == "ready") { sl_send_reply("200", "ready"); exit; }
  if (has_totag()) {
    loose_route();
    xlog("L_ERR", "MARK $rm state=$dlg(state) x=$dlg_var(x) flags=$dlg(sflags) on=$dlg(toroute)\\n");
    t_relay();
    exit;
  }
  record_route();
  if (is_method("INVITE")) {
    $dlg_ctx(timeout_route) = "OVER";
    dlg_manage();
    $dlg_var(x) = "a b;c";
    dlg_setflag("3");
    set_dlg_profile("caller", "$fu");
  }
  $du = "sip:127.0.0.1:${calleePort}";
  t_relay();
}
route[OVER] { xlog("over\\n"); }
event_route[dialog:end] { xlog("L_ERR", "MARK end $rm $dlg(callid)\\n"); }
`;
}

/** Runs `use` at a server of its own, at a port that both servers have in turn. */
async function at(
  name: Name,
  place: { readonly port: number; readonly folder: string },
  peers: readonly [SipPeer, SipPeer],
  use: (stage: CallStage) => Promise<void>,
): Promise<void> {
  const { port, folder } = place;
  const [alice, bob] = peers;
  const text = script(bob.port, folder);
  const listens = [`udp:127.0.0.1:${port}`];
  const log = new MemoryLog();
  const server =
    name === 'kamailio'
      ? await Kamailio.start(`mpath="${KAMAILIO_MODULES}"\n${text}`, { listens })
      : await startServer(
          scriptOptions(text, { log, listens, runtimeDir: folder, settings: { disable_tcp: 1, workers: 1 } }),
        );
  const logged = (): string => (server instanceof Kamailio ? server.log : log.lines.join('\n'));
  try {
    await use(new CallStage(name, folder, { port, log: logged, stop: async () => {} }, alice, bob));
  } finally {
    if (server instanceof Kamailio) await server.stop();
    else await server.stop(0);
  }
}

suite('a call goes on at another server', { skip: skipWithout('kamailio', 'kamcmd'), timeout: 60_000 }, () => {
  for (const [first, second] of [
    ['kamailio', 'strowger'],
    ['strowger', 'kamailio'],
    ['strowger', 'strowger'],
  ] as const)
    test(`begun at ${first}, ended at ${second}`, async () => {
      const clock = new RealClock();
      const driver = new DgramUdpDriver();
      const folder = mkdtempSync(join(tmpdir(), 'takeover-'));
      const alice = await SipPeer.udp(driver, { clock, name: 'alice', patienceMs: 4000 });
      const bob = await SipPeer.udp(driver, { clock, name: 'bob', patienceMs: 4000 });
      try {
        const db = new DatabaseSync(join(folder, 'dialogs.db'));
        for (const name of ['standard', 'dialog'])
          db.exec(readFileSync(`/usr/share/kamailio/db_sqlite/${name}-create.sql`, 'latin1'));
        db.close();
        const place = { port: await freePort(), folder };
        const routes = new Map<string, readonly string[]>();
        await at(first, place, [alice, bob], async (stage) => {
          for (const callId of ['bye', 'rpc']) {
            const call = stage.call(callId);
            await call.answered();
            await call.fromAlice('INFO', 2);
            routes.set(callId, call.route);
          }
          await stage.pause(300);
        });
        await at(second, place, [alice, bob], async (stage) => {
          const call = new StagedCall(stage, 'bye', {});
          call.setRoute(routes.get('bye') ?? []);
          await call.fromBob('INFO', 7);
          await call.fromAlice('BYE', 3);
          await stage.noteLog('marks', 3);
          assert.deepEqual(stage.notes[0]?.split('\n').slice(1), [
            'INFO state=4 x=a b;c flags=8 on=1',
            'end BYE bye',
            'BYE state=5 x=a b;c flags=8 on=1',
          ]);
          assert.match(await stage.rpc('dlg.profile_list', 'caller', 'sip:alice@example.org'), /call-id: rpc/);
          await stage.rpc('dlg.terminate_dlg', 'rpc', 'alice-tag', 'bob-tag');
          const [toAlice, toBob] = [await alice.receives('BYE'), await bob.receives('BYE')];
          assert.deepEqual([toAlice.get('CSeq'), toBob.get('CSeq')], ['1 BYE', '3 BYE']);
          assert.match(toBob.startLine, new RegExp(`sip:bob@127.0.0.1:${bob.port}|127.0.0.1:${bob.port}`));
          alice.replies(toAlice, 200);
          bob.replies(toBob, 200);
        });
      } finally {
        await alice.close();
        await bob.close();
        rmSync(folder, { recursive: true, force: true });
      }
    });
});
