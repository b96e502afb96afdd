import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { request } from '../../test/support/msg.ts';
import { nativeIndex, withoutAddon as skip } from '../../test/support/native-index.ts';
import { HDR_STRIDE, headerRows, type RowIndex } from './header-index.ts';

/** The addon finds headers in C, the parser in JavaScript: whatever a message looks like, both must find the same. */

function rowsOf(text: string, index?: RowIndex): unknown {
  const { rows, count, headersEnd, bodyStart, error } = headerRows(text, text.indexOf('\n') + 1, index);
  return { rows: rows.slice(0, count * HDR_STRIDE), count, headersEnd, bodyStart, error };
}

/** True when the addon made an index, which is then that of the parser. */
function agree(text: string): boolean {
  const index = nativeIndex(text);
  if (index === null) return false;
  assert.deepEqual(rowsOf(text, index), rowsOf(text), JSON.stringify(text));
  return true;
}

test('the usual message is indexed by the addon, as the parser does', { skip }, () => {
  const headers = {
    'User-Agent': 'x',
    Supported: '',
    Subject: ' a : b ',
    v: 'SIP/2.0/UDP b;branch=z9hG4bKb',
    'X-Own': 'y',
  };
  assert.ok(agree(request('INVITE', 'sip:b@example.org', { headers, body: 'v=0\r\nx: y\r\n' })));
});

test('what is unusual is left to the parser', { skip }, () => {
  const lines = (...rows: string[]): string => `OPTIONS sip:b SIP/2.0\r\n${rows.join('\r\n')}\r\n\r\n`;
  assert.ok(agree(lines('To: a', 'X:')));
  for (const text of [
    lines('To: a', ' folded'),
    lines('To : a'),
    lines('To: a\rFrom: b'),
    lines('no colon'),
    lines(': no name'),
    lines('To: a\nFrom: b'),
    `\r\n${lines('To: a')}`,
    lines(...Array.from({ length: 41 }, () => 'X: y')),
    'OPTIONS sip:b SIP/2.0\r\nTo: a\r\n',
    'OPTIONS sip:b SIP/2.0',
    '',
  ])
    assert.equal(nativeIndex(text), null, JSON.stringify(text));
});

test('any text is indexed alike', { skip }, () => {
  const piece = fc.constantFrom(
    '\r\n',
    '\r\n',
    '\r\n',
    '\n',
    '\r',
    ' ',
    '\t',
    ':',
    'Via: ',
    'To:',
    'Call-ID: ',
    'f: x',
    'CSeq',
    'Content-Length: 0',
    'a',
    'é',
    '\0',
    'Max-Forwards: 70\r\n',
    'contact: <sip:a@b>\r\n',
    'Record-Route: <sip:a;lr>\r\n',
    '\r\n\r\n',
    'X-Long-Name-Of-A-Header-Of-Ours: 1',
  );
  let seen = 0;
  let indexed = 0;
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 24 }), (pieces) => {
      seen++;
      if (agree(`INVITE sip:a@b SIP/2.0\r\n${pieces.join('')}`)) indexed++;
      agree(pieces.join(''));
    }),
    { numRuns: 3000 },
  );
  assert.ok(indexed > seen / 50, `${indexed} of ${seen} by the addon`);
});
