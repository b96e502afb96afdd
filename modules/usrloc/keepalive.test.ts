import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contactInfo } from '../../test/support/contact-info.ts';
import { SipWorld } from '../../test/support/sip-world.ts';
import type { Ucontact, UcontactInfo, UsrlocApi } from './api.ts';

const SCRIPT = `
request_route { sl_send_reply("200", "OK"); }
`;

async function start(params: string): Promise<{ world: SipWorld; ul: UsrlocApi }> {
  const world = await SipWorld.start(SCRIPT, { params: `loadmodule "usrloc.so"\n${params}` });
  return { world, ul: world.sim.api<UsrlocApi>('usrloc') };
}

async function add(ul: UsrlocApi, aor: string, uri: string, more: Partial<UcontactInfo> = {}): Promise<Ucontact> {
  const info = contactInfo(uri, ul.nowSec(), { socket: 'udp:10.0.0.1:5060', ...more });
  return await ul.domain('location').edit(aor, (record) => record.insert(info));
}

const KA = `
modparam("usrloc", "timer_interval", 4)
modparam("usrloc", "ka_from", "sip:ping@example.org")
modparam("usrloc", "ka_domain", "example.net")
`;

test('ka_mode 1: contacts are asked once in timer_interval; an answer shows that they live, ka_timeout that not', async () => {
  const { world, ul } = await start(`${KA}
modparam("usrloc", "ka_mode", 1)
modparam("usrloc", "ka_timeout", 10)
modparam("usrloc", "ka_loglevel", -1)
modparam("usrloc", "ka_logmsg", " by $rs from $si")
`);
  const { ruid } = await add(ul, 'bob', 'sip:bob@10.0.2.1:5060');
  await add(ul, 'carol', 'sip:carol@192.0.2.99', { received: 'sip:10.0.2.2:5060' });
  const ping = await world.bob.receives('OPTIONS', 5000);
  assert.match(ping.text, /^OPTIONS sip:bob@10\.0\.2\.1:5060 SIP\/2\.0\r\nVia: SIP\/2\.0\/UDP 10\.0\.0\.1/);
  assert.equal(ping.get('To'), '<sip:bob@example.net>');
  assert.ok(ping.get('From')?.startsWith(`<sip:ping@example.org>;tag=${ruid}-`));
  world.bob.replies(ping, 200);
  const other = await world.carol.receives('OPTIONS', 5000);
  assert.match(other.text, /^OPTIONS sip:carol@192\.0\.2\.99 SIP/);
  for (let round = 0; round < 4; round++) world.bob.replies(await world.bob.receives('OPTIONS', 5000), 200);
  await world.passes(100);
  assert.deepEqual(
    [await ul.domain('location').lookup('carol'), (await ul.domain('location').lookup('bob')).length],
    [[], 1],
  );
  const [bob] = await ul.domain('location').lookup('bob');
  assert.equal(bob?.keepaliveRoundtripUs, 2000);
  assert.ok(bob.lastKeepalive > bob.lastModified);
  const logged = world.sim.log.lines.join('\n');
  assert.match(
    logged,
    new RegExp(`keepalive roundtrip: 0\\.002000 sec - ruid \\[${ruid}\\] by 200 from 10\\.0\\.2\\.1`),
  );
  await world.stop();
});

test('ka_mode 2 and 4, ka_filter: only contacts behind NAT, over UDP, of this server; Path is followed', async () => {
  const { world, ul } = await start(`${KA}
server_id=7
modparam("usrloc", "ka_mode", 6)
modparam("usrloc", "ka_filter", 1)
modparam("usrloc", "nat_bflag", 6)
modparam("usrloc", "ka_method", "INFO")
`);
  assert.equal(ul.natFlag, 64);
  await add(ul, 'a', 'sip:a@10.0.2.1:5060', { cflags: 64, path: '<sip:10.0.2.2:5060;lr>' });
  await add(ul, 'b', 'sip:b@10.0.2.3:5060', { cflags: 32 });
  await add(ul, 'c', 'sip:c@10.0.2.3:5060', { cflags: 64, socket: 'tcp:10.0.0.1:5060' });
  await add(ul, 'd', 'sip:d@10.0.2.3:5060', { cflags: 64, serverId: 8 });
  const ping = await world.carol.receives('INFO', 5000);
  assert.match(ping.text, /^INFO sip:a@10\.0\.2\.1:5060 SIP/);
  assert.equal(ping.get('Route'), '<sip:10.0.2.2:5060;lr>');
  await world.dave.receivesNothing(8000);
  await world.bob.receivesNothing(0);
  await world.stop();
});

test('nathelper’s keepalive_timeout: contacts with keepalive 1 that nobody refreshes go', async () => {
  const { world, ul } = await start('modparam("usrloc", "timer_interval", 1)');
  ul.setKeepaliveTimeout(30);
  const watched = await add(ul, 'bob', 'sip:b', { keepalive: 1 });
  await add(ul, 'carol', 'sip:c', { keepalive: 1 });
  await add(ul, 'dave', 'sip:d');
  await world.passes(20_000);
  assert.equal(ul.domain('location').refreshKeepalive(watched.ruid, 5), true);
  assert.equal(ul.domain('location').refreshKeepalive('uloc-none'), false);
  await world.passes(15_000);
  assert.equal(ul.domain('location').contacts, 2);
  assert.deepEqual(await ul.domain('location').lookup('carol'), []);
  await world.stop();
});
