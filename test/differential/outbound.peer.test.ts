import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type ComparedServer, withBoth } from '../support/both-servers.ts';
import { UdpPeer } from '../support/kamailio.ts';
import { request } from '../support/msg.ts';
import { skipWithout } from '../support/peers.ts';

/** The same requests through both edge proxies: who gets a flow token, and where a token leads. */

const script = (peerPort: number, modulePath: string): string => `
${modulePath}
log_stderror=yes
debug=-3
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "kex.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "outbound.so"
loadmodule "rr.so"
loadmodule "path.so"
modparam("outbound", "force_outbound_flag", 1)
modparam("outbound", "force_no_outbound_flag", 2)
request_route {
  if ($rU == "ready") { sl_send_reply("200", "ready"); exit; }
  if ($hdr(X-F) == "1") setflag(1);
  if ($hdr(X-F) == "2") setflag(2);
  if ($hdr(X-Route) != $null) {
    loose_route();
    $var(r) = $rc;
    pv_printf("$var(o)", "rc $var(r) $ru $du $fs");
    sl_send_reply("200", "$var(o)");
    exit;
  }
  if (is_method("REGISTER")) {
    if ($hdr(X-P) == "1") add_path_received();
    else if ($hdr(X-P) == "2") add_path("", "x=y");
    else if ($hdr(X-P) == "3") add_path("user");
    else add_path();
  } else record_route();
  $du = "sip:127.0.0.1:${peerPort}";
  forward();
}
`;

interface Step {
  readonly method?: string;
  readonly headers: Readonly<Record<string, string | number | readonly string[]>>;
  /** It comes from the client that has the flow, else from the other side. */
  readonly isClient?: boolean;
}

const FLOW_CONTACT = '<sip:a@1.1.1.1>;reg-id=1;+sip.instance="<x>"';
const C = { Contact: '<sip:a@1.1.1.1>' };
const DIALOG = { To: '<sip:x@y>;tag=1' };
const TWO_VIAS = ['SIP/2.0/UDP 127.0.0.1:FROM;branch=z9hG4bKtwo-STEP', 'SIP/2.0/UDP 127.0.0.2;branch=z9hG4bKb'];

/** `TOKEN` is the token of the first REGISTER, `FORGED` one like it. */
function routed(route: string, headers: Step['headers'] = {}, isClient = false): Step {
  return { headers: { 'X-Route': 1, ...C, Route: route, ...headers }, isClient };
}

