import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { ChildGroup } from '../support/child-group.ts';
import { skipWithout } from '../support/peers.ts';
import { CONDITIONS, GLOBALS, SCRIPTS, STATEMENTS } from './syntax-snippets.ts';

const skip = skipWithout('kamailio');
const folder = mkdtempSync(join(tmpdir(), 'strowger-syntax-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const MODULES = ['pv', 'xlog', 'tm', 'sl', 'textops', 'rr', 'siputils', 'htable'];
const PRELUDE = `${MODULES.map((m) => `loadmodule "${m}.so"`).join('\n')}\nmodparam("htable", "htable", "a=>size=4;")\n`;

let files = 0;

/** What `kamailio -c` says to a script: accepted or not, and its messages. */
async function check(text: string): Promise<{ accepted: boolean; output: string }> {
  const file = join(folder, `${++files}.cfg`);
  writeFileSync(file, text, 'latin1');
  const args = ['-c', '-E', '-f', file, '-l', 'udp:127.0.0.1:5060', '-m', '64', '-Y', folder];
  const child = new ChildGroup('kamailio', args, { cwd: folder, encoding: 'latin1' });
  await child.end();
  const { output } = child;
  return { accepted: output.includes('config file ok'), output };
}

/** Runs two at a time. */
async function each<T>(items: readonly T[], run: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items];
  const worker = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await run(item);
  };
  await Promise.all([worker(), worker()]);
}

const asCondition = (s: string): string => `if (${s}) exit;`;
const asMain = (body: string): string => `${PRELUDE}request_route {\n${body}\n}\nroute[R] { exit; }\n`;

test('conditions and statements recorded as accepted are accepted by kamailio', { skip }, async () => {
  const bodies = [...CONDITIONS.accepted.map(asCondition), ...STATEMENTS.accepted];
  const routes = bodies.map((body, i) => `route[S${i}] {\n${body}\n}\n`).join('');
  const { accepted, output } = await check(`${PRELUDE}request_route { exit; }\nroute[R] { exit; }\n${routes}`);
  const errors = output.split('\n').filter((line) => line.includes('CRITICAL'));
  assert.ok(accepted, errors.slice(0, 5).join('\n'));
});

test('conditions and statements recorded as refused are refused by kamailio', { skip }, async () => {
  await each([...CONDITIONS.refused.map(asCondition), ...STATEMENTS.refused], async (body) => {
    assert.equal((await check(asMain(body))).accepted, false, body);
  });
});

test('parameters and scripts are accepted or refused by kamailio as recorded', { skip }, async () => {
  const cases = [
    ...GLOBALS.accepted.map((s) => [`${s}\nrequest_route { exit; }\n`, true] as const),
    ...GLOBALS.refused.map((s) => [`${s}\nrequest_route { exit; }\n`, false] as const),
    ...SCRIPTS.accepted.map((s) => [PRELUDE + s, true] as const),
    ...SCRIPTS.refused.map((s) => [PRELUDE + s, false] as const),
  ];
  await each(cases, async ([text, expected]) => {
    const { accepted, output } = await check(text);
    assert.equal(accepted, expected, `${text}\n${output.slice(0, 400)}`);
  });
});
