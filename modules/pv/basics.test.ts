import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PvEvaluator, testMsg } from '../../test/support/pv-eval.ts';
import pv from './index.ts';

const INVITE = `INVITE sip:alice:secret@example.org:5070;transport=tcp?x=y SIP/2.0
Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1
From: "Bob" <sip:bob@example.com>;tag=f1
To: sip:carol@example.com;tag=t1
Call-ID: c1
CSeq: 7 INVITE
X-A: one
X-A: two
Content-Length: 2

hi`;

async function evaluator() {
  const ev = new PvEvaluator();
  await ev.load(pv, { varset: ['init=i:4'], avp_aliases: ['mail=s:email;tmp=i:100'] });
  return ev;
}

test('assigning parts of the Request-URI rewrites it', async () => {
  const ev = await evaluator();
  const run = ev.run(testMsg(INVITE));
  assert.equal(ev.pv('$rU').set?.(run, 'dave'), true);
  assert.equal(ev.pv('$ru').get(run), 'sip:dave:secret@example.org:5070;transport=tcp?x=y');
  ev.pv('$rd').set?.(run, '[::1]');
  ev.pv('$rp').set?.(run, 5099);
  assert.equal(ev.pv('$ru').get(run), 'sip:dave:secret@[::1]:5099;transport=tcp?x=y');
  ev.pv('$rU').set?.(run, null);
  ev.pv('$rp').set?.(run, null);
  assert.equal(ev.pv('$ru').get(run), 'sip:[::1];transport=tcp?x=y');
  assert.equal(ev.pv('$ou').get(run), 'sip:alice:secret@example.org:5070;transport=tcp?x=y');
  assert.equal(ev.pv('$rp').set?.(run, 'abc'), false);
});

test('From and To edits are sent but not read back, and the last one wins', async () => {
  const ev = await evaluator();
  const run = ev.run(testMsg(INVITE));
  ev.pv('$fU').set?.(run, 'erin');
  ev.pv('$fU').set?.(run, 'frank');
  ev.pv('$fn').set?.(run, '"F"');
  ev.pv('$tu').set?.(run, 'sip:new@example.net');
  assert.equal(ev.pv('$fU').get(run), 'bob');
  const sent = String(ev.pv('$mbu').get(run));
  assert.match(sent, /\r\nFrom: "F" <sip:frank@example\.com>;tag=f1\r\n/);
  assert.match(sent, /\r\nTo: <sip:new@example\.net>;tag=t1\r\n/);
});

test('script variables begin with 0 or their varset value, and $null sets 0', async () => {
  const ev = await evaluator();
  const run = ev.run(testMsg(INVITE));
  assert.equal(ev.pv('$var(init)').get(run), 4);
  assert.equal(ev.pv('$var(x)').get(run), 0);
  ev.pv('$var(x)').set?.(run, 'text');
  assert.equal(ev.pv('$vz(x)').get(run), 'text');
  assert.equal(ev.pv('$vn(x)').get(run), null);
  ev.pv('$var(x)').set?.(run, null);
  assert.equal(ev.pv('$var(x)').get(run), 0);
  assert.equal(ev.pv('$var(init)').get(run), 4);
});

test('AVPs are a stack for each name, aliases and integer names included', async () => {
  const ev = await evaluator();
  const run = ev.run(testMsg(INVITE));
  for (const value of [1, 'two', 3]) ev.pv('$avp(a)').set?.(run, value);
  assert.equal(ev.pv('$avp(a)').get(run), 3);
  assert.equal(ev.pv('$(avp(a)[-1])').get(run), 1);
  assert.equal(ev.pv('$(avp(a)[*])').get(run), '3, two, 1');
  assert.deepEqual(ev.pv('$(avp(a)[*])').getAll?.(run), [3, 'two', 1]);
  ev.pv('$avp(a)').set?.(run, null);
  assert.equal(ev.pv('$avp(s:a)').get(run), 'two');
  ev.pv('$(avp(a)[*])').set?.(run, 'only');
  assert.equal(ev.pv('$(avp(a)[*])').get(run), 'only');
  ev.pv('$avp(tmp)').set?.(run, 'int name');
  assert.equal(ev.pv('$avp(i:100)').get(run), 'int name');
  assert.equal(ev.pv('$avp(100)').get(run), null);
  ev.pv('$var(n)').set?.(run, 100);
  assert.equal(ev.pv('$avp($var(n))').get(run), 'int name');
});

test('header variables take an index from either end', async () => {
  const ev = await evaluator();
  const run = ev.run(testMsg(INVITE));
  assert.equal(ev.pv('$hdr(x-a)').get(run), 'one');
  assert.equal(ev.pv('$(hdr(X-A)[-1])').get(run), 'two');
  assert.equal(ev.pv('$(hdr(X-A)[*])').get(run), 'one,two');
  assert.equal(ev.pv('$(hdr(X-A)[2])').get(run), null);
  assert.equal(ev.pv('$hdrc(X-A)').get(run), 2);
  assert.equal(ev.pv('$cl').get(run), 2);
  assert.equal(ev.format('$rm $(hdr(f){s.len}) $ua $$')(run), 'INVITE 34 <null> $');
});
