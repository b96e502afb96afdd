import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { skipWithout } from '../support/peers.ts';
import { SippCaller } from '../support/sipp.ts';
import { askOptions, BIN_FOLDER, freePort, StrowgerProcess } from '../support/strowger-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'strowger-registrar-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const PHONES = 2000;
const RATE = 250;
/** Workers tell each other what they have counted from time to time. */
const PATIENCE_MS = 5000;

const SCRIPT = `
auto_aliases=no
loadmodule "pv.so"
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "textops.so"
loadmodule "statistics.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
request_route {
  if (is_method("OPTIONS")) { sl_send_reply("200", "$stat(accepted_regs) $stat(rejected_regs) $stat(registered_users)"); exit; }
  if (is_method("REGISTER")) { save("location"); exit; }
  if (!lookup("location")) { sl_send_reply("404", "Not Found"); exit; }
  t_relay();
}
`;

/** Registrations accepted and refused, and users that are registered, once all are counted. */
async function counts(port: number): Promise<readonly [accepted: number, rejected: number, users: number]> {
  for (const end = performance.now() + PATIENCE_MS; ; ) {
    const counted = /^SIP\/2\.0 200 (\d+) (\d+) (\d+)/.exec((await askOptions(port)) ?? '');
    const [accepted = 0, rejected = -1, users = 0] = (counted ?? []).slice(1).map(Number);
    if (accepted >= 2 * PHONES || performance.now() > end) return [accepted, rejected, users];
  }
}

/** Each phone registers, refreshes, and sends itself a MESSAGE, which must come back to it. */
suite('thousands of phones of sipp register and reach themselves', { skip: skipWithout('sipp') }, () => {
  for (const workers of [1, 2]) {
    for (const [proto, transport] of [
      ['udp', 'u1'],
      ['tcp', 't1'],
    ] as const) {
      test(`${proto}, workers: ${workers}`, { timeout: 90_000 }, async (t) => {
        const [port, plain] = [await freePort(), await freePort()];
        const file = join(folder, `${proto}${workers}.cfg`);
        writeFileSync(file, SCRIPT);
        const listens = ['-l', `${proto}:127.0.0.1:${port}`, '-l', `udp:127.0.0.1:${plain}`];
        const args = ['-f', file, '-E', ...listens, '--workers', String(workers), '-Y', folder];
        const server = new StrowgerProcess(join(BIN_FOLDER, 'strowger.js'), args);
        t.after(() => server.stop());
        await server.says('is ready');
        const caller = await SippCaller.start({
          port,
          transport,
          count: PHONES,
          rate: RATE,
          folder,
          scenario: 'register.xml',
        });
        const end = await caller.end();
        assert.deepEqual(
          [end.successful, end.failed],
          [PHONES, 0],
          `${caller.errors.slice(0, 2000)}\n${server.stderr}`,
        );
        const [accepted, rejected, users] = await counts(plain);
        assert.deepEqual([rejected, users], [0, PHONES]);
        // Repetitions of a REGISTER are accepted too.
        assert.ok(accepted >= 2 * PHONES && accepted <= 2 * PHONES + end.retransmissions, `${accepted} accepted`);
      });
    }
  }
});
