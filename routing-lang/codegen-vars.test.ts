import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { ScriptBench } from '../test/support/script-bench.ts';

const ALL = ['a', 'b', 'c', 'd'];
const SHOW = `print("${ALL.map((name) => `${name}=$var(${name})`).join(' ')}");`;

/** What the script prints with variables that compiled code reads and writes itself, and with ones behind an accessor. */
async function both(body: string): Promise<[string, string]> {
  const script = `request_route { ${body} ${SHOW} }
    route[SET] { $var(a) = "set"; $var(b) = 7; return 1; }
    route[WAIT] { later(1); $var(c) = $var(c) + 1; return -1; }`;
  return [await printed(new ScriptBench(), script), await printed(new ScriptBench({}, { slots: false }), script)];
}

async function printed(bench: ScriptBench, script: string): Promise<string> {
  try {
    return await bench.prints(script);
  } catch (error) {
    // A text can be doubled until it is too long.
    if (error instanceof RangeError) return error.message;
    throw error;
  }
}

async function check(body: string, expected: string): Promise<void> {
  const [slots, accessors] = await both(body);
  assert.equal(slots, expected, body);
  assert.equal(accessors, expected, `${body} (accessors)`);
}

test('a variable is what was assigned last, whoever assigned it', async () => {
  await check('$var(a) = 5; set_var("$var(a)", "x"); $var(b) = $var(a) + 1;', 'a=x b=x1 c=0 d=0');
  await check('$var(a) = 5; $var(b) = "x"; route(SET); $var(c) = $var(a) + 1;', 'a=set b=7 c=set1 d=0');
  await check('$var(b) = 5; $var(c) = $var(b) + route(SET) + $var(b);', 'a=set b=7 c=13 d=0');
  await check('$var(c) = "x"; route(WAIT); $var(d) = $var(c);', 'a=0 b=0 c=x1 d=x1');
  await check('$var(a) = $null; $var(b) = $rX; $var(c) = "" + $var(a);'.replace('$rX', '$null'), 'a=0 b=0 c=0 d=0');
});

test('+ and == take their type from what a variable holds then', async () => {
  await check('$var(a) = 1; if (now(1)) $var(a) = "1"; $var(b) = $var(a) + 1;', 'a=1 b=11 c=0 d=0');
  await check(
    '$var(a) = "10"; if ($var(a) == 10) $var(b) = 1; $var(a) = 10; if ($var(a) == "10x") $var(c) = 1;',
    'a=10 b=1 c=0 d=0',
  );
  await check(
    '$var(a) = "x"; if ($var(a) == 0) $var(b) = 1; $var(c) = $var(a) * 2; $var(d) = ($var(a) + 5) + 1;',
    'a=x b=0 c=0 d=x51',
  );
});

test('loops: a variable that changes its type in one, and ways out of it', async () => {
  await check(
    '$var(a) = 1; while ($var(b) < 3) { $var(b) = $var(b) + 1; $var(a) = $var(a) + 1; if ($var(b) == 2) $var(a) = "t"; }',
    'a=t1 b=3 c=0 d=0',
  );
  await check(
    '$var(b) = 0; $var(a) = 1; while ($var(b) < 9) { $var(b) = $var(b) + 1; if ($var(b) > 4) break; if ($var(b) > 2) { $var(a) = "z"; continue; } $var(c) = "c"; } $var(d) = $var(a) + $var(c);',
    'a=z b=5 c=c d=zc',
  );
  await check(
    'while ($var(b) < 3) { $var(b) = $var(b) + 1; route(WAIT); $var(d) = $var(c) + $var(b); }',
    'a=0 b=3 c=3 d=6',
  );
  await check(
    '$var(a) = 1; $var(b) = 2; $var(c) = 3; $var(d) = "s"; while ($var(a) < 4) { $var(a) = $var(a) + 1; $var(c) = $var(b); $var(b) = $var(d); }',
    'a=4 b=s c=s d=s',
  );
});

test('what may be passed by is not taken for done', async () => {
  await check('$var(a) = "k"; $var(b) = 5 / $var(c); $var(a) = 1; $var(b) = $var(b) + 1;', 'a=1 b=1 c=0 d=0');
  await check(
    '$var(a) = 1; if ($var(b) == 1 && ($var(a) = "q")) $var(c) = 1; $var(d) = $var(a) + 1;',
    'a=1 b=0 c=0 d=2',
  );
  await check(
    '$var(a) = 1; switch ($var(b)) { case 0: $var(a) = "s"; break; case 1: $var(a) = 2; default: $var(c) = 1; } $var(d) = $var(a) + 1;',
    'a=s b=0 c=0 d=s1',
  );
  await check('$var(a) = 1; if (now(1)) { $var(a) = "y"; } else { exit; } $var(b) = $var(a) + 1;', 'a=y b=y1 c=0 d=0');
  await check('$var(a) = selval($var(b), 5, "t"); $var(c) = $var(a) + 1;', 'a=t b=0 c=t1 d=0');
});

