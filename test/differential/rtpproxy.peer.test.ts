import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type ComparedServer, withBoth } from '../support/both-servers.ts';
import { CookieServer } from '../support/datagram-server.ts';
import { skipWithout } from '../support/peers.ts';
import { PROXY_CASES, type ProxyCase, SDP } from './rtpproxy-cases.ts';

/** Longest wait for what a server sends on: more than it waits for a node that is silent. */
const PATIENCE_MS = 10_000;

/** Answers as rtpproxy does; the origin of a body may ask for another answer. */
function answerer(state: { answer: string }): (command: string) => string | null {
  return (command) => {
    const text = command.trimEnd();
    if (text === 'V') return '20040107\n';
    if (text.startsWith('VF ')) return '1\n';
    if (/^[UL]/.test(text)) return `${state.answer}\n`;
    return '0\n';
  };
}

function script(peerPort: number, modulePath: string, nodes: readonly CookieServer[]): string {
  const routes = PROXY_CASES.map(
    ({ code }, i) => `if ($ci == "C${i}") { ${code} append_hf("X-X: $var(x)\\r\\n"); }`,
  ).join('\n  ');
  const [first, second] = nodes.map(({ port }) => port);
  return `${modulePath}
${['pv', 'tm', 'sl', 'textops', 'xlog', 'rtpproxy'].map((name) => `loadmodule "${name}.so"`).join('\n')}
modparam("rtpproxy", "rtpproxy_sock", "udp:127.0.0.1:${first}")
modparam("rtpproxy", "rtpproxy_sock", "2 == udp:127.0.0.1:${second}=3")
modparam("rtpproxy", "extra_id_pv", "$avp(extra)")
modparam("rtpproxy", "rtp_inst_pvar", "$avp(inst)")
modparam("rtpproxy", "ice_candidate_priority_avp", "$avp(ice)")
route[CASES] {
  $var(x) = 0;
  $avp(extra) = "EXTRA";
  ${routes}
}
request_route {
  if ($rU == "ready") { sl_send_reply("200", "OK"); exit; }
  route(CASES);
  $du = "sip:127.0.0.1:${peerPort}";
  forward();
}
reply_route { route(CASES); }
`;
}

const METHODS: Readonly<Record<string, string>> = {
  ack: 'ACK',
  bye: 'BYE',
  cancel: 'CANCEL',
  update: 'UPDATE',
  prack: 'PRACK',
  info: 'INFO',
};
const STATUS: Readonly<Record<string, string>> = { reply: '200 OK', ringing: '183 Progress', failure: '486 Busy' };

function sipText({ message = 'invite', body = SDP }: ProxyCase, i: number, port: number, peerPort: number): string {
  const method = METHODS[message] ?? 'INVITE';
  const status = STATUS[message];
  const content = message === 'no-body' ? '' : body;
  const rows = [
    status === undefined ? `${method} sip:x@127.0.0.1 SIP/2.0` : `SIP/2.0 ${status}`,
    ...(status === undefined ? [] : [`Via: SIP/2.0/UDP 127.0.0.1:${port};branch=z9hG4bKours`]),
    `Via: SIP/2.0/UDP 127.0.0.1:${peerPort};branch=z9hG4bKx${i}`,
    'From: <sip:a@b>;tag=FROM',
    `To: <sip:a@b>${message === 'invite' || message === 'cancel' ? '' : ';tag=TO'}`,
    `Call-ID: C${i}`,
    `CSeq: 1 ${method}`,
    ...(content === '' ? [] : ['Content-Type: application/sdp']),
    `Content-Length: ${content.length}`,
  ];
  return `${rows.join('\r\n')}\r\n\r\n${content}`;
}

/** What the server made of case `i`; what comes late of an earlier case is not taken for it. */
async function answerTo(i: number, peer: ComparedServer['peer']): Promise<string | null> {
  for (;;) {
    const text = await peer.next(PATIENCE_MS);
    if (text === null || text.includes(`\r\nCall-ID: C${i}\r\n`)) return text;
  }
}

/** What was sent to the nodes, and of what came out the script's note and the body. */
function outcome(text: string | null, nodes: readonly CookieServer[]): string {
  const note = /\r\nX-X: ([^\r]*)\r\n/.exec(text ?? '')?.[1] ?? '(nothing)';
  const body = text === null ? '' : text.slice(text.indexOf('\r\n\r\n') + 4);
  const asked = nodes.map((node) =>
    node
      .take()
      .filter((command) => !command.startsWith('V'))
      .map((command) => command.replace(/\n$/, '')),
  );
  return JSON.stringify({ note, body, asked });
}

describe('rtpproxy: both servers send the same commands', { skip: skipWithout('kamailio'), timeout: 120_000 }, () => {
  const nodes: CookieServer[] = [];
  const state = { answer: '' };
  let results: Awaited<ReturnType<typeof withBoth<string[]>>> | null = null;

  before(async () => {
    nodes.push(await CookieServer.open(answerer(state)), await CookieServer.open(answerer(state)));
    results = await withBoth(
      (port, path) => script(port, path, nodes),
      async ({ port, peer }: ComparedServer) => {
        const found: string[] = [];
        for (const [i, item] of PROXY_CASES.entries()) {
          const asked = /o=answer-(\S+)/.exec(item.body ?? '')?.[1];
          state.answer = asked === undefined ? `${40_000 + 2 * i} 9.8.7.6` : asked.replaceAll('_', ' ');
          peer.send(sipText(item, i, port, peer.port), port);
          found.push(outcome(await answerTo(i, peer), nodes));
        }
        return found;
      },
    );
  });

  after(() => {
    for (const node of nodes) node.close();
  });

  for (const [i, { name, differs }] of PROXY_CASES.entries())
    test(name, () => {
      const ours = results?.strowger[i] ?? '';
      const theirs = results?.kamailio[i] ?? '';
      assert.ok(!theirs.includes('(nothing)'), theirs);
      if (differs === undefined) assert.equal(ours, theirs);
      else {
        assert.match(ours, differs.expect, differs.why);
        assert.notEqual(ours, theirs, 'no difference any more');
      }
    });
});
