import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { env } from 'node:process';
import { test } from 'node:test';
import { KAMAILIO_MODULES, Kamailio, UdpPeer } from '../support/kamailio.ts';
import { skipWithout } from '../support/peers.ts';
import {
  ANSWERS_FILE,
  answersIn,
  type LanguageCase,
  readAnswers,
  readTable,
  requestOf,
  scriptOf,
} from './language-table.ts';

const HEAD = `debug=1
log_stderror=yes
disable_tcp=yes
auto_aliases=no
dns=no
rev_dns=no
loadpath "${KAMAILIO_MODULES}"`;

/** The cases whose lines an error log blames. */
function blamed(log: string, alive: readonly number[], firstLine: number): Set<number> {
  const bad = new Set<number>();
  const isError = (line: string): boolean => /\b(?:ERROR|CRITICAL)\b/.test(line);
  for (const line of log.split('\n').filter(isError)) {
    for (const [, column, plain, file] of line.matchAll(/line (\d+), column|line:? (\d+)|k\.cfg:(\d+)/g)) {
      const index = alive[Number(column ?? plain ?? file) - firstLine];
      if (index !== undefined) bad.add(index);
    }
  }
  if (bad.size > 0) return bad;
  for (const [, name] of log.matchAll(/cfg: *route\[Q(\d+)\]/g)) bad.add(Number(name));
  return bad;
}

/** Starts Kamailio on the cases, leaving out, round by round, what it refuses. */
async function start(cases: readonly LanguageCase[]): Promise<{ kamailio: Kamailio; alive: number[] }> {
  let alive = cases.map((_case, i) => i);
  for (;;) {
    const { text, firstLine } = scriptOf(cases, alive, HEAD);
    try {
      return { kamailio: await Kamailio.start(text), alive };
    } catch (error) {
      const bad = blamed(String(error), alive, firstLine);
      if (bad.size === 0) throw error;
      alive = alive.filter((i) => !bad.has(i));
    }
  }
}

test('Kamailio gives the recorded answers', { timeout: 300_000, skip: skipWithout('kamailio') }, async () => {
  const cases = readTable().flatMap((section) => section.cases);
  const { kamailio, alive } = await start(cases);
  const peer = await UdpPeer.open();
  try {
    for (const index of alive) {
      peer.send(requestOf(index, kamailio.port, peer.port), kamailio.port);
      assert.notEqual(await peer.next(3000), null, `no answer to ${cases[index]?.text}`);
    }
    // The reply goes out before the case runs: one more message, so that the last one has run.
    peer.send(requestOf(cases.length + 1, kamailio.port, peer.port), kamailio.port);
    await peer.next(3000);
    await kamailio.stop();
    const printed = answersIn(kamailio.log, cases.length, kamailio.port, peer.port);
    const answers = printed.map((answer, i) => (alive.includes(i) ? answer : 'refused'));
    if (env['RECORD'] === '1') writeFileSync(ANSWERS_FILE, `${answers.join('\n')}\n`, 'latin1');
    const recorded = readAnswers();
    const changed = answers.flatMap((answer, i) =>
      answer === recorded[i] ? [] : [`${cases[i]?.text}: recorded ${recorded[i]}, now ${answer}`],
    );
    assert.deepEqual(changed, []);
  } finally {
    peer.close();
    await kamailio.stop();
  }
});
