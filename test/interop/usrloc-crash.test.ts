import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { callBinrpc } from '../../core/rpc/binrpc-client.ts';
import type { RpcParam } from '../../core/rpc/registry.ts';
import { integrityOf, makeLocationTables, rowsOf } from '../support/location-tables.ts';
import { BIN_FOLDER, freePort, StrowgerProcess } from '../support/strowger-process.ts';

/** Write-back of real processes, ended while they write. */
const folder = mkdtempSync(join(tmpdir(), 'strowger-crash-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const DAY_SEC = 86_400;

interface Running {
  readonly server: StrowgerProcess;
  readonly call: (method: string, params: readonly RpcParam[]) => Promise<readonly RpcParam[]>;
}

async function start(file: string, workers: number, timerSec: number): Promise<Running> {
  const name = join(folder, `${Math.floor(performance.now() * 1000)}`);
  writeFileSync(
    `${name}.cfg`,
    `
workers=${workers}
loadmodule "sl.so"
loadmodule "ctl.so"
loadmodule "db_sqlite.so"
loadmodule "usrloc.so"
modparam("ctl", "binrpc", "unix:${name}.ctl")
modparam("usrloc", "preload", "location")
modparam("usrloc", "db_mode", 2)
modparam("usrloc", "timer_interval", ${timerSec})
modparam("usrloc", "db_url", "sqlite:///${file}")
request_route { sl_send_reply("200", "OK"); }
`,
  );
  const listen = `udp:127.0.0.1:${await freePort()}`;
  const args = ['-f', `${name}.cfg`, '-E', '-Y', name, '-l', listen];
  const server = new StrowgerProcess(join(BIN_FOLDER, 'strowger.js'), args);
  await server.says('is ready');
  return { server, call: (method, params) => callBinrpc({ type: 'unix', path: `${name}.ctl` }, method, params) };
}

/** Adds contacts of users `first` to `last - 1`, many at a time. */
async function add(call: Running['call'], first: number, last: number): Promise<void> {
  for (let at = first; at < last; at += 50) {
    const users = Array.from({ length: Math.min(50, last - at) }, (_, i) => `user${at + i}`);
    await Promise.all(
      users.map((user) => call('ul.add', ['location', user, `sip:${user}@192.0.2.1`, 3600, 1, '.', 0, 0, 31])),
    );
  }
}

function newFile(name: string): string {
  const file = join(folder, name);
  makeLocationTables(file);
  return file;
}

const count = (file: string): number => Number(rowsOf(file, 'SELECT count(*) AS n FROM location')[0]?.['n']);

for (const workers of [1, 2])
  suite(`db_mode 2, ${workers} worker${workers > 1 ? 's' : ''}`, { timeout: 120_000 }, () => {
    test('kill -9 loses nothing that a flush has completed, and leaves no half of one', async (t) => {
      const file = newFile(`kill-${workers}.db`);
      const { server, call } = await start(file, workers, DAY_SEC);
      await add(call, 0, 600);
      await call('ul.flush', []);
      assert.equal(count(file), 600);
      await add(call, 600, 2600);
      // This flush is under way when the process dies: its rows are there all or not at all.
      let isOver = false;
      void call('ul.flush', []).then(
        () => (isOver = true),
        () => (isOver = true),
      );
      while (!isOver && !existsSync(`${file}-journal`)) await new Promise((resolve) => void setImmediate(resolve));
      const wasWriting = existsSync(`${file}-journal`);
      await server.stop('SIGKILL');
      assert.equal(integrityOf(file), 'ok');
      const left = count(file);
      // Each second the timer writes a part of its own, of one row at most here.
      assert.ok((left >= 600 && left < 620) || left === 2600, `${left} rows`);
      t.diagnostic(`killed ${wasWriting ? 'within' : 'after'} the transaction: ${left} rows`);
      const again = await start(file, workers, DAY_SEC);
      assert.match(JSON.stringify(await again.call('ul.lookup', ['location', 'user599'])), /user599@192\.0\.2\.1/);
      await again.server.stop();
    });

    test('SIGTERM loses nothing', async () => {
      const file = newFile(`term-${workers}.db`);
      const { server, call } = await start(file, workers, 1);
      await add(call, 0, 1500);
      await call('ul.rm', ['location', 'user7']);
      const { code } = await server.stop('SIGTERM');
      assert.equal(code, 0);
      assert.equal(count(file), 1499);
      assert.equal(integrityOf(file), 'ok');
    });
  });
