import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, type TestContext, test } from 'node:test';
import { skipWithout } from '../support/peers.ts';
import { SippCaller, type SippCounts, sippCallee } from '../support/sipp.ts';
import { BIN_FOLDER, freePort, StrowgerProcess } from '../support/strowger-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'strowger-workers-peer-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const CALLS = 400;
const RATE = 100;

function script(callee: string): string {
  return `
auto_aliases=no
loadmodule "pv.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "siputils.so"
request_route {
  if (has_totag()) {
    if (loose_route()) t_relay();
    exit;
  }
  record_route();
  $du = "${callee}";
  t_relay();
}
`;
}

/** Calls through so many workers, each call from a socket of its own; what sipp saw of them. */
async function run(t: TestContext, transport: 'u' | 't', workers: number): Promise<SippCounts> {
  const callee = await sippCallee(`${transport}1`);
  t.after(() => callee.sipp.stop('SIGKILL'));
  const [proto, port] = [transport === 'u' ? 'udp' : 'tcp', await freePort()];
  const file = join(folder, `${proto}${workers}.cfg`);
  writeFileSync(file, script(`sip:127.0.0.1:${callee.port};transport=${proto}`));
  const args = ['-f', file, '-E', '-l', `${proto}:127.0.0.1:${port}`, '--workers', String(workers), '-Y', folder];
  const server = new StrowgerProcess(join(BIN_FOLDER, 'strowger.js'), args);
  t.after(() => server.stop());
  await server.says('is ready');
  const caller = await SippCaller.start({ port, transport: `${transport}n`, count: CALLS, rate: RATE, folder });
  const end = await caller.end();
  assert.deepEqual([end.successful, end.failed], [CALLS, 0], `${caller.errors}\n${server.stderr}`);
  await callee.sipp.stop('SIGKILL');
  assert.equal((await server.stop()).code, 0, server.stderr);
  return end;
}

suite('sipp calls through two workers', { skip: skipWithout('sipp') }, () => {
  for (const [name, transport] of [
    ['UDP', 'u'],
    ['TCP', 't'],
  ] as const) {
    test(`${name}: all pass, with no retransmission more than through one`, { timeout: 120_000 }, async (t) => {
      const one = await run(t, transport, 1);
      const two = await run(t, transport, 2);
      t.diagnostic(`retransmissions: ${one.retransmissions} with one worker, ${two.retransmissions} with two`);
      assert.ok(two.retransmissions <= one.retransmissions, `${two.retransmissions} > ${one.retransmissions}`);
    });
  }
});
