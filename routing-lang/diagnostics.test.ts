import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import {
  DIAGNOSTIC_CODES,
  Diagnostics,
  diagnosticsToJson,
  editDistance,
  formatDiagnostic,
  formatDiagnostics,
  parseScript,
  suggest,
} from './index.ts';

const at = (line: number, column: number, file = 'a.cfg') => ({ file, line, column });

test('suggest: the nearest name, within reason', () => {
  const names = ['t_relay', 't_reply', 'sl_send_reply', 'xlog', 'ru', 'rU'];
  assert.equal(suggest('t_rellay', names), 't_relay');
  assert.equal(suggest('t_realy', names), 't_relay');
  assert.equal(suggest('T_Relay', names), 't_relay');
  assert.equal(suggest('sl_sendreply', names), 'sl_send_reply');
  assert.equal(suggest('xlgo', names), 'xlog');
  assert.equal(suggest('something', names), null);
  assert.equal(suggest('ru', names), 'rU');
  assert.equal(editDistance('abc', 'acb'), 1);
  assert.equal(editDistance('a'.repeat(100), 'b'), Number.POSITIVE_INFINITY);
});

test('printing: excerpt, caret, hint, related places', () => {
  const d = new Diagnostics();
  d.report('bare-word', at(2, 5), at(2, 8), 'foo is wrong', {
    hint: 'write "foo"',
    related: [{ ...at(1, 1), message: 'see here' }],
  });
  const [item] = d.items;
  assert.ok(item !== undefined);
  assert.equal(
    formatDiagnostic(item, { lineText: () => '\tx = foo;' }),
    [
      'a.cfg:2:5: error: foo is wrong [bare-word]',
      ' 2 |  x = foo;',
      '   |     ^~~',
      '   hint: write "foo"',
      '   a.cfg:1:1: see here',
    ].join('\n'),
  );
  assert.match(formatDiagnostic(item, { color: true }), /\x1b\[31merror\x1b\[0m/);
});

test('printing: long lines are cut around the caret, control characters do not reach the terminal', () => {
  const d = new Diagnostics();
  d.report('syntax', at(1, 500), at(1, 503), 'bad \x1b[2J');
  const [item] = d.items;
  assert.ok(item !== undefined);
  const [head, excerpt, caret] = formatDiagnostic(item, {
    lineText: () => `${'a'.repeat(499)}XYZ${'b'.repeat(500)}`,
  }).split('\n');
  assert.equal(head, 'a.cfg:1:500: error: bad  [2J [syntax]');
  assert.ok((excerpt?.length ?? 0) < 130);
  assert.equal(excerpt?.slice(caret?.indexOf('^'), (caret?.indexOf('^') ?? 0) + 3), 'XYZ');
  assert.equal(caret?.trim().split(' ').at(-1), '^~~');
});

test('the list counts, sorts and bounds', () => {
  const d = new Diagnostics({ limit: 3 });
  d.report('syntax', at(9, 1), at(9, 2), 'second');
  d.report('stray-else', at(2, 1), at(2, 2), 'first');
  d.report('syntax', at(1, 1, 'b.cfg'), at(1, 2, 'b.cfg'), 'third');
  d.report('syntax', at(3, 1), at(3, 2), 'dropped');
  assert.deepEqual(
    d.sorted().map((x) => x.message),
    ['first', 'second', 'third'],
  );
  assert.deepEqual([d.errorCount, d.dropped, d.isFull], [3, 1, true]);
  assert.match(formatDiagnostics(d.sorted()), /2 errors, 1 warning\n$/);
  assert.equal(formatDiagnostics([]), '');
});

test('strict: what 5.6.3 refuses is an error', () => {
  const severity = (strict: boolean): unknown => {
    const d = new Diagnostics({ strict });
    d.report('newer-syntax', at(1, 1), at(1, 2), 'x');
    return d.items[0]?.severity;
  };
  assert.deepEqual([severity(false), severity(true)], ['warning', 'error']);
});

test('macros and includes are named as related places', () => {
  const files = new Map([['inc.cfg', 'request_route {\n  $var(x) = BAD;\n}\n']]);
  const script = '#!define BAD 1 +\ninclude_file "inc.cfg"\n';
  const { diagnostics } = parseScript('x.cfg', { readFile: (path) => files.get(path) ?? null }, script);
  const [item] = diagnosticsToJson(diagnostics.items);
  assert.deepEqual(item, {
    code: 'syntax',
    severity: 'error',
    message: 'a value expected before ";"',
    file: 'inc.cfg',
    line: 2,
    column: 16,
    endLine: 2,
    endColumn: 17,
    related: [{ message: 'included from here', file: 'x.cfg', line: 2, column: 1 }],
  });
  const { diagnostics: other } = parseScript(
    'x.cfg',
    { readFile: () => null },
    '#!define WRONG nope + 1\nrequest_route { $var(x) = WRONG; }',
  );
  // The whole name of the macro is underlined.
  assert.deepEqual([other.items[0]?.column, other.items[0]?.endColumn], [27, 32]);
  assert.deepEqual(other.items[0]?.related, [
    { message: 'expanded from macro WRONG, defined here', file: 'x.cfg', line: 1, column: 1 },
  ]);
});

test('every code is documented, and nothing else is', () => {
  const readme = readFileSync(new URL('README.md', import.meta.url), 'utf8');
  const section = /## Diagnostics\n([\s\S]*?)(?=\n## |$)/.exec(readme)?.[1] ?? '';
  const documented = [...section.matchAll(/^\| `([a-z0-9-]+)` *\|/gm)].map((m) => m[1]);
  assert.deepEqual(new Set(documented), new Set(Object.keys(DIAGNOSTIC_CODES)));
});
