import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { skipWithout } from '../support/peers.ts';
import { ScriptPair } from '../support/script-pair.ts';

/**
 * The commands that scripts call most, each in the ways scripts write their arguments: numbers bare, quoted and named,
 * variables inside quotes and without, optional ones given and left out. One call a line; both servers must take each and
 * give the same code, and leave the same request behind.
 */
const FORMS = readFileSync(join(import.meta.dirname, 'testdata/argument-forms/forms.txt'), 'utf8')
  .trim()
  .split('\n');

const MODULES =
  'kex tm tmx rr maxfwd textops textopsx siputils xlog sanity corex cfgutils counters statistics dispatcher ipops regex sdpops path usrloc registrar auth permissions nathelper htable pike';

/** What stands in the variables that the forms name. */
const VALUES: Readonly<Record<string, string>> = {
  ten: '10',
  zero: '0',
  one: '1',
  code: '404',
  reason: '"Dyn"',
  p: '";q=w"',
  ip: '"1.2.3.4"',
  h: '"X-A"',
  list: '"alice,bob"',
  u: '"sip:u@5.6.7.8"',
  dir: '"downstream"',
  net: '"127.0.0.0/8"',
  m: '"audio"',
  o: '"-"',
};

const BODY =
  'v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000\r\n';

/** Forms that answer by themselves. */
const ANSWERING = /^(?:sl_send_reply|send_reply|www_challenge|auth_challenge|save\("location"(?!, "0x02"|, 2))/;

const SHOW = `$var(r) = $rc;
  pv_printf("$var(z)", "$var(r) $ru $du $var(o) $avp(o) $(branch(uri)[0])");
  sl_send_reply("200", "$var(z)");`;

function script(folder: string): string {
  const routes = FORMS.map(
    (form, i) => `route[Q${i}] {
  ${form};
  ${ANSWERING.test(form) ? '' : SHOW}
  exit;
}`,
  );
  const calls = FORMS.map((_form, i) => `  if ($hdr(X-Q) == "${i}") route(Q${i});`);
  const values = Object.entries(VALUES).map(([name, value]) => `$var(${name}) = ${value};`);
  return `#!define FLT_X 7
#!define FLB_X 8
#!define FLAGS_N 19
${MODULES.split(' ')
  .map((name) => `loadmodule "${name}.so"`)
  .join('\n')}
modparam("htable", "htable", "a=>size=4")
modparam("dispatcher", "list_file", "${folder}/dispatcher")
modparam("dispatcher", "flags", 2)
modparam("statistics", "variable", "st1")
modparam("permissions", "address_file", "${folder}/address")
modparam("regex", "file", "${folder}/groups")
modparam("auth", "secret", "x")
modparam("counters", "script_counter", "g.c1")
modparam("tm", "contacts_avp", "contacts")
modparam("tm", "contact_flows_avp", "flows")
failure_route[F] { exit; }
onreply_route[R] { exit; }
branch_route[B] { exit; }
event_route[tm:branch-failure:BF] { exit; }
${routes.join('\n')}
request_route {
  if ($rU == "ready") { sl_send_reply("200", "ready"); exit; }
  ${values.join(' ')}
${calls.join('\n')}
}
`;
}

function request(index: number, port: number): string {
  return [
    'OPTIONS sip:alice@127.0.0.1:9;x=1 SIP/2.0',
    `Via: SIP/2.0/UDP 127.0.0.1:${port};branch=z9hG4bK-form-${index}`,
    'From: <sip:+123@b.example.org>;tag=1',
    'To: <sip:b@c.example.org>',
    `Call-ID: form-${index}`,
    'CSeq: 1 OPTIONS',
    'Contact: <sip:c@192.0.2.9:5>',
    `X-Q: ${index}`,
    'X-A: one, two',
    'Max-Forwards: 20',
    'Content-Type: application/sdp',
    `Content-Length: ${BODY.length}\r\n\r\n${BODY}`,
  ].join('\r\n');
}

const pair = new ScriptPair();
const skip = skipWithout('kamailio', 'kamcmd');

before(async () => {
  if (skip !== false) return;
  writeFileSync(join(pair.folder, 'dispatcher'), '1 sip:127.0.0.1:9\n');
  writeFileSync(join(pair.folder, 'address'), '1 127.0.0.1 32 0 t\n');
  writeFileSync(join(pair.folder, 'groups'), '[0]\n^a\n');
  await pair.start(script(pair.folder));
});
after(() => pair.stop());

test('calls in the forms scripts write them in', { skip, timeout: 120_000 }, async () => {
  const different: { form: string; theirs: string; ours: string }[] = [];
  for (const [index, form] of FORMS.entries()) {
    const { theirs, ours } = await pair.answers(request(index, pair.port));
    if (theirs !== ours || theirs === 'no reply') different.push({ form, theirs, ours });
  }
  assert.deepEqual(different, []);
});
