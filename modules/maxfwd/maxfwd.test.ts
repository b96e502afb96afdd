import assert from 'node:assert/strict';
import { test } from 'node:test';
import { currentText } from 'strowger';
import { ModuleBench, request, sipMsg, TestMsg } from 'strowger/testing';
import maxfwd from './index.ts';

const base = request('INVITE', 'sip:a@b', { maxForwards: 10 });
const without = base.replace(/Max-Forwards.*\r\n/, '');

/** message, calls with their return codes, Max-Forwards at the end */
const CASES: [string, string, [string, number, number][], string][] = [
  ['lowers by one', base, [['mf_process_maxfwd_header', 10, 1]], '9'],
  [
    'lowers again',
    base,
    [
      ['maxfwd_process', 10, 1],
      ['process_maxfwd', 10, 1],
    ],
    '8',
  ],
  ['0 is not lowered (rule 25)', base.replace('Forwards: 10', 'Forwards: 0'), [['maxfwd_process', 10, -1]], '0'],
  ['absent is added (rule 12)', without, [['maxfwd_process', 10, 2]], '10'],
  ['added never above max_limit', without, [['maxfwd_process', 100, 2]], '70'],
  ['lowered to max_limit', base.replace('Forwards: 10', 'Forwards: 255'), [['maxfwd_process', 10, 1]], '70'],
  [
    'no number',
    base.replace('Forwards: 10', 'Forwards: x'),
    [
      ['maxfwd_process', 10, -2],
      ['is_maxfwd_lt', 5, -3],
    ],
    'x',
  ],
  ['above 255 (RFC 4475 §3.1.2.4)', base.replace('Forwards: 10', 'Forwards: 300'), [['maxfwd_process', 10, -2]], '300'],
  [
    'is_maxfwd_lt',
    base,
    [
      ['is_maxfwd_lt', 11, 1],
      ['mf_lowlimit', 10, -1],
      ['maxfwd_at_least', -1, -3],
    ],
    '10',
  ],
  [
    'is_maxfwd_lt sees the lowered value',
    base,
    [
      ['maxfwd_process', 10, 1],
      ['is_maxfwd_lt', 10, 1],
    ],
    '9',
  ],
  ['is_maxfwd_lt without the header', without, [['is_maxfwd_lt', 10, -2]], ''],
];
for (const [name, text, calls, value] of CASES) {
  test(name, async () => {
    const bench = await new ModuleBench(maxfwd).init();
    const run = bench.run(sipMsg(text));
    for (const [command, argument, result] of calls) assert.equal(bench.call(run, command, argument), result, command);
    assert.equal(new TestMsg(currentText(run.msg)).get('Max-Forwards'), value);
  });
}
