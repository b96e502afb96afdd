import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PvEvaluator, testMsg } from '../../test/support/pv-eval.ts';
import pv from './index.ts';

/** What Kamailio 5.7 to 6.1 added to pv, as its cookbooks and module documentation say. */

const MESSAGE = `OPTIONS sip:example.org SIP/2.0
Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1
From: <sip:bob@example.com>;tag=f1
To: <sip:carol@example.com>
Call-ID: c1
CSeq: 7 OPTIONS
Contact: "Bob" <sip:bob@192.0.2.1;transport=tcp>;expires=60
Subject: one,
  two,
\tthree
Content-Length: 0

`;

async function begin(message = MESSAGE) {
  const ev = new PvEvaluator();
  await ev.load(pv, {});
  const run = ev.run(testMsg(message));
  return { ev, run, of: (text: string) => ev.pv(text).get(run) };
}

test('the characters that are awkward in strings have variables', async () => {
  const { of } = await begin();
  const text = ['En', 'Er', 'Et', 'Es', 'Ec', 'Eq', 'Ek', 'Ei', 'Ej', 'Eb', 'Ev']
    .map((name) => of(`$${name}`))
    .join('');
  assert.equal(text, '\n\r\t ,"\':;\\`');
});

test('$ctu, $cts and $tts look at Contact and To', async () => {
  const { of } = await begin();
  assert.deepEqual([of('$ctu'), of('$cts'), of('$tts')], ['sip:bob@192.0.2.1;transport=tcp', 0, 0]);
  const star = await begin(MESSAGE.replace(/Contact:.*/, 'Contact: *').replace('carol@example.com>', '$&;tag=t'));
  assert.deepEqual([star.of('$ctu'), star.of('$cts'), star.of('$tts')], [null, 1, 1]);
});

test('$shvinc counts', async () => {
  const { of } = await begin();
  assert.deepEqual([of('$shv(n)'), of('$shvinc(n)'), of('$shvinc(n)'), of('$shv(n)')], [0, 1, 2, 2]);
});

test('$K knows the address families as SDP writes them', async () => {
  const { of } = await begin();
  assert.deepEqual([of('$K(IP4)'), of('$K(IP6)')], [of('$K(IPv4)'), of('$K(IPv6)')]);
});

test('folded headers become one line', async () => {
  const { of } = await begin();
  assert.equal(of('$(hdr(Subject){s.rmhdws})'), 'one, two, three');
  assert.equal(of('$(hdr(Subject){s.rmhlws})'), 'one,two,three');
});

test('line ends are escaped and back', async () => {
  const { ev, run, of } = await begin();
  ev.exec('$var(x) = "a\\r\\nb"', run);
  assert.equal(of('$(var(x){s.escape.crlf})'), 'a\\r\\nb');
  assert.equal(of('$(var(x){s.escape.crlf}{s.unescape.crlf})'), 'a\r\nb');
  assert.equal(of('$(ci{s.sha1})'), '2f22765d04931a078909145ca628d2264c852d7d');
});

test('s.select takes separators written with a backslash', async () => {
  const { ev, run, of } = await begin();
  ev.exec('$var(x) = "one two\\tthree\\nfour"', run);
  assert.deepEqual(
    [of('$(var(x){s.select,2,\\s})'), of('$(var(x){s.select,1,\\t})'), of('$(var(x){s.select,-1,\\n})')],
    ['three', 'three\nfour', 'four'],
  );
});

test('lists of parameters with another separator, and with quotes', async () => {
  const { ev, run, of } = await begin();
  assert.equal(ev.exec('xavp_xparams_explode("a=1&b=x y", "&", "p")', run), -1);
  assert.equal(ev.exec('xavp_xparams_explode("a=1&b=xy", "&", "p")', run), 1);
  assert.deepEqual([of('$xavp(p=>a)'), of('$xavp(p=>b)')], ['1', 'xy']);
  ev.exec('$xavp(p[0]=>c) = 5; xavp_params_implode_qval("p", "$var(out)")', run);
  assert.equal(of('$var(out)'), 'c=5;a="1";b="xy";');
});

