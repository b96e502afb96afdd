// Compiles the datagram addon at install. Whatever goes wrong, the install goes on: node:dgram then serves.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import process from 'node:process';

const here = import.meta.dirname;
const target = join(here, 'build', 'datagram.node');

function includeFolders() {
  const found = [];
  try {
    const require = createRequire(import.meta.url);
    found.push(join(dirname(require.resolve('node-api-headers/package.json')), 'include'));
  } catch {
    // not installed: Node's own headers may be
  }
  found.push(join(dirname(process.execPath), '..', 'include', 'node'), '/usr/include/node');
  return found.filter((folder) => existsSync(join(folder, 'node_api.h')));
}

/** Returns why there is no addon, or null. */
function build() {
  if (process.platform !== 'linux') return `recvmmsg and sendmmsg are Linux's, this is ${process.platform}`;
  const include = includeFolders()[0];
  if (include === undefined) return 'no node_api.h found';
  mkdirSync(dirname(target), { recursive: true });
  const scratch = `${target}.${process.pid}`;
  const args = [
    '-std=gnu11',
    '-O2',
    '-Wall',
    '-Wextra',
    '-Wno-strict-aliasing',
    '-fPIC',
    '-shared',
    '-fvisibility=hidden',
  ];
  args.push('-isystem', include, '-o', scratch, join(here, 'datagram.c'));
  const compilers = [process.env.CC, 'cc', 'gcc', 'clang'].filter((name) => name !== undefined && name !== '');
  for (const compiler of compilers) {
    const result = spawnSync(compiler, args, { encoding: 'utf8', timeout: 120_000 });
    if (result.error !== undefined) continue;
    if (result.status === 0) {
      renameSync(scratch, target); // never a half-written file, whoever loads it meanwhile
      if (result.stderr !== '' && process.argv.includes('--verbose')) process.stderr.write(result.stderr);
      return null;
    }
    rmSync(scratch, { force: true });
    if (process.argv.includes('--verbose')) process.stderr.write(result.stderr);
    return `${compiler} failed: ${result.stderr.split('\n').find((line) => line.includes('error')) ?? `status ${result.status}`}`;
  }
  return 'no C compiler found';
}

let reason;
try {
  reason = build();
} catch (error) {
  reason = error instanceof Error ? error.message : String(error);
}
if (reason !== null) console.log(`strowger: UDP goes through node:dgram, the batching addon is not built (${reason})`);
