import assert from 'node:assert/strict';
import test from 'node:test';
import { Diagnostics } from './diagnostics.ts';
import { type Preprocessed, type PreprocessOptions, preprocess } from './preprocessor.ts';

function run(
  text: string,
  options: Partial<PreprocessOptions> & { files?: Record<string, string>; strict?: boolean } = {},
): Preprocessed & { codes: string[]; diagnostics: Diagnostics } {
  const diagnostics = new Diagnostics({ strict: options.strict ?? false });
  const files = new Map(Object.entries(options.files ?? {}));
  const result = preprocess('main.cfg', text, { readFile: (path) => files.get(path) ?? null, ...options, diagnostics });
  return { ...result, diagnostics, codes: diagnostics.items.map((d) => d.code) };
}

/** The output with runs of white space as one space. */
function flat(text: string, options: Parameters<typeof run>[1] = {}): string {
  return run(text, options).text.replace(/\s+/g, ' ').trim();
}

test('macros: values of #!define as kamailio 5.6.3 prints them by $def', () => {
  const rows: [script: string, value: string | null | undefined][] = [
    ['#!define A 5', '5'],
    ['#!define A 5 # c', '5 # c'],
    ['#!define A   5   ', '5   '],
    ['#!define A\t5\t', '5\t'],
    ['#!define A a;b;c\\\nd\\\n e', 'a;b;cd e'],
    ['#!define A a \\\n\tb', 'a \tb'],
    ['#!define A', null],
    ['#!def A 5', '5'],
    ['!!define A 5', '5'],
    ['  #!define A 5', '5'],
    ['debug=1 #!define A 5', '5'],
    ['# !define A 5', undefined],
    ['#! define A 5', undefined],
    ['#!DEFINE A 5', undefined],
    ['/* #!define A 5 */', undefined],
    ['// #!define A 5', undefined],
    ['# #!define A 5', undefined],
    ['"#!define A 5"', undefined],
    ['#!define A B\n#!define B 5', 'B'],
    ['#!define A.b 5', '.b 5'],
    ['#!define A=5', '=5'],
    ['#!trydef A 4\n#!trydef A 5', '4'],
    ['#!trydefine A 4', '4'],
    ['#!define A 4\n#!redefine A 5', '5'],
    ['#!redef A 5', '5'],
    ['#!define A 4\n#!redef A', null],
    ['#!define A 4\n#!define A 5', '4'],
    ['#!ifdef A\n#!define A 1\n#!else\n#!define A 2\n#!endif', '2'],
    ['#!ifndef A\n#!define A 1\n#!endif', '1'],
  ];
  for (const [script, value] of rows) assert.equal(run(script).defines.get('A'), value, script);
});

test('macros: where names are expanded', () => {
  const rows: [script: string, output: string][] = [
    ['#!define A 5\nx = A+1;', 'x = 5+1;'],
    ['#!define A B\n#!define B 5\nA', '5'],
    ['#!define A 5\nAB A_1 B.A', 'AB A_1 B.5'],
    ['#!define A 5\n"A" \'A\' $A $var(A) $(var(A))', '"A" \'A\' $A $var(A) $(var(A))'],
    ['#!define A 5\n@A.A', '@A.A'],
    ['#!define A 5\n# A\n// A\n/* A */ A', '# A // A /* A */ 5'],
    ['#!define A\nA', 'A'],
    ['#!define A 5\n#!undef A\nA', 'A'],
    ['#!define A 5\n#!undefine A\n#!tryundef A\n#!tryundefine B\nA', 'A'],
    ['#!define exit 5\nexit', 'exit'],
    ['#!define yes 7\nyes', 'yes'],
    ['#!define X xlog("a");\nX', 'xlog("a");'],
    ['#!define X "a\nf(X b");', 'f("a b");'],
    ['#!define X "a" "b"\nX "c"', '"a" "b" "c"'],
    ['#!define A 5\n1A', '1A'],
  ];
  for (const [script, output] of rows) assert.equal(flat(script), output, script);
});

test('macros: what expands to itself is an error, not an endless loop', () => {
  for (const script of ['#!define A A\nA', '#!define A B\n#!define B A\nA', '#!define A 1+A\nA']) {
    assert.deepEqual(run(script).codes, ['macro-recursion'], script);
  }
});

