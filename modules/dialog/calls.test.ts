import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { TestMsg } from '../../test/support/msg.ts';
import { SipWorld } from '../../test/support/sip-world.ts';
import type { DialogApi } from './api.ts';

const ROUTES = `
request_route {
  if (is_method("CANCEL")) { t_relay(); exit; }
  if (has_totag()) {
    if (loose_route()) {
      xlog("L_ERR", "in $rm $DLG_status $dlg_var(x) $dlg(state)\\n");
      t_relay();
      exit;
    }
    if (is_method("ACK")) { if (t_check_trans()) t_relay(); exit; }
    sl_send_reply("404", "Not here");
    exit;
  }
  if (is_method("INVITE")) {
    record_route();
    $dlg_var(x) = "early";
    dlg_manage();
    set_dlg_profile("all");
    set_dlg_profile("caller", "$fu");
  }
  $du = "sip:10.0.2.1";
  t_relay();
}
event_route[dialog:start] { xlog("L_ERR", "start $rs $dlg(state) $DLG_count\\n"); }
event_route[dialog:end] { xlog("L_ERR", "end $rm $dlg(state) $DLG_count\\n"); }
event_route[dialog:failed] { xlog("L_ERR", "failed $rm $rs $dlg(state)\\n"); }
`;
const PARAMS = `loadmodule "dialog.so"
modparam("dialog", "profiles_with_value", "caller")
modparam("dialog", "profiles_no_value", "all")
`;

/** A call of alice to bob, answered and acknowledged. */
async function call(w: SipWorld, callId: string): Promise<{ route: string[]; answer: TestMsg }> {
  w.calls('sip:bob@10.0.0.1', { callId });
  const invite = await w.bob.receives((msg) => msg.method === 'INVITE' && msg.get('Call-ID') === callId);
  w.bob.replies(invite, 180);
  w.bob.replies(invite, 200);
  const answer = await w.alice.receives((msg) => msg.status === 200 && msg.get('Call-ID') === callId);
  const route = answer.all('Record-Route').toReversed();
  w.alice.sends(w.alice.request('ACK', w.bob.uri, { callId, toTag: 'bob-tag', to: '<sip:bob@10.0.0.1>', route }));
  await w.bob.receives((msg) => msg.method === 'ACK' && msg.get('Call-ID') === callId);
  return { route, answer };
}

suite('dialogs of calls', { timeout: 30_000 }, () => {
  test('from INVITE to BYE', async () => {
    const w = await SipWorld.start(ROUTES, { params: PARAMS });
    const api = w.sim.api<DialogApi>('dialog');
    assert.ok(api);
    const { route, answer } = await call(w, 'c1');
    assert.match(answer.get('Record-Route') ?? '', /;did=[0-9a-f]+\.[0-9a-f]+/);
    console.log(JSON.stringify(await w.sim.server.rpc.call('dlg.list', []), null, 1));
    w.alice.sends(
      w.alice.request('BYE', w.bob.uri, { callId: 'c1', toTag: 'bob-tag', to: '<sip:bob@10.0.0.1>', route, cseq: 2 }),
    );
    w.bob.replies(await w.bob.receives((msg) => msg.method === 'BYE'), 200);
    await w.alice.receives((msg) => msg.status === 200 && msg.cseqMethod === 'BYE');
    await w.passes(10_000);
    console.log(JSON.stringify(await w.sim.server.rpc.call('dlg.list', []), null, 1));
    console.log(w.sim.log.lines);
    await w.stop();
  });
});
