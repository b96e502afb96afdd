import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { response, type TestMsg } from '../support/msg.ts';
import { SipWorld } from '../support/sip-world.ts';
import { DOMAIN, Edge } from './edge.ts';

/**
 * Header injection: what a stranger writes into names, user parts, tokens and header values, and a script copies into
 * headers, start lines and replies, stays one value of one header. A message with a line that begins as a header of the
 * attacker's is a lost fight; so is a bare CR or LF, which other implementations take for a line end.
 */

/** Values that scripts copy, each into a row of its own. */
const COPIED = [
  '$fn',
  '$tn',
  '$fu',
  '$tu',
  '$fU',
  '$tU',
  '$ru',
  '$rU',
  '$ou',
  '$ci',
  '$ua',
  '$ct',
  '$ft',
  '$cs',
  '$rb',
  '$hdr(Subject)',
  '$(hdr(Subject)[-1])',
  '$(rU{s.unescape.user})',
  '$(fU{s.unescape.user})',
  '$(rU{s.unescape.param})',
  '$(fn{s.unquote})',
  '$(fn{s.trim})',
  '$(hdr(Subject){s.trim})',
  '$(ct{nameaddr.name})',
  '$(ct{nameaddr.uri})',
  '$(ru{uri.params})',
  '$(ru{param.value,x})',
  '$(hdr(Subject){s.select,0,;})',
  '$(hdr(Subject){line.at,0})',
  '$au',
  '$aU',
  '$ar',
  '$adu',
  '$sel(from.name)',
  '$sel(msg.header.subject)',
  '$(fn{s.unescape.common})',
  '$di',
  '$re',
  '$hfl(Subject)',
] as const;

const ROWS = COPIED.map(
  (pv, i) => `append_hf("X-Copy-${i}: ${pv}\\r\\n"); append_to_reply("X-Copy-${i}: ${pv}\\r\\n");`,
).join('\n');

const ROUTES = `
loadmodule "textopsx.so"
loadmodule "auth.so"
loadmodule "uac.so"
request_route {
  if (is_method("OPTIONS")) {
    ${ROWS}
    sl_send_reply("480", "No $fn for $rU, $hdr(Subject)");
    exit;
  }
  ${ROWS}
  append_hf("P-Asserted-Identity: $fn <sip:$fU@10.0.0.1>\\r\\n");
  insert_hf("X-First: $hdr(Subject)\\r\\n", "Via");
  $du = "sip:10.0.2.1";
  if (is_method("INFO")) { $rU = $hdr(Subject); }
  if (is_method("NOTIFY")) { $ru = "sip:" + $hdr(Subject) + "@10.0.2.1"; }
  if (is_method("MESSAGE")) { uac_replace_from("$hdr(Subject)", "sip:x@10.0.0.1"); uac_replace_to("$fn", "sip:$rU@10.0.0.1"); }
  if (is_method("PUBLISH")) { msg_apply_changes(); xlog("$mb\\n"); }
  if (is_method("SUBSCRIBE")) { $fsn = $hdr(Subject); $du = "sip:" + $hdr(Subject); }
  t_relay();
}
reply_route { append_hf("X-Copy: $hdr(Reason) $rr $tn\\r\\n"); }
`;

/** Values, as they stand in a message; each tries to begin a row `X-Evil`. */
const FOLDS = ['\r\n ', '\r\n\t', '\n ', '\r\n  \r\n '];
const BREAKS = [
  '\r',
  '\n',
  '\r\n',
  '%0d%0a',
  '%0D%0A',
  '\\r\\n',
  '\\\r\\\n',
  '\u0000',
  '\u000b',
  '\u0085',
  '&#13;&#10;',
  ...FOLDS,
];

/** The names of rows as a lax implementation would see them: CR, LF and CRLF all end a line. */
function laxNames(text: string): string[] {
  const end = text.indexOf('\r\n\r\n');
  return text
    .slice(0, end < 0 ? text.length : end)
    .split(/\r\n|\r|\n/)
    .slice(1)
    .filter((line) => !/^[ \t]/.test(line))
    .map((line) => line.slice(0, Math.max(0, line.indexOf(':'))));
}