test('conditionals: kept and left out parts', () => {
  const rows: [script: string, output: string, defines?: string[]][] = [
    ['#!ifdef A\na\n#!else\nb\n#!endif\nc', 'b c'],
    ['#!ifdef A\na\n#!else\nb\n#!endif\nc', 'a c', ['A']],
    ['!!ifdef A\na\n!!else\nb\n!!endif\nc', 'a c', ['A=1']],
    ['#!ifdef A\n#!ifdef B\na\n#!else\nb\n#!endif\nc\n#!else\nd\n#!endif', 'd'],
    ['#!ifdef A\n#!ifdef B\na\n#!else\nb\n#!endif\nc\n#!else\nd\n#!endif', 'b c', ['A']],
    ['if ($a\n#!ifdef A\n && $b\n#!endif\n) {', 'if ($a ) {'],
    ['#!ifdef A\n"unclosed /* \n#!endif\nx', 'x'],
    ['#!ifdef A\nfoo #!endif\nx', 'x'],
    ['#!ifdef A\n"#!endif"\nx\n#!endif\ny', 'y'],
    ['#!ifdef A B\na\n#!endif', 'a', ['A']],
    ['loadmodule "maxfwd.so"\n#!ifdef MOD_maxfwd\nx\n#!endif', 'loadmodule "maxfwd.so" x'],
    ['#!define M "/lib/tm.so"\nloadmodule M\n#!ifdef MOD_tm\nx\n#!endif', 'loadmodule "/lib/tm.so" x'],
    ['#!ifdef KAMAILIO_5_6\nx\n#!endif', 'x'],
    ['#!ifdef A\r\na\r\n#!else\r\nb\r\n#!endif\r\nc', 'b c'],
  ];
  for (const [script, output, defines] of rows) assert.equal(flat(script, { defines: defines ?? [] }), output, script);
});

test('conditionals: what does not fit', () => {
  assert.deepEqual(run('#!ifdef A\nx').codes, ['unbalanced-conditional']);
  assert.deepEqual(run('x\n#!endif').codes, ['unbalanced-conditional']);
  assert.deepEqual(run('x\n#!else\ny').codes, ['stray-else']);
  assert.equal(flat('x\n#!else\ny'), 'x y');
  // A directive with text behind it is a comment, so the condition stays open.
  assert.deepEqual(run('#!ifndef A\nx\n#!endif # A').codes, ['ignored-directive', 'unbalanced-conditional']);
  // A second #!else turns the condition again.
  assert.equal(flat('#!ifndef A\na\n#!else\nb\n#!else\nc\n#!endif'), 'a c');
});

test('#!ifexp and #!defexp: the examples of the core cookbook', () => {
  const isTrue = (expression: string, defines: string[] = []): boolean =>
    flat(`#!ifexp ${expression}\nyes\n#!else\nno\n#!endif`, { defines }) === 'yes';
  assert.ok(isTrue('KAMAILIO_VERSION >= 5006000'));
  assert.ok(!isTrue('MOD_xlog && (OS_NAME == "darwin")'));
  assert.ok(isTrue('WITH_NAT && WITH_RTPENGINE', ['WITH_NAT', 'WITH_RTPENGINE']));
  assert.ok(!isTrue('WITH_NAT && WITH_RTPENGINE', ['WITH_NAT']));
  assert.ok(isTrue('(1 + "20") == 21'));
  assert.ok(isTrue('("1" + 20) == "120"'));
  assert.ok(!isTrue('4 > "20"'));
  assert.ok(isTrue('"4" > 20'));
  assert.ok(isTrue('2 ** 3 == 8 && 7 % 4 == 3 && !0 && -1 < 0'));
  assert.ok(!isTrue('""'));
  const value = (definition: string): string | null | undefined =>
    run(`#!define IPADDR 127.0.0.1\n${definition}`).defines.get('X');
  assert.equal(value('#!defexp X "sip:" + IPADDR + ":5060"'), 'sip:127.0.0.1:5060');
  assert.equal(value(`#!defexp X '"sip:' + IPADDR + ':5060"'`), '"sip:127.0.0.1:5060"');
  assert.equal(value('#!defexp X 1<<4'), '16');
  assert.equal(value('#!defexps X 1+1'), '"2"');
  for (const bad of ['1 +', '(1', '1 ? 2', '1 / 0', `${'('.repeat(5000)}1`]) {
    assert.ok(run(`#!ifexp ${bad}\n#!endif`).codes.includes('bad-expression'), bad);
  }
});

