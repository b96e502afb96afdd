import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { RpcArgs } from 'strowger';
import { ModuleBench, request, sipMsg } from 'strowger/testing';
import regex from './index.ts';
import { compilePcre, type PcreFlags } from './pcre.ts';

const NONE: PcreFlags = { caseless: false, multiline: false, dotall: false, extended: false };

/** expression, text, matches */
const CASES: [string, string, boolean, Partial<PcreFlags>?][] = [
  ['^ABC', 'abc', false],
  ['(?i)^ABC', 'abc', true],
  ['^ABC', 'abc', true, { caseless: true }],
  ['a(?i)b|c', 'aB', true],
  ['a(?i)b|c', 'AB', false],
  ['(a(?i)b|c)d', 'Cd', true],
  ['(a(?i)b)c', 'aBC', false],
  ['x(?i:a)', 'xA', true],
  ['(?-i:a)b', 'AB', false, { caseless: true }],
  ['^b', 'a\nb', false],
  ['^b', 'a\nb', true, { multiline: true }],
  ['(?m)^b$', 'a\nb\nc', true],
  ['b$', 'b\n', true],
  ['a.b', 'a\nb', false],
  ['a.b', 'a\nb', true, { dotall: true }],
  ['a.b', 'a\rb', true],
  ['a b # c', 'ab', true, { extended: true }],
  ['a\\ b[ ]', 'a b ', true, { extended: true }],
  ['^a.c\\z', 'abc', true],
  ['\\Aabc\\Z', 'abc\n', true],
  ['a\\hb', 'a\tb', true],
  ['^[[:digit:]]+$', '123', true],
  ['^[[:^digit:]]+$', 'ab1', false],
  ['^[]a]+$', ']a', true],
  ['^[^]a]+$', 'xyz', true],
  ['(?P<n>a)(?P=n)', 'aa', true],
  ["(?'n'a)\\k{n}", 'aa', true],
  ['(a)(b)\\g{-1}', 'abb', true],
  ['(a)\\g1b', 'aab', true],
  ['a++b', 'aab', true],
  ['(?>a+)b', 'aab', true],
  ['[ab]++c', 'abc', true],
  ['a(?=b)', 'ab', true],
  ['(?<!x)b', 'xb', false],
  ['\\Qa.b\\E$', 'a.b', true],
  ['\\x{41}', 'A', true],
  ['a(?#comment)b', 'ab', true],
  ['^1\\d{3}$', '1234', true],
  ['^((\\+|00)34)?900\\d{6}$', '0034900123456', true],
  ['a/b', 'a/b', true],
  ['', 'x', true],
];
for (const [source, text, matches, flags] of CASES) {
  test(`${source} on ${JSON.stringify(text)}`, () => {
    const compiled = compilePcre(source, { ...NONE, ...flags });
    assert.ok(typeof compiled === 'function', String(compiled));
    assert.equal(compiled(text), matches);
  });
}
for (const source of ['(', ')', '[a', 'a\\', '(?R)', '(?(1)a|b)', '(?|a)', '*a', '[[:nope:]]', '\\p{L}', '(*ACCEPT)']) {
  test(`refused: ${source}`, () => assert.equal(typeof compilePcre(source, NONE), 'string'));
}

const GROUPS = '### agents\n[0]\n# soft\n^abc\n^DEF$\n\n[1]\r\n^1\\d{3}$\r\n';

async function setUp(text: string | null, params: Record<string, number> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'regex-'));
  const file = join(folder, 'groups');
  if (text !== null) writeFileSync(file, text);
  const bench = new ModuleBench(regex, text === null ? params : { file, ...params });
  return {
    bench,
    file,
    run: bench.run(sipMsg(request('INVITE', 'sip:a@b'))),
    end: () => rmSync(folder, { recursive: true }),
  };
}

test('groups of the file, and reading it again', async () => {
  const { bench, file, run, end } = await setUp(GROUPS);
  await bench.init();
  const results: [unknown[], number][] = [
    [['abcx'], 1],
    [['DEF', 0], 1],
    [['def', 0], -1],
    [['1234', 1], 1],
    [['12345', 1], -1],
    [['x', 2], -4],
    [['x', -1], -1],
  ];
  for (const [args, result] of results)
    assert.equal(bench.call(run, 'pcre_match_group', ...args), result, String(args[0]));
  writeFileSync(file, '[0]\nnew\n');
  await regex.rpc?.['regex.reload']?.run(new RpcArgs([]), bench.state);
  assert.equal(bench.call(run, 'pcre_match_group', 'new'), 1);
  writeFileSync(file, '[0]\n(\n');
  assert.throws(() => regex.rpc?.['regex.reload']?.run(new RpcArgs([]), bench.state), /Failed to reload/);
  assert.equal(bench.call(run, 'pcre_match_group', 'new'), 1);
  end();
});

test('without a file groups are off', async () => {
  const { bench, run, end } = await setUp(null);
  await bench.init();
  assert.equal(bench.call(run, 'pcre_match_group', 'x'), -2);
  assert.equal(bench.call(run, 'pcre_match', 'abc', 'b'), 1);
  assert.equal(bench.call(run, 'pcre_match', 'abc', '('), -4);
  assert.throws(() => regex.rpc?.['regex.reload']?.run(new RpcArgs([]), bench.state), /not enabled/);
  end();
});

for (const [text, params, error] of [
  ['abc\n', {}, /in front of the first group/],
  ['[0]\n', {}, /empty/],
  ['[0]\na\n[1]\nb\n', { max_groups: 1 }, /max_groups/],
  [`[0]\n${'a'.repeat(100)}\n`, { group_max_size: 50 }, /group_max_size/],
  ['', {}, /no groups/],
] as const) {
  test(`a file that is wrong ends the start: ${error.source}`, async () => {
    const { bench, end } = await setUp(text, params);
    await assert.rejects(bench.init(), error);
    end();
  });
}

test('no expression can stall the server, whatever the text', () => {
  const text = `${'a'.repeat(200)}!`;
  const start = process.hrtime.bigint();
  for (const source of ['^(a+)+$', '^(?=a)(a+)+$', '^(?:(a)\\1?)+$', '^(?!b)((a{1,100}){1,50})+$', '(?<=a)(a|aa)+$']) {
    const matches = compilePcre(source, NONE);
    assert.ok(typeof matches === 'function', source);
    assert.ok(!matches(text), source);
    assert.equal(matches('aa'), true, source);
  }
  assert.ok(Number(process.hrtime.bigint() - start) / 1e9 < 5);
});
