import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { env } from 'node:process';
import { test } from 'node:test';
import { Kamailio, UdpPeer } from '../support/kamailio.ts';
import { skipWithout } from '../support/peers.ts';
import { ANSWERS_FILE, type Answer, type PvSection, readAnswers, readMessage, readSections } from './pv-table.ts';

const MODULES = ['tm', 'sl', 'rr', 'pv', 'xlog', 'corex', 'textops', 'textopsx', 'siputils', 'kex'];
/** Ports that the recorded answers have in place of those of a run. */
const LISTEN_PORT = '5060';
const SOURCE_PORT = '5090';
/** Cases a route block holds. */
const BLOCK = 50;

function script(section: PvSection, alive: readonly number[]): { text: string; caseOfLine: Map<number, number> } {
  const lines = [
    'debug=0',
    'log_stderror=yes',
    ...MODULES.map((name) => `loadmodule "${name}.so"`),
    'modparam("xlog", "buf_size", 200000)',
    'modparam("xlog", "prefix", "")',
  ];
  const blocks = Array.from({ length: Math.ceil(alive.length / BLOCK) }, (_none, n) => `route(B${n});`).join(' ');
  lines.push('request_route {', 'if ($rU == "ready") { sl_send_reply("200", "OK"); exit; }');
  lines.push(`${blocks} xlog("L_ERR", "@@END\\n"); exit; }`);
  lines.push(`reply_route { ${blocks} xlog("L_ERR", "@@END\\n"); drop; }`);
  const caseOfLine = new Map<number, number>();
  for (const [n, at] of alive.entries()) {
    if (n % BLOCK === 0) lines.push(n === 0 ? 'route[B0] {' : `return; } route[B${n / BLOCK}] {`);
    const { setup, expression, isCommand } = section.cases[at] ?? { setup: '', expression: '$null', isCommand: false };
    const assign = isCommand
      ? `if (${expression}) { $avp(answer) = "T"; } else { $avp(answer) = "F"; }`
      : `$avp(answer) = ${expression};`;
    const print =
      `if (typeof("$avp(answer)", "int")) xlog("L_ERR", "@@${at} I $avp(answer)\\n"); ` +
      `else if (typeof("$avp(answer)", "str")) xlog("L_ERR", "@@${at} S $(avp(answer){s.encode.hexa})\\n"); ` +
      `else xlog("L_ERR", "@@${at} N\\n"); $(avp(answer)[*]) = $null;`;
    caseOfLine.set(lines.push(`${setup === '' ? '' : `${setup};`} ${assign} ${print}`), at);
  }
  lines.push('return; }');
  return { text: `${lines.join('\n')}\n`, caseOfLine };
}

/** The cases that an error log blames, by line or by the text it quotes. */
function blamed(
  log: string,
  section: PvSection,
  alive: readonly number[],
  caseOfLine: ReadonlyMap<number, number>,
): Set<number> {
  const bad = new Set<number>();
  for (const [, line] of log.matchAll(/line:? (\d+)/g)) {
    const at = caseOfLine.get(Number(line));
    if (at !== undefined) bad.add(at);
  }
  if (bad.size > 0) return bad;
  for (const [, text = ''] of log.matchAll(/\[([${].*)\]/g))
    for (const at of alive) if (section.cases[at]?.text.includes(text) === true) bad.add(at);
  return bad;
}

/** Starts Kamailio on the section's script, leaving out, round by round, what it refuses to load. */
async function start(section: PvSection): Promise<{ kamailio: Kamailio; alive: number[] }> {
  let alive = section.cases.map((_case, at) => at);
  for (;;) {
    const { text, caseOfLine } = script(section, alive);
    try {
      return { kamailio: await Kamailio.start(text), alive };
    } catch (error) {
      const bad = blamed(String(error), section, alive, caseOfLine);
      if (bad.size === 0) throw error;
      alive = alive.filter((at) => !bad.has(at));
    }
  }
}

async function ask(section: PvSection): Promise<Answer[]> {
  const { kamailio } = await start(section);
  const peer = await UdpPeer.open();
  try {
    peer.send(readMessage(section.message), kamailio.port);
    for (let i = 0; i < 100 && !kamailio.log.includes('@@END'); i++) await peer.next(100);
    const answers = section.cases.map((): Answer => 'refused');
    for (const [, at = '', kind = '', value = ''] of kamailio.log.matchAll(/@@(\d+) ([ISN]) ?(.*)/g)) {
      const text = kind === 'S' ? Buffer.from(value.trim(), 'hex').toString('latin1') : value.trim();
      const portable = text.replaceAll(String(kamailio.port), LISTEN_PORT).replaceAll(String(peer.port), SOURCE_PORT);
      answers[Number(at)] = kind === 'N' ? 'N' : `${kind} ${portable}`;
    }
    return answers;
  } finally {
    peer.close();
    await kamailio.stop();
  }
}

test('the recorded answers are those of Kamailio', { skip: skipWithout('kamailio') }, async () => {
  const answers: Answer[][] = [];
  for (const section of readSections()) answers.push(await ask(section));
  if (env['STROWGER_RECORD'] === '1') writeFileSync(ANSWERS_FILE, `${JSON.stringify(answers, null, 1)}\n`);
  assert.deepEqual(answers, readAnswers());
});