test('xavp_lshift turns a list, xavp_rm_all empties it', async () => {
  const { ev, run, of } = await begin();
  ev.exec('$xavp(n) = 30; $xavp(n) = 20; $xavp(n) = 10', run);
  const list = () => [0, 1, 2].map((i) => of(`$xavp(n[${i}])`));
  assert.deepEqual(list(), [10, 20, 30]);
  ev.exec('xavp_lshift("n", "1")', run);
  assert.deepEqual(list(), [20, 30, 10]);
  ev.exec('xavp_lshift("n", "-1")', run);
  assert.deepEqual(list(), [10, 20, 30]);
  ev.exec('xavp_lshift("n", "5")', run);
  assert.deepEqual(list(), [30, 10, 20]);
  assert.equal(ev.exec('xavp_lshift("none", "1")', run), -1);
  ev.exec('xavp_rm_all("n")', run);
  assert.deepEqual(list(), [null, null, null]);
});

test('xavp_push_dst sets the destination, or nothing when a part is wrong', async () => {
  const { ev, run, of } = await begin();
  ev.exec('$xavp(d=>uri) = "sip:a@b"; $xavp(d[0]=>dsturi) = "sip:c"; $xavp(d[0]=>socket) = "udp:192.0.2.77:9"', run);
  assert.equal(ev.exec('xavp_push_dst("d")', run), -1);
  assert.equal(of('$ru'), 'sip:example.org');
  ev.exec('$xavp(d[0]=>socket) = "udp:127.0.0.1:5060"', run);
  assert.equal(ev.exec('xavp_push_dst("d")', run), 1);
  assert.deepEqual([of('$ru'), of('$du'), of('$fs')], ['sip:a@b', 'sip:c', 'udp:127.0.0.1:5060']);
});

test('numbers as integers, their digits, fields between white space', async () => {
  const { ev, run, of } = await begin();
  ev.exec('$var(x) = "12 34\\t56"; $var(n) = -1234; $var(s) = "77"', run);
  assert.deepEqual([of('$(var(x){s.selectsw,1})'), of('$(var(x){s.selectsw,-1})')], ['34', '56']);
  assert.deepEqual([of('$(var(s){s.intv})'), of('$(var(x){s.intv})')], [77, of('$(var(x){s.int})')]);
  assert.deepEqual([of('$(var(n){num.fdigit})'), of('$(var(n){num.ldigit})'), of('$(var(s){num.ldigit})')], [1, 4, 0]);
});

test('a URI without one of its parameters', async () => {
  const { ev, run, of } = await begin();
  const cases = {
    'sip:a@b:5070;x=1;lr;transport=tcp?h=1': 'sip:a@b:5070;x=1;transport=tcp?h=1',
    'sip:a@b;LR': 'sip:a@b',
    'sip:a;lr@b': 'sip:a;lr@b',
    'sip:a;lr@b;lr=on': 'sip:a;lr@b',
    'no uri': 'no uri',
  };
  for (const [uri, expected] of Object.entries(cases)) {
    ev.exec(`$var(x) = "${uri}"`, run);
    assert.equal(of('$(var(x){uri.rmparam,lr})'), expected, uri);
  }
});

test('overload control in Via (RFC 7339), and a clock that only goes forward', async () => {
  const via = 'SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1;oc=20;oc-algo="loss";oc-validity=500;oc-seq=1.5';
  const { of } = await begin(MESSAGE.replace(/Via:.*/, `Via: ${via}`));
  const keys = ['oc', 'ocval', 'ocalgo', 'ocvalidity', 'ocseq'];
  assert.deepEqual(
    keys.map((key) => of(`$via0(${key})`)),
    [2, '20', '"loss"', '500', '1.5'],
  );
  assert.equal(of('$via0(params)'), via.slice(via.indexOf(';') + 1));
  const without = await begin();
  assert.deepEqual([without.of('$via0(oc)'), without.of('$via0(ocval)')], [0, null]);
  assert.match(String(of('$TV(Sm)')), /^\d+\.\d{6}$/);
});

test('lengths of whole URIs, and what stands at a place of a text', async () => {
  const { of } = await begin();
  assert.deepEqual([of('$ful'), of('$rul')], ['sip:bob@example.com'.length, 'sip:example.org'.length]);
  const at = ['0', '2', '-1', '19', '-20'].map((place) => of(`$(fu{s.charat,${place}})`));
  assert.deepEqual(at, ['s', 'p', 'm', null, null]);
  assert.deepEqual([of('$(fu{s.byteat,3})'), of('$(fu{s.byteat,99})')], [58, null]);
});
