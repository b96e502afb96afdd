import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ScriptBench } from '../test/support/script-bench.ts';

const bench = new ScriptBench();

/** Codes of the errors and warnings in the request route's body. */
function codes(body: string, rest = ''): string[] {
  bench.compile(`request_route {\n${body}\n}\n${rest}`);
  return bench.diagnostics.map((d) => `${d.severity} ${d.code}`);
}

test('all errors of a script are reported in one run, each at its place', () => {
  const text =
    'request_route {\n  nope();\n  $var(x) = $nope + 5;\n  print("a $unknown b");\n  route(MISSING);\n  $rU = "x";\n}';
  assert.deepEqual(bench.check(text), [
    '2:3 error unknown-command',
    '3:13 error bad-variable',
    '4:12 error bad-format',
    '5:9 error undefined-route',
    '6:3 error read-only',
  ]);
});

test('suggestions name the nearest, or the module to load', () => {
  const hint = (body: string, rest = ''): string | undefined => {
    codes(body, rest);
    return bench.diagnostics[0]?.hint;
  };
  assert.equal(hint('prnt("x");'), 'did you mean print?');
  assert.equal(hint('t_relay();'), 'loadmodule "tm.so"');
  assert.equal(hint('print("$(rU{s.lne})");'), 'did you mean {s.len}?');
  assert.equal(hint('print("$T_branch_idx");'), 'loadmodule "tm.so"');
  assert.equal(hint('print("$vra(x)");'), 'did you mean $var?');
  const newer = 'the module tm of newer Kamailios has it, this server does not';
  assert.equal(hint('t_newer();'), newer);
  assert.equal(hint('print("$T_newer");'), newer);
  assert.equal(hint('route(RELY);', 'route[RELAY] { ; }'), 'did you mean RELAY?');
  assert.equal(hint('on_failure("FIAL");', 'failure_route[FAIL] { ; }'), 'did you mean FAIL?');
});

test('routes named in arguments must exist, in their own kind', () => {
  assert.deepEqual(codes('on_failure("X");', 'route[X] { ; }').slice(0, 1), ['error undefined-route']);
  assert.deepEqual(codes('on_failure("X");', 'failure_route[X] { ; }'), []);
  assert.deepEqual(codes('on_failure("0");'), []);
  assert.deepEqual(codes('$var(x) = "X"; on_failure("$var(x)");'), []);
});

test('arguments are counted and typed', () => {
  assert.deepEqual(codes('plain();'), ['error wrong-arguments']);
  assert.deepEqual(codes('two_ways("a"); two_ways("a", 1); two_ways("a", 1, 2);'), []);
  assert.deepEqual(codes('two_ways("a", 1, 2, 3);'), ['error wrong-arguments']);
  assert.deepEqual(codes('plain("abc");'), ['error wrong-type']);
  assert.deepEqual(codes('plain("12"); plain(3); plain("$var(x)"); $var(x) = 1;'), []);
  assert.deepEqual(codes('grep("(");'), ['error bad-regex']);
  assert.deepEqual(codes('grep($rU);'), ['error not-constant']);
  assert.deepEqual(codes('set_var("$rU", 1);'), ['error read-only']);
  assert.deepEqual(codes('set_var("text", 1);'), ['error wrong-type']);
  assert.deepEqual(codes('print("a" + $rU);'), ['error not-constant']);
  assert.deepEqual(codes('text("a" + $rU);'), ['warning lax-syntax']);
});

test('commands stand where they may', () => {
  assert.deepEqual(codes('reply_only();'), ['error misplaced-command']);
  assert.deepEqual(codes('route(A);', 'route[A] { reply_only(); }'), ['error misplaced-command']);
  assert.deepEqual(codes(';', 'onsend_route { route(A); } route[A] { ; }'), ['error misplaced-command']);
  assert.deepEqual(codes('print("A");', 'onreply_route[A] { reply_only(); } reply_route { reply_only(); }'), []);
});

test('flags are numbers up to 31 or declared', () => {
  assert.deepEqual(codes('setflag(3); setflag(a); resetflag(b);', 'flags a:5, b'), []);
  assert.deepEqual(codes('setflag(32);'), ['error bad-flag']);
  assert.deepEqual(codes('setflag(c);', 'flags a'), ['error bad-flag']);
});

test('mixes of types that Kamailio refuses are errors, with the way out', () => {
  assert.deepEqual(codes('if (not $rU == "b") { ; }'), ['error wrong-type']);
  assert.equal(bench.diagnostics[0]?.hint, '"!" and "not" bind tighter than "==": write !(a == b)');
  assert.deepEqual(codes('$var(x) = 5 + "a";'), ['error wrong-type']);
  assert.deepEqual(codes('if ($rU =~ "a{") { ; }'), ['error bad-regex']);
  assert.deepEqual(codes('switch ($rU) { case 1: break; case "a": break; }'), ['error wrong-type']);
});

test('warnings: unused routes, unreachable statements, variables nothing assigns', () => {
  assert.deepEqual(codes(';', 'route[A] { ; }'), ['warning unused-route']);
  assert.deepEqual(codes('$var(x) = "A"; route($var(x));', 'route[A] { ; }'), []);
  assert.deepEqual(codes('print("A");', 'route[A] { ; }'), []);
  assert.deepEqual(codes(';', 'modparam("tm", "on_sl_reply", "A")\nonreply_route[A] { ; }'), []);
  for (const kind of ['failure', 'branch', 'onreply'])
    assert.deepEqual(codes(';', `${kind}_route[A] { ; }`), ['warning unused-route']);
  assert.deepEqual(codes('exit; print("x");'), ['warning unreachable']);
  assert.deepEqual(codes('if ($rU == "a") { exit; } else { drop; } print("x");'), ['warning unreachable']);
  assert.deepEqual(codes('switch ($rU) { case "a": exit; break; }'), []);
  assert.deepEqual(codes('print("$var(x)");'), ['warning unset-variable']);
  assert.deepEqual(codes('print("$var(x)"); route(A);', 'route[A] { $var(x) = 1; }'), []);
  assert.deepEqual(codes('set_var("$var(x)", 1); print("$var(x)");'), []);
  assert.deepEqual(codes('$var(n) = "x"; $var($var(n)) = 1; print("$var(x)");'), []);
});

test('escapes of other regular expressions are pointed out', () => {
  assert.deepEqual(codes('if ($rU =~ "^\\\\d+$") { ; }'), ['warning regex-escape']);
  assert.equal(bench.diagnostics[0]?.hint, 'write [0-9]');
  assert.deepEqual(codes('if ($rU =~ "^\\\\w\\\\.\\\\+$") { ; }'), []);
});

test('unknown core parameters and event routes', () => {
  assert.deepEqual(bench.check('debgu=3\nrequest_route { ; }'), ['1:1 error unknown-param']);
  assert.equal(bench.diagnostics[0]?.hint, 'did you mean debug?');
  assert.deepEqual(codes(';', 'event_route[nope:x] { ; }'), ['warning unknown-event']);
  assert.deepEqual(codes(';', 'event_route[core:worker-one-init] { ; }'), []);
});

test('places are those of the file, through macros', () => {
  assert.deepEqual(bench.check('#!define CALL nope();\nrequest_route {\n  print("x"); CALL\n}'), [
    '3:15 error unknown-command',
  ]);
});

test('--strict refuses what 5.6.3 refuses', () => {
  assert.deepEqual(bench.check('request_route { text("a" + $rU); }', true), ['1:22 error lax-syntax']);
});
