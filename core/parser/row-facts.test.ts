import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { nativeIndex, withoutAddon as skip } from '../../test/support/native-index.ts';
import { makeSocketInfo } from '../transport/listen.ts';
import { receivedBySelf } from '../transport/socket-info.ts';
import type { RowIndex } from './header-index.ts';
import type { NameAddr } from './name-addr.ts';
import { forgetFacts } from './row-facts.ts';
import { SipMsg } from './sip-msg.ts';
import type { Via } from './via.ts';

/** The addon takes apart in C what the parser does in JavaScript: whatever the rows look like, both must find the same. */

const SOCKET = makeSocketInfo(
  { proto: 1, family: 4, address: '192.0.2.1', port: 5060, advertise: null, name: '', isVirtual: false, hostName: '' },
  0,
  5060,
);

function viaFacts(via: Via | null): unknown {
  if (via === null) return null;
  const { start, end, proto, transport, host, port, hostEnd, paramsStart, branch, branchStart, branchEnd } = via;
  const places = ['branch', 'rport', 'received', 'maddr', 'i'].map((name) => via.paramAt(name));
  const values = ['branch', 'rport', 'received', 'maddr', 'i'].map((name) => via.param(name));
  return {
    start,
    end,
    proto,
    transport,
    host,
    port,
    hostEnd,
    paramsStart,
    branch,
    branchStart,
    branchEnd,
    places,
    values,
  };
}

function addrFacts(addr: NameAddr | null): unknown {
  if (addr === null) return null;
  const { start, end, display, uriStart, uriEnd, uriText, paramsStart, tag } = addr;
  return { start, end, display, uriStart, uriEnd, uriText, paramsStart, tag, x: addr.param('x') };
}

function factsOf(text: string, index?: RowIndex): unknown {
  if (index === undefined) forgetFacts();
  const msg = new SipMsg(text, receivedBySelf(SOCKET), index);
  const { cseqNumber, cseqMethod, method, methodName, error, isRequest, isHttp, status, originalUri, reason } = msg;
  const line = { method, methodName, error, isRequest, isHttp, status, originalUri, reason, end: msg.firstLineEnd };
  const vias = [viaFacts(msg.via1), viaFacts(msg.via2)];
  return { vias, from: addrFacts(msg.from), to: addrFacts(msg.to), cseqNumber, cseqMethod, line };
}

/** The addon's index of the text, whose facts have been found to be those of the parser. */
function agreed(text: string): RowIndex | null {
  const index = nativeIndex(text);
  if (index !== null) assert.deepEqual(factsOf(text, index), factsOf(text), JSON.stringify(text));
  return index;
}

const lines = (...rows: string[]): string => `OPTIONS sip:b SIP/2.0\r\n${rows.join('\r\n')}\r\n\r\n`;
/** Words of `facts` that say where there is one: Via, the second Via, From, To, CSeq. */
const LINE = 33;
const STARTS = [0, 9, 18, 24, 30];
const found = (index: RowIndex | null): boolean[] => STARTS.map((at) => (index?.facts[at] ?? 0) > 0);

test('usual rows are taken apart by the addon, as by the parser', { skip }, () => {
  const rows = [
    'Via: SIP/2.0/UDP example.org:5061;rport;branch=z9hG4bKa;received=192.0.2.9;i=3',
    'Via: SIP/2.0/UDP 192.0.2.2',
    'From: "A. \xe9 (<;>)" <sip:a@example.org;x=y>;x=1;tag=abc;tag=d',
    'To: Bob <sip:b@example.org>',
    'CSeq: 2147483647 INVITE',
  ];
  assert.deepEqual(found(agreed(lines(...rows))), [true, true, true, true, true]);
  assert.deepEqual(found(agreed(lines('To: <sip:a>;Tag=', 'Via: SIP/2.0/UDP a;BRANCH;rport=1;rport=2'))), [
    true,
    false,
    false,
    true,
    false,
  ]);
});

