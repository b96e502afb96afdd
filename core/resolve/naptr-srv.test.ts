import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Settings } from '../cfg/settings.ts';
import { SeededRandom } from '../timer/random.ts';
import { PROTO } from '../transport/socket-info.ts';
import type { NaptrData, SrvData } from './dns-records.ts';
import { DnsSettings } from './dns-settings.ts';
import { orderNaptr, orderSrv, protocolsByPreference, srvName } from './naptr-srv.ts';

const srv = (priority: number, weight: number, port: number): SrvData => ({
  priority,
  weight,
  port,
  target: 'a.example.org',
});
const naptr = (order: number, preference: number, services: string, more: Partial<NaptrData> = {}): NaptrData => ({
  order,
  preference,
  flags: 's',
  services,
  regexp: '',
  replacement: `${services.toLowerCase()}.example.org`,
  ...more,
});
const settings = (values: Record<string, number>): DnsSettings => new DnsSettings(new Settings(Object.entries(values)));
const all = (): boolean => true;

test('targets of one priority come first in proportion to their weight (RFC 2782)', () => {
  const random = new SeededRandom(2782);
  const records = [srv(10, 60, 1), srv(10, 30, 2), srv(10, 10, 3), srv(20, 5, 4)];
  const first = new Map<number, number>();
  const second = new Map<number, number>();
  for (let i = 0; i < 100_000; i++) {
    const ports = orderSrv(records, random).map((record) => record.port);
    assert.equal(ports[3], 4);
    first.set(ports[0] ?? 0, (first.get(ports[0] ?? 0) ?? 0) + 1);
    if (ports[0] === 1) second.set(ports[1] ?? 0, (second.get(ports[1] ?? 0) ?? 0) + 1);
  }
  // A draw is one of 0 … 100, and 0 goes to the first in line: a hundredth at most.
  for (const [port, share] of [
    [1, 0.6],
    [2, 0.3],
    [3, 0.1],
  ] as const) {
    assert.ok(Math.abs((first.get(port) ?? 0) / 100_000 - share) < 0.012, `${port}: ${first.get(port)}`);
  }
  const ofSecond = (second.get(2) ?? 0) / ((second.get(2) ?? 0) + (second.get(3) ?? 0));
  assert.ok(Math.abs(ofSecond - 0.75) < 0.03, String(ofSecond));
});

test('a target of weight 0 is seldom first but sometimes; among zeros all are', () => {
  const random = new SeededRandom(1);
  const counts = [0, 0, 0, 0];
  for (let i = 0; i < 10_000; i++) {
    const first = orderSrv([srv(1, 99, 1), srv(1, 0, 2)], random)[0]?.port ?? 0;
    counts[first] = (counts[first] ?? 0) + 1;
  }
  assert.ok((counts[2] ?? 0) > 30 && (counts[2] ?? 0) < 300, String(counts));
});

test('without a random source the order given stays (dns_srv_lb=no)', () => {
  const records = [srv(5, 9, 1), srv(5, 1, 2), srv(10, 50, 3)];
  assert.deepEqual(orderSrv(records, null), records);
});

test('NAPTR: our preference first with dns_naptr_ignore_rfc, else the order; equal preferences leave it to the record', () => {
  const records = [naptr(20, 10, 'SIP+D2U'), naptr(10, 20, 'SIPS+D2T'), naptr(10, 10, 'SIP+D2T')];
  const protos = (values: Record<string, number>): number[] =>
    orderNaptr(records, settings(values), false, all).map((choice) => choice.proto);
  assert.deepEqual(protos({}), [PROTO.UDP, PROTO.TCP, PROTO.TLS]);
  assert.deepEqual(protos({ dns_naptr_ignore_rfc: 0 }), [PROTO.TCP, PROTO.TLS, PROTO.UDP]);
  assert.deepEqual(protos({ dns_naptr_ignore_rfc: 0, dns_tls_pref: 25 }), [PROTO.TLS, PROTO.TCP, PROTO.UDP]);
  assert.deepEqual(protos({ dns_udp_pref: 1, dns_tcp_pref: 1, dns_tls_pref: 1 }), [PROTO.TCP, PROTO.TLS, PROTO.UDP]);
  assert.deepEqual(protos({ dns_udp_pref: -1 }), [PROTO.TCP, PROTO.TLS]);
});

test('NAPTR: what we can not use is passed over; sips takes secure services only', () => {
  const records = [
    naptr(1, 1, 'SIP+D2U', { flags: 'u', regexp: '!.*!sip:x@example.org!' }),
    naptr(1, 1, 'E2U+sip'),
    naptr(1, 1, 'SIP+D2S'),
    naptr(1, 1, 'SIP+D2U', { replacement: '' }),
    naptr(1, 1, 'sip+d2t', { flags: 'S' }),
    naptr(2, 1, 'SIPS+D2T'),
  ];
  const noSctp = (proto: number): boolean => proto !== PROTO.SCTP;
  assert.deepEqual(
    orderNaptr(records, settings({}), false, noSctp).map((c) => c.name),
    ['sip+d2t.example.org', 'sips+d2t.example.org'],
  );
  assert.deepEqual(
    orderNaptr(records, settings({}), true, noSctp).map((c) => c.proto),
    [PROTO.TLS],
  );
});

test('names of SRV records, and the protocols to try by preference', () => {
  assert.equal(srvName('example.org', PROTO.UDP, false), '_sip._udp.example.org');
  assert.equal(srvName('example.org', PROTO.TCP, false), '_sip._tcp.example.org');
  assert.equal(srvName('example.org', PROTO.TLS, false), '_sips._tcp.example.org');
  assert.equal(srvName('example.org', PROTO.TCP, true), '_sips._tcp.example.org');
  assert.equal(srvName('example.org', PROTO.SCTP, false), '_sip._sctp.example.org');
  assert.equal(srvName('example.org', PROTO.WS, false), null);
  assert.deepEqual(protocolsByPreference(settings({ dns_tls_pref: 40, dns_sctp_pref: -1 }), all), [
    PROTO.TLS,
    PROTO.UDP,
    PROTO.TCP,
  ]);
});
