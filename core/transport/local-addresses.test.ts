import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LocalAddresses } from './local-addresses.ts';
import { PROTO, type SocketInfo } from './socket-info.ts';

function socket(address: string, more: Partial<SocketInfo> = {}): SocketInfo {
  return {
    index: 0,
    proto: PROTO.UDP,
    family: 4,
    address,
    port: 5060,
    advertisedHost: address,
    advertisedPort: 5060,
    isAdvertised: false,
    name: '',
    isVirtual: false,
    uri: `udp:${address}:5060`,
    sentBy: `${address}:5060`,
    isReliable: false,
    ...more,
  };
}

test('sockets with their ports, what they advertise, aliases and claims are ours', () => {
  const addresses = new LocalAddresses([
    socket('10.0.0.1', { isAdvertised: true, advertisedHost: 'sip.example.org', advertisedPort: 5080 }),
  ]);
  addresses.addAlias('Example.ORG', 0, 0);
  addresses.addClaim((host) => host === 'claimed.example');
  const mine = (host: string, port = 0, proto: number = PROTO.NONE): boolean => addresses.isMyself(host, port, proto);
  assert.ok(mine('10.0.0.1', 5060, PROTO.UDP) && mine('10.0.0.1'));
  assert.ok(!mine('10.0.0.1', 5061) && !mine('10.0.0.1', 5060, PROTO.TCP) && !mine('10.0.0.2'));
  assert.ok(mine('SIP.example.org', 5080) && !mine('sip.example.org', 5060));
  assert.ok(mine('example.org', 1234, PROTO.TLS) && mine('claimed.example'));
});

test('the address of a virtual socket is ours while an interface has it', () => {
  let here: readonly string[] = [];
  const addresses = new LocalAddresses([socket('10.0.0.9', { isVirtual: true }), socket('10.0.0.1')], (ip) =>
    here.includes(ip),
  );
  assert.ok(!addresses.isMyself('10.0.0.9', 5060, PROTO.UDP));
  assert.ok(addresses.isMyself('10.0.0.1', 5060, PROTO.UDP));
  here = ['10.0.0.9'];
  assert.ok(addresses.isMyself('10.0.0.9', 5060, PROTO.UDP));
});
