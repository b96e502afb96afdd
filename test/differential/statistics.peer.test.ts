import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { withBoth } from '../support/both-servers.ts';
import { kamcmd } from '../support/kamcmd.ts';
import { request } from '../support/msg.ts';
import { skipWithout } from '../support/peers.ts';

const MODULES = ['sl', 'tm', 'tmx', 'kex', 'counters', 'ctl'];

test('the same statistics in the same groups: core, dns, shmem, sl, tcp, tmx', {
  skip: skipWithout('kamailio', 'kamcmd'),
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'strowger-statistics-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const socket = `unix:${join(folder, 'ctl')}`;
  const script = (_port: number, modulePath: string): string =>
    `${modulePath}${MODULES.map((name) => `loadmodule "${name}.so"\n`).join('')}
modparam("ctl", "binrpc", "${socket}")
request_route { sl_send_reply("200", "OK"); }
`;
  const { kamailio, strowger } = await withBoth(script, async () => {
    return (await kamcmd(socket, 'stats.get_statistics', 'all'))
      .split('\n')
      .map((line) => line.split(' = ')[0]?.trim() ?? '')
      .filter((name) => name !== '')
      .toSorted();
  });
  assert.ok(kamailio.length > 100);
  assert.deepEqual(strowger, kamailio);
});

const CODES = [100, 183, 200, 201, 202, 204, 300, 301, 305, 400, 404, 410, 483, 486, 500, 503, 600, 603];

test('stateless replies are counted alike', { skip: skipWithout('kamailio', 'kamcmd') }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'strowger-statistics-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const socket = `unix:${join(folder, 'ctl')}`;
  const script = (_port: number, modulePath: string): string =>
    `${modulePath}${['tm', 'sl', 'pv', 'ctl'].map((name) => `loadmodule "${name}.so"\n`).join('')}
modparam("ctl", "binrpc", "${socket}")
request_route {
  # not counted: it is asked again until it is answered
  if ($rU == "ready") { t_newtran(); t_reply("200", "x"); exit; }
  sl_send_reply("$(rU{s.int})", "x");
}
`;
  const { kamailio, strowger } = await withBoth(script, async ({ port, peer }) => {
    for (const code of CODES) {
      peer.send(
        request('OPTIONS', `sip:${code}@127.0.0.1:${port}`, {
          via: `SIP/2.0/UDP 127.0.0.1:${peer.port};branch=z9hG4bK-${code}`,
        }),
        port,
      );
      await peer.next(3000);
    }
    return await kamcmd(socket, 'sl.stats');
  });
  assert.equal(strowger, kamailio);
});
