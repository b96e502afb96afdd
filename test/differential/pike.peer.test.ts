import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { SeededRandom } from '../../core/timer/random.ts';
import { skipWithout } from '../support/peers.ts';
import { CasePair } from './case-pair.ts';

/** The same requests of the same addresses to pike in both servers. */
suite('pike as Kamailio has it', { skip: skipWithout('kamailio', 'kamcmd'), timeout: 120_000 }, () => {
  const pair = new CasePair(
    `loadmodule "textops.so"
loadmodule "counters.so"
loadmodule "pike.so"
modparam("pike", "sampling_time_unit", 10000)
modparam("pike", "reqs_density_per_unit", 20)
modparam("pike", "remove_latency", 20000)
modparam("pike", "pike_log_level", 3)`,
    [
      { name: 'ip', run: 'pike_check_ip("$hdr(X-Ip)"); $var(r) = $rc;', show: '$var(r)' },
      { name: 'req', run: 'pike_check_req(); $var(r) = $rc;', show: '$var(r)' },
    ],
  );
  before(() => pair.start());
  after(() => pair.stop());

  test('each request has the same answer', async () => {
    const random = new SeededRandom(5);
    for (let i = 0; i < 600; i++) {
      const ip = `10.${random.int(2)}.${random.int(2)}.${random.int(3)}`;
      await pair.compare('ip', { 'X-Ip': ip });
      if (i % 10 === 0) await pair.compare('req');
    }
    pair.assertSame();
  });

  test('the same number of addresses blocked', async () => {
    const { theirs, ours } = await pair.rpc('cnt.get', 'pike', 'blocked_ips');
    assert.match(ours, /[1-9]/);
    assert.equal(ours, theirs);
  });

  test('the same list', async () => {
    for (const filter of ['ALL', 'HOT', 'WARM', 'what']) {
      const { theirs, ours } = await pair.rpc('pike.top', filter);
      const strip = (text: string): string => text.replaceAll(/expires: \d+/g, 'expires');
      assert.equal(strip(ours), strip(theirs));
    }
    const { theirs, ours } = await pair.rpc('pike.list');
    assert.equal(ours.length, theirs.length);
  });
});