const STEPS: readonly Step[] = [
  { method: 'REGISTER', isClient: true, headers: { Contact: FLOW_CONTACT, Supported: 'outbound, path' } },
  { method: 'REGISTER', isClient: true, headers: { Contact: FLOW_CONTACT, 'X-P': 1 } },
  { method: 'REGISTER', isClient: true, headers: { Contact: FLOW_CONTACT, 'X-P': 2 } },
  { method: 'REGISTER', isClient: true, headers: { Contact: FLOW_CONTACT, 'X-P': 3 } },
  { method: 'REGISTER', isClient: true, headers: { Contact: FLOW_CONTACT, 'X-F': 2 } },
  { method: 'REGISTER', isClient: true, headers: { Contact: FLOW_CONTACT, Via: TWO_VIAS } },
  { method: 'REGISTER', isClient: true, headers: C },
  { method: 'REGISTER', isClient: true, headers: { ...C, 'X-F': 1 } },
  { isClient: true, headers: { Contact: '<sip:a@1.1.1.1;ob>', Supported: 'outbound' } },
  { isClient: true, headers: { Contact: '<sip:a@1.1.1.1>;ob', Supported: 'outbound' } },
  { isClient: true, headers: { Contact: '<sip:a@1.1.1.1;ob>' } },
  { isClient: true, headers: { Contact: '<sip:a@1.1.1.1;ob>', Via: TWO_VIAS } },
  { isClient: true, headers: { Contact: '<sip:a@1.1.1.1;ob>', 'X-F': 2 } },
  { isClient: true, headers: { ...C, 'X-F': 1 } },
  { isClient: true, headers: { ...C, Via: TWO_VIAS, Route: '<sip:127.0.0.1:SERVER;lr;ob>' } },
  { isClient: true, headers: { ...C, ...DIALOG, Route: '<sip:127.0.0.1:SERVER;lr;ob>' } },
  { isClient: true, headers: { ...C, ...DIALOG, Route: '<sip:127.0.0.1:SERVER;lr>' } },
  { method: 'BYE', isClient: true, headers: { Contact: '<sip:a@1.1.1.1;ob>', ...DIALOG } },
  ...[{}, DIALOG, { ...DIALOG, 'X-F': 2 }].flatMap((headers) => [
    routed('<sip:TOKEN@127.0.0.1:SERVER;lr;ob>', headers),
    routed('<sip:TOKEN@127.0.0.1:SERVER;lr>', headers),
    routed('<sip:TOKEN@127.0.0.1:SERVER;lr;ob>, <sip:1.1.1.1;lr>', headers),
    routed('<sip:TOKEN@127.0.0.1:SERVER;r2=on;lr;ob>, <sip:TOKEN@127.0.0.1:SERVER;r2=on;lr;ob>', headers),
    routed('<sip:FORGED@127.0.0.1:SERVER;lr;ob>', headers),
    routed('<sip:FORGED@127.0.0.1:SERVER;lr>', headers),
    routed('<sip:user@127.0.0.1:SERVER;lr;ob>', headers),
    routed('<sip:127.0.0.1:SERVER;lr;ob>', headers),
    routed('<sip:TOKEN@1.2.3.4:SERVER;lr;ob>, <sip:1.1.1.1;lr>', headers),
    routed('<sip:TOKEN@127.0.0.1:SERVER;lr;ob>', headers, true),
    routed('<sip:TOKEN@127.0.0.1:SERVER;lr;ob>, <sip:1.1.1.1;lr>', headers, true),
  ]),
];

async function drive({ name, port, peer }: ComparedServer): Promise<string[][]> {
  const client = await UdpPeer.open();
  const results: string[][] = [];
  let token = '';
  try {
    for (const [at, step] of STEPS.entries()) {
      const from = step.isClient === true ? client : peer;
      const text = request(step.method ?? 'INVITE', 'sip:x@example.org', {
        sentBy: `127.0.0.1:${from.port}`,
        branch: `z9hG4bK-${at}`,
        callId: `call-${at}`,
        headers: step.headers,
      })
        .replaceAll('TOKEN', token)
        .replaceAll('FORGED', `${token.startsWith('A') ? 'B' : 'A'}${token.slice(1)}`)
        .replaceAll('SERVER', String(port))
        .replaceAll('FROM', String(from.port))
        .replaceAll('STEP', String(at));
      from.send(text, port);
      const answer = await (step.headers['X-Route'] === undefined ? peer : from).next(2000);
      assert.ok(answer !== null, `${name} does not pass on ${JSON.stringify(step)}`);
      const lines = answer.split('\r\n').filter((line) => /^(SIP|Path|Record-Route)/.test(line));
      if (token === '') token = /^Path: <sip:([^@]+)@/.exec(lines.join('\n'))?.[1] ?? '';
      results.push(
        lines.map((line) =>
          line
            .replaceAll(token, 'TOKEN')
            .replaceAll(/sip:[A-Za-z0-9+/]{31}=@/g, 'sip:TOKEN@')
            .replaceAll(`:${port}`, ':SERVER')
            .replaceAll(`:${client.port}`, ':CLIENT')
            .replaceAll(`:${peer.port}`, ':PEER'),
        ),
      );
    }
  } finally {
    client.close();
  }
  return results;
}

suite('outbound beside Kamailio', { skip: skipWithout('kamailio') }, () => {
  test('flow tokens in Path, Record-Route and Route', async () => {
    const { kamailio, strowger } = await withBoth(script, drive);
    for (const [at, step] of STEPS.entries())
      assert.deepEqual(strowger[at], kamailio[at], `step ${at + 1}: ${JSON.stringify(step)}`);
  });
});
