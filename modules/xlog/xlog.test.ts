import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PvUse } from 'strowger';
import { ModuleBench, request, sipMsg } from 'strowger/testing';
import xlog from './index.ts';

const format = (text: string) => () => text;

async function setUp(params: Record<string, string | number> = {}) {
  const bench = await new ModuleBench(xlog, params).init();
  return { bench, run: bench.run(sipMsg(request('INVITE', 'sip:a@b'))) };
}

/** command, arguments, line */
const LINES: [string, unknown[], string][] = [
  ['xlog', [format('text\n')], '-1 text'],
  ['xlog', ['L_INFO', format('text')], '2 text'],
  ['xlog', ['L_Nxx', format('text')], '1 text'],
  ['xlog', ['-2', format('text')], '-2 text'],
  ['xlog', ['LOG_LOCAL3', 'L_WARN', format('text')], '0 text'],
  ['xlog', ['nonsense', format('text')], '-1 text'],
  ['xlogl', [format('text')], '-1 1:text'],
  ['xdbgl', [format('text')], '3 1:text'],
  ['xdbg', [format('text')], '3 text'],
  ['xinfo', [format('text')], '2 text'],
  ['xnotice', [format('a\nb\n')], '1 a\nb'],
  ['xwarn', [format('text')], '0 text'],
  ['xerr', [format('text')], '-1 text'],
  ['xbug', [format('text')], '-4 text'],
  ['xcrit', [format('text')], '-2 text'],
  ['xalert', [format('text')], '-5 text'],
];
for (const [command, args, line] of LINES) {
  test(`${command} ${args.filter((arg) => typeof arg === 'string').join(' ')}`, async () => {
    const { bench, run } = await setUp();
    assert.equal(bench.call(run, command, ...args), 1);
    assert.deepEqual(bench.log.lines, [line]);
  });
}

test('a format is not evaluated below the level', async () => {
  const { bench, run } = await setUp();
  bench.log.level = 1;
  let evaluated = 0;
  const count = () => String(++evaluated);
  assert.equal(bench.call(run, 'xdbg', count), 1);
  assert.equal(bench.call(run, 'xlogl', 'L_DBG', count), 1);
  assert.equal(evaluated, 0);
});

test('long_format names the file', async () => {
  const { bench, run } = await setUp({ long_format: 1 });
  bench.call(run, 'xlogl', format('text'));
  assert.deepEqual(bench.log.lines, ['-1 test.cfg:1:text']);
});

test('a text above buf_size is not written', async () => {
  const { bench, run } = await setUp({ buf_size: 20 });
  bench.call(run, 'xinfo', format('x'.repeat(20)));
  assert.deepEqual(bench.log.lines, ['-1 xlog: the text is longer than buf_size']);
});

test('xlogm leaves out the methods of methods_filter: all by default', async () => {
  const all = await setUp();
  all.bench.call(all.run, 'xlogm', 'L_INFO', format('text'));
  assert.deepEqual(all.bench.log.lines, []);
  const byes = await setUp({ methods_filter: 8 });
  byes.bench.call(byes.run, 'xlogm', 'L_INFO', format('text'));
  assert.deepEqual(byes.bench.log.lines, ['2 text']);
});

test('a prefix is written in front; in mode 1 it is a format', async () => {
  const plain = await setUp({ prefix: '-x ' });
  plain.bench.call(plain.run, 'xinfo', format('text'));
  assert.deepEqual(plain.bench.log.lines, ['2 -x text']);
  const evaluated = await setUp({ prefix: '$rm ', prefix_mode: 1 });
  Object.assign(evaluated.run, {
    program: { ...evaluated.run.program, compileFormat: (text: string) => () => text.replace('$rm', 'INVITE') },
  });
  evaluated.bench.call(evaluated.run, 'xinfo', format('text'));
  assert.deepEqual(evaluated.bench.log.lines, ['2 INVITE text']);
});

interface Checked {
  check(values: unknown[]): string | null;
}

test('constant levels and facilities are checked', () => {
  const [, two, three] = (xlog.commands?.['xlog'] ?? []) as unknown as Checked[];
  assert.ok(two && three);
  assert.equal(two.check(['L_INFO', undefined]), null);
  assert.match(two.check(['bad', undefined]) ?? '', /unknown log level/);
  assert.match(three.check(['LOG_X', 'L_INFO', undefined]) ?? '', /facility/);
});

test('$C(xy) gives the codes of terminals that Kamailio gives', () => {
  const bind = (name: string): unknown => {
    const use = { text: `$C(${name})`, className: 'C', name } as unknown as PvUse;
    const bound = xlog.pseudoVariables?.['C']?.bind(use, null as never);
    return typeof bound === 'string' || bound === undefined ? 'refused' : bound.get(null as never);
  };
  const codes = { bg: '0;34;42', xx: '0;39;49', xs: '0;39;40', Rx: '1;31;49', Wp: '1;37;45', cw: '0;36;47' };
  for (const [name, code] of Object.entries(codes)) assert.equal(bind(name), `\x1b[${code}m`, name);
  for (const name of ['RX', 'Xx', 'qx', 'r', 'rgb', '']) assert.equal(bind(name), 'refused', name);
});
