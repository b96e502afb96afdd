import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PROTO } from 'strowger';
import { ModuleBench, request, SipPeer, sipMsg } from 'strowger/testing';
import { SipWorld } from '../../test/support/sip-world.ts';
import type { OutboundApi } from './api.ts';
import { type Flow, FlowTokens } from './flow-token.ts';
import outbound from './index.ts';

const tokens = new FlowTokens(() => 'secret');

const FLOWS: readonly Flow[] = [
  { proto: PROTO.UDP, srcIp: '192.0.2.1', srcPort: 5060, dstIp: '198.51.100.7', dstPort: 65535 },
  { proto: PROTO.TLS, srcIp: '0.0.0.0', srcPort: 1, dstIp: '255.255.255.255', dstPort: 443 },
  { proto: PROTO.WSS, srcIp: '2001:db8::1', srcPort: 4000, dstIp: '::1', dstPort: 443 },
  { proto: PROTO.TCP, srcIp: '2001:db8:0:1:2:3:4:5', srcPort: 4000, dstIp: 'fe80::', dstPort: 5060 },
];

test('a token gives its flow back', () => {
  for (const flow of FLOWS) assert.deepEqual(tokens.decode(tokens.encode(flow)), { kind: 'flow', flow });
});

test('a token that was changed anywhere, or made with another key, is not taken (RFC 5626 §5.2)', () => {
  for (const flow of FLOWS) {
    const bytes = Buffer.from(tokens.encode(flow), 'base64');
    for (let i = 0; i < bytes.length; i++) {
      const changed = Buffer.from(bytes);
      changed[i] = (changed[i] ?? 0) ^ 1;
      assert.deepEqual(tokens.decode(changed.toString('base64')), { kind: 'forged' }, `byte ${i}`);
    }
    assert.deepEqual(new FlowTokens(() => 'other').decode(tokens.encode(flow)), { kind: 'forged' });
  }
});

test('what is no token at all is a user like others', () => {
  const token = tokens.encode(FLOWS[0] as Flow);
  for (const user of ['', 'alice', 'a'.repeat(5000), token.slice(4), `${token}AAAA`, `${token.slice(0, -1)}.`, '===='])
    assert.deepEqual(tokens.decode(user), { kind: 'none' }, user);
});

const ONE_VIA = 'SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1';
const TWO_VIAS = [ONE_VIA, 'SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK2'];

/** method, Contact, Via, Route, flags, token? */
const REQUESTS: readonly [string, string, string | readonly string[], string, number, boolean][] = [
  ['REGISTER', '<sip:a@192.0.2.1>;reg-id=1', ONE_VIA, '', 0, true],
  ['REGISTER', '<sip:a@192.0.2.1>, <sip:b@192.0.2.1>;reg-id=1', ONE_VIA, '', 0, true],
  ['REGISTER', '<sip:a@192.0.2.1>;reg-id=1', TWO_VIAS, '', 0, false],
  ['REGISTER', '<sip:a@192.0.2.1;ob>', ONE_VIA, '', 0, false],
  ['INVITE', '<sip:a@192.0.2.1;ob>', ONE_VIA, '', 0, true],
  ['INVITE', '<sip:a@192.0.2.1>;ob', ONE_VIA, '', 0, false],
  ['INVITE', '<sip:a@192.0.2.1;ob>', TWO_VIAS, '', 0, false],
  ['INVITE', '<sip:a@192.0.2.1>', TWO_VIAS, '<sip:ours;lr;ob>', 0, true],
  ['INVITE', '<sip:a@192.0.2.1>', TWO_VIAS, '<sip:ours;lr>', 0, false],
  ['INVITE', '<sip:a@192.0.2.1>', TWO_VIAS, '<sip:theirs;lr;ob>', 0, false],
  ['INVITE', '<sip:a@192.0.2.1;ob>', ONE_VIA, '', 4, false],
  ['INVITE', '<sip:a@192.0.2.1>', ONE_VIA, '', 2, true],
  ['REGISTER', '*', ONE_VIA, '', 0, false],
];

test('who gets a flow token (RFC 5626 §5.1, §5.3)', async () => {
  const params = { force_outbound_flag: 1, force_no_outbound_flag: 2 };
  const bench = await new ModuleBench(outbound, params, { isMyself: (host: string) => host === 'ours' }).init();
  const api = bench.state.api() satisfies OutboundApi;
  for (const [method, contact, via, route, flags, expected] of REQUESTS) {
    const msg = sipMsg(request(method, 'sip:x@example.org', { contact, via, route: route === '' ? [] : [route] }));
    msg.flags = flags;
    assert.equal(api.usesOutbound(msg), expected, `${method} ${contact} ${flags}`);
  }
});

test('one flag can not mean both', async () => {
  const params = { force_outbound_flag: 1, force_no_outbound_flag: 1 };
  await assert.rejects(new ModuleBench(outbound, params).init(), /same flag/);
});

const EDGE = `
alias="edge.example.org"
loadmodule "outbound.so"
loadmodule "path.so"
request_route {
  if (is_method("REGISTER")) { add_path(); $du = "sip:10.0.2.1"; t_relay(); exit; }
  if ($hdr(X-Check) != $null) { check_flow_token(); sl_send_reply("200", "rc $rc"); exit; }
  if (!check_flow_token() && $rc == -5) { sl_send_reply("430", "Flow Failed"); exit; }
  if (!loose_route() && $rc == -2) { sl_send_reply("403", "Forbidden"); exit; }
  t_relay();
}`;

test('an edge proxy: requests go down the flow that was registered, and only there', async () => {
  const world = await SipWorld.start(EDGE);
  try {
    const target = { ip: '10.0.0.1', port: 5060 };
    const phone = await SipPeer.tcpClient(world.network.host('10.0.1.9').stream, {
      clock: world.clock,
      name: 'phone',
      target,
    });
    const contact = '<sip:phone@10.0.1.9;transport=tcp>;reg-id=1;+sip.instance="<urn:uuid:1>"';
    phone.sends(phone.request('REGISTER', 'sip:example.org', { contact }));
    const seen = await world.bob.receives('REGISTER');
    const path = seen.get('Path');
    assert.match(path, /^<sip:[A-Za-z0-9+/=]+@10\.0\.0\.1.*;lr;ob>$/);
    world.bob.replies(seen, 200);
    await phone.receives(200);

    const invite = (branch: string, route: string, headers = {}): string =>
      world.bob.request('INVITE', 'sip:phone@10.0.1.9;transport=tcp', {
        branch,
        callId: branch,
        route: [route],
        headers,
      });
    world.bob.sends(invite('z9hG4bK-a', path, { 'X-Check': '1' }));
    assert.equal((await world.bob.receives(200)).startLine, 'SIP/2.0 200 rc 1');

    world.bob.sends(invite('z9hG4bK-b', path));
    const received = await phone.receives('INVITE');
    assert.equal(received.has('Route'), false);
    phone.replies(received, 486);
    await world.bob.receives(486);

    const forged = path.replace(/sip:(.)/, (_all, first: string) => `sip:${first === 'A' ? 'B' : 'A'}`);
    world.bob.sends(invite('z9hG4bK-c', forged));
    await world.bob.receives(403);

    await phone.close();
    await world.passes(100);
    world.bob.sends(invite('z9hG4bK-d', path, { 'X-Check': '1' }));
    assert.equal((await world.bob.receives(200)).startLine, 'SIP/2.0 200 rc -5');
    world.bob.sends(invite('z9hG4bK-e', path));
    await world.bob.receives(430);
  } finally {
    await world.stop();
  }
});
