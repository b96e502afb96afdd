import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { TestMsg } from '../../test/support/msg.ts';
import { SipWorld } from '../../test/support/sip-world.ts';

const PARAMS = `
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "nathelper.so"
modparam("usrloc", "nat_bflag", 6)
modparam("nathelper|registrar", "received_avp", "$avp(RECEIVED)")
modparam("nathelper", "natping_interval", 10)
modparam("nathelper", "sipping_bflag", 7)
modparam("nathelper", "sipping_from", "sip:pinger@example.org")
modparam("nathelper", "keepalive_timeout", 35)
`;
const ROUTES = `
request_route {
  if (is_method("REGISTER")) {
    if ($fU == "received") { fix_nated_register(); setbflag(6); setbflag(7); }
    if ($fU == "fixed") fix_nated_contact();
    if ($fU == "alias") set_contact_alias();
    save("location");
    exit;
  }
  if (handle_ruri_alias() < 0) { sl_send_reply("400", "Bad alias"); exit; }
  if ($du == $null && !lookup("location")) { sl_send_reply("404", "Not found"); exit; }
  handle_ruri_alias();
  t_relay();
}
`;

/** bob registers as `user`, as behind a NAT: his Contact names an address that nobody reaches. */
async function registers(world: SipWorld, user: string): Promise<TestMsg> {
  const request = world.bob
    .request('REGISTER', 'sip:10.0.0.1')
    .replace(/From: [^\r]*/, `From: <sip:${user}@10.0.0.1>;tag=${user}`)
    .replace(/To: [^\r]*/, `To: <sip:${user}@10.0.0.1>`)
    .replace(/Contact: [^\r]*/, `Contact: <sip:${user}@192.168.7.7:5061>;expires=600`);
  world.bob.sends(request);
  return await world.bob.receives((msg) => msg.status === 200);
}

async function withWorld(use: (world: SipWorld) => Promise<void>): Promise<void> {
  const world = await SipWorld.start(ROUTES, { params: PARAMS });
  try {
    await use(world);
  } finally {
    await world.stop();
  }
}

describe('nathelper with registrar and usrloc', { timeout: 60_000 }, () => {
  test('fix_nated_contact and set_contact_alias are what is registered', () =>
    withWorld(async (world) => {
      const fixed = await registers(world, 'fixed');
      assert.match(fixed.text, /\r\nContact: <sip:fixed@10\.0\.2\.1:5060>;expires=600/);
      const alias = await registers(world, 'alias');
      assert.match(alias.text, /\r\nContact: <sip:alias@192\.168\.7\.7:5061;alias=10\.0\.2\.1~5060~1>;expires=600/);
      const received = await registers(world, 'received');
      assert.match(received.text, /;received="sip:10\.0\.2\.1:5060"/);
    }));

  test('calls reach all three, the alias taken out of the Request-URI', () =>
    withWorld(async (world) => {
      for (const [user, uri] of [
        ['fixed', 'sip:fixed@10.0.2.1:5060'],
        ['alias', 'sip:alias@192.168.7.7:5061'],
        ['received', 'sip:received@192.168.7.7:5061'],
      ] as const) {
        await registers(world, user);
        const invite = world.calls(`sip:${user}@10.0.0.1`);
        const reached = await world.bob.receives('INVITE');
        assert.ok(reached.text.startsWith(`INVITE ${uri} SIP/2.0\r\n`), reached.text);
        world.bob.replies(reached, 486);
        assert.equal((await world.final(invite)).status, 486);
      }
    }));

  test('pinged by SIP and answering, a contact stays; silent, it goes', () =>
    withWorld(async (world) => {
      await registers(world, 'received');
      for (let i = 0; i < 6; i++) {
        const ping = await world.bob.receives('OPTIONS', 20_000);
        assert.ok(ping.text.startsWith('OPTIONS sip:received@192.168.7.7:5061 SIP/2.0\r\n'));
        world.bob.replies(ping, 200);
      }
      const invite = world.calls('sip:received@10.0.0.1');
      world.bob.replies(await world.bob.receives('INVITE'), 486);
      await world.final(invite);
      await world.passes(60_000);
      const gone = world.calls('sip:received@10.0.0.1');
      assert.equal((await world.final(gone)).status, 404);
    }));
});
