import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { originalPositionFor, TraceMap } from '@jridgewell/trace-mapping';
import { ScriptBench } from '../test/support/script-bench.ts';

test('a run that need not wait is synchronous, through routes and async commands alike', () => {
  const bench = new ScriptBench();
  const { result } = bench.start(
    `request_route { if (now(1)) { route(A); } print("end"); } route[A] { now(5); print("a $rc"); return 7; }`,
  );
  assert.equal(result, 0);
  assert.deepEqual(bench.printed, ['a 5', 'end']);
});

test('routes that can reach no waiting command are plain functions', () => {
  const bench = new ScriptBench();
  const program = bench.compile('request_route { route(A); route(B); } route[A] { plain(1); } route[B] { now(1); }');
  assert.match(program?.generated.code ?? '', /function route_A\$1\(run\) \{/);
  assert.match(program?.generated.code ?? '', /function route_B\$2\(run, pc, r, saved\) \{/);
});

const NESTED = `request_route {
  $var(i) = 0;
  while ($var(i) < 3) {
    $var(i) = $var(i) + 1;
    if (CALL(1) && CALL($var(i)) > 0) {
      switch ($var(i)) {
        case 1: CALL(2); print("one $rc"); break;
        case 2: print("two");
        case 3: if (CALL(-1)) { print("no"); } else { CALL(9); print("fell $rc"); } break;
        default: print("other");
      }
    }
  }
  $var(x) = 1;
  $var(y) = $var(x) + CALL(5) + $var(x);
  print("y=$var(y)");
  if (!route(SUB)) print("sub failed $rc");
  route("S" + "UB");
  $var(n) = "SUB";
  route($var(n));
  print("end");
}
route[SUB] { if (CALL(1)) { CALL(1); return -3; } print("never"); }`;

test('waiting anywhere gives what not waiting gives', async () => {
  const bench = new ScriptBench();
  const plain = await bench.prints(NESTED.replaceAll('CALL', 'plain'));
  assert.equal(plain, 'one 2 two fell 9 fell 9 y=3 sub failed -3 end');
  assert.equal(await bench.prints(NESTED.replaceAll('CALL', 'now')), plain);
  assert.equal(await bench.prints(NESTED.replaceAll('CALL', 'later')), plain);
});

test('waiting at any one of the calls gives the same', async () => {
  const bench = new ScriptBench();
  const calls = NESTED.split('CALL').length - 1;
  for (let which = 0; which < calls; which++) {
    let n = 0;
    const text = NESTED.replace(/CALL/g, () => (n++ === which ? 'later' : 'now'));
    assert.equal(await bench.prints(text), 'one 2 two fell 9 fell 9 y=3 sub failed -3 end', `call ${which}`);
  }
});

test('exit and drop end the run from any depth, also after a wait', async () => {
  const bench = new ScriptBench();
  for (const call of ['now', 'later']) {
    const ends = `request_route { route(A); print("no"); } route[A] { while (1) { if (${call}(1)) { route(B); } } } route[B] { WHAT; }`;
    assert.equal(await bench.start(ends.replace('WHAT', 'exit')).result, 1, call);
    assert.equal(await bench.start(ends.replace('WHAT', 'drop')).result, 3);
    assert.equal(await bench.start(ends.replace('WHAT', `${call}(0)`)).result, 1);
    assert.equal(await bench.start(ends.replace('WHAT', 'return 0')).result, 1);
    assert.deepEqual(bench.printed, []);
  }
});

test('a run has the code it ended with; before the first call it is 0', async () => {
  const bench = new ScriptBench();
  const codes = { 'exit;': 1, 'exit(7);': 7, 'drop;': 0, 'return -3;': -3, 'route(A);': 1, 'if (route(A)) ;': 0 };
  assert.equal(await bench.prints('request_route { if ($rc == 0) print("none"); }'), 'none');
  for (const [code, rc] of Object.entries(codes)) {
    const { run, result } = bench.start(`request_route { ${code} } route[A] { exit; }`);
    await result;
    assert.equal(run.rc, rc, code);
  }
});

test('chains too long for the stack are an error of the script', () => {
  for (const code of [`$var(x) = 1${' + $rU'.repeat(30_000)}`, `if (0) exit;${' else if (1) exit;'.repeat(30_000)}`])
    assert.deepEqual(new ScriptBench().check(`request_route { ${code}; }`), ['1:1 error too-deep']);
});

test('a core function leaves $rc alone; where its code is asked for, $rc is 0, as in Kamailio', async () => {
  const bench = new ScriptBench();
  const script = `request_route {
    route(A); setflag(1); $var(a) = $rc; if (isflagset(1)) $var(b) = $rc;
    route(A); $var(x) = setflag(2); $var(c) = $rc;
    print("$var(a) $var(b) $var(c)");
  } route[A] { return 7; }`;
  assert.equal(await bench.prints(script), '7 0 0');
});

test('=^ asks whether a text begins with another', async () => {
  const bench = new ScriptBench();
  const ask = (test: string): string => `if (${test}) print("yes"); else print("no");`;
  const tests = ['"abc" =^ "ab"', '"abc" =^ "AB"', '"abc" =^ "b"', '$rU =^ ""', '!("abc" =^ "x")', '"abc" =^ $null'];
  assert.equal(await bench.prints(`request_route { ${tests.map(ask).join(' ')} }`), 'yes no no yes yes yes');
});

test('with return_mode=1 a call in an expression is the code it returned', async () => {
  const bench = new ScriptBench();
  const routes = `request_route {
    if (route(A) == -2) print("A is -2"); else print("A is not -2");
    if (route(A) < 0) print("below"); else print("not below");
    if (route(A)) print("yes"); else print("no");
    if (!route(A)) print("not"); else print("so");
    if (now(5) + 1 == 6) print("six"); else print("two");
  } route[A] { return -2; }`;
  assert.equal(await bench.prints(routes), 'A is not -2 not below no not two');
  assert.equal(await bench.prints(`return_mode=1\n${routes}`), 'A is -2 below yes so six');
});

test('a run that was aborted while it waited does not go on', async () => {
  const bench = new ScriptBench();
  const { result, run } = bench.start('request_route { later(1); print("no"); }');
  run.aborted = true;
  assert.equal(await result, 1);
  assert.deepEqual(bench.printed, []);
});

test('recursion is bounded by max_recursive_level, loops by max_while_loops', async () => {
  const bench = new ScriptBench();
  bench.limits = { loops: 5, depth: 10 };
  const { run } = bench.start(
    'request_route { route(A); print("$var(n)"); } route[A] { $var(n) = $var(n) + 1; route(A); }',
  );
  assert.deepEqual(bench.printed, ['10']);
  assert.equal(run.depth, 0);
  assert.match(bench.log.lines.join(), /test\.cfg:1: route\[A\]: routes call each other more than 10 deep/);
  assert.equal(await bench.prints('request_route { while (1) { $var(n) = $var(n) + 1; } print("$var(n)"); }'), '5');
  bench.limits.loops = 0;
  assert.equal(
    await bench.prints('request_route { while ($var(n) < 1000) { $var(n) = $var(n) + 1; } print("$var(n)"); }'),
    '1000',
  );
});

test('what a command throws has the lines of the script in its stack', async () => {
  const bench = new ScriptBench();
  const text = 'request_route {\n  plain(1);\n  route(DEEP);\n}\nroute[DEEP] {\n  if (now(1)) {\n    WHAT();\n  }\n}\n';
  assert.throws(
    () => bench.start(text.replace('WHAT', 'fails')),
    (error: Error) => {
      assert.match(
        error.stack ?? '',
        /boom[^]*at route\[DEEP\] \(test\.cfg:7:5\)\n\s+at request_route \(test\.cfg:3:3\)/,
      );
      assert.doesNotMatch(error.stack ?? '', /test\.cfg\.js/);
      return true;
    },
  );
  await assert.rejects(async () => bench.start(text.replace('WHAT', 'rejects')).result, /late boom/);
});

test('errors in the script are logged with their place, and the script goes on', async () => {
  const bench = new ScriptBench();
  assert.equal(
    await bench.prints(
      'request_route {\n  $var(x) = 7;\n  $var(x) = 5 / $var(zero);\n  $var(re) = "(";\n  if ("a" =~ $var(re)) print("no"); else print("$var(x)");\n  $var(zero) = 0;\n}',
    ),
    '7',
  );
  assert.match(bench.log.lines[0] ?? '', /division by zero/);
  assert.match(bench.log.lines[1] ?? '', /bad regular expression/);
});

test('the run knows the line it is in', () => {
  const bench = new ScriptBench();
  const { run } = bench.start('request_route {\n  plain(1);\n\n  route(A);\n}\nroute[A] {\n  plain(2);\n}');
  const position = bench.program?.positions[run.position];
  assert.equal(position?.line, 7);
  assert.equal(position?.route, 'route[A]');
});

test('formats can be compiled while the program runs', () => {
  const bench = new ScriptBench();
  const { run } = bench.start('request_route { $var(x) = 5; }');
  assert.equal(bench.program?.compileFormat?.('x=$var(x) u=$rU $$')(run), 'x=5 u=bob $');
  assert.throws(() => bench.program?.compileFormat?.('$nope'), /unknown variable/);
});

test('blocks of one name run one behind the other', async () => {
  const bench = new ScriptBench();
  assert.equal(
    await bench.prints('request_route { route(A); } route[A] { print("1"); } route[A] { print("2"); }'),
    '1 2',
  );
});

test('arguments are prepared: constants once, formats and expressions per call', async () => {
  const bench = new ScriptBench();
  assert.equal(
    await bench.prints(
      'request_route { text("plain $$"); text("u=$rU"); text($rU); text(5); $var(x) = "a"; text("$var(x)$var(y)"); }',
    ),
    'plain $ u=bob bob 5 a0',
  );
  assert.match(bench.program?.generated.code ?? '', /"plain \$"/);
  assert.equal(
    await bench.prints('request_route { set_var("$var(x)", $rU); set_var($var(y), 5 + 1); print("$var(x)$var(y)"); }'),
    'bob6',
  );
});

test('a program that nothing uses any more is collected', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const bench = new ScriptBench();
  const compileOne = (): WeakRef<object> => {
    const program = bench.compile('request_route { now(1); print("x $rU"); route(A); } route[A] { plain(1); }');
    assert.ok(program !== null);
    void program.request;
    bench.program = null;
    return new WeakRef(program);
  };
  const programs = Array.from({ length: 5 }, compileOne);
  for (let i = 0; i < 20 && programs.some((ref) => ref.deref() !== undefined); i++) {
    await new Promise((resolve) => setImmediate(resolve));
    collect();
  }
  assert.ok(programs.filter((ref) => ref.deref() !== undefined).length <= 1);
});

test('a source map shows debuggers the script', () => {
  const bench = new ScriptBench();
  const text = 'request_route {\n  plain(1);\n  print("x");\n}\n';
  const code = bench.compile(text, false, true)?.generated.code ?? '';
  const json = Buffer.from(code.slice(code.lastIndexOf(',') + 1), 'base64').toString();
  const map = new TraceMap(json);
  assert.deepEqual(map.sources, ['test.cfg']);
  assert.equal(map.sourcesContent?.[0], text);
  const line = code.split('\n').findIndex((l) => /^r = k\d+\(run, k\d+, k\d+\)/.test(l)) + 1;
  assert.ok(line > 0);
  assert.equal(originalPositionFor(map, { line, column: 0 }).line, 3);
});
