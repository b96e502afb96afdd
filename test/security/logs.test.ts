import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Log } from '../../core/log/log.ts';
import { type LogFormat, PinoLog } from '../../core/log/pino-log.ts';
import { challengeOf, digestAnswer } from '../support/digest-client.ts';
import { SipWorld } from '../support/sip-world.ts';
import { DOMAIN, Edge } from './edge.ts';

/**
 * Log injection: whatever stands in a message, an event stays one entry. In text a second line is indented, so that it
 * can not be taken for an entry, and no control character reaches a terminal; in JSON each line is one object. The log
 * itself is in core/log/pino-log.test.ts; here texts go the whole way, from the wire through script, modules and acc.
 */

const ROUTES = `
loadmodule "acc.so"
loadmodule "sanity.so"
modparam("acc", "log_flag", 1)
modparam("acc", "failed_transaction_flag", 2)
modparam("acc", "log_extra", "ua=$ua;name=$fn;subject=$hdr(Subject);user=$rU")
request_route {
  setflag(1); setflag(2);
  xlog("L_NOTICE", "call from $fn $fu ($ua) to $ru user $rU $(rU{s.unescape.user}) $hdr(Subject) $ci $ct\\n");
  xlog("L_ERR", "$mb");
  xinfo("$fU|$tU|$ft|$cs|$hdr(X-Odd)\\n");
  log(1, "plain\\n");
  if (!sanity_check("17895", "7")) exit;
  t_newtran();
  t_reply("486", "Busy $rU");
}
`;

const HOSTILE = [
  '\r\n  0(1) ALERT: <core>: forged entry',
  '\n\t0(1) CRITICAL: forged',
  '\u001b[2J\u001b[31mred\u001b]0;title\u0007',
  '\u009b31m\u0085next line',
  'a\u0000b',
  '\u0008\u0008\u0008\u007f',
  '\u00e2\u0080\u00a8line separator\u00e2\u0080\u00a9',
  '\u00ff\u00fe\u00c3\u0028',
  '\u00c3\u00a9t\u00c3\u00a9',
  '%n%s%x{0}${jndi:ldap://x}',
  '","level":"alert","msg":"forged"}',
  '{"a":1}\\u000a\\n',
  '\u00e2\u0080\u00aeright to left',
];

/** What is logged while `use` runs. */
async function logged(format: LogFormat, use: (log: Log) => Promise<void>): Promise<string[]> {
  const lines: string[] = [];
  const sink = { write: (line: string) => void lines.push(line), flush() {} };
  await use(PinoLog.create({ sink, format, level: 2, wall: () => 0 }));
  return lines;
}

const logOf = (format: LogFormat): Promise<string[]> => logged(format, heardByScript);

async function heardByScript(log: Log): Promise<void> {
  const world = await SipWorld.start(ROUTES, { options: { log } });
  try {
    for (const [i, text] of HOSTILE.entries()) {
      // A value can hold no line end that is not folded; the rest stands where it likes.
      const quoted = text.replace(/["\\]/g, '\\$&');
      const plain = text.replace(/[\r\n]/g, '');
      world.alice.sends(
        world.alice.request('INVITE', `sip:${plain.replace(/[\s":@;<>]/g, '')}%0d%0a@10.0.0.1`, {
          from: `"${quoted}" <sip:alice@example.org>`,
          callId: `c${i}${plain.replace(/\s/g, '')}`,
          headers: { Subject: `x${text}`, 'User-Agent': `y${text}`, 'X-Odd': `z${text}` },
        }),
      );
      world.alice.sends(`${text}\r\n\r\n`);
      world.alice.sends(`INVITE sip:${text}@10.0.0.1 SIP/2.0\r\n${text}: 1\r\n\r\n`);
    }
    await world.passes(2000);
  } finally {
    await world.stop();
  }
}

/** cfg/strowger.cfg, which logs who is malformed, floods or guesses: mallory does it all, in hostile names. */
async function heardByOwn(log: Log): Promise<void> {
  await Edge.with(
    async (edge) => {
      const { mallory } = edge;
      for (const text of HOSTILE) {
        const quoted = text.replace(/["\\]/g, '\\$&');
        const plain = text.replace(/[\s":@;<>]/g, '');
        const from = `"${quoted}" <sip:${plain}@${DOMAIN}>`;
        const headers = { 'User-Agent': text, Subject: text };
        mallory.sends(edge.request(mallory, 'MESSAGE', `sip:${plain}@${DOMAIN}`, { from, headers }));
        mallory.sends(`${text}\r\n\r\n`);
        mallory.sends(`INVITE sip:${text}@10.0.0.1 SIP/2.0\r\n${text}: 1\r\n\r\n`);
        // What sanity_check refuses, with a line of the script's.
        mallory.sends(edge.request(mallory, 'INVITE', `sip:${plain}@${DOMAIN}`, { from, headers: { CSeq: '1 BYE' } }));
        await edge.world.passes(3000);
      }
      const { alice, bob } = edge.world;
      // The 21st is the last one that is logged.
      for (let i = 0; i < 21; i++) {
        const challenge = challengeOf(await edge.asks(bob, 'REGISTER', `sip:${DOMAIN}`));
        const known = { user: HOSTILE[2] ?? '', password: 'x', method: 'REGISTER', uri: 'sip:x' };
        const headers = { Authorization: digestAnswer(challenge, known) };
        bob.sends(edge.request(bob, 'REGISTER', `sip:${DOMAIN}`, { headers }));
        await edge.world.passes(3000);
      }
      const from = `"\r\n  0(1) ALERT: <core>: forged" <sip:a@evil.example>`;
      for (let i = 0; i < 100; i++) alice.sends(edge.request(alice, 'F\u001b[2J', `sip:x@${DOMAIN}`, { from }));
      await edge.world.passes(100);
    },
    { isOwn: true, isFlooded: true, log },
  );
}

suite('log injection', () => {
  test('text: one entry begins a line, others are indented; no control character, no bidirectional override', async () => {
    const lines = await logOf('text');
    assert.ok(lines.length > HOSTILE.length * 3, 'there were entries');
    assert.ok(
      lines.some((line) => line.includes('ACC:')),
      'acc wrote too',
    );
    assertText(lines);
  });

  test('cfg/strowger.cfg writes as safely: text and JSON', async () => {
    const lines = await logged('text', heardByOwn);
    for (const what of [/bad message/, /sanity/, /too many requests/, /wrong passwords/])
      assert.ok(
        lines.some((line) => what.test(line)),
        String(what),
      );
    assertText(lines);
    assertJson(await logged('json', heardByOwn));
  });

  test('JSON: each line is one object with its own level and module, nothing forged', async () => {
    assertJson(await logOf('json'));
  });
});

function assertText(lines: readonly string[]): void {
  for (const entry of lines) {
    const [first = '', ...rest] = entry.split('\n');
    assert.match(first, /^ 0\(\d+\) [A-Z]+: /);
    for (const line of rest) assert.match(line, /^ {4}/, JSON.stringify(entry));
    assert.ok(
      !/[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/.test(entry),
      JSON.stringify(entry),
    );
  }
}

function assertJson(lines: readonly string[]): void {
  for (const line of lines) {
    assert.ok(!/[\r\n\x00-\x1f\x7f-\x9f]/.test(line), JSON.stringify(line));
    const entry = JSON.parse(line) as Record<string, unknown>;
    assert.notEqual(entry['level'], 'alert', line);
    assert.equal(typeof entry['module'], 'string');
  }
}
