import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ChildGroup } from '../../test/support/child-group.ts';
import { RealClock } from '../timer/real-clock.ts';
import { openFifo, writeFifo } from './fifo.ts';
import { makeRoomFor, setAccess } from './socket-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'strowger-fifo-'));
after(() => rmSync(folder, { recursive: true }));
const access = { mode: 0o640, user: '', group: '' };

test('two writers after each other are read; the file goes with the FIFO', async () => {
  const path = join(folder, 'in');
  let text = '';
  let heard = (): void => {};
  const fifo = await openFifo(path, access, (piece) => {
    text += piece;
    heard();
  });
  for (const word of ['one\xff', 'two']) {
    const more = new Promise<void>((resolve) => {
      heard = resolve;
    });
    writeFileSync(path, word, 'latin1');
    await more;
  }
  assert.equal(text, 'one\xfftwo');
  assert.equal(statSync(path).mode & 0o777, 0o640);
  fifo.close();
  assert.equal(existsSync(path), false);
});

test('a reply larger than the pipe reaches its reader; without a reader it fails', async () => {
  const path = join(folder, 'out');
  execFileSync('mkfifo', [path]);
  const clock = new RealClock();
  await assert.rejects(writeFifo(path, 'x', clock), /ENXIO/);
  const reader = new ChildGroup('cat', [path]);
  await writeFifo(path, 'y'.repeat(300_000), clock);
  assert.equal((await reader.end()).stdout.length, 300_000);
});

test('files in the way are left alone', async () => {
  const path = join(folder, 'file');
  writeFileSync(path, 'mine');
  assert.throws(() => makeRoomFor(path), { code: 'RPC_PATH' });
  await assert.rejects(writeFifo(path, 'x', new RealClock()), /not a FIFO/);
  assert.throws(() => setAccess(path, { mode: null, user: 'no-such-user', group: '' }), /no user "no-such-user"/);
  setAccess(path, { mode: 0o600, user: String(process.getuid?.()), group: '' });
});