test('newer directives are warned of, and refused when strict', () => {
  assert.deepEqual(run('#!ifexp 1\n#!endif').codes, ['newer-syntax']);
  assert.equal(run('#!ifexp 1\n#!endif', { strict: true }).diagnostics.hasErrors, true);
  assert.equal(run('#!define A 1\n#!undef A').defines.has('A'), false);
});

test('#!subst and its kin', () => {
  const value = (directives: string, text: string): string => {
    const source = run(`${directives}\n`, { env: { HOME: '/root' } });
    assert.deepEqual(source.codes, [], directives);
    return source.substitute(text, source.text.length);
  };
  assert.equal(value('#!subst "/ABC/xyz/"', 'ABC ABC'), 'xyz ABC');
  assert.equal(value('#!subst "/ABC/xyz/g"', 'ABC ABC'), 'xyz xyz');
  assert.equal(value('#!subst "/abc/xyz/gi"', 'ABC ABC'), 'xyz xyz');
  assert.equal(value("#!subst '!ABC!xyz!'", 'ABC'), 'xyz');
  assert.equal(value('#!subst "/A(B)C/x\\\\1z/g"', 'ABC'), 'xBz');
  assert.equal(value('#!subst "/ABC/a\\\\/b/"', 'ABC'), 'a/b');
  assert.equal(value('#!subst "/[[:digit:]]+/N/"', 'a42'), 'aN');
  assert.equal(value('#!subst "/[]x]/N/"', 'a]'), 'aN');
  assert.equal(value('#!subst "/ABC/$env(HOME)/"', 'ABC'), '/root');
  assert.equal(value('#!subst "/ABC/$def(Q)/"\n#!define Q hi', 'ABC'), 'hi');
  // Directives' own strings are substituted too, so both orders give the same.
  assert.equal(value('#!subst "/A/B/g"\n#!subst "/B/C/g"', 'A B'), 'C C');
  assert.equal(value('#!subst "/B/C/g"\n#!subst "/A/B/g"', 'A B'), 'C C');
  assert.equal(value('#!substdef "!ABC!xyz!g"', 'ABC'), 'xyz');
  assert.equal(run('#!substdef "!ABC!xyz!g"').defines.get('ABC'), 'xyz');
  assert.equal(run('#!substdefs "!ABC!xyz!g"').defines.get('ABC'), '"xyz"');
  assert.equal(run('#!substdef "!ABC!$env(HOME)!g"', { env: { HOME: '/root' } }).defines.get('ABC'), '/root');
  assert.equal(value('#!define Q "hi"\n#!subst "/ABC/$defv(Q) $defs(Q) $(def(Q))/"', 'ABC'), 'hi "hi" "hi"');
  assert.equal(value('#!define Q hi\n#!subst "/ABC/a$$b $null$def(NOPE)$defs(Q) \\$x/"', 'ABC'), 'a$b "hi" $x');
  // What a group holds is text.
  assert.equal(value('#!define Q hi\n#!subst "/<(.*)>/[\\1]/"', '<$def(Q)>'), '[$def(Q)]');
  for (const bad of [
    '"/ABC/$ru/"',
    '"/ABC/$(def(Q){s.len})/"',
    '"/ABC/$/"',
    '"/ABC/$defx/"',
    '"/ABC"',
    '"/ABC/x/q"',
    '"/AB(/x/"',
    '""',
  ]) {
    assert.deepEqual(run(`#!subst ${bad}`).codes, ['bad-subst'], bad);
  }
  assert.deepEqual(run('#!subst /ABC/x/').codes, ['bad-directive']);
  assert.deepEqual(run('#!define ABC 1\n#!substdef "!ABC!x!"').codes, ['already-defined']);
});

test('#!subst holds from its line on', () => {
  const source = run('"a"\n#!subst "/a/b/"\n"a"');
  assert.equal(source.substitute('a', 0), 'a');
  assert.equal(source.substitute('a', source.text.lastIndexOf('"a"')), 'b');
});

