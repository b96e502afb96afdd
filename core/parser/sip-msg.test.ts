import assert from 'node:assert/strict';
import { test } from 'node:test';
import { request, sipMsg } from '../../test/support/index.ts';
import { MAX_HEADERS } from './header-index.ts';
import { HDR, HDR_NAMES } from './hf.ts';

const BASE = request('INVITE', 'sip:bob@example.org');

test('a header is found by its compact form, in any case (rule 1)', () => {
  const msg = sipMsg(BASE.replace('Call-ID:', 'I:').replace('From:', 'f :').replace('Via', 'V'));
  assert.equal(msg.callId, 'call-1@test');
  assert.equal(msg.fromTag, 'alice-tag');
  assert.equal(msg.via1?.host, '127.0.0.1');
});

test('a folded value is one value; space before the colon is allowed (rule 2)', () => {
  const msg = sipMsg(
    BASE.replace('CSeq: 1 INVITE', 'CSeq\t: 0009\r\n  INVITE').replace(
      'Call-ID: call-1@test',
      'Call-ID:\r\n call-1@test',
    ),
  );
  assert.equal(msg.cseqNumber, 9);
  assert.equal(msg.cseqMethod, 'INVITE');
  assert.equal(msg.callId, 'call-1@test');
});

test('lines may end with LF alone', () => {
  const msg = sipMsg(BASE.replaceAll('\r\n', '\n').replace('Length: 0\n\n', 'Length: 2\n\nhi'));
  assert.equal(msg.error, null);
  assert.equal(msg.cseqNumber, 1);
  assert.equal(msg.body, 'hi');
});

test('a bare CR ends no line', () => {
  assert.notEqual(sipMsg(BASE.replaceAll('\r\n', '\r')).error, null);
  assert.equal(sipMsg(BASE.replace('CSeq', '\rX: y\r\nCSeq')).error, 'bare CR');
});

test('line ends before the first line are passed over (rule 8)', () => {
  const msg = sipMsg(`\r\n\r\n${BASE}`);
  assert.equal(msg.error, null);
  assert.equal(msg.methodName, 'INVITE');
});

test('methods compare with case (rule 4)', () => {
  assert.equal(sipMsg(BASE.replaceAll('INVITE', 'invite')).method, 524288);
});

test('white space in front of the first header is refused', () => {
  assert.equal(sipMsg(BASE.replace('\r\nVia', '\r\n Via')).error, 'white space before the first header');
});

const FIRST_LINES: [string, string | null][] = [
  ['INVITE sip:a@b SIP/2.0', null],
  ['INVITE sip:a@b sip/2.0', null],
  ['INVITE sip:a@b SIP/7.0', 'bad SIP version'],
  ['INVITE sip:a@b SIP/2.0 ', 'bad SIP version'],
  ['INVITE sip:a@b', 'request line has no version'],
  ['INVITE', 'first line has no space'],
  [' INVITE sip:a@b SIP/2.0', 'first line has no space'],
  ['SIP/2.0 200 OK', null],
  ['SIP/2.0 100 ', null],
  ['SIP/2.0 100', null],
  ['SIP/2.0 4294967301 better not', 'bad status code'],
  ['SIP/2.0 099 x', 'bad status code'],
  ['SIP/2.0 700 x', 'bad status code'],
  ['SIP/2.0 2x0 x', 'bad status code'],
];
for (const [line, error] of FIRST_LINES) {
  test(`first line ${JSON.stringify(line)}: ${error ?? 'good'}`, () => {
    assert.equal(sipMsg(BASE.replace(/^.*/, line)).error, error);
  });
}

const CSEQS: [string, number, string][] = [
  ['1 INVITE', 1, 'INVITE'],
  ['2147483647 INVITE', 2147483647, 'INVITE'],
  ['2147483648 INVITE', -1, ''],
  ['36893488147419103232 INVITE', -1, ''],
  ['00000000000000009 INVITE', 9, 'INVITE'],
  ['INVITE', -1, ''],
  ['1', -1, ''],
  ['1INVITE', -1, ''],
  ['-1 INVITE', -1, ''],
];
for (const [value, number, method] of CSEQS) {
  test(`CSeq ${value} (rule 11)`, () => {
    const msg = sipMsg(BASE.replace('1 INVITE', value));
    assert.deepEqual([msg.cseqNumber, msg.cseqMethod], [number, method]);
  });
}

const LENGTHS: [string | null, number, string][] = [
  ['5', 5, 'hello'],
  ['11', 11, 'hello world'],
  ['12', 12, 'hello world'],
  [null, -1, 'hello world'],
  ['-5', -2, 'hello world'],
  ['5x', -2, 'hello world'],
  ['', -2, 'hello world'],
  ['4294967301', -2, 'hello world'],
];
for (const [value, number, body] of LENGTHS) {
  test(`Content-Length ${value ?? 'absent'} over a body of 11 (rules 7 and 9)`, () => {
    const msg = sipMsg(
      `${BASE.replace(/Content-Length.*\r\n/, value === null ? '' : `Content-Length: ${value}\r\n`)}hello world`,
    );
    assert.equal(msg.contentLength, number);
    assert.equal(msg.body, body);
  });
}

test('repeated single headers are marked', () => {
  const msg = sipMsg(BASE.replace('CSeq', 'Call-ID: other\r\nt: <sip:x@y>\r\nCSeq'));
  assert.equal(msg.duplicates, (1 << HDR.CALLID) | (1 << HDR.TO));
  assert.equal(msg.callId, 'call-1@test');
});

test('more than the allowed number of headers is an error, and the index stays bounded', () => {
  const msg = sipMsg(BASE.replace('CSeq', `${'X: y\r\n'.repeat(MAX_HEADERS)}CSeq`));
  assert.equal(msg.error, 'too many headers');
  assert.equal(msg.hdrCount, MAX_HEADERS);
});

test('every header kind is found by its name', () => {
  for (const [kind, name] of HDR_NAMES.entries()) {
    if (kind === 0) continue;
    const msg = sipMsg(`INVITE sip:a@b SIP/2.0\r\n${name.toUpperCase()}: x\r\n\r\n`);
    assert.equal(msg.findHdr(kind), 0, name);
  }
});

test('via2 is the second value of the row or the first of the next', () => {
  const joined = sipMsg(request('BYE', 'sip:a@b', { via: 'SIP/2.0/UDP a;branch=1, SIP/2.0/TCP b;branch=2' }));
  const rows = sipMsg(request('BYE', 'sip:a@b', { via: ['SIP/2.0/UDP a;branch=1', 'SIP/2.0/TCP b;branch=2'] }));
  assert.equal(joined.via2?.host, 'b');
  assert.equal(rows.via2?.host, 'b');
});

test('the Request-URI is parsed anew when it is rewritten, and comes back', () => {
  const msg = sipMsg(BASE);
  assert.equal(msg.ruri?.host, 'example.org');
  msg.newUri = 'sip:x@y';
  assert.equal(msg.ruri?.host, 'y');
  msg.revertUri();
  assert.equal(msg.ruri?.host, 'example.org');
});

test('a message of one class has one shape whatever is read first', () => {
  const a = sipMsg(BASE);
  const b = sipMsg(BASE);
  void a.via1;
  void b.ruri;
  void b.contentLength;
  assert.deepEqual(Object.keys(a), Object.keys(b));
});
