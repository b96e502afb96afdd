import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Settings } from '../cfg/settings.ts';
import { VirtualClock } from '../timer/virtual-clock.ts';
import { TimerWheel } from '../timer/wheel.ts';
import { PROTO } from '../transport/socket-info.ts';
import { BLST, DstBlocklist } from './dst-blocklist.ts';

function setup(values: Record<string, number>): { clock: VirtualClock; list: DstBlocklist } {
  const clock = new VirtualClock();
  return {
    clock,
    list: new DstBlocklist(new TimerWheel(clock), new Settings(Object.entries({ use_dst_blocklist: 1, ...values }))),
  };
}

test('a reported destination is blocked until dst_blocklist_expire after the last report', () => {
  const { clock, list } = setup({ dst_blocklist_expire: 10 });
  list.report(PROTO.UDP, '192.0.2.1', 5060, BLST.ERR_TIMEOUT);
  clock.advance(9000);
  list.report(PROTO.UDP, '192.0.2.1', 5060, BLST.ERR_SEND);
  clock.advance(9000);
  assert.equal(list.check(PROTO.UDP, '192.0.2.1', 5060), BLST.ERR_TIMEOUT | BLST.ERR_SEND);
  assert.equal(list.check(PROTO.TCP, '192.0.2.1', 5060), 0);
  assert.equal(list.check(PROTO.UDP, '192.0.2.1', 5061), 0);
  clock.advance(1000);
  assert.equal(list.check(PROTO.UDP, '192.0.2.1', 5060), 0);
  assert.equal(clock.runUntilIdle(300_000), true);
  assert.equal(list.usedBytes, 0);
});

test('switched off, or masked for the protocol, a report does nothing', () => {
  const off = setup({ use_dst_blocklist: 0 }).list;
  off.report(PROTO.UDP, '192.0.2.1', 5060, BLST.ERR_SEND);
  assert.deepEqual(off.entries(), []);
  const masked = setup({ dst_blocklist_udp_imask: BLST.ERR_TIMEOUT }).list;
  masked.report(PROTO.UDP, '192.0.2.1', 5060, BLST.ERR_TIMEOUT);
  masked.report(PROTO.TCP, '192.0.2.1', 5060, BLST.ERR_TIMEOUT);
  assert.deepEqual(
    masked.entries().map((entry) => entry.proto),
    [PROTO.TCP],
  );
  const absent = setup({ dst_blocklist_init: 0 }).list;
  assert.equal(absent.isEnabled, false);
});

test('protocol 0 and port 0 stand for any', () => {
  const { list } = setup({});
  list.add(PROTO.NONE, '192.0.2.1', 0, BLST.ADM_PROHIBITED);
  list.add(PROTO.TCP, '2001:db8::1', 0, 0);
  assert.equal(list.check(PROTO.UDP, '192.0.2.1', 5099), BLST.ADM_PROHIBITED);
  assert.equal(list.check(PROTO.TCP, '2001:db8::1', 1), BLST.IS_IPV6);
  assert.equal(list.check(PROTO.UDP, '2001:db8::1', 1), 0);
});

test('permanent entries stay, and a full list drops the oldest of the others', () => {
  const { clock, list } = setup({ dst_blocklist_mem: 1 });
  list.add(PROTO.UDP, '192.0.2.1', 5060, BLST.PERMANENT);
  for (let i = 0; i < 100; i++) list.add(PROTO.UDP, '198.51.100.1', 1000 + i, BLST.ERR_SEND);
  assert.ok(list.usedBytes <= 1024);
  assert.equal(list.check(PROTO.UDP, '198.51.100.1', 1000), 0);
  assert.notEqual(list.check(PROTO.UDP, '198.51.100.1', 1099), 0);
  clock.advance(1_000_000);
  list.clear();
  assert.deepEqual(
    list.entries().map((entry) => entry.ip),
    ['192.0.2.1'],
  );
});
