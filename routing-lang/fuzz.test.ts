import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import test, { type TestContext } from 'node:test';
import fc from 'fast-check';
import { parseFormat, parsePv, parseScript } from './index.ts';

const RUNS = Number(process.env['FUZZ_RUNS'] ?? 300);
/** Longest time that one script of a few hundred bytes may take: far above what is measured, below a hang. */
const MAX_MS = 2000;

const CODE =
  `if ( ) { } else while switch case default : ; , . + - * / mod % & | ^ << >> == != =~ < > = := ! not defined strlen
  exit return drop break continue route request_route failure_route event_route [ ] loadmodule modparam listen alias debug
  socket flags a.b @to.tag uri src_ip myself 10.0.0.1 ::1 10.0.0.0/8 0x1F 08 99999999999 "text" 'text' "unclosed ' /* */
  // # $ru $var(x) $(ru{s.len}) $( $var( $avp(x)[1] %x ~ (int) t_relay() xlog("a$ru") A MOD_tm \\ \n \n \n`.split(
    /(?<=\S) +|(?=\n)/,
  );

const DIRECTIVES = [
  '\n#!define A 5\n',
  '\n#!define A A B\n',
  '\n#!define B A \\\n "x\n',
  '\n#!redefine A "x" "y"\n',
  '\n#!ifdef A\n',
  '\n#!ifndef B\n',
  '\n#!ifexp A + "1" ** 2\n',
  '\n#!else\n',
  '\n#!endif\n',
  '\n!!endif\n',
  '\n#!subst "/A/B/g"\n',
  '\n#!substdef "!A!$def(B)!"\n',
  '\n#!defexp C 1/0\n',
  '\n#!include_file "inc"\n',
  'import_file "inc";\n',
  '#!nosuch ',
  '#!define',
];

const scriptText = fc.oneof(
  fc.string({ unit: 'binary-ascii', maxLength: 300 }),
  fc.array(fc.constantFrom(...CODE), { maxLength: 120 }).map((parts) => parts.join(' ')),
  fc.array(fc.constantFrom(...CODE, ...DIRECTIVES, ...DIRECTIVES), { maxLength: 120 }).map((parts) => parts.join(' ')),
  fc
    .array(fc.constantFrom(...CODE), { maxLength: 80 })
    .map((parts) => `request_route {\n${parts.join(' ')}\n}\nroute[Z] { exit; }`),
);

function check(t: TestContext, property: fc.IProperty<[string]>): void {
  const seed = Number(process.env['FUZZ_SEED'] ?? randomInt(0x7fffffff));
  t.diagnostic(`seed ${seed}, ${RUNS} runs`);
  fc.assert(property, { seed, numRuns: RUNS });
}

test('any text becomes a tree and diagnostics with valid places, in bounded time', (t) => {
  const readFile = (path: string): string =>
    path === 'inc' ? '#!ifdef A\nroute[I] { exit; }\ninclude_file "inc"\n' : '';
  check(
    t,
    fc.property(scriptText, (text) => {
      const started = performance.now();
      const { diagnostics, script, source } = parseScript('x.cfg', { readFile, env: {} }, text);
      assert.ok(performance.now() - started < MAX_MS, 'too slow');
      for (const d of diagnostics.items) {
        assert.ok(d.line >= 1 && d.column >= 1 && d.message !== '', JSON.stringify(d));
        assert.ok(d.endLine > d.line || d.endColumn > d.column, JSON.stringify(d));
        assert.ok(source.lineText(d.file, d.line) !== null, JSON.stringify(d));
      }
      for (const item of script.items)
        assert.ok(item.span.start <= item.span.end && item.span.end <= source.text.length);
    }),
  );
});

test('parsing is a function of the text: twice gives the same', (t) => {
  check(
    t,
    fc.property(scriptText, (text) => {
      const run = (): unknown => {
        const { script, diagnostics } = parseScript('x.cfg', { readFile: () => null }, text);
        return [script, diagnostics.items];
      };
      assert.deepEqual(run(), run());
    }),
  );
});

test('variables and format strings: literal text is kept, variables stand where they say', (t) => {
  const parts = [
    '$',
    '$$',
    '$ru',
    '$(',
    '(',
    ')',
    '{',
    '}',
    '[',
    ']',
    's.len',
    ',',
    '*',
    '1',
    '-',
    'var',
    ' ',
    '.',
    '?',
    'x',
  ];
  const text = fc.array(fc.constantFrom(...parts), { maxLength: 40 }).map((list) => list.join(''));
  check(
    t,
    fc.property(text, (format) => {
      const { pieces, errors } = parseFormat(format);
      for (const piece of pieces) {
        if (typeof piece === 'string') continue;
        assert.ok(format.startsWith(piece.text, piece.offset));
        const again = parsePv(format, piece.offset);
        assert.deepEqual(again.pv, piece);
      }
      for (const error of errors) assert.ok(error.offset >= 0 && error.offset <= format.length);
      if (!format.includes('$')) assert.deepEqual(pieces, format === '' ? [] : [format]);
    }),
  );
});

test('large and hostile scripts take time in proportion to their size', () => {
  const shapes: ((n: number) => string)[] = [
    (n) => '$'.repeat(n),
    (n) => '$('.repeat(n),
    (n) => '"'.repeat(n),
    (n) => '/*'.repeat(n),
    (n) => '@a.'.repeat(n),
    (n) => '1:'.repeat(n),
    (n) => `request_route {\n${'xlog("x");\n'.repeat(n)}}`,
    (n) => `request_route {\n${'xlog("x"\n'.repeat(n)}}`,
    (n) => `request_route {\n${'if ($a ==) { exit }\n'.repeat(n)}}`,
    (n) => 'alias=a\n'.repeat(n),
    (n) => 'a.'.repeat(n),
    (n) => '#!ifdef A\n'.repeat(n),
    (n) => `#!define A x\n${'A '.repeat(n)}`,
  ];
  for (const shape of shapes) {
    const text = shape(20_000);
    const started = performance.now();
    parseScript('x.cfg', { readFile: () => null }, text);
    const took = performance.now() - started;
    assert.ok(took < 5000, `${text.slice(0, 30)}… took ${Math.round(took)} ms`);
  }
});