test('unusual rows are left to the parser', { skip }, () => {
  for (const row of [
    'Via: SIP/2.0/TCP a;branch=b',
    'Via: SIP / 2.0/UDP a',
    'Via: SIP/2.0/UDP  a',
    'Via: SIP/2.0/UDP ',
    'Via: SIP/2.0/UDP [2001:db8::1]:5060;branch=b',
    'Via: SIP/2.0/UDP a:;branch=b',
    'Via: SIP/2.0/UDP a:65536',
    'Via: SIP/2.0/UDP a:000001',
    'Via: SIP/2.0/UDP a ;branch=b',
    'Via: SIP/2.0/UDP a;branch=b, SIP/2.0/UDP c;branch=d',
    'Via: SIP/2.0/UDP a;branch = b',
    'Via: SIP/2.0/UDP a;x="b;rport"',
    'Via: SIP/2.0/UDP a;maddr=192.0.2.3',
    'Via: SIP/2.0/UDP a;',
    'From: sip:a@b;tag=c',
    'From: "a\\"b" <sip:a>',
    'From: "a" b <sip:a>',
    'From: <sip:a> ;tag=b',
    'From: <sip:a>;tag="b"',
    'From: <sip:a',
    'From: <>',
    'From: a;b <sip:a>',
    'To:',
    'CSeq: INVITE',
    'CSeq: 1',
    'CSeq: 1  INVITE',
    'CSeq: 2147483648 INVITE',
    'CSeq: 12345678901 INVITE',
  ])
    assert.deepEqual(found(agreed(lines(row))), [false, false, false, false, false], row);
});

test('usual first lines are taken apart, others are left to the parser', { skip }, () => {
  for (const line of ['INVITE sip:a@b SIP/2.0', 'X sip:a b SIP/2.0', 'SIP/2.0 200 OK', 'SIP/2.0 699 '])
    assert.ok((agreed(`${line}\r\nTo: a\r\n\r\n`)?.facts[LINE] ?? 0) > 0, line);
  for (const line of [
    'INVITE sip:a@b sip/2.0',
    'INVITE SIP/2.0',
    'INVITE  SIP/2.0',
    'INVITE sip:a@b SIP/3.0',
    ' sip:a SIP/2.0',
    'GET / HTTP/1.1',
    'sip/2.0 200 OK',
    'SIP/2.0 200',
    'SIP/2.0 2000 x',
    'SIP/2.0 099 x',
    'SIP/2.0 700 x',
    'SIP/2.0  200 x',
    'SIP/2.0 ',
    'x',
    '',
  ])
    assert.equal(agreed(`${line}\r\nTo: a\r\n\r\n`)?.facts[LINE] ?? 0, 0, line);
  agreed('INVITE sip:a@b SIP/2.0\nTo: a\r\n\r\n');
});

test('of several rows the first counts, long or compact', { skip }, () => {
  agreed(lines('v: SIP/2.0/UDP a;branch=b', 'Via: SIP/2.0/UDP c;branch=d', 'Via: SIP/2.0/UDP e'));
  agreed(
    lines('f: <sip:a>;tag=1', 'From: <sip:b>;tag=2', 'To: <sip:a>;tag=1', 'To: <sip:b>', 'CSeq: 1 A', 'CSeq: 2 B'),
  );
});

test('facts of a message do not outlive it', { skip }, () => {
  const text = lines('Via: SIP/2.0/UDP a', 'Via: SIP/2.0/UDP b');
  const index = nativeIndex(text);
  assert.ok(index !== null);
  const msg = new SipMsg(text, receivedBySelf(SOCKET), index);
  forgetFacts();
  index.facts.fill(0x7fff);
  assert.equal(msg.via2?.host, 'b');
});

test('any row is taken apart alike', { skip }, () => {
  const pieces = (...texts: string[]): fc.Arbitrary<string> =>
    fc.array(fc.constantFrom(...texts), { maxLength: 12 }).map((list) => list.join(''));
  const param = [
    ';',
    ';branch=',
    ';rport',
    ';received=',
    ';maddr=',
    ';tag=',
    ';Tag',
    'z9hG4bK',
    '=',
    ',',
    '"',
    ' ',
    'é',
    'a',
    '1',
    '\\',
  ];
  const via = pieces('a', '.', ':', '5060', '[', ']', '_', ...param).map((rest) => `SIP/2.0/UDP h${rest}`);
  const addr = pieces('<', '>', '<sip:a@b>', '"A" ', 'A', ':', ...param);
  const cseq = pieces('1', '9', ' ', 'INVITE', 'X', '\t');
  let seen = 0;
  let taken = 0;
  fc.assert(
    fc.property(via, via, addr, addr, cseq, (via1, via2, from, to, number) => {
      const rows = [`Via: ${via1}`, `From: ${from}`, `Via: ${via2}`, `To: ${to}`, `CSeq: ${number}`];
      const facts = found(agreed(lines(...rows)));
      seen += facts.length;
      taken += facts.filter(Boolean).length;
    }),
    { numRuns: 4000 },
  );
  assert.ok(taken > seen / 50, `${taken} of ${seen} by the addon`);
});