test('#!defenv and its kin', () => {
  const env = { HOME: '/root' };
  assert.equal(run('#!defenv HOME', { env }).defines.get('HOME'), '/root');
  assert.equal(run('#!defenv A=HOME', { env }).defines.get('A'), '/root');
  assert.equal(run('#!defenvs A=HOME', { env }).defines.get('A'), '"/root"');
  assert.equal(run('#!trydefenvs A=HOME', { env }).defines.get('A'), '"/root"');
  assert.deepEqual(run('#!trydefenv NOPE', { env }).codes, []);
  assert.deepEqual(run('#!defenv NOPE', { env }).codes, ['env-not-set']);
  assert.deepEqual(run('#!define A 1\n#!defenv A=HOME', { env }).codes, ['already-defined']);
});

test('includes: all spellings, relative to the working folder and to the includer', () => {
  const files = { 'a.cfg': 'A\ninclude_file "b.cfg"', '/etc/x/main.cfg': 'include_file "c.cfg"', '/etc/x/c.cfg': 'C' };
  for (const directive of ['include_file', 'import_file', '#!include_file', '!!import_file']) {
    assert.equal(flat(`x\n${directive} "a.cfg"\ny`, { files: { ...files, 'b.cfg': 'B' } }), 'x A B y', directive);
  }
  assert.equal(flat('include_file "/etc/x/main.cfg"', { files }), 'C');
  assert.deepEqual(run('include_file "nope.cfg"').codes, ['file-not-found']);
  assert.deepEqual(run('import_file "nope.cfg"').codes, []);
  assert.deepEqual(run('import_file "a.cfg";', { files: { 'a.cfg': '' } }).codes, ['lax-syntax']);
  assert.deepEqual(run('include_file a.cfg', { files }).codes, ['bad-include']);
  assert.deepEqual(run('include_file "a.cfg"', { files: { 'a.cfg': 'include_file "a.cfg"' } }).codes, [
    'include-depth',
  ]);
  assert.deepEqual(run('include_file "a.cfg"', { files: { ...files, 'b.cfg': '' } }).files, [
    'main.cfg',
    'a.cfg',
    'b.cfg',
  ]);
});

test('includes: macros and conditions reach over files', () => {
  const files = { 'open.cfg': '#!ifdef NOPE\n', 'def.cfg': '#!define V 7' };
  assert.equal(flat('include_file "open.cfg"\nx\n#!endif\ninclude_file "def.cfg"\nV', { files }), '7');
});

test('places: through includes and macros', () => {
  const files = { 'inc.cfg': 'one\n  two THREE' };
  const source = run('#!define THREE (drei)\ninclude_file "inc.cfg"\nlast', { files });
  const at = (text: string): object => {
    const { file, line, column } = source.locate(source.text.indexOf(text));
    return { file, line, column };
  };
  assert.deepEqual(at('two'), { file: 'inc.cfg', line: 2, column: 3 });
  assert.deepEqual(at('drei'), { file: 'inc.cfg', line: 2, column: 7 });
  assert.deepEqual(at('last'), { file: 'main.cfg', line: 3, column: 1 });
  const place = source.locate(source.text.indexOf('drei'));
  assert.deepEqual(place.macro, { name: 'THREE', definedAt: { file: 'main.cfg', line: 1, column: 1 } });
  assert.deepEqual(place.includedFrom, [{ file: 'main.cfg', line: 2, column: 1 }]);
  assert.equal(source.lineText('inc.cfg', 2), '  two THREE');
});

test('unknown directives are comments, with a suggestion; dialect lines are quiet', () => {
  const { diagnostics, text } = run('#!ifdeff X\ny');
  assert.deepEqual(
    [diagnostics.items[0]?.code, diagnostics.items[0]?.hint],
    ['ignored-directive', 'did you mean #!ifdef?'],
  );
  assert.ok(text.endsWith('y'));
  for (const line of ['#!KAMAILIO', '#!SER', '#!ALL', '#!/usr/sbin/kamailio', '#!'])
    assert.deepEqual(run(line).codes, [], line);
});

test('a byte order mark is passed over', () => {
  assert.equal(flat('\xef\xbb\xbf#!KAMAILIO\nx'), '#!KAMAILIO x');
});

test('a comment in a value is warned of', () => {
  assert.deepEqual(run('#!define A 5 # five').codes, ['macro-comment']);
  assert.deepEqual(run('#!define A "sip:x//y#z"').codes, []);
});
