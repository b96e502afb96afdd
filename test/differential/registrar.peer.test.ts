import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type ComparedServer, withBoth } from '../support/both-servers.ts';
import { request } from '../support/msg.ts';
import { skipWithout } from '../support/peers.ts';
import { CASES, type Case, type Step } from './registrar-cases.ts';

/** The same registrations and look-ups, to both registrars: the same replies, contacts, order and forks. */

const ULC =
  'addr path received callid q cseq flags cflags user_agent socket methods ruid regid instance conid server_id'.split(
    ' ',
  );

const script = ({ params = '', pre = '', modules = '' }: Case, modulePath: string): string => `
${modulePath}
log_stderror=yes
debug=-3
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "kex.so"
loadmodule "corex.so"
loadmodule "textops.so"
loadmodule "siputils.so"
${modules}
loadmodule "usrloc.so"
loadmodule "registrar.so"
modparam("registrar", "xavp_cfg", "reg")
modparam("registrar", "xavp_rcd", "ulrcd")
${params}
request_route {
  if ($rU == "ready") { sl_send_reply("200", "ready"); exit; }
  ${pre}
  if (is_method("REGISTER")) {
    if ($hdr(X-Uri) != $null) { save("location", "0", "$hdr(X-Uri)"); $var(r) = $rc; }
    else if ($hdr(X-Flags) == "2") { save("location", "2"); $var(r) = $rc; }
    else if ($hdr(X-Flags) == "4") { save("location", "0x04"); $var(r) = $rc; }
    else if ($hdr(X-Flags) == "8") { save("location", "0x08"); $var(r) = $rc; }
    else if ($hdr(X-Flags) == "18") { save("location", "0x12"); $var(r) = $rc; }
    else { save("location"); $var(r) = $rc; }
    if ($hdr(X-Send) != $null) reg_send_reply();
    if ($hdr(X-Then) != $null) sl_send_reply("299", "rc $var(r)");
    exit;
  }
  if ($hdr(X-Do) == "registered") { registered("location"); $var(r) = $rc; }
  if ($hdr(X-Do) == "registered2") { registered("location", "$hdr(X-Uri)"); $var(r) = $rc; }
  if ($hdr(X-Do) == "registered4") {
    if ($hdr(X-Opt) == "1") registered("location", "$hdr(X-Uri)", "1");
    if ($hdr(X-Opt) == "2") registered("location", "$hdr(X-Uri)", "2");
    if ($hdr(X-Opt) == "4") registered("location", "$hdr(X-Uri)", "4", "0");
    if ($hdr(X-Opt) == "7") registered("location", "$hdr(X-Uri)", "7", "2");
    $var(r) = $rc;
  }
  if ($hdr(X-Do) == "unregister") { unregister("location", "$hdr(X-Uri)"); $var(r) = $rc; }
  if ($hdr(X-Do) == "unregister3") { unregister("location", "$hdr(X-Uri)", "$hdr(X-Ruid)"); $var(r) = $rc; }
  if ($hdr(X-Do) == "branches") {
    append_branch("sip:bob@example.org");
    append_branch("sip:nobody@example.org");
    lookup_branches("location");
    $var(r) = $rc;
  }
  if ($hdr(X-Do) == "dset") { lookup_to_dset("location"); $var(r) = $rc; }
  if ($hdr(X-Do) == "dset2") { lookup_to_dset("location", "$hdr(X-Uri)"); $var(r) = $rc; }
  if ($hdr(X-Do) == "lookup2") { lookup("location", "$hdr(X-Uri)"); $var(r) = $rc; }
  if ($hdr(X-Do) == "fetch") {
    reg_fetch_contacts("location", "$hdr(X-Uri)", "p"); $var(r) = $rc;
    pv_printf("$var(o)", "rc $var(r) count $ulc(p=>count) aor $ulc(p=>aor) domain $ulc(p=>domain)");
    $var(i) = 0;
    while ($var(i) < $ulc(p=>count)) {
      pv_printf("$var(o)", "$var(o) | ${ULC.map((name) => `${name} $(ulc(p=>${name})[$var(i)])`).join(' ')}");
      $var(i) = $var(i) + 1;
    }
    pv_printf("$var(o)", "$var(o) | beyond $(ulc(p=>addr)[$ulc(p=>count)]) below $(ulc(p=>addr)[-1])");
    reg_free_contacts("p");
    pv_printf("$var(o)", "$var(o) | freed $ulc(p=>count) $ulc(q=>count)");
    sl_send_reply("200", "$var(o)");
    exit;
  }
  if ($hdr(X-Do) == $null) { lookup("location"); $var(r) = $rc; }
  if ($hdr(X-Relay) != $null) { t_relay(); exit; }
  pv_printf("$var(o)", "rc $var(r) $ru $du $fs $bf $xavp(ulrcd[0]=>ruid) $xavp(ulrcd[0]=>contact) $xavp(ulrcd[0]=>received) $xavp(ulrcd[0]=>path) $xavp(ulrcd[1]=>contact)");
  $var(i) = 0;
  while ($var(i) < $branch(count)) {
    pv_printf("$var(o)", "$var(o) | $(branch(uri)[$var(i)]) $(branch(dst_uri)[$var(i)]) $(branch(path)[$var(i)]) $(branch(q)[$var(i)]) $(branch(send_socket)[$var(i)]) $(branch(flags)[$var(i)])");
    $var(i) = $var(i) + 1;
  }
  sl_send_reply("200", "$var(o)");
}
`;