function assertClean(msg: TestMsg, what: string): void {
  // Who sent a bare CR is told so, with his own From and To.
  if (msg.startLine.endsWith('(bare CR)')) return;
  const names = laxNames(msg.text);
  assert.ok(!names.some((name) => /evil/i.test(name)), `${what}: ${JSON.stringify(msg.text)}`);
  assert.ok(!names.includes(''), `${what} has a row without name: ${JSON.stringify(msg.text)}`);
  assert.match(msg.text.split('\r\n')[0] ?? '', /^(?:SIP\/2\.0 \d{3} [^\r\n]*|[A-Z]+ [^\r\n]+ SIP\/2\.0)$/, what);
  assert.ok(
    !/^[ \t]/.test(msg.text.split('\r\n')[1] ?? ''),
    `${what}: a folded start line ${JSON.stringify(msg.text)}`,
  );
}

/** Sends text as it is; bob's view and alice's replies, all of them. */
async function heardAfter(world: SipWorld, text: string): Promise<TestMsg[]> {
  const before = [world.alice.heard.length, world.bob.heard.length];
  world.bob.autoReply = (msg) =>
    msg.method === ''
      ? null
      : response(msg, 480, { reason: 'Gone', headers: { Reason: 'SIP;text="x\r\n X-Evil: 1"' } });
  world.alice.sends(text);
  await world.passes(50);
  return [...world.alice.heard.slice(before[0]), ...world.bob.heard.slice(before[1])];
}

