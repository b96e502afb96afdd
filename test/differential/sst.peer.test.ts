import { suite, test } from 'node:test';
import { type CallStage, playOnBoth, relayRoute } from '../support/call-stage.ts';
import { skipWithout } from '../support/peers.ts';

/** The same calls through sst in both servers: what the callee is asked, what the caller hears, how long the dialog lives. */

function script(port: number, params = ''): string {
  return `
loadmodule "dialog.so"
loadmodule "sst.so"
modparam("dialog", "timeout_avp", "$avp(timeout)")
modparam("sst", "timeout_avp", "$avp(timeout)")
modparam("sst", "sst_flag", 6)
modparam("sst", "min_se", 100)
${params}
${relayRoute(port, {
  initial: `if (is_method("INVITE")) {
    if (!($ci =~ "^plain")) setflag(6);
    if (!dlg_manage()) exit;
    xlog("L_ERR", "MARK managed avp=$avp(timeout)\\n");
  }`,
  within: 'xlog("L_ERR", "MARK within $rm avp=$avp(timeout)\\n");',
})}`;
}

interface Case {
  readonly callId: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Of the callee's 200. */
  readonly answer?: Readonly<Record<string, string>>;
}

/** Without what is a fault in Kamailio: see modules/sst/README.md. */
const CASES: readonly Case[] = [
  { callId: 'plain', headers: {} },
  { callId: 'plain-asked', headers: { Supported: 'timer', 'Session-Expires': '50' } },
  { callId: 'knows', headers: { Supported: 'timer' } },
  { callId: 'knows-long', headers: { Supported: 'timer', 'Session-Expires': '300' } },
  { callId: 'knows-minse', headers: { Supported: 'timer', 'Session-Expires': '300', 'Min-SE': '200' } },
  { callId: 'refresher', headers: { Supported: 'timer', 'Session-Expires': '300;refresher=uas' } },
  { callId: 'no-timers', headers: { 'Session-Expires': '300' }, answer: { 'Session-Expires': '200;refresher=uas' } },
  {
    callId: 'answer',
    headers: { Supported: 'timer' },
    answer: { 'Session-Expires': '120;refresher=uac', Require: 'timer' },
  },
];

const lifetimeOf = (text: string): string => /lifetime: \d+/.exec(text)?.[0] ?? 'none';

suite('session timers, as kamailio has them', { skip: skipWithout('kamailio', 'kamcmd'), timeout: 120_000 }, () => {
  test('INVITEs and their answers', async () => {
    await playOnBoth(
      (port) => script(port),
      async (stage: CallStage) => {
        const { alice, bob } = stage;
        for (const { callId, headers, answer = {} } of CASES) {
          const call = stage.call(callId, { headers });
          const invite = await call.sends();
          stage.note(callId, `${invite.get('Session-Expires')} ${invite.get('Min-SE')}`);
          bob.replies(invite, 200, { toTag: 'bob-tag', headers: answer });
          const ok = await alice.receives((msg) => msg.status === 200 && msg.get('Call-ID') === callId);
          call.setRoute(ok.all('Record-Route').toReversed());
          stage.note(`${callId}: 200`, ok.get('Session-Expires'));
          await call.fromAlice('ACK', 1);
          stage.note(`${callId}: lifetime`, lifetimeOf(await stage.rpc('dlg.dlg_list', callId)));
          await stage.noteLog(callId, 2);
        }
      },
    );
  });

  test('too short: 422 with our Min-SE', async () => {
    await playOnBoth(
      (port) => script(port),
      async ({ alice, ...stage }: CallStage) => {
        alice.sends(
          alice.request('INVITE', 'sip:bob@example.org', { headers: { Supported: 'timer', 'Session-Expires': '50' } }),
        );
        const refusal = await alice.receives(422);
        stage.notes.push(`${refusal.startLine} ${refusal.get('Min-SE')}`);
      },
    );
  });

  test('reject_to_small = 0', async () => {
    await playOnBoth(
      (port) => script(port, 'modparam("sst", "reject_to_small", 0)'),
      async (stage: CallStage) => {
        const call = stage.call('short', { headers: { Supported: 'timer', 'Session-Expires': '50' } });
        const invite = await call.sends();
        stage.note('INVITE', `${invite.get('Session-Expires')} ${invite.get('Min-SE')}`);
      },
    );
  });
});
