import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import test from 'node:test';
import { parseScript } from '../../routing-lang/index.ts';
import { skipWithout } from '../support/peers.ts';

/** The script that Debian's package installs, and the examples of its documentation. */
const STOCK = '/etc/kamailio/kamailio.cfg';
const EXAMPLES = '/usr/share/doc/kamailio/examples/**/*.cfg';

function readFile(path: string): string | null {
  return existsSync(path) ? readFileSync(path, 'latin1') : null;
}

function errors(file: string, defines: readonly string[]): string[] {
  const { diagnostics } = parseScript(file, { readFile, defines, env: process.env, strict: true });
  return diagnostics.items.filter((d) => d.severity === 'error').map((d) => `${d.file}:${d.line}: ${d.message}`);
}

test("kamailio's own script parses with every switch", {
  skip: skipWithout('kamailio'),
}, () => {
  const switches = new Set(readFile(STOCK)?.match(/WITH_\w+/g));
  assert.ok(switches.size > 10);
  assert.deepEqual(errors(STOCK, []), []);
  // The database's URL is defined by WITH_MYSQL only; kamailio asks for it too.
  for (const one of switches)
    assert.deepEqual(errors(STOCK, [one, 'DBURL="sqlite:///x"'].slice(0, one === 'WITH_MYSQL' ? 1 : 2)), [], one);
  assert.deepEqual(errors(STOCK, [...switches]), []);
});

test('the documentation’s examples have syntax errors where kamailio finds some', {
  skip: skipWithout('kamailio'),
}, (t) => {
  const files = globSync(EXAMPLES);
  let compared = 0;
  for (const file of files) {
    const child = spawnSync('kamailio', ['-c', '-E', '-f', file, '-m', '64', '-l', 'udp:127.0.0.1:5060'], {
      encoding: 'latin1',
      timeout: 20_000,
    });
    const output = child.stderr + child.stdout;
    // Where it gives up for another reason first (an unknown parameter or command), there is nothing to compare.
    if (!output.includes('config file ok')) continue;
    compared++;
    assert.deepEqual(errors(file, []), [], file);
  }
  t.diagnostic(`${compared} of ${files.length} examples are accepted by kamailio`);
});
