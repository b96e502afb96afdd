import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, type TestContext, test } from 'node:test';
import { Baresip } from '../support/baresip.ts';
import { skipWithout } from '../support/peers.ts';
import { SippCaller, sippCallee } from '../support/sipp.ts';
import { BIN_FOLDER, freePort, StrowgerProcess } from '../support/strowger-process.ts';

/** Real phones and sipp with cfg/b2bua.cfg. */

const SCRIPT = join(import.meta.dirname, '../../cfg/b2bua.cfg');
const STROWGER = join(BIN_FOLDER, 'strowger.js');
const PASSWORD = 'secret';
const folder = mkdtempSync(join(tmpdir(), 'strowger-office-peers-'));
after(() => rmSync(folder, { recursive: true, force: true }));

async function office(t: TestContext, peers: string, defines: Readonly<Record<string, string | number>> = {}) {
  const port = await freePort();
  const list = join(folder, `${port}.list`);
  writeFileSync(list, peers);
  const all = { LISTEN_PORT: port, PEERS: `"${list}"`, CDRS: `"${join(folder, `${port}.json`)}"`, ...defines };
  const options = Object.entries(all).flatMap(([name, value]) => ['-A', `${name}=${value}`]);
  const run = join(folder, `run${port}`);
  const server = new StrowgerProcess(STROWGER, ['-f', SCRIPT, '-Y', run, '-E', ...options], { cwd: folder });
  t.after(() => server.stop());
  await server.says('is ready');
  return { server, port };
}

suite('sipp calls through cfg/b2bua.cfg', { skip: skipWithout('sipp') }, () => {
  for (const [name, transport, param] of [
    ['UDP', 'u1', ''],
    ['TCP', 't1', ';transport=tcp'],
  ] as const)
    test(`${name}: from a trunk to the hunt group`, { timeout: 60_000 }, async (t) => {
      const callee = await sippCallee(transport);
      t.after(() => callee.sipp.stop('SIGKILL'));
      const peers = `name=trunk1;group=trunks;uri=sip:127.0.0.1:9;qualify=0
name=sink;uri=<sip:127.0.0.1:${callee.port}${param}>;qualify=0\n`;
      const { server, port } = await office(t, peers, { GROUP_FIRST: '"peer:service@sink"' });
      const caller = await SippCaller.start({ port, transport, count: 200, rate: 50, folder });
      const end = await caller.end();
      assert.deepEqual([end.successful, end.failed], [200, 0], `${caller.errors}\n${server.stderr}`);
    });
});

suite('baresips in the office of cfg/b2bua.cfg', { skip: skipWithout('baresip') }, () => {
  for (const transport of ['udp', 'tcp'] as const)
    test(`${transport}: call, hold, resume, blind transfer`, { timeout: 60_000 }, async (t) => {
      const { port } = await office(t, '');
      const phone = async (user: string): Promise<Baresip> => {
        const args = ['user', 'add', user, PASSWORD, '-f', SCRIPT];
        await new StrowgerProcess(STROWGER, args, { cwd: folder }).end();
        const started = await Baresip.start({
          user,
          password: PASSWORD,
          domain: 'localhost',
          transport,
          serverPort: port,
          folder,
        });
        t.after(() => started.stop());
        await started.registered();
        return started;
      };
      const [alice, bob, carol] = [await phone('201'), await phone('202'), await phone('203')];
      alice.dial('sip:202@localhost');
      await alice.saw('CALL_ESTABLISHED');
      await bob.saw('CALL_ESTABLISHED');
      alice.tells('hold');
      await bob.saw('CALL_REMOTE_SDP');
      alice.tells('resume');
      await bob.saw('CALL_REMOTE_SDP');
      alice.tells('transfer', 'sip:203@localhost');
      await carol.saw('CALL_ESTABLISHED');
      await alice.saw('CALL_CLOSED');
      carol.hangUp();
      await bob.saw('CALL_CLOSED');
    });
});
