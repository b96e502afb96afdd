import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAvpParam } from './avp-name.ts';

test('parameters name AVPs as scripts do', () => {
  const table: readonly (readonly [text: string, name: string | number | null])[] = [
    ['$avp(x)', 'x'],
    ['$avp(s:x)', 'x'],
    [' $avp(i:5) ', 5],
    ['$(avp(s:x))', 'x'],
    ['$avp(i:x)', 'i:x'],
    ['$avp()', null],
    ['$avp(x', null],
    ['$var(x)', null],
    ['x', null],
    ['', null],
  ];
  for (const [text, name] of table) assert.equal(parseAvpParam(text), name, text);
});
