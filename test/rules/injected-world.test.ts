import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

/**
 * Time, randomness and the network are passed in (core/README.md), so that whole servers run on virtual time. What may
 * reach for the real ones: the clocks, transports and resolver themselves, and the programs around a server.
 */
const RULES: readonly { readonly what: string; readonly found: RegExp; readonly allowed: RegExp }[] = [
  {
    what: 'the time of day',
    found: /\bDate\.now\(|\bnew Date\(\)/,
    allowed: /^core\/(timer|cli|bin|log)\/|^core\/build/,
  },
  { what: 'the monotonic clock', found: /\bperformance\.now\(|\bprocess\.hrtime/, allowed: /^core\/(timer|cli|bin)\// },
  { what: 'timers', found: /\b(?:setTimeout|setInterval)\(/, allowed: /^core\/(timer|cli|bin)\/|^core\/build/ },
  { what: 'randomness', found: /\bMath\.random\(|\brandomBytes\(|\brandomInt\(/, allowed: /^core\/timer\// },
  {
    what: 'sockets',
    found: /import (?!type|\{ isIP(?:v[46])? \}).* from 'node:(?:dgram|net|tls)'/,
    allowed: /^core\/(transport|resolve|cli|rpc)\/|^modules\/(ctl|jsonrpcs|tls)\//,
  },
];

const root = fileURLToPath(new URL('../../', import.meta.url));

test('nothing but the places made for it reaches for the real clock, randomness or network', () => {
  const files = globSync('{core,modules,routing-lang}/**/*.ts', { cwd: root }).filter(
    (file) => !file.endsWith('.test.ts'),
  );
  assert.ok(files.length > 100);
  const broken: string[] = [];
  for (const file of files) {
    const text = readFileSync(`${root}${file}`, 'utf8').replace(/\/\*[^]*?\*\/|\/\/.*$/gm, '');
    for (const { what, found, allowed } of RULES)
      if (!allowed.test(file) && found.test(text)) broken.push(`${file}: ${what}`);
  }
  assert.deepEqual(broken, []);
});
