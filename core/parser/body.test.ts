import assert from 'node:assert/strict';
import { test } from 'node:test';
import { request, sipMsg } from '../../test/support/index.ts';
import { bodyParts, findContent, MAX_DEPTH, MAX_PARTS, multipartParts } from './body.ts';

const withBody = (contentType: string, body: string) => sipMsg(request('INVITE', 'sip:a@b', { contentType, body }));

const MIXED = [
  'preamble',
  '--b1',
  'Content-Type: application/sdp',
  'Content-Disposition: session',
  '',
  'v=0',
  '--b1x is not a delimiter',
  '--b1 ',
  'c: text/plain;',
  ' charset=utf-8',
  '',
  '--b1',
  '',
  'no headers',
  '--b1--',
  'epilogue',
].join('\r\n');

test('parts of a multipart body (RFC 2046 §5.1)', () => {
  const msg = withBody('multipart/mixed;boundary=b1', MIXED);
  const parts = bodyParts(msg).map((part) => [part.contentType?.mime, msg.buf.slice(part.start, part.end)]);
  assert.deepEqual(parts, [
    ['application/sdp', 'v=0\r\n--b1x is not a delimiter'],
    ['text/plain', ''],
    [undefined, 'no headers'],
  ]);
});

test('findContent: the whole body, a part, a part inside a part, none', () => {
  const inner = '--i\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--i--';
  const outer = `--o\r\nContent-Type: multipart/alternative; boundary="i"\r\n\r\n${inner}\r\n--o--`;
  const nested = withBody('multipart/mixed; boundary="o"', outer);
  const span = findContent(nested, 'application/sdp');
  assert.ok(span);
  assert.equal(nested.buf.slice(span.start, span.end), 'v=0');
  const whole = withBody('Application/SDP;x=y', 'v=0');
  assert.deepEqual(findContent(whole, 'application/sdp'), { start: whole.bodyStart, end: whole.buf.length });
  assert.equal(findContent(withBody('text/plain', 'v=0'), 'application/sdp'), null);
  assert.equal(
    findContent(sipMsg(request('INVITE', 'sip:a@b', { contentType: 'application/sdp' })), 'application/sdp'),
    null,
  );
});

test('a body without its closing delimiter still has its parts', () => {
  const text = '--b\r\n\r\nabc';
  const [part] = multipartParts(text, 0, text.length, 'b');
  assert.equal(part && text.slice(part.start, part.end), 'abc');
});

test('a boundary that is missing or never comes gives no parts', () => {
  assert.deepEqual(bodyParts(withBody('multipart/mixed', MIXED)), []);
  assert.deepEqual(bodyParts(withBody('multipart/mixed;boundary=zzz', MIXED)), []);
});

test('depth and number of parts are bounded (rule: hostile input)', () => {
  let text = 'x';
  for (let i = 9; i >= 0; i--)
    text = `--d${i}\r\nContent-Type: multipart/mixed;boundary=d${i + 1}\r\n\r\n${text}\r\n--d${i}--`;
  assert.equal(Math.max(...bodyParts(withBody('multipart/mixed;boundary=d0', text)).map((p) => p.depth)), MAX_DEPTH);
  const many = `${'--b\r\n\r\nx\r\n'.repeat(1000)}--b--`;
  assert.equal(bodyParts(withBody('multipart/mixed;boundary=b', many)).length, MAX_PARTS);
});
