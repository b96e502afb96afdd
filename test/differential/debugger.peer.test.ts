import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { skipWithout } from '../support/peers.ts';
import { CasePair } from './case-pair.ts';

/** The same steps in the traces of both servers. */

/** `kind-of-run=[route] number name` of each step. */
function steps(log: string): string[] {
  return [...log.matchAll(/cfgtrace:dbg_cfg_trace\(\): (\w+=\[\w+\]) c=\[[^\]]*\] l=\d+ a=(\d+) n=(\w+)/g)].map(
    ([, route, code, name]) => `${route} ${code} ${name}`,
  );
}

const CASES = [
  {
    name: 'statements',
    run: `$var(x) = 1;
      if (is_method("OPTIONS") && $var(x) == 1) { xlog("L_DBG", "one\\n"); } else { xlog("L_DBG", "two\\n"); }
      route(SUB);
      switch ($var(x)) { case 1: $var(x) = 2; break; default: xlog("L_DBG", "d\\n"); }
      while ($var(x) < 4) { $var(x) = $var(x) + 1; }
      $var(y) = is_method("INVITE");
      if ($var(x) == 4) { xlog("L_DBG", "four\\n"); }`,
    show: '$var(x)',
  },
  {
    name: 'core commands',
    run: `setflag(3); if (!isflagset(4)) append_hf("X: y\\r\\n"); resetflag(3); prefix("1"); strip(1); strip_tail(1);
      force_rport(); rewritehost("a.b"); rewriteuser("bob"); rewriteport("5060"); rewriteuri("sip:q1@x");
      set_forward_close(); set_reply_no_connect(); udp_mtu_try_proto(TCP); revert_uri();`,
    show: 'x',
  },
];

suite('the trace as Kamailio has it', { skip: skipWithout('kamailio', 'kamcmd'), timeout: 60_000 }, () => {
  const pair = new CasePair(
    `loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "xlog.so"
loadmodule "debugger.so"
modparam("debugger", "cfgtrace", 1)
route[SUB] { if ($si == "1.2.3.4") return; route(SUB2); return 1; }
route[SUB2] { $avp(a) = "x"; }`,
    CASES,
  );
  before(() => pair.start());
  after(() => pair.stop());

  for (const { name } of CASES)
    test(name, async () => {
      const theirsBefore = pair.kamailioLog.length;
      pair.log.lines.length = 0;
      await pair.ask(name);
      let theirs: string[] = [];
      // Its log comes by a pipe, somewhat later than the reply. The last step of the request before may come with it.
      while (!(theirs.at(-1) ?? '').endsWith('sl_send_reply')) {
        await new Promise(setImmediate);
        theirs = steps(pair.kamailioLog.slice(theirsBefore));
      }
      if (theirs[0] === 'request_route=[DEFAULT_ROUTE] 2 exit') theirs.shift();
      assert.deepEqual(steps(pair.log.lines.join('\n')), theirs);
      assert.ok(theirs.length > 10);
    });

  test('RPC', async () => {
    for (const command of [
      'dbg.trace',
      'dbg.trace x',
      'dbg.trace on 1',
      'dbg.bp',
      'dbg.bp zz',
      'dbg.bp next',
      'dbg.bp next 1',
      'dbg.ls 1',
      'dbg.trace off',
      'dbg.bp on',
      'dbg.bp off',
      'dbg.bp release',
      'dbg.get_mod_level',
      'dbg.set_mod_level x',
      'dbg.get_mod_level zz',
      'dbg.set_mod_facility core X',
      'dbg.get_mod_facility core',
      'dbg.reset_msgid',
    ])
      await pair.compareRpc(...command.split(' '));
    pair.assertSame();
  });
});
