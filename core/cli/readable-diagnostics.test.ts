import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readable } from './readable-diagnostics.ts';

test('texts become Unicode and columns count characters', () => {
  const latin1 = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');
  const line = latin1('xlog("Grüße"); nope();');
  const { diagnostics, lineText, ok } = readable({
    ok: false,
    diagnostics: [
      {
        code: 'unknown-command',
        severity: 'error',
        message: latin1('nope → ü'),
        hint: latin1('ß'),
        file: 'a.cfg',
        line: 1,
        column: line.indexOf('nope') + 1,
        endLine: 1,
        endColumn: line.indexOf('nope') + 5,
      },
    ],
    lineText: () => line,
  });
  assert.equal(ok, false);
  assert.equal(lineText('a.cfg', 1), 'xlog("Grüße"); nope();');
  assert.deepEqual(
    diagnostics.map(({ message, hint, column, endColumn }) => [message, hint, column, endColumn]),
    [['nope → ü', 'ß', 16, 20]],
  );
});
