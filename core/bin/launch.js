// Plain JavaScript that old versions of Node read too: finds a Node that is new enough, and what there is to run.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import * as nodeModule from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';

const OLDEST_NODE = 24;
const here = dirname(fileURLToPath(import.meta.url));

/** Runs `strowger` or `strowger-kamailio` in this process, or in a newer Node beside the package. */
export async function launch(program) {
  if (Number(process.versions.node.split('.')[0]) >= OLDEST_NODE) return await start(program);
  const newer = pinnedNode();
  if (newer !== null) return passOn(newer);
  process.stderr.write(
    `${program} needs Node.js ${OLDEST_NODE} or newer, this is ${process.version}. ` +
      'Install a newer one, or the npm package "node" beside strowger: npm install node\n',
  );
  process.exitCode = 2;
}

/** From a checkout the sources run as they are; a package has them bundled in lib. */
async function start(program) {
  endWithLauncher();
  const source = join(here, '../main.ts');
  const bundle = join(here, '../lib/main.js');
  const entry = existsSync(source) ? source : bundle;
  const cache = cacheFolder();
  if (cache !== null) nodeModule.enableCompileCache?.(join(cache, 'compiled'));
  const { main } = await import(pathToFileURL(entry).href);
  await main(program, process.argv.slice(2));
}

/**
 * Where compiled code is kept between starts. Not under /tmp, Node's own choice: what is in there is run, and others
 * may write there.
 */
function cacheFolder() {
  const { CACHE_DIRECTORY, XDG_CACHE_HOME, HOME } = process.env;
  if (CACHE_DIRECTORY) return CACHE_DIRECTORY.split(':')[0];
  if (XDG_CACHE_HOME) return join(XDG_CACHE_HOME, 'strowger');
  return HOME && HOME !== '/' && existsSync(HOME) ? join(HOME, '.cache', 'strowger') : null;
}

/** The `node` package that npm put into this package's node_modules, or into one of those above it. */
function pinnedNode() {
  for (let folder = here; ; folder = dirname(folder)) {
    const file = join(folder, 'node_modules/node/bin/node');
    if (existsSync(file)) return file;
    if (dirname(folder) === folder) return null;
  }
}

/** Tells the newer Node that an older one runs it. */
const PASSED_ON = 'STROWGER_PASSED_ON';

/** Passed on: a launcher that is killed must not leave a server behind, which would keep its ports. */
function endWithLauncher() {
  if (process.env[PASSED_ON] === undefined || process.channel === undefined) return;
  delete process.env[PASSED_ON];
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  process.channel.unref();
}

/** Runs the same under another Node: signals and the exit code pass through. */
function passOn(node) {
  const child = spawn(node, [...process.execArgv, ...process.argv.slice(1)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, [PASSED_ON]: '1' },
  });
  const signals = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGQUIT', 'SIGALRM'];
  for (const signal of signals) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    process.stderr.write(`${node}: ${error.message}\n`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? 128 + (constants.signals[signal] ?? 0);
  });
}
