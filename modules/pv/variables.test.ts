import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RECEIVED_DATA, type ReceivedData, VERIFIED_CREDENTIALS } from 'strowger';
import { PvEvaluator, testMsg } from '../../test/support/pv-eval.ts';
import pv from './index.ts';

const MESSAGE = `INVITE sip:alice@example.org SIP/2.0
Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1
From: <sip:bob@example.com>;tag=f1
To: <sip:carol@example.com>
Call-ID: c1
CSeq: 7 INVITE
Content-Length: 0

`;

async function begin(settings: readonly (readonly [string, string | number])[] = []) {
  const ev = new PvEvaluator(settings);
  await ev.load(pv);
  return { ev, run: ev.run(testMsg(MESSAGE)) };
}

test('cached times stay for a message, the others follow the clock', async () => {
  const { ev, run } = await begin();
  const cached = [ev.pv('$Ts').get(run), ev.pv('$TV(s)').get(run)];
  const now = Number(ev.pv('$TS').get(run));
  ev.clock.advance(2500);
  assert.deepEqual([ev.pv('$Ts').get(run), ev.pv('$TV(s)').get(run)], cached);
  assert.equal(ev.pv('$TS').get(run), now + 2);
  assert.equal(ev.pv('$TV(sn)').get(run), now + 2);
  assert.match(String(ev.pv('$TV(Sn)').get(run)), /^\d+\.\d{6}$/);
  const wall = new Date(ev.clock.wall());
  assert.equal(ev.pv('$utime(year)').get(run), wall.getUTCFullYear());
  assert.equal(ev.pv('$utime(mon)').get(run), wall.getUTCMonth() + 1);
  assert.equal(ev.pv('$utimef(%H:%M)').get(run), wall.toISOString().slice(11, 16));
});

test('$msgbuf(n) changes the message in place', async () => {
  const { ev, run } = await begin();
  assert.equal(ev.pv('$msgbuf(0)').get(run), 'I');
  const at = run.msg.buf.indexOf('c1');
  ev.exec(`$var(i) = ${at}; $msgbuf($var(i)) = "d"`, run);
  assert.equal(ev.pv('$ci').get(run), 'd1');
  assert.equal(ev.pv('$msgbuf(99999)').get(run), null);
});

test('$snd and its kin are known only while a message is sent', async () => {
  const { ev, run } = await begin();
  assert.equal(ev.pv('$snd(ip)').get(run), null);
  run.sending = { text: 'abc', ip: '192.0.2.9', port: 5070, proto: 1 };
  const read = (text: string) => ev.pv(text).get(run);
  assert.deepEqual(
    [
      read('$snd(ip)'),
      read('$sndto(port)'),
      read('$sndto(sproto)'),
      read('$snd(af)'),
      read('$snd(len)'),
      read('$sndfrom(ip)'),
      read('$sndfrom(port)'),
    ],
    ['192.0.2.9', 5070, 'udp', 2, 3, '127.0.0.1', 5060],
  );
});

test('$rcv(buf) is what was received, and can be replaced', async () => {
  const { ev, run } = await begin();
  assert.equal(ev.pv('$rcv(buf)').get(run), null);
  const data: ReceivedData = { text: 'raw', rcv: run.msg.rcv };
  run.locals = new Map([[RECEIVED_DATA, data]]);
  assert.deepEqual(
    [ev.pv('$rcv(buf)').get(run), ev.pv('$rcv(len)').get(run), ev.pv('$rcv(srcip)').get(run)],
    ['raw', 3, '127.0.0.1'],
  );
  ev.exec('$rcv(buf) = "other"', run);
  assert.equal(data.text, 'other');
});

test('$Au and $AU prefer who an authentication module has verified', async () => {
  const { ev, run } = await begin();
  assert.deepEqual([ev.pv('$Au').get(run), ev.pv('$AU').get(run)], ['bob@example.com', 'bob']);
  run.msg.setExtension(VERIFIED_CREDENTIALS, { username: 'u', realm: 'r' });
  assert.deepEqual([ev.pv('$Au').get(run), ev.pv('$AU').get(run)], ['u@r', 'u']);
});

test('a transformation that gives null prints nothing, null itself <null>', async () => {
  const { ev, run } = await begin();
  assert.equal(ev.format('[$avp(none)] [$(avp(none){s.len})] [$(rU{s.int})]')(run), '[<null>] [] []');
});

test('core variables: environment, defines, codes', async () => {
  const { ev, run } = await begin([['server_id', 7]]);
  ev.defines = new Map([
    ['NUM', '42'],
    ['TEXT', 'abc'],
  ]);
  run.rc = -3;
  const read = (text: string) => ev.pv(text).get(run);
  assert.deepEqual(
    [read('$def(TEXT)'), read('$defn(NUM)'), read('$def(NONE)'), read('$defn(TEXT)')],
    ['abc', 42, null, 0],
  );
  assert.deepEqual([read('$rc'), read('$retcode'), read('$?'), read('$null'), read('$sid')], [-3, -3, -3, null, 7]);
  assert.deepEqual([read('$version(num)'), read('$ksr(verval)')], ['5.6.3', 5_006_003]);
});

test('$sel() and $_s() are bound with the script', async () => {
  const { ev, run } = await begin();
  assert.equal(ev.pv('$sel(from.uri.user)').get(run), 'bob');
  assert.equal(ev.pv('$_s(<$rU@$rd>)').get(run), '<alice@example.org>');
  assert.throws(() => ev.pv('$sel(nosuch)'), /unknown select/);
});

test('what a script can not mean is an error that says why', async () => {
  const { ev } = await begin();
  const errors: [string, RegExp][] = [
    ['$Mf(32)', /0 to 31/],
    ['$K(udp)', /one of UDP/],
    ['$via0(nope)', /one of host/],
    ['$avp(i:x)', /no name of an AVP/],
    ['$cnt($var(x))', /\$cnt\(\) counts/],
    ['$ccp(group)', /group\.name/],
    ['$xavp(=>a)', /no name/],
    ['$xavp(a[x])', /no index/],
    ['$xavu(a[1])', /no index/],
    ['$(rU{s.substr,a,1})', /must be an integer/],
    ['$(rU{s.substr,1})', /2 parameters/],
    ['$(rU{s.select,1,ab})', /one character/],
    ['$(rU{s.nope})', /unknown transformation/],
  ];
  for (const [text, message] of errors) assert.throws(() => ev.pv(text), message, text);
});
