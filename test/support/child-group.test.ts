import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { suite, test } from 'node:test';
import { ChildGroup } from './child-group.ts';

/** True while a process is there and no zombie. */
function isAlive(pid: number): boolean {
  const file = `/proc/${pid}/stat`;
  return existsSync(file) && !/\) [ZX] /.test(readFileSync(file, 'latin1'));
}

/** Resolves when the process has gone; rejects when it has not after a while. */
async function gone(pid: number): Promise<void> {
  for (const end = performance.now() + 5000; isAlive(pid); ) {
    assert.ok(performance.now() < end, `process ${pid} is left`);
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
}

suite('programs that tests run', { timeout: 30_000 }, () => {
  test('output, code and errors of one that ends', async () => {
    const ended = await new ChildGroup('sh', ['-c', 'echo a; echo b >&2; exit 3']).end();
    assert.deepEqual(ended, { code: 3, stdout: 'a\n', stderr: 'b\n' });
    const child = new ChildGroup('no-such-program', []);
    assert.equal((await child.end()).code, null);
    assert.match(child.stderr, /ENOENT/);
    await assert.rejects(child.says('ready'), /ENOENT/);
  });

  test('input, and waiting for what it says', async () => {
    const child = new ChildGroup('cat', [], { hasInput: true });
    child.input?.write('hello');
    await child.prints('hello');
    child.input?.end();
    assert.equal((await child.end()).code, 0);
    await assert.rejects(child.prints('more'), /no more in:\nhello/);
  });

  test('one that does not end is killed, with what it has started', async () => {
    const child = new ChildGroup('sh', ['-c', 'trap "" TERM; sleep 600 & echo $!; while :; do wait; done']);
    await child.prints('\n');
    assert.equal((await child.stop('SIGTERM', 100)).code, null);
    await gone(Number(child.stdout));
  });

  test('one that ends, but what it has started keeps its output open: killed a little later', async () => {
    const child = new ChildGroup('sh', ['-c', 'sleep 600 & echo $!']);
    assert.equal((await child.end()).code, 0);
    await gone(Number(child.stdout));
  });

  test('even one in a group of its own does not keep the test waiting', async () => {
    const child = new ChildGroup('sh', ['-c', 'setsid sh -c "echo \\$\\$; exec sleep 600" & sleep 0.2']);
    await child.end();
    process.kill(Number(child.stdout), 'SIGKILL');
  });

  for (const [how, last] of [
    ['comes to its end', ''],
    ['is ended by SIGTERM', "process.kill(process.pid, 'SIGTERM'); setInterval(() => {}, 1000);"],
  ])
    test(`a process that forgets one is not kept, and takes it along when it ${how}`, async () => {
      const program = `
        import { ChildGroup } from ${JSON.stringify(join(import.meta.dirname, 'child-group.ts'))};
        const child = new ChildGroup('sh', ['-c', 'sleep 600 & echo $!; wait']);
        await child.prints('\\n');
        process.stdout.write(child.stdout);
        ${last}`;
      const { stdout, stderr, signal } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
        encoding: 'utf8',
        timeout: 20_000,
      });
      assert.equal(signal, last === '' ? null : 'SIGTERM', stderr);
      assert.match(stdout, /^\d+\n$/, stderr);
      await gone(Number(stdout));
    });
});
