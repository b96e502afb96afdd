import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StartedServer } from '../../core/cli/start-options.ts';
import { startServer } from '../../core/start.ts';
import { scriptOptions } from '../support/both-servers.ts';
import { KAMAILIO_MODULES, Kamailio, response, UdpPeer } from '../support/index.ts';
import { skipWithout } from '../support/peers.ts';
import { editMessage, normalise } from './edit-messages.ts';

const PATIENCE_MS = 3000;

/** Status of the reply that is edited, and the lines of script that do it. */
const CASES: readonly (readonly [status: number, code: string])[] = [
  [200, '$var(x) = 1;'],
  [200, 'append_hf("X-A: $rs\\r\\n"); append_hf("X-B: 2\\r\\n", "Call-ID");'],
  [200, 'insert_hf("X-A: 1\\r\\n");'],
  [200, 'remove_hf("Contact"); remove_hf("X-Reply");'],
  [200, 'remove_hf_re("^x-"); append_hf("X-A: 1\\r\\n");'],
  [200, "subst('/^Contact: (.*)uas/Contact: \\1changed/');"],
  [200, 'replace_body_all("a=", "b=");'],
  [200, 'set_body("new", "text/plain");'],
  [200, 'remove_body();'],
  [200, 'append_hf("X-A: 1\\r\\n"); msg_apply_changes(); append_hf("X-B: $hdr(X-A)\\r\\n");'],
  [200, 'sdp_remove_codecs_by_name("PCMU");'],
  [200, 'assign_hf_value("X-Reply[2]", "changed"); include_hf_value("Supported", "path");'],
  [
    200,
    'hf_iterator_start("i"); while (hf_iterator_next("i")) { if ($hfitname(i) == "X-Reply") { hf_iterator_rm("i"); } } hf_iterator_end("i");',
  ],
  [200, 'encode_contact("enc", "1.2.3.4");'],
  [200, 'if (is_method("INVITE")) append_hf("X-A: 1\\r\\n");'],
  [200, 'if (is_reply() && !is_request()) append_hf("X-A: 1\\r\\n");'],
  [603, 'change_reply_status("404", "Not Found"); append_hf("X-A: $rs $rr\\r\\n");'],
  [603, 'change_reply_status_code("486");'],
  [404, 'change_reply_status("200", "OK"); append_hf("X-A: $rc\\r\\n");'],
  [183, 'change_reply_status("180", "Ringing");'],
];

const MODULES = ['pv', 'textops', 'textopsx', 'siputils', 'sdpops', 'sl'];

function script(peer: number, mpath: string): string {
  const head = [
    'debug=0',
    'log_stderror=yes',
    'children=1',
    'dns=no',
    'rev_dns=no',
    'auto_aliases=no',
    mpath === '' ? '' : `mpath="${mpath}"`,
    ...['tm', ...MODULES].map((name) => `loadmodule "${name}.so"`),
    'request_route {',
    '  if ($rU == "ready") { sl_send_reply("200", "OK"); exit; }',
    `  $du = "sip:127.0.0.1:${peer}";`,
    '  forward();',
    '}',
    'reply_route {',
  ];
  const routes = CASES.map(([, code], i) => `  if ($ci == "C${i}@example.org") {\n    ${code}\n  }`);
  return [...head, ...routes, '}', ''].join('\n');
}

const SDP =
  'v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000\r\n';

async function outputs(peer: UdpPeer, port: number): Promise<(string | null)[]> {
  const results: (string | null)[] = [];
  for (const [i, [status]] of CASES.entries()) {
    peer.send(editMessage('sdp', `C${i}`, peer.port), port);
    const forwarded = await peer.next(PATIENCE_MS);
    assert.ok(forwarded, `case ${i} is not forwarded`);
    const headers = { 'X-Reply': ['one, two', 'three'], Supported: 'timer' };
    peer.send(response(forwarded, status, { contact: '<sip:uas@192.0.2.2>', headers, body: SDP }), port);
    results.push(normalise(await peer.next(PATIENCE_MS)));
  }
  return results;
}

async function ofKamailio(): Promise<(string | null)[]> {
  const peer = await UdpPeer.open();
  let kamailio: Kamailio | null = null;
  try {
    kamailio = await Kamailio.start(script(peer.port, KAMAILIO_MODULES));
    return await outputs(peer, kamailio.port);
  } finally {
    await kamailio?.stop();
    peer.close();
  }
}

async function ofStrowger(): Promise<(string | null)[]> {
  const peer = await UdpPeer.open();
  let started: StartedServer | null = null;
  try {
    started = await startServer(scriptOptions(script(peer.port, '')));
    return await outputs(peer, started.server.transport.sockets[0]?.port ?? 0);
  } finally {
    await started?.stop(0);
    peer.close();
  }
}

const skip = skipWithout('kamailio');

test(`${CASES.length} edits of replies come out as Kamailio's do, byte for byte`, { skip }, async (t) => {
  const theirs = await ofKamailio();
  const ours = await ofStrowger();
  for (const [i, [status, code]] of CASES.entries()) {
    await t.test(`${status}: ${code}`, () => {
      assert.ok(theirs[i], 'kamailio sent nothing');
      assert.equal(ours[i], theirs[i]);
    });
  }
});