test('an operation that fails behind a call leaves nothing known that was before', async () => {
  await check(
    '$var(n) = 2; while ($var(n) > 0) { $var(n) = $var(n) - 1; $var(b) = 1; $var(b) = $var(c) mod later(-1); $var(d) = $var(b) + 1; }',
    'a=0 b=1 c=0 d=2',
  );
  await check('$var(b) = 1; $var(b) = 7 / (route(WAIT) > 0); $var(d) = $var(b) + 1;', 'a=0 b=1 c=1 d=2');
});

test('a joined text of any length is what it was', async () => {
  await check(
    '$var(a) = "0123456789" + "abcdef" + $rU; if ($var(a) =~ "^0.*BOB$") $var(b) = 1;',
    'a=0123456789abcdefbob b=1 c=0 d=0',
  );
  await check(
    '$var(a) = "0123456" + "\\n" + "abcdef" + $rU; if ($var(a) =~ "bob") $var(b) = strlen($var(a));',
    'a=0123456\nabcdefbob b=17 c=0 d=0',
  );
  await check('$var(a) = "" + $rU; if ($var(a) =~ "bob") $var(b) = 1;', 'a=bob b=1 c=0 d=0');
});

const name = fc.constantFrom(...ALL).map((n) => `$var(${n})`);
const text = fc.constantFrom('"x"', '"3"', '""', '"longer than thirteen"', '$rU', '$null');
const int = fc.oneof(
  name,
  fc.constantFrom('0', '1', '7', 'now(1)', 'later(2)', 'route(WAIT)', 'strlen($var(a))', '(int)$var(b)'),
);
const value = fc.oneof(
  text,
  int,
  fc.tuple(name, fc.constantFrom('+', '==', '!='), fc.oneof(text, int)).map((parts) => parts.join(' ')),
  fc.tuple(text, int, name).map(([a, b, c]) => `${a} + ${b} + ${c}`),
  fc.tuple(name, fc.constantFrom('-', '*', '/', 'mod', '&', '+'), int).map((parts) => parts.join(' ')),
  fc.tuple(name, name).map(([a, b]) => `selval(${a} > 0, ${b}, ${a}) + 1`),
  fc.tuple(name, name, int).map(([a, b, c]) => `${a} + (${b} = ${c}) + ${a}`),
);
const condition = fc.oneof(
  fc.tuple(name, fc.constantFrom('==', '!='), fc.oneof(text, int)).map((parts) => parts.join(' ')),
  fc.tuple(name, fc.constantFrom('<', '>'), int).map((parts) => parts.join(' ')),
  fc.tuple(name, name, value).map(([a, b, v]) => `${a} > 0 && (${b} = ${v})`),
  name.map((n) => `${n} =~ "^[x0-9]"`),
  fc.constantFrom('now(1)', '!later(1)', '!route(WAIT)'),
);
const { statement } = fc.letrec<{ statement: string; body: string }>((tie) => ({
  body: fc.array(tie('statement'), { minLength: 1, maxLength: 4 }).map((list) => list.join(' ')),
  statement: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    fc.tuple(name, value).map(([n, v]) => `${n} = ${v};`),
    fc.constantFrom('route(SET);', 'set_var("$var(d)", "set");', 'later(1);', SHOW, 'break;', 'continue;'),
    fc.tuple(condition, tie('body')).map(([t, a]) => `if (${t}) { ${a} }`),
    fc.tuple(condition, tie('body'), tie('body')).map(([t, a, b]) => `if (${t}) { ${a} } else { ${b} }`),
    fc
      .tuple(condition, tie('body'))
      .map(([t, a]) => `$var(n) = 0; while ($var(n) < 3) { $var(n) = $var(n) + 1; if (!(${t})) { ${a} } ${a} }`),
    fc
      .tuple(name, tie('body'), tie('body'), tie('body'))
      .map(([n, a, b, c]) => `switch (${n}) { case 0: ${a} break; case 1: ${b} default: ${c} }`),
  ),
}));

test('any script does with locals what it does without', async (t) => {
  const seed = Number(process.env['FUZZ_SEED'] ?? randomInt(0x7fffffff));
  const numRuns = Number(process.env['FUZZ_RUNS'] ?? 40);
  t.diagnostic(`seed ${seed}, ${numRuns} runs`);
  await fc.assert(
    fc.asyncProperty(fc.array(statement, { minLength: 1, maxLength: 8 }), async (statements) => {
      const [slots, accessors] = await both(statements.join('\n'));
      assert.equal(slots, accessors);
    }),
    { seed, numRuns },
  );
});
