import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { BDict, bdecode, bencode } from '../../modules/rtpengine/bencode.ts';
import { type ComparedServer, withBoth } from '../support/both-servers.ts';
import { CookieServer } from '../support/datagram-server.ts';
import { skipWithout } from '../support/peers.ts';
import { NG_CASES, type NgCase } from './rtpengine-cases.ts';

const PATIENCE_MS = 3000;
const CREATED = 1_000_000;

function mos(value: number, at: number | null, samples: number | null): BDict {
  const dict = new BDict()
    .add('MOS', value)
    .add('jitter', value + 1)
    .add('packet loss', 2)
    .add('round-trip time', 300);
  if (at !== null) dict.add('reported at', CREATED + at);
  return samples === null ? dict : dict.add('samples', samples);
}

function stream(low: number, average: number, high: number): BDict {
  return new BDict()
    .add('lowest MOS', mos(low, 65, null))
    .add('highest MOS', mos(high, 5, null))
    .add('average MOS', mos(average, null, 7));
}

/** Answers as rtpengine would, with what the functions read from it. */
function answer(payload: string): string | null {
  const request = bdecode(payload);
  if (!(request instanceof BDict)) return null;
  const reply = new BDict();
  if (request.str('command') === 'ping') return bencode(reply.add('result', 'pong'));
  if (request.str('call-id') === 'refuse-me') return bencode(reply.add('result', 'error').add('error-reason', 'no'));
  reply.add('result', 'ok');
  if (request.get('sdp') !== undefined) return bencode(reply.add('sdp', 'v=0\r\ns=REWRITTEN\r\n'));
  const counts = new BDict().add('packets', 5).add('bytes', 100).add('errors', 0);
  return bencode(
    reply
      .add('created', CREATED)
      .add('duration', 1234)
      .add('SSRC', new BDict().add('111', stream(31, 40, 43)).add('222', stream(25, 35, 44)))
      .add('totals', new BDict().add('RTP', counts).add('RTCP', counts))
      .add(
        'tags',
        new BDict().add('a"b', new BDict().add('medias', [new BDict().add('index', 1), 'x', 7]).add('none', [])),
      ),
  );
}

