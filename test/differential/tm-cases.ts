import type { SipPeer } from '../support/sip-peer.ts';
import type { Cast, TmCase } from './tm-world.ts';

/** Parameters all cases share. */
export const TM_PARAMS = `
modparam("tm", "fr_timer", 1200)
modparam("tm", "fr_inv_timer", 1500)
modparam("tm", "wt_timer", 600)
modparam("tm", "contacts_avp", "tm_contacts")
modparam("tm", "contact_flows_avp", "tm_flows")
`;

const RELAY_B = '$du = $hdr(X-B); t_relay(); exit;';
const FORK = '$ru = $hdr(X-B); append_branch("$hdr(X-C)"); append_branch("$hdr(X-D)"); t_relay(); exit;';
const FORK2 = '$ru = $hdr(X-B); append_branch("$hdr(X-C)"); t_relay(); exit;';

/** alice calls, and acknowledges the final reply she gets. */
async function failedCall(cast: Cast, withinMs = 4000): Promise<void> {
  const invite = cast.request('INVITE');
  cast.alice.sends(invite);
  await finish(cast, invite, withinMs);
}

async function finish(cast: Cast, invite: string, withinMs = 4000): Promise<void> {
  const final = await cast.alice.receives((msg) => msg.status >= 200, withinMs);
  cast.alice.sends(cast.ack(invite, final));
}

/** What a callee does with INVITE and CANCEL, without waiting: final statuses at once. */
function answers(peer: SipPeer, status: number, reason = 'Test', headers: Record<string, string> = {}): void {
  peer.autoReply = null;
  // Where no INVITE comes, the trace shows it.
  peer.receives('INVITE').then(
    (invite) => peer.replies(invite, status, { reason, headers }),
    () => {},
  );
}

