import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { getopt, type OptionDef, optionHelp } from './getopt.ts';

const OPTIONS: readonly OptionDef[] = [
  { name: 'file', flags: ['-f', '--file'], arg: 'FILE', help: 'The script' },
  { name: 'foreground', flags: ['-D'], help: 'Foreground' },
  { name: 'stderr', flags: ['-E'], help: 'Log' },
  { name: 'substdef', flags: ['--substdef'], arg: 'X', help: '' },
  { name: 'substdefs', flags: ['--substdefs'], arg: 'X', help: '' },
  { name: 'memory', flags: ['-m'], arg: 'MB', help: 'Memory', noEffect: 'there is none', default: '64' },
];

function parse(...argv: string[]): {
  values: Record<string, readonly string[]>;
  operands: readonly string[];
  errors: readonly string[];
} {
  const { values, operands, errors } = getopt(argv, OPTIONS);
  return { values: Object.fromEntries(values), operands, errors };
}

suite('getopt', () => {
  const good: [string[], Record<string, string[]>, string[]][] = [
    [['-DDE', '-f', 'x.cfg'], { foreground: ['', ''], stderr: [''], file: ['x.cfg'] }, []],
    [['-fx.cfg', '-f', 'y.cfg', 'rest'], { file: ['x.cfg', 'y.cfg'] }, ['rest']],
    [['-DEfx'], { foreground: [''], stderr: [''], file: ['x'] }, []],
    [['--file=a=b', '--file', 'c'], { file: ['a=b', 'c'] }, []],
    [['--fi', 'c'], { file: ['c'] }, []],
    [['--substdef=1', '--substdefs=2'], { substdef: ['1'], substdefs: ['2'] }, []],
    [['a', '-D', '--', '-E', 'b'], { foreground: [''] }, ['a', '-E', 'b']],
    [['-f', '-', '-'], { file: ['-'] }, ['-']],
    [['-m', '-1'], { memory: ['-1'] }, []],
  ];
  for (const [argv, values, operands] of good) {
    test(argv.join(' '), () => assert.deepEqual(parse(...argv), { values, operands, errors: [] }));
  }

  const bad: [string[], string][] = [
    [['-Z'], `unknown option '-Z'`],
    [['-f'], `option '-f' requires an argument`],
    [['--file'], `option '--file' requires an argument`],
    [['--flie', 'x'], `unknown option '--flie' (did you mean "--file"?)`],
    [['-file'], ''],
    [['--subs', 'x'], `unknown option '--subs'`],
  ];
  for (const [argv, error] of bad) {
    test(argv.join(' '), () => assert.deepEqual(parse(...argv).errors, error === '' ? [] : [error]));
  }

  test('the first operand may end the options', () => {
    const { values, operands } = getopt(['-D', 'verb', '-E'], OPTIONS, { stopAtOperand: true });
    assert.deepEqual([[...values.keys()], operands], [['foreground'], ['verb', '-E']]);
  });

  test('help shows flags, argument, default and what has no effect', () => {
    assert.match(optionHelp(OPTIONS), /^ {2}-f FILE, --file=FILE +The script$/m);
    assert.match(optionHelp(OPTIONS), /^ {2}-m MB +Memory \(default: 64\) \(no effect: there is none\)$/m);
  });
});