suite('header injection', () => {
  const evil = (gap: string): string => `a${gap}X-Evil: 1${gap}b`;
  const PLACES: Readonly<Record<string, (gap: string) => Record<string, unknown>>> = {
    'a quoted display name of From': (gap) => ({ from: `"${evil(gap)}" <sip:alice@example.org>` }),
    'a bare display name of From': (gap) => ({ from: `${evil(gap).replace(/:/g, '')} <sip:alice@example.org>` }),
    'a display name of To': (gap) => ({ to: `"${evil(gap)}" <sip:bob@example.org>` }),
    'the user of From': (gap) => ({ from: `<sip:${evil(gap).replace(/[: ]/g, '%20')}@example.org>` }),
    'a header value': (gap) => ({ headers: { Subject: evil(gap) } }),
    'the User-Agent': (gap) => ({ headers: { 'User-Agent': evil(gap) } }),
    'the Call-ID': (gap) => ({ callId: evil(gap) }),
    'the From tag': (gap) => ({ fromTag: evil(gap).replace(/[: ]/g, '') }),
    'the Contact': (gap) => ({ contact: `"${evil(gap)}" <sip:a@10.0.1.1>;x="${evil(gap)}"` }),
    'digest credentials': (gap) => ({
      headers: {
        Authorization: `Digest username="${evil(gap)}", realm="${evil(gap)}", nonce="n", uri="sip:${evil(gap)}", response="${'0'.repeat(32)}"`,
      },
    }),
    'the branch of Via': (gap) => ({
      via: `SIP/2.0/UDP 10.0.1.1:5060;branch=z9hG4bK-${evil(gap).replace(/[: ]/g, '')}`,
    }),
  };
  for (const [place, options] of Object.entries(PLACES))
    test(`line ends of every kind in ${place}: what scripts copy from it stays inside its header`, async () => {
      const world = await SipWorld.start(ROUTES);
      try {
        let cseq = 0;
        let heard = 0;
        for (const method of ['OPTIONS', 'INFO', 'MESSAGE', 'NOTIFY', 'PUBLISH', 'SUBSCRIBE']) {
          for (const gap of BREAKS) {
            // What is put on the wire with a line end of its own is a header of the sender's making, no injection.
            if (/[\r\n](?![ \t])/.test(gap) && !gap.startsWith('\\')) continue;
            const text = world.alice.request(method, 'sip:bob@10.0.0.1;x=1', {
              callId: `c${++cseq}`,
              cseq,
              ...(options(gap) as object),
            });
            for (const msg of await heardAfter(world, text)) {
              heard++;
              assertClean(msg, `${method} ${JSON.stringify(gap)}`);
            }
          }
        }
        assert.ok(heard > 20, 'messages came through');
      } finally {
        await world.stop();
      }
    });

  test('cfg/strowger.cfg: line ends in display names and elsewhere, of calls it relays and replies it makes', () =>
    Edge.with(
      async (edge) => {
        const { mallory } = edge;
        const { bob } = edge.world;
        await edge.registers(bob);
        let relayed = 0;
        bob.autoReply = (msg) => (msg.method === '' || msg.method === 'ACK' ? null : response(msg, 480));
        for (const gap of BREAKS)
          for (const [place, options] of Object.entries(PLACES)) {
            const before = [bob.heard.length, mallory.heard.length];
            const known = options(gap) as { from?: string };
            const from = (known.from ?? '<sip:m@evil.example>').replace('example.org', 'evil.example');
            for (const uri of [`sip:bob@${DOMAIN}`, `sip:nobody@${DOMAIN}`, 'sip:x@elsewhere.example'])
              mallory.sends(edge.request(mallory, 'MESSAGE', uri, { ...known, from }));
            await edge.world.passes(100);
            const isHeader = /[\r\n](?![ \t])/.test(gap) && !gap.startsWith('\\');
            for (const msg of [...bob.heard.slice(before[0]), ...mallory.heard.slice(before[1])]) {
              // CR and LF alone: neither is passed on nor sent back. CRLF: a header of hers, and a message like others.
              if (gap !== '\r\n' && !(isHeader && gap === '\n')) assertClean(msg, `${place} ${JSON.stringify(gap)}`);
              if (msg.method === 'MESSAGE') relayed++;
            }
            if (gap === '\r') assert.equal(bob.heard.length, before[0], `${place} with a bare CR reached bob`);
          }
        assert.ok(relayed > 50, `${relayed}`);
      },
      { isOwn: true },
    ));

  test('a bare CR in a name or value (P-Asserted-Identity for who takes it for a line end): 400, nothing goes on', async () => {
    const world = await SipWorld.start(ROUTES);
    try {
      let cseq = 1000;
      for (const method of ['OPTIONS', 'INFO', 'MESSAGE'])
        for (const gap of ['\r', '\\\r\\', '\r\r', '\r\r\n ', ' \r ']) {
          const text = world.alice.request(method, 'sip:bob@10.0.0.1', {
            callId: `c${++cseq}`,
            cseq,
            from: `"a${cseq % 2 === 0 ? gap : ''}b" <sip:alice@example.org>`,
            headers: { Subject: `c${gap}P-Asserted-Identity: <sip:ceo@example.org>` },
          });
          const heard = await heardAfter(world, text);
          assert.deepEqual(
            heard.map((msg) => msg.startLine),
            ['SIP/2.0 400 Bad Request (bare CR)'],
            JSON.stringify(gap),
          );
        }
      assert.equal(world.bob.heard.length, 0);
    } finally {
      await world.stop();
    }
  });

  test('line ends escaped in a Request-URI: unescaped for a header, they are refused as in Kamailio', async () => {
    const world = await SipWorld.start(ROUTES);
    try {
      let cseq = 2000;
      for (const user of [
        'a%0d%0aX-Evil:%201',
        'a%0aX-Evil:%201',
        'a%0dX-Evil:%201',
        'a%00b',
        'a%7fb',
        'a%0d%0a%0d%0abody',
        'a%',
      ])
        for (const method of ['OPTIONS', 'INFO']) {
          const text = world.alice.request(method, `sip:${user}@10.0.0.1;x=${user}`, { callId: `c${++cseq}`, cseq });
          for (const msg of await heardAfter(world, text)) assertClean(msg, `${method} ${user}`);
        }
    } finally {
      await world.stop();
    }
  });
});