function script(peerPort: number, modulePath: string, nodes: readonly CookieServer[]): string {
  const routes = NG_CASES.map(({ code }, i) => `if ($ci == "C${i}") { ${code} append_hf("X-X: $var(x)\\r\\n"); }`).join(
    '\n  ',
  );
  const [first, second] = nodes.map(({ port }) => port);
  return `${modulePath}
${['pv', 'tm', 'sl', 'textops', 'xlog', 'rtpengine'].map((name) => `loadmodule "${name}.so"`).join('\n')}
modparam("rtpengine", "rtpengine_sock", "udp:127.0.0.1:${first}")
modparam("rtpengine", "rtpengine_sock", "1 == udp:127.0.0.1:${second}=3")
modparam("rtpengine", "extra_id_pv", "$avp(extra)")
modparam("rtpengine", "setid_avp", "$avp(set)")
modparam("rtpengine", "media_duration", "$var(dur)")
modparam("rtpengine", "mos_min_pv", "$avp(min)")
modparam("rtpengine", "mos_min_at_pv", "$avp(at)")
modparam("rtpengine", "mos_average_pv", "$avp(avg)")
modparam("rtpengine", "mos_average_samples_pv", "$avp(n)")
modparam("rtpengine", "mos_max_jitter_pv", "$avp(jit)")
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

const SDP = 'v=0\r\no=alice 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.168.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n';
const MULTIPART = `--bb\r\nContent-Type: text/plain\r\n\r\nhi\r\n--bb\r\nContent-Type: application/sdp\r\n\r\n${SDP}\r\n--bb--\r\n`;

const BODIES: Readonly<Record<string, readonly [type: string, body: string]>> = {
  'no-body': ['', ''],
  multipart: ['multipart/mixed;boundary=bb', MULTIPART],
  fragment: ['application/trickle-ice-sdpfrag', 'a=mid:1\r\n'],
};
const METHODS: Readonly<Record<string, string>> = {
  fragment: 'INFO',
  ack: 'ACK',
  bye: 'BYE',
  cancel: 'CANCEL',
  update: 'UPDATE',
  prack: 'PRACK',
  info: 'INFO',
  message: 'MESSAGE',
};

function sipText({ message = 'invite' }: NgCase, i: number, port: number, peerPort: number): string {
  const method = METHODS[message] ?? 'INVITE';
  const [type, body] = BODIES[message] ?? ['application/sdp', SDP];
  const isReply = message === 'reply';
  const hasToTag = !['invite', 'multipart', 'cancel'].includes(message);
  const rows = [
    isReply ? 'SIP/2.0 200 OK' : `${method} sip:x@127.0.0.1 SIP/2.0`,
    ...(isReply ? [`Via: SIP/2.0/UDP 127.0.0.1:${port};branch=z9hG4bKours`] : []),
    `Via: SIP/2.0/UDP 127.0.0.1:${peerPort};branch=z9hG4bKx${i}`,
    'From: <sip:a@b>;tag=FROM',
    `To: <sip:a@b>${hasToTag ? ';tag=TO' : ''}`,
    `Call-ID: C${i}`,
    `CSeq: 1 ${method}`,
    ...(type === '' ? [] : [`Content-Type: ${type}`]),
    `Content-Length: ${body.length}`,
  ];
  return `${rows.join('\r\n')}\r\n\r\n${body}`;
}

/** What was sent to the nodes, and of what came out the script's note and the body. */
function outcome(item: NgCase, text: string | null, nodes: readonly CookieServer[]): string {
  const note = /\r\nX-X: ([^\r]*)\r\n/.exec(text ?? '')?.[1] ?? '(nothing)';
  const body = text === null ? '' : text.slice(text.indexOf('\r\n\r\n') + 4);
  let asked = nodes.map((node) => node.take().filter((payload) => !payload.includes('4:ping')));
  if (item.ownBranch === true)
    asked = asked.map((list) =>
      list.map((payload) => payload.replace(/10:via-branch\d+:z9hG4bK[\w.-]+?(?=13:)/, 'BRANCH')),
    );
  return JSON.stringify({ note, body, asked });
}

describe('rtpengine: both servers send the same commands', { skip: skipWithout('kamailio'), timeout: 120_000 }, () => {
  const nodes: CookieServer[] = [];
  let results: Awaited<ReturnType<typeof withBoth<string[]>>> | null = null;

  before(async () => {
    nodes.push(await CookieServer.open(answer), await CookieServer.open(answer));
    results = await withBoth(
      (port, path) => script(port, path, nodes),
      async ({ port, peer }: ComparedServer) => {
        const found: string[] = [];
        for (const [i, item] of NG_CASES.entries()) {
          peer.send(sipText(item, i, port, peer.port), port);
          found.push(outcome(item, await peer.next(PATIENCE_MS), nodes));
        }
        return found;
      },
    );
  });

  after(() => {
    for (const node of nodes) node.close();
  });

  for (const [i, { name, differs }] of NG_CASES.entries())
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

const WEIGHTS = [3, 1, 2, 4, 5];
const CALLS = Array.from({ length: 60 }, (_, i) => `${(i * 7919).toString(36)}-${'x'.repeat(i % 17)}@example.org`);

describe('rtpengine: both servers choose the same nodes', { skip: skipWithout('kamailio'), timeout: 120_000 }, () => {
  for (const algorithm of [0, 1, 2])
    test(`hash_algo ${algorithm}`, async () => {
      const nodes: CookieServer[] = [];
      for (let i = 0; i < WEIGHTS.length; i++) nodes.push(await CookieServer.open(answer));
      const sock = nodes.map(({ port }, i) => `udp:127.0.0.1:${port}=${WEIGHTS[i]}`).join(' ');
      try {
        const { kamailio, strowger } = await withBoth(
          (port, path) => `${path}
loadmodule "pv.so"
loadmodule "sl.so"
${path === '' ? '' : 'loadmodule "crypto.so"'}
loadmodule "rtpengine.so"
modparam("rtpengine", "rtpengine_sock", "${sock}")
modparam("rtpengine", "hash_algo", ${algorithm})
request_route {
  if ($rU == "ready") { sl_send_reply("200", "OK"); exit; }
  rtpengine_offer();
  $du = "sip:127.0.0.1:${port}";
  forward();
}
`,
          async ({ port, peer }) => {
            const chosen: number[] = [];
            for (const [i, callId] of CALLS.entries()) {
              for (const node of nodes) node.take();
              peer.send(
                sipText({ name: '', code: '' }, i, port, peer.port).replace(`Call-ID: C${i}`, `Call-ID: ${callId}`),
                port,
              );
              await peer.next(PATIENCE_MS);
              chosen.push(nodes.findIndex((node) => node.take().some((payload) => payload.includes('5:offer'))));
            }
            return chosen;
          },
        );
        assert.deepEqual(strowger, kamailio);
        assert.ok(new Set(kamailio).size > 2);
      } finally {
        for (const node of nodes) node.close();
      }
    });
});
