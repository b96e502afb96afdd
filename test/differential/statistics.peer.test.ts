import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { withBoth } from '../support/both-servers.ts';
import { kamcmd } from '../support/kamcmd.ts';
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
