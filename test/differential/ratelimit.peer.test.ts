import { after, before, suite, test } from 'node:test';
import { skipWithout } from '../support/peers.ts';
import { CasePair } from './case-pair.ts';

/** The same requests through the pipes of both servers. */
suite('ratelimit as Kamailio has it', { skip: skipWithout('kamailio', 'kamcmd'), timeout: 60_000 }, () => {
  const pair = new CasePair(
    `loadmodule "ratelimit.so"
modparam("ratelimit", "timer_interval", 1000)
modparam("ratelimit", "pipe", "0:TAILDROP:2")
modparam("ratelimit", "pipe", "1:RED:5")
modparam("ratelimit", "pipe", "3:FEEDBACK:80")
modparam("ratelimit", "pipe", "4:TAILDROP:0")
modparam("ratelimit", "queue", "0:REGISTER")
modparam("ratelimit", "queue", "4:INVITE")`,
    [
      ...['0', '1', '3', '4', '7', '40', '-1'].map((pipe) => ({
        name: pipe,
        run: `$var(p) = ${pipe}; rl_check_pipe("$var(p)"); $var(r) = $rc;`,
        show: '$var(r)',
      })),
      { name: 'old', run: '$var(p) = 4; rl_check("$var(p)"); $var(r) = $rc;', show: '$var(r)' },
      { name: 'queue', run: 'rl_check(); $var(r) = $rc;', show: '$var(r)' },
    ],
  );
  before(() => pair.start());
  after(() => pair.stop());

  test('requests', async () => {
    for (const name of ['0', '1', '3', '4', '7', '40', '-1', 'old', 'queue', '0', '1', '4']) await pair.compare(name);
    pair.assertSame();
  });

  test('RPC', async () => {
    const commands = `rl.get_pipes;rl.stats;rl.get_queues;rl.get_pid;rl.set_pid 0.5 0.25 0.125;rl.get_pid;rl.set_pid 1 2 3;
      rl.set_pipe 5 RED 10;rl.set_pipe 99 RED 1;rl.set_pipe 5 XX 1;rl.set_pipe 5;rl.set_queue 1 OPTIONS 4;rl.set_queue 99 INVITE 2;
      rl.set_queue 1;rl.get_queues;rl.get_pipes;rl.push_load 2;rl.push_load;rl.push_load 1.5;rl.push_load 0.5;rl.set_dbg 1;rl.set_dbg`;
    for (const text of commands.split(';')) await pair.compareRpc(...text.trim().split(' '));
    await pair.compare('queue');
    pair.assertSame();
  });
});