const SHOWN =
  /^(SIP\/2\.0 |INVITE |Contact:|Path:|Route:|Supported:|Require:|Unsupported:|Flow-Timer:|Min-Expires:|Retry-After:|P-Registrar-Error:)/;

/** The lines that are compared, without what is each server's own. */
function shown(text: string, { port, peer }: ComparedServer): string[] {
  return text
    .split('\r\n')
    .filter((line) => SHOWN.test(line) && !(text.startsWith('INVITE') && line.startsWith('Supported:')))
    .map((line) =>
      line
        .replaceAll(/uloc-[0-9a-f]+-[0-9a-f]+-[0-9a-f]+(-[0-9a-f]+@)?/g, 'RUID$1')
        .replaceAll(/RUID-[0-9a-f]+@/g, 'RUID-HASH@')
        .replaceAll(new RegExp(`:${port}\\b`, 'g'), ':SERVER')
        .replaceAll(new RegExp(`:${peer.port}\\b`, 'g'), ':PEER')
        // A second may pass between two messages.
        .replaceAll(/expires=(\d+)/g, (_all, seconds: string) => `expires=${Math.ceil(Number(seconds) / 10) * 10}`)
        .replaceAll('|  <', '| <'),
    );
}

async function drive(server: ComparedServer, { steps }: Case): Promise<string[][]> {
  const results: string[][] = [];
  let tempGruu = '';
  for (const [at, step] of steps.entries()) {
    server.peer.send(textOf(step, at, server.peer.port, tempGruu), server.port);
    const lines: string[] = [];
    for (;;) {
      const answer = await server.peer.next(2000);
      assert.ok(answer !== null, `${server.name} does not answer ${JSON.stringify(step)}`);
      if (answer.startsWith('SIP/2.0 100')) continue;
      tempGruu = /temp-gruu="sip:([^@]+)@/.exec(answer)?.[1] ?? tempGruu;
      lines.push(...shown(answer, server));
      if (answer.startsWith('INVITE')) server.peer.send(answer.replace(/^INVITE.*/, 'SIP/2.0 404 x'), server.port);
      else if (step.headers?.['X-Relay'] === undefined || lines.some((line) => line.startsWith('INVITE'))) break;
    }
    results.push(lines);
  }
  return results;
}

function textOf(step: Step, at: number, port: number, tempGruu: string): string {
  const method = step.method ?? 'REGISTER';
  const { contact, headers = {} } = step;
  return request(method, step.uri ?? 'sip:example.org', {
    sentBy: `127.0.0.1:${port}`,
    branch: `z9hG4bK-${at}`,
    to: step.to ?? '<sip:alice@example.org>',
    callId: step.callId ?? 'call-1',
    cseq: step.cseq ?? at + 1,
    headers: { ...(contact === undefined ? {} : { Contact: contact }), ...headers },
  })
    .replaceAll('PORT', String(port))
    .replaceAll('TEMPGRUU', tempGruu);
}

suite('registrar beside Kamailio', { skip: skipWithout('kamailio') }, () => {
  for (const one of CASES) {
    test(one.name, async () => {
      const results = await withBoth(
        (_peerPort, modulePath) => script(one, modulePath),
        (server) => drive(server, one),
      );
      for (const [at, step] of one.steps.entries()) {
        const expected = step.ours?.reply ?? results.kamailio[at];
        assert.deepEqual(results.strowger[at], expected, `step ${at + 1}: ${JSON.stringify(step)}`);
        if (step.ours !== undefined)
          assert.notDeepEqual(results.kamailio[at], expected, `no longer differs: ${at + 1}`);
      }
    });
  }
});