export const TM_CASES: readonly TmCase[] = [
  {
    name: 'call',
    differs: 'an INVITE repeated after its 2xx is absorbed, not answered again (RFC 6026 §7.1)',
    route: RELAY_B,
    async play(cast) {
      const invite = cast.request('INVITE');
      cast.alice.sends(invite);
      const got = await cast.bob.receives('INVITE');
      cast.bob.replies(got, 100);
      cast.bob.replies(got, 180);
      cast.bob.replies(got, 180);
      const ok = cast.bob.replies(got, 200);
      await cast.pause(100);
      cast.bob.sends(ok);
      cast.alice.sends(invite);
      await cast.pause(100);
    },
  },
  {
    name: 'newtran404',
    route: 't_newtran(); t_reply("404", "Nobody here"); exit;',
    async play(cast) {
      const invite = cast.request('INVITE');
      cast.alice.sends(invite);
      await cast.alice.receives(404);
      const second = await cast.alice.receives(404);
      cast.alice.sends(invite);
      await cast.alice.receives(404);
      cast.alice.sends(cast.ack(invite, second));
      await cast.pause(700);
    },
  },
  {
    name: 'unreleased',
    route: 't_newtran(); exit;',
    async play(cast) {
      const invite = cast.request('INVITE');
      cast.alice.sends(invite);
      await cast.pause(100);
      cast.alice.sends(invite);
      await cast.pause(200);
    },
  },
  {
    name: 'nodest',
    route: '$du = "sip:127.0.0.1:9;transport=sctp"; t_relay(); exit;',
    play: (cast) => failedCall(cast),
  },
  {
    name: 'nodestmsg',
    route: '$du = "sip:127.0.0.1:9;transport=sctp"; t_relay(); exit;',
    async play(cast) {
      cast.alice.sends(cast.request('MESSAGE'));
      await cast.pause(200);
    },
  },
  {
    name: 'nodestsl',
    differs: 'sl_reply_error() answers in the transaction, so that there is one final reply, not two',
    route:
      '$du = "sip:127.0.0.1:9;transport=sctp"; if (!t_relay()) { xlog("L_ERR", "script rc $rc\\n"); sl_reply_error(); } exit;',
    play: (cast) => failedCall(cast),
  },
  {
    name: 'nodestint',
    route:
      't_set_disable_internal_reply(1); $du = "sip:127.0.0.1:9;transport=sctp"; if (!t_relay()) { send_reply("500", "Mine"); } exit;',
    play: (cast) => failedCall(cast),
  },
  {
    name: 'badscheme',
    route: '$ru = "foo:bar"; if (!t_relay()) { xlog("L_ERR", "script rc $rc\\n"); } exit;',
    play: (cast) => failedCall(cast),
  },
  ...(
    [
      ['best404', 486, 404, 500],
      ['best408', 408, 486, 480],
      ['best3xx', 404, 302, 500],
      ['best5xx', 500, 580, 503],
      ['best484', 404, 484, 486],
      ['best415', 420, 415, 407],
      ['best6xx', 404, 603, 486],
    ] as const
  ).map(
    ([name, b, c, d]): TmCase => ({
      name,
      route: FORK,
      async play(cast) {
        answers(cast.bob, b);
        answers(cast.carol, c);
        answers(cast.dave, d);
        await failedCall(cast);
        await cast.pause(100);
      },
    }),
  ),
  {
    name: 'only503',
    route: RELAY_B,
    async play(cast) {
      answers(cast.bob, 503, 'Overloaded', { 'Retry-After': '7' });
      await failedCall(cast);
      await cast.pause(100);
    },
  },
  {
    name: 'msg503',
    route: RELAY_B,
    async play(cast) {
      cast.alice.sends(cast.request('MESSAGE'));
      cast.bob.replies(await cast.bob.receives('MESSAGE'), 503, { reason: 'Overloaded' });
      await cast.alice.receives((msg) => msg.status >= 200);
    },
  },
  {
    name: 'challenges',
    differs: 'the other challenges are added to the reply chosen, not to one made anew (RFC 3261 §16.7 step 7)',
    route: FORK,
    async play(cast) {
      answers(cast.bob, 407, 'Proxy', { 'Proxy-Authenticate': 'Digest realm="b", nonce="1"' });
      answers(cast.carol, 404);
      answers(cast.dave, 401, 'Unauthorized', { 'WWW-Authenticate': 'Digest realm="d", nonce="2"' });
      await failedCall(cast);
      await cast.pause(100);
    },
  },
  {
    name: 'sixcancels',
    route: FORK2,
    async play(cast) {
      const invite = cast.request('INVITE');
      cast.alice.sends(invite);
      const b = await cast.bob.receives('INVITE');
      const c = await cast.carol.receives('INVITE');
      cast.bob.replies(b, 180);
      cast.carol.replies(c, 603);
      const cancel = await cast.bob.receives('CANCEL');
      cast.bob.replies(cancel, 200);
      cast.bob.replies(b, 487);
      await finish(cast, invite);
      await cast.pause(100);
    },
  },
  {
    name: 'twowins',
    route: FORK2,
    async play(cast) {
      const invite = cast.request('INVITE');
      cast.alice.sends(invite);
      const b = await cast.bob.receives('INVITE');
      const c = await cast.carol.receives('INVITE');
      cast.bob.replies(b, 180);
      await cast.alice.receives(180);
      cast.carol.replies(c, 200);
      const cancel = await cast.bob.receives('CANCEL');
      // bob answers all the same
      cast.bob.replies(b, 200);
      cast.bob.replies(cancel, 481);
      await cast.pause(100);
    },
  },
  {
    name: 'cancelringing',
    route: `if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; } ${RELAY_B}`,
    async play(cast) {
      const invite = cast.request('INVITE');
      cast.alice.sends(invite);
      const b = await cast.bob.receives('INVITE');
      cast.bob.replies(b, 180);
      await cast.alice.receives(180);
      cast.alice.sends(cast.cancel(invite, 'Reason: SIP;cause=200;text="elsewhere"\r\nReason: Q.850;cause=16\r\n'));
      const cancel = await cast.bob.receives('CANCEL');
      cast.bob.replies(cancel, 200);
      cast.bob.replies(b, 487);
      await cast.alice.receives(200);
      await finish(cast, invite);
      await cast.pause(100);
    },
  },
  {
    name: 'cancelearly',
    route: RELAY_B,
    async play(cast) {
      const invite = cast.request('INVITE');
      cast.alice.sends(invite);
      const b = await cast.bob.receives('INVITE');
      cast.alice.sends(cast.cancel(invite));
      await cast.alice.receives(200);
      await cast.pause(100);
      cast.bob.replies(b, 100);
      const cancel = await cast.bob.receives('CANCEL');
      cast.bob.replies(cancel, 200);
      cast.bob.replies(b, 487);
      await finish(cast, invite);
      await cast.pause(100);
    },
  },
  {
    name: 'cancelsilent',
    route: RELAY_B,
    async play(cast) {
      const invite = cast.request('INVITE');
      cast.alice.sends(invite);
      await cast.bob.receives('INVITE');
      cast.alice.sends(cast.cancel(invite));
      await cast.alice.receives(200);
      await finish(cast, invite);
      await cast.pause(700);
    },
  },
  {
    name: 'cancelno487',
    route: RELAY_B,
    async play(cast) {
      const invite = cast.request('INVITE');
      cast.alice.sends(invite);
      const b = await cast.bob.receives('INVITE');
      cast.bob.replies(b, 180);
      await cast.alice.receives(180);
      cast.alice.sends(cast.cancel(invite));
      cast.bob.replies(await cast.bob.receives('CANCEL'), 200);
      await cast.alice.receives(200);
      await finish(cast, invite);
      await cast.pause(100);
    },
  },
  {
    name: 'cancelrace',
    route: RELAY_B,
    async play(cast) {
      const invite = cast.request('INVITE');
      cast.alice.sends(invite);
      const b = await cast.bob.receives('INVITE');
      cast.bob.replies(b, 180);
      await cast.alice.receives(180);
      cast.alice.sends(cast.cancel(invite));
      const cancel = await cast.bob.receives('CANCEL');
      cast.bob.replies(b, 200);
      cast.bob.replies(cancel, 200);
      await cast.pause(200);
    },
  },
  {
    name: 'cancellate',
    route: RELAY_B,
    async play(cast) {
      const invite = cast.request('INVITE');
      cast.alice.sends(invite);
      cast.bob.replies(await cast.bob.receives('INVITE'), 200);
      await cast.alice.receives(200);
      cast.alice.sends(cast.cancel(invite));
      await cast.pause(200);
    },
  },
  {
    name: 'cancellost',
    route: `if (is_method("CANCEL")) { if (t_check_trans()) xlog("L_ERR", "script known\\n"); } ${RELAY_B}`,
    async play(cast) {
      const invite = cast.request('INVITE');
      cast.alice.sends(cast.cancel(invite));
      cast.bob.replies(await cast.bob.receives('CANCEL'), 481);
      await cast.alice.receives(481);
      await cast.pause(100);
    },
  },
  {
    name: 'relaycancel',
    route: `if (is_method("CANCEL")) { if (t_lookup_cancel()) xlog("L_ERR", "script relaycancel known\\n"); if (!t_relay_cancel()) { sl_send_reply("500", "failed"); exit; } sl_send_reply("481", "after"); exit; } ${RELAY_B}`,
    async play(cast) {
      const other = cast.request('INVITE', { callId: 'relaycancel-other' });
      cast.alice.sends(cast.cancel(other));
      await cast.alice.receives(481);
      const invite = cast.request('INVITE');
      cast.alice.sends(invite);
      const b = await cast.bob.receives('INVITE');
      cast.bob.replies(b, 180);
      await cast.alice.receives(180);
      cast.alice.sends(cast.cancel(invite));
      const cancel = await cast.bob.receives('CANCEL');
      cast.bob.replies(cancel, 200);
      cast.bob.replies(b, 487);
      await cast.alice.receives(487);
      await finish(cast, invite, 1).catch(() => {});
      await cast.pause(100);
    },
  },
  {
    name: 'silent',
    route: RELAY_B,
    async play(cast) {
      await failedCall(cast);
      await cast.pause(100);
    },
  },
  {
    name: 'silentmsg',
    route: RELAY_B,
    async play(cast) {
      cast.alice.sends(cast.request('MESSAGE'));
      await cast.pause(1600);
    },
  },
  {
    name: 'noanswer',
    route: RELAY_B,
    async play(cast) {
      const invite = cast.request('INVITE');
      cast.alice.sends(invite);
      const b = await cast.bob.receives('INVITE');
      cast.bob.replies(b, 180);
      const cancel = await cast.bob.receives('CANCEL');
      cast.bob.replies(cancel, 200);
      cast.bob.replies(b, 487);
      await finish(cast, invite);
      await cast.pause(100);
    },
  },
  {
    name: 'setfr',
    route: 't_set_fr(300, 250); $du = $hdr(X-B); t_relay(); exit;',
    async play(cast) {
      await failedCall(cast, 800);
      await cast.pause(100);
    },
  },
  {
    name: 'failover',
    route: 't_on_failure("failover"); $du = $hdr(X-B); t_relay(); exit;',
    blocks: `failure_route[failover] {
  if (t_is_canceled()) exit;
  if (t_check_status("5[0-9][0-9]") && !t_branch_timeout() && t_any_replied()) {
    append_hf("X-Seen: code $T_reply_code reason $T_reply_reason idx $T_branch_idx rs $T_rpl($rs) rr $T_rpl($rr) ru $ru T $T(reply_code) $T(branch_index) $T(reply_type)\\r\\n");
    $du = $hdr(X-C);
    t_relay();
    exit;
  }
}`,
    async play(cast) {
      const invite = cast.request('INVITE');
      cast.alice.sends(invite);
      const b = await cast.bob.receives('INVITE');
      cast.bob.replies(b, 180);
      cast.bob.replies(b, 500, { reason: 'Broken' });
      answers(cast.carol, 480);
      await finish(cast, invite);
      await cast.pause(100);
    },
  },
  {
    name: 'timeroute',
    route: 't_on_failure("timeroute"); t_set_fr(400, 300); $du = $hdr(X-B); t_relay(); exit;',
    blocks: `failure_route[timeroute] {
  $var(a) = 0; if (t_branch_timeout()) $var(a) = 1;
  $var(b) = 0; if (t_branch_replied()) $var(b) = 1;
  $var(c) = 0; if (t_any_timeout()) $var(c) = 1;
  $var(d) = 0; if (t_any_replied()) $var(d) = 1;
  $var(e) = 0; if (t_grep_status("408")) $var(e) = 1;
  $var(f) = 0; if (t_is_expired()) $var(f) = 1;
  $var(g) = 0; if (t_check_status("408")) $var(g) = 1;
  append_to_reply("X-S: to $var(a) re $var(b) ato $var(c) are $var(d) grep $var(e) exp $var(f) st $var(g) code $T_reply_code reason $T_reply_reason idx $T_branch_idx rpl $T_rpl($rs) type $T(reply_type)\\r\\n");
  t_reply("480", "Mine");
}`,
    async play(cast) {
      await failedCall(cast);
      await cast.pause(100);
    },
  },
  {
    name: 'serialkeep',
    route: 't_on_failure("serialkeep"); $du = $hdr(X-B); t_relay(); exit;',
    blocks: `failure_route[serialkeep] { $du = $hdr(X-C); t_relay(); }`,
    async play(cast) {
      answers(cast.bob, 302);
      answers(cast.carol, 486);
      await failedCall(cast);
      await cast.pause(100);
    },
  },
  {
    name: 'failappend',
    route: 't_on_failure("failappend"); $du = $hdr(X-B); t_relay(); exit;',
    blocks: `failure_route[failappend] { append_branch("$hdr(X-C)"); append_branch("$hdr(X-D)"); t_relay(); }`,
    async play(cast) {
      answers(cast.bob, 486);
      answers(cast.carol, 480);
      answers(cast.dave, 404);
      await failedCall(cast);
      await cast.pause(100);
    },
  },
  {
    name: 'failnothing',
    route: 't_on_failure("failnothing"); $du = $hdr(X-B); t_relay(); exit;',
    blocks: `failure_route[failnothing] { append_hf("X-A: b\\r\\n"); drop; }`,
    async play(cast) {
      answers(cast.bob, 486);
      await failedCall(cast);
      await cast.pause(100);
    },
  },
  {
    name: 'branchroute',
    route:
      't_on_branch("branchroute"); $ru = $hdr(X-B); append_branch("$hdr(X-C)"); t_relay(); append_hf("X-After: 1\\r\\n"); exit;',
    blocks: `branch_route[branchroute] {
  if ($T_branch_idx == 1) { append_hf("X-Idx: one $ru\\r\\n"); $rU = "changed"; } else { append_hf("X-Idx: zero $T_branch_idx\\r\\n"); }
}`,
    async play(cast) {
      answers(cast.bob, 486);
      answers(cast.carol, 480);
      await failedCall(cast);
      await cast.pause(100);
    },
  },
  {
    name: 'branchdrop',
    route:
      't_on_branch("branchdrop"); $ru = $hdr(X-B); append_branch("$hdr(X-C)"); if (!t_relay()) xlog("L_ERR", "script branchdrop $rc\\n"); exit;',
    blocks: `branch_route[branchdrop] { if ($T_branch_idx == 0) drop; }`,
    async play(cast) {
      answers(cast.bob, 486);
      answers(cast.carol, 480);
      await failedCall(cast);
      await cast.pause(100);
    },
  },
  {
    name: 'branchdropall',
    route:
      't_on_branch("branchdropall"); $ru = $hdr(X-B); if (!t_relay()) xlog("L_ERR", "script branchdropall $rc\\n"); exit;',
    blocks: `branch_route[branchdropall] { drop; }`,
    play: (cast) => failedCall(cast),
  },
  {
    name: 'onreply',
    route: 't_on_reply("onreply"); $du = $hdr(X-B); t_relay(); exit;',
    blocks: `onreply_route[onreply] {
  if (status == "183") drop;
  if ($rs == 486) drop;
  append_hf("X-S: $rs idx $T_branch_idx req $T_req($rm) $T_req($ru) code $T_reply_code uri $T_branch(uri) rt $rm $cs\\r\\n");
}`,
    async play(cast) {
      const invite = cast.request('INVITE');
      cast.alice.sends(invite);
      const b = await cast.bob.receives('INVITE');
      cast.bob.replies(b, 183);
      cast.bob.replies(b, 180);
      cast.bob.replies(b, 486);
      await finish(cast, invite);
      await cast.pause(100);
    },
  },
  {
    name: 'branchfail',
    route: 't_on_branch_failure("bf"); $ru = $hdr(X-B); append_branch("$hdr(X-C)"); t_relay(); exit;',
    blocks: `event_route[tm:branch-failure:bf] {
  if ($T_reply_code == 480) { append_hf("X-BF: code $T_reply_code idx $T_branch_idx ru $ru fl $T_branch(flags)\\r\\n"); $ru = $hdr(X-D); t_relay(); }
}`,
    async play(cast) {
      answers(cast.bob, 480);
      answers(cast.carol, 500);
      answers(cast.dave, 486);
      await failedCall(cast);
      await cast.pause(100);
    },
  },
  {
    name: 'redirect',
    route:
      'append_branch("sip:other@example.org", "0.5"); $ru = "sip:new@example.org"; t_newtran(); t_reply("302", "Moved"); exit;',
    play: (cast) => failedCall(cast),
  },
  {
    name: 'sendreply',
    route: 'append_to_reply("X-R: 1\\r\\n"); t_send_reply("403", "Forbidden by me"); exit;',
    async play(cast) {
      cast.alice.sends(cast.request('OPTIONS'));
      await cast.alice.receives(403);
      await cast.pause(100);
    },
  },
  {
    name: 'contacts',
    route: `$ru = $hdr(X-B); append_branch("$hdr(X-C)", "0.5"); append_branch("$hdr(X-D)", "1.0");
t_load_contacts(); t_next_contacts(); t_on_failure("contacts"); t_relay(); exit;`,
    blocks: `failure_route[contacts] {
  if (!t_next_contacts()) { xlog("L_ERR", "script contacts end $rc\\n"); exit; }
  t_on_failure("contacts"); t_relay();
}`,
    async play(cast) {
      answers(cast.bob, 486);
      answers(cast.carol, 480);
      answers(cast.dave, 404);
      await failedCall(cast);
      await cast.pause(100);
    },
  },
  {
    name: 'replicate',
    route: 't_replicate("$hdr(X-C)"); sl_send_reply("200", "done"); exit;',
    async play(cast) {
      cast.alice.sends(cast.request('MESSAGE'));
      cast.carol.replies(await cast.carol.receives('MESSAGE'), 202);
      await cast.pause(200);
    },
  },
  {
    name: 'ackroute',
    route: `if (is_method("ACK")) { if (t_check_trans()) { xlog("L_ERR", "script ackroute ack true\\n"); t_relay(); } else xlog("L_ERR", "script ackroute ack false\\n"); exit; } ${RELAY_B}`,
    async play(cast) {
      const invite = cast.request('INVITE', {
        route: ['<sip:127.0.0.1:5099;lr>', '<sip:example.org;lr>'],
        headers: { Require: 'foo', 'X-Y': 'z' },
      });
      cast.alice.sends(invite);
      const b = await cast.bob.receives('INVITE');
      cast.bob.replies(b, 486);
      cast.bob.replies(b, 486);
      await finish(cast, invite);
      await cast.pause(100);
    },
  },
  {
    name: 'release',
    route: 't_newtran(); t_reply("180", "Ringing"); t_release(); exit;',
    async play(cast) {
      cast.alice.sends(cast.request('INVITE'));
      await cast.pause(200);
    },
  },
  {
    name: 'relayto',
    differs: "t_relay_to's flag 1 keeps the 100 back, as tm's documentation says",
    route: '$du = $hdr(X-B); t_relay_to("1"); exit;',
    async play(cast) {
      answers(cast.bob, 486);
      await failedCall(cast);
      await cast.pause(100);
    },
  },
  {
    name: 'msgcall',
    route: RELAY_B,
    async play(cast) {
      const msg = cast.request('MESSAGE');
      cast.alice.sends(msg);
      const got = await cast.bob.receives('MESSAGE');
      cast.bob.replies(got, 100);
      cast.bob.replies(got, 202);
      await cast.alice.receives(202);
      cast.alice.sends(msg);
      await cast.alice.receives(202);
      cast.bob.replies(got, 202);
      await cast.pause(700);
    },
  },
  {
    name: 'failsame',
    route: 't_on_failure("failsame"); $du = $hdr(X-B); t_relay(); exit;',
    blocks: `failure_route[failsame] { if (!t_relay()) { t_reply("481", "Nothing new"); } }`,
    async play(cast) {
      answers(cast.bob, 486);
      await failedCall(cast);
      await cast.pause(100);
    },
  },
  {
    name: 'failappend0',
    route: 't_on_failure("failappend0"); $du = $hdr(X-B); t_relay(); exit;',
    blocks: `failure_route[failappend0] { $rU = "vm"; $du = $hdr(X-C); append_branch(); t_relay(); }`,
    async play(cast) {
      answers(cast.bob, 486);
      answers(cast.carol, 480);
      await failedCall(cast);
      await cast.pause(100);
    },
  },
  {
    name: 'lumpsafter',
    route:
      't_on_failure("lumpsafter"); setflag(3); append_hf("X-1: before\\r\\n"); $du = $hdr(X-B); t_relay(); append_hf("X-2: after\\r\\n"); setflag(4); exit;',
    blocks: `failure_route[lumpsafter] {
  append_hf("X-3: fail $mf $rU $du\\r\\n"); setflag(5); $du = $hdr(X-C); t_on_failure("lumpsafter2"); t_relay(); }
failure_route[lumpsafter2] { append_hf("X-4: again $mf $du\\r\\n"); $du = $hdr(X-D); t_relay(); }`,
    async play(cast) {
      answers(cast.bob, 486);
      answers(cast.carol, 480);
      answers(cast.dave, 404);
      await failedCall(cast);
      await cast.pause(100);
    },
  },
  {
    name: 'canceluas2',
    route: `if (is_method("CANCEL")) { t_relay(); exit; } t_newtran(); t_reply("180", "Ringing"); exit;`,
    async play(cast) {
      const invite = cast.request('INVITE');
      cast.alice.sends(invite);
      await cast.alice.receives(180);
      cast.alice.sends(cast.cancel(invite));
      await cast.pause(300);
    },
  },
  {
    name: 'suspendtimeout',
    route: `t_on_failure("suspendtimeout"); t_suspend(); exit;`,
    blocks: `failure_route[suspendtimeout] { t_reply("480", "Suspended too long"); }`,
    async play(cast) {
      await failedCall(cast, 2500);
      await cast.pause(100);
    },
  },
  {
    name: 'suspendcont',
    route: `if (is_method("MESSAGE")) { if (t_continue("$shv(ti)", "$shv(tl)", "suspendcont2")) sl_send_reply("200", "continued"); else sl_send_reply("400", "not continued"); exit; }
  if (t_suspend()) { $shv(ti) = $T(id_index); $shv(tl) = $T(id_label); } exit;`,
    blocks: `route[suspendcont2] { append_hf("X-S: $T_branch_idx\\r\\n"); $du = $hdr(X-B); t_relay(); }`,
    async play(cast) {
      const invite = cast.request('INVITE');
      cast.alice.sends(invite);
      await cast.pause(100);
      cast.alice.sends(cast.request('MESSAGE', { callId: 'suspendcont-2' }));
      answers(cast.bob, 486);
      await finish(cast, invite);
      await cast.pause(100);
    },
  },
  {
    name: 'replypending',
    route: '$du = $hdr(X-B); t_relay(); t_reply("486", "Enough"); exit;',
    async play(cast) {
      const invite = cast.request('INVITE');
      cast.alice.sends(invite);
      const b = await cast.bob.receives('INVITE');
      await finish(cast, invite);
      cast.bob.replies(b, 180);
      const cancel = await cast.bob.receives('CANCEL');
      cast.bob.replies(cancel, 200);
      cast.bob.replies(b, 487);
      await cast.pause(100);
    },
  },
  {
    name: 'late200',
    route: RELAY_B,
    async play(cast) {
      const invite = cast.request('INVITE');
      cast.alice.sends(invite);
      const b = await cast.bob.receives('INVITE');
      cast.bob.replies(b, 180);
      const cancel = await cast.bob.receives('CANCEL');
      await finish(cast, invite);
      cast.bob.replies(b, 200);
      cast.bob.replies(cancel, 481);
      await cast.pause(100);
    },
  },
  {
    name: 'msgfork',
    route: FORK,
    async play(cast) {
      cast.alice.sends(cast.request('MESSAGE'));
      const b = await cast.bob.receives('MESSAGE');
      cast.bob.replies(b, 404);
      const c = await cast.carol.receives('MESSAGE');
      const d = await cast.dave.receives('MESSAGE');
      await cast.pause(50);
      cast.carol.replies(c, 202);
      await cast.alice.receives(202);
      cast.dave.replies(d, 200);
      await cast.pause(100);
    },
  },
  {
    name: 'setretr',
    route: 't_set_retr(200, 300); t_set_fr(1500, 1000); $du = $hdr(X-B); t_relay(); exit;',
    async play(cast) {
      cast.alice.sends(cast.request('MESSAGE'));
      await cast.alice.receives(408);
    },
  },
  {
    name: 'maxlife',
    route: 't_set_max_lifetime(500, 400); $du = $hdr(X-B); t_relay(); exit;',
    async play(cast) {
      const invite = cast.request('INVITE');
      cast.alice.sends(invite);
      const b = await cast.bob.receives('INVITE');
      cast.bob.replies(b, 180);
      const cancel = await cast.bob.receives('CANCEL', 900);
      cast.bob.replies(cancel, 200);
      cast.bob.replies(b, 487);
      await finish(cast, invite);
      await cast.pause(100);
    },
  },
  {
    name: 'no100',
    route: 't_set_auto_inv_100(0); $du = $hdr(X-B); t_relay(); exit;',
    async play(cast) {
      answers(cast.bob, 486);
      await failedCall(cast);
    },
  },
  {
    name: 'no6xx',
    route: `t_set_disable_6xx(1); ${FORK2}`,
    async play(cast) {
      const invite = cast.request('INVITE');
      cast.alice.sends(invite);
      const b = await cast.bob.receives('INVITE');
      const c = await cast.carol.receives('INVITE');
      cast.bob.replies(b, 180);
      cast.carol.replies(c, 603);
      await cast.pause(200);
      cast.bob.replies(b, 404);
      await finish(cast, invite);
      await cast.pause(100);
    },
  },
  {
    name: 'uacsend',
    route:
      't_uac_send("OPTIONS", "$hdr(X-B)", "", "", "From: <sip:x@example.org>;tag=one-tag\\r\\nTo: <sip:y@example.org>\\r\\nX-H: 1\\r\\n", ""); sl_send_reply("200", "OK"); exit;',
    async play(cast) {
      cast.alice.sends(cast.request('MESSAGE'));
      cast.bob.replies(await cast.bob.receives('OPTIONS'), 200);
      await cast.pause(100);
    },
  },
  {
    name: 'uacbody',
    route:
      't_uac_send("MESSAGE", "$hdr(X-B)", "$hdr(X-C)", "", "From: <sip:x@example.org>\\r\\nTo: <sip:y@example.org>\\r\\nContent-Type: text/plain\\r\\nCall-ID: mine\\r\\nCSeq: 33 MESSAGE\\r\\n", "hello"); sl_send_reply("200", "OK"); exit;',
    async play(cast) {
      cast.alice.sends(cast.request('MESSAGE'));
      cast.carol.replies(await cast.carol.receives('MESSAGE'), 200);
      await cast.pause(100);
    },
  },
  {
    name: 'byid',
    route: `if (is_method("MESSAGE")) {
  if ($hdr(X-Do) == "cancel") { if (t_cancel_callid("byid-call", "1", "7", "503")) sl_send_reply("200", "did"); else sl_send_reply("400", "not"); }
  else { if (t_reply_callid("byid-call", "1", "433", "By id")) sl_send_reply("200", "did"); else sl_send_reply("400", "not"); }
  exit; }
${RELAY_B}`,
    async play(cast) {
      const invite = cast.request('INVITE');
      cast.alice.sends(invite);
      const b = await cast.bob.receives('INVITE');
      cast.bob.replies(b, 180);
      await cast.alice.receives(180);
      cast.alice.sends(cast.request('MESSAGE', { callId: 'byid-2', headers: { 'X-Do': 'cancel' } }));
      const cancel = await cast.bob.receives('CANCEL');
      cast.bob.replies(cancel, 200);
      cast.alice.sends(cast.request('MESSAGE', { callId: 'byid-3' }));
      cast.bob.replies(b, 487);
      await cast.pause(300);
    },
  },
  {
    name: 'cancelbr',
    route: `t_on_reply("cancelbr"); ${FORK2}`,
    blocks: `onreply_route[cancelbr] { if ($rs == 183) t_cancel_branches("others"); }`,
    async play(cast) {
      const invite = cast.request('INVITE');
      cast.alice.sends(invite);
      const b = await cast.bob.receives('INVITE');
      const c = await cast.carol.receives('INVITE');
      cast.bob.replies(b, 180);
      await cast.alice.receives(180);
      cast.carol.replies(c, 183);
      const cancel = await cast.bob.receives('CANCEL');
      cast.bob.replies(cancel, 200);
      cast.bob.replies(b, 487);
      await cast.pause(100);
      cast.carol.replies(c, 486);
      await finish(cast, invite);
      await cast.pause(100);
    },
  },
  {
    name: 'acke2e',
    differs: 'the ACK of a 2xx is matched to its INVITE always, not only when a module asked for it',
    route: `if (is_method("ACK")) { if (t_check_trans()) append_hf("X-K: yes\\r\\n"); else append_hf("X-K: no\\r\\n"); } ${RELAY_B}`,
    async play(cast) {
      const invite = cast.request('INVITE');
      cast.alice.sends(invite);
      const b = await cast.bob.receives('INVITE');
      cast.bob.replies(b, 200);
      await cast.alice.receives(200);
      cast.alice.sends(cast.request('ACK', { toTag: 'bob-tag' }));
      await cast.pause(100);
    },
  },
  {
    name: 'lookup',
    route: `if (t_lookup_request()) { t_retransmit_reply(); exit; } t_newtran(); t_reply("181", "First"); if (t_check_status("181")) t_reply("182", "Second"); $var(x) = t_get_status_code(); append_to_reply("X-V: $var(x) $T_branch_idx $T_reply_code $T(reply_type)\\r\\n"); t_reply("404", "Third"); exit;`,
    async play(cast) {
      const invite = cast.request('INVITE');
      cast.alice.sends(invite);
      const final = await cast.alice.receives(404);
      cast.alice.sends(invite);
      await cast.alice.receives(404);
      cast.alice.sends(cast.ack(invite, final));
      await cast.pause(200);
    },
  },
  {
    name: 'tinv',
    route: `if (is_method("CANCEL")) { append_to_reply("X-S: $T_inv($rm) $T_inv($mf) $T_inv($hdr(X-B)) $T_branch_idx\\r\\n"); sl_send_reply("488", "Not now"); exit; } setflag(2); ${RELAY_B}`,
    async play(cast) {
      const invite = cast.request('INVITE');
      cast.alice.sends(invite);
      const b = await cast.bob.receives('INVITE');
      cast.bob.replies(b, 180);
      await cast.alice.receives(180);
      cast.alice.sends(cast.cancel(invite));
      await cast.alice.receives(488);
      cast.bob.replies(b, 486);
      await finish(cast, invite);
      await cast.pause(100);
    },
  },
  {
    name: 'isset',
    route: `$var(a) = 0; if (t_is_set("failure_route")) $var(a) = 1; t_on_failure("isset"); t_on_branch("isset"); if (t_is_set("failure_route")) $var(a) = $var(a) + 10; if (t_is_set("branch_route")) $var(a) = $var(a) + 100; if (t_is_set("onreply_route")) $var(a) = $var(a) + 1000;
if (t_precheck_trans()) $var(a) = $var(a) + 10000; if (t_is_request_route()) $var(a) = $var(a) + 100000;
append_hf("X-A: $var(a) $T_branch_idx $T_reply_code $T(id_index)\\r\\n"); ${RELAY_B}`,
    blocks: `failure_route[isset] { $var(b) = 0; if (t_is_failure_route()) $var(b) = 1; if (t_is_set("failure_route")) $var(b) = $var(b) + 10; t_reply("580", "Set"); if ($var(b) == 1) t_reply("581", "Twice"); }
branch_route[isset] { if (t_is_branch_route()) append_hf("X-Branch: yes\\r\\n"); }`,
    async play(cast) {
      answers(cast.bob, 486);
      await failedCall(cast);
      await cast.pause(100);
    },
  },
  {
    name: 'tdrop',
    route: 't_on_failure("tdrop"); $du = $hdr(X-B); t_relay(); exit;',
    blocks: `failure_route[tdrop] { t_drop(); }`,
    async play(cast) {
      const invite = cast.request('INVITE');
      cast.alice.sends(invite);
      answers(cast.bob, 486);
      await cast.pause(300);
      cast.alice.sends(invite);
      await cast.pause(100);
    },
  },
  {
    name: 'cancelfail',
    route: 't_on_failure("cancelfail"); $du = $hdr(X-B); t_relay(); exit;',
    blocks: `failure_route[cancelfail] { if (t_is_canceled()) { $du = $hdr(X-C); if (!t_relay()) { t_reply("499", "Canceled"); } } }`,
    async play(cast) {
      const invite = cast.request('INVITE');
      cast.alice.sends(invite);
      const b = await cast.bob.receives('INVITE');
      cast.bob.replies(b, 180);
      await cast.alice.receives(180);
      cast.alice.sends(cast.cancel(invite));
      cast.bob.replies(await cast.bob.receives('CANCEL'), 200);
      cast.bob.replies(b, 487);
      await finish(cast, invite);
      await cast.pause(100);
    },
  },
  {
    name: 'refer487',
    route: 't_on_failure("refer487"); $ru = $hdr(X-B); append_branch("$hdr(X-C)"); t_relay(); exit;',
    blocks: `failure_route[refer487] { $ru = $hdr(X-D); if (!t_relay()) t_reply("499", "failed"); }`,
    async play(cast) {
      const invite = cast.request('INVITE');
      cast.alice.sends(invite);
      cast.bob.replies(await cast.bob.receives('INVITE'), 603);
      cast.carol.replies(await cast.carol.receives('INVITE'), 404);
      answers(cast.dave, 480);
      await finish(cast, invite);
      await cast.pause(100);
    },
  },
];
