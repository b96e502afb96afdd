import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimDns } from '../../test/support/sim-dns.ts';
import { SimNetwork } from '../../test/support/sim-network.ts';
import { SimServer } from '../../test/support/sim-server.ts';
import { SeededRandom } from '../timer/random.ts';
import { VirtualClock } from '../timer/virtual-clock.ts';

async function aliasesWith(autoAliases: number): Promise<{ mine: boolean; others: boolean; asked: number }> {
  const clock = new VirtualClock();
  const dns = new SimDns(clock).add('1.0.0.10.in-addr.arpa', 'PTR', 60, 'sip.example.org');
  const sim = await SimServer.start(new SimNetwork(clock, new SeededRandom(1), {}), {
    script: 'request_route { exit; }',
    dns,
    options: { settings: { auto_aliases: autoAliases } },
  });
  await clock.advanceAsync(1000);
  const { addresses } = sim.server;
  const found = {
    mine: addresses.isMyself('sip.example.org', 5060, 1),
    others: addresses.isMyself('sip.example.org', 5062, 1),
    asked: dns.seen.length,
  };
  await sim.stop();
  return found;
}

test('auto_aliases: the name of a listening address is ours, with its port', async () => {
  assert.deepEqual(await aliasesWith(1), { mine: true, others: false, asked: 1 });
  assert.deepEqual(await aliasesWith(0), { mine: false, others: false, asked: 0 });
});
