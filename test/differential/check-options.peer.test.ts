import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { skipWithout } from '../support/peers.ts';

const OURS = fileURLToPath(new URL('../../core/bin/strowger-kamailio.js', import.meta.url));

/** Options that `-c` looks at beside the script. */
const CASES = [
  '-l 127.0.0.1:5060',
  '-l lo',
  '-l udp:[::1]:5060',
  '-l udp:127.0.0.1:x',
  '-l udp:',
  '-l foo:127.0.0.1:5060',
  '-l tls:127.0.0.1:5061',
  '-l udp:nosuch.invalid:5060',
  '-u daemon',
  '-u 12345',
  '-u nosuchuser',
  '-g daemon',
  '-g 54321',
  '-g nosuchgroup',
  '-x f_malloc -X tlsf',
  '-x nosuch',
  '-X FM',
  '-m abc',
];

function exitCode(program: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve) => {
    execFile(program, args, { timeout: 60_000 }, (error) => resolve(error === null ? 0 : Number(error.code)));
  });
}

describe('-c ends with the same code for the same options', { skip: skipWithout('kamailio') }, () => {
  let folder = '';
  let script = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'check-options-'));
    script = join(folder, 'good.cfg');
    writeFileSync(script, 'request_route { exit; }\n');
  });
  after(() => rmSync(folder, { recursive: true }));

  for (const options of CASES)
    test(options, async () => {
      const args = ['-c', '-f', script, ...options.split(' ')];
      const theirs = await exitCode('kamailio', args);
      assert.equal(await exitCode(process.execPath, [OURS, ...args]), theirs);
    });
});
