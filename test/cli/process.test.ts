import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { after, suite, test } from 'node:test';
import { askOptions, BIN_FOLDER, type Ended, freePort, StrowgerProcess } from '../support/strowger-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'strowger-process-'));
after(() => {
  endDaemon();
  rmSync(folder, { recursive: true, force: true });
});

/** Where the test of the background process left one, it is ended. */
const DAEMON_PID = join(folder, 'daemon.pid');
function endDaemon(): void {
  if (existsSync(DAEMON_PID)) process.kill(Number(readFileSync(DAEMON_PID, 'utf8')), 'SIGKILL');
}

const STROWGER = join(BIN_FOLDER, 'strowger.js');
const LIKE_KAMAILIO = join(BIN_FOLDER, 'strowger-kamailio.js');

function answering(code: number): string {
  return `loadmodule "sl.so"\nrequest_route {\n  sl_send_reply("${code}", "Fine");\n}\n`;
}

let count = 0;
function scriptFile(text: string): string {
  const file = join(folder, `${++count}.cfg`);
  writeFileSync(file, text);
  return file;
}

const GOOD = scriptFile(answering(200));
const BAD = scriptFile('request_route {\n  exit;\n  nosuchcommand("x");\n}\n');

async function run(file: string, ...args: string[]): Promise<Ended> {
  return await new StrowgerProcess(file, args, { cwd: folder }).end();
}

async function started(
  file: string,
  script: string,
  ...args: string[]
): Promise<{ server: StrowgerProcess; port: number }> {
  const port = await freePort();
  const all = ['-f', script, '-l', `udp:127.0.0.1:${port}`, '-Y', join(folder, `run${port}`), ...args];
  const server = new StrowgerProcess(file, all, { cwd: folder });
  assert.notEqual(await askOptions(port), null, server.stderr);
  return { server, port };
}

suite('strowger as a process', () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    test(`serves, and ${signal} ends it with 0`, async () => {
      const { server, port } = await started(STROWGER, GOOD);
      assert.equal(await askOptions(port), 'SIP/2.0 200 Fine');
      const { code, stderr } = await server.stop(signal);
      assert.equal(code, 0, stderr);
      assert.match(stderr, new RegExp(`is ready on .*udp:127.0.0.1:${port}`));
      assert.equal(await askOptions(port, 50), null);
    });
  }

  /** Starts it in a Node that says it is version 20: the launcher runs the pinned one then. */
  async function startedByOldNode(): Promise<StrowgerProcess> {
    const preload = join(folder, 'old-node.mjs');
    const versions = '{ value: { ...process.versions, node: "20.0.0" } }';
    const isOld = 'process.env.STROWGER_PASSED_ON === undefined';
    writeFileSync(preload, `if (${isOld}) Object.defineProperty(process, 'versions', ${versions});\n`);
    const port = await freePort();
    const args = ['-E', '-f', GOOD, '-l', `udp:127.0.0.1:${port}`, '-Y', join(folder, `run${port}`)];
    const server = new StrowgerProcess(process.execPath, ['--import', preload, STROWGER, ...args], { cwd: folder });
    assert.notEqual(await askOptions(port), null, server.stderr);
    return server;
  }

  test('run by an old Node: a signal to the whole group is one, and the exit code passes through', async () => {
    const server = await startedByOldNode();
    process.kill(-(server.child.pid ?? 0), 'SIGINT');
    const { code, stderr } = await server.end();
    assert.equal(code, 0, stderr);
    assert.equal(stderr.match(/SIGINT: stopping/g)?.length, 1);
  });

  test('run by an old Node that is killed, a server ends, too', async () => {
    const server = await startedByOldNode();
    server.child.kill('SIGKILL');
    assert.match((await server.end()).stderr, /SIGTERM: stopping/);
  });

  test('A2: a script with errors ends the start with 1 and says where they are', async () => {
    const { code, stderr } = await run(STROWGER, '-f', BAD, '-E');
    assert.equal(code, 1);
    assert.match(stderr, /2\.cfg:3:3: error: .*nosuchcommand/);
  });

  test('a script that is not there, and a socket that can not be bound, end the start with 1', async () => {
    assert.equal((await run(STROWGER, '-f', join(folder, 'none.cfg'))).code, 1);
    assert.equal((await run(STROWGER, '-f', GOOD, '-l', 'udp:192.0.2.77:5060')).code, 1);
  });

  test('logs are JSON lines where nobody reads along, text with -E', async () => {
    const json = await started(STROWGER, GOOD);
    const { stderr } = await json.server.stop();
    for (const line of stderr.trim().split('\n'))
      assert.equal(typeof (JSON.parse(line) as { msg: unknown }).msg, 'string');
    const text = await started(STROWGER, GOOD, '-E');
    assert.match((await text.server.stop()).stderr, / 0\(\d+\) NOTICE: <core>: strowger \S+ is ready on/);
  });

  test('A2, A41: SIGHUP takes a new script; one with errors leaves the old', async () => {
    const script = scriptFile(answering(200));
    const { server, port } = await started(STROWGER, script);
    writeFileSync(script, answering(202));
    server.child.kill('SIGHUP');
    await server.says('is reloaded');
    assert.equal(await askOptions(port), 'SIP/2.0 202 Fine');
    writeFileSync(script, 'request_route { nosuchcommand(); }');
    server.child.kill('SIGHUP');
    await server.says('the old one goes on');
    assert.equal(await askOptions(port), 'SIP/2.0 202 Fine');
    assert.equal((await server.stop()).code, 0);
  });

  test('A41: with --watch a script, or what it includes, is taken when it is written', async () => {
    const included = scriptFile('route[ANSWER] { sl_send_reply("200", "Fine"); }\n');
    const script = scriptFile(`loadmodule "sl.so"\nrequest_route { route(ANSWER); }\ninclude_file "${included}"\n`);
    const { server, port } = await started(STROWGER, script, '--watch');
    writeFileSync(included, 'route[ANSWER] { sl_send_reply("202", "Fine"); }\n');
    await server.says('the script was written: the script is reloaded');
    assert.equal(await askOptions(port), 'SIP/2.0 202 Fine');
    writeFileSync(`${script}.new`, 'request_route { nosuchcommand(); }');
    renameSync(`${script}.new`, script);
    await server.says('the old one goes on');
    assert.equal(await askOptions(port), 'SIP/2.0 202 Fine');
    assert.equal((await server.stop()).code, 0);
  });

  test('A2, A41: `strowger rpc` asks it; `strowger reload` exits with 1 where the new script has errors, and says which', async () => {
    const script = scriptFile(answering(200));
    const { server, port } = await started(STROWGER, script);
    const runFolder = join(folder, `run${port}`);
    const uptime = await run(STROWGER, 'rpc', '-Y', runFolder, '--json', 'core.uptime');
    assert.equal(uptime.code, 0, uptime.stderr);
    assert.equal(typeof (JSON.parse(uptime.stdout) as { uptime: unknown }).uptime, 'number');
    assert.equal((await run(STROWGER, 'rpc', '-Y', runFolder, 'no.such')).code, 1);
    writeFileSync(script, answering(202));
    assert.equal((await run(STROWGER, 'reload', '-Y', runFolder)).code, 0);
    assert.equal(await askOptions(port), 'SIP/2.0 202 Fine');
    writeFileSync(script, 'request_route { nosuchcommand(); }');
    const refused = await run(STROWGER, 'reload', '-Y', runFolder);
    assert.equal(refused.code, 1);
    assert.match(refused.stdout + refused.stderr, /nosuchcommand/);
    assert.equal((await server.stop()).code, 0);
    assert.equal((await run(STROWGER, 'rpc', '-Y', runFolder, 'core.uptime')).code, 1);
  });

  test('the pid file is written, guards against a second start, and is removed', async () => {
    const pidFile = join(folder, 'strowger.pid');
    const { server } = await started(STROWGER, GOOD, '-P', pidFile);
    assert.equal(Number(readFileSync(pidFile, 'utf8')), server.child.pid);
    const second = await run(STROWGER, '-f', GOOD, '-l', 'udp:127.0.0.1:0', '-P', pidFile);
    assert.equal(second.code, 1);
    assert.match(second.stderr, /names process \d+, which is running/);
    await server.stop();
    assert.equal(existsSync(pidFile), false);
  });

  test('SIGUSR1 and SIGUSR2 neither end it nor open an inspector', async () => {
    const { server, port } = await started(STROWGER, GOOD);
    server.child.kill('SIGUSR1');
    server.child.kill('SIGUSR2');
    await server.says(/memory: [^]*memory: /);
    assert.equal(await askOptions(port), 'SIP/2.0 200 Fine');
    assert.doesNotMatch((await server.stop()).stderr, /inspector|Debugger/);
  });

  const isRoot = process.getuid?.() === 0;
  test('-u and -g: once the sockets are open it runs as another', { skip: !isRoot && 'needs root' }, async () => {
    const { server } = await started(STROWGER, GOOD, '-u', 'nobody', '-g', 'nogroup');
    const status = readFileSync(`/proc/${server.child.pid}/status`, 'utf8');
    assert.match(status, /^Uid:\t65534\t65534\t65534/m);
    assert.match(status, /^Gid:\t65534\t65534\t65534/m);
    assert.equal((await server.stop()).code, 0);
    const unknown = await run(STROWGER, '-f', GOOD, '-l', 'udp:127.0.0.1:0', '-u', 'nobody-of-that-name');
    assert.equal(unknown.code, 1);
    assert.match(unknown.stderr, /can not run as nobody-of-that-name/);
  });

  test('check prints what is wrong; --json as data', async () => {
    const text = await run(STROWGER, 'check', BAD);
    assert.equal(text.code, 1);
    assert.match(text.stderr, /2\.cfg:3:3: error/);
    const json = await run(STROWGER, 'check', '--json', BAD);
    assert.equal(json.code, 1);
    const found = JSON.parse(json.stdout) as { file: string; line: number; severity: string }[];
    assert.ok(
      found.some(({ file, line, severity }) => file === BAD && line === 3 && severity === 'error'),
      json.stdout,
    );
    assert.equal((await run(STROWGER, 'check', GOOD)).code, 0);
  });
});

suite('strowger-kamailio as a process', () => {
  test('goes to the background once it is ready', async () => {
    const port = await freePort();
    const pidFile = DAEMON_PID;
    const runFolder = join(folder, 'daemon');
    const args = [
      '-f',
      GOOD,
      '-l',
      `udp:127.0.0.1:${port}`,
      '-P',
      pidFile,
      '-Y',
      runFolder,
      '-m',
      '64',
      '-n',
      '1',
      '-T',
    ];
    const { code, stdout, stderr } = await run(LIKE_KAMAILIO, ...args);
    assert.equal(code, 0, stderr);
    assert.match(stdout, new RegExp(`Listening on \n +udp: 127\\.0\\.0\\.1:${port}\n`));
    const pid = Number(readFileSync(pidFile, 'utf8'));
    assert.equal(await askOptions(port, 1000), 'SIP/2.0 200 Fine');
    process.kill(pid, 'SIGTERM');
    while (existsSync(pidFile)) await askOptions(port, 20);
  });

  test('lists its sockets and aliases as Kamailio does; sockets of a protocol that is off are left out', async () => {
    const port = await freePort();
    const listens = `listen=udp:127.0.0.1:${port} name "s1"\nlisten=tls:127.0.0.1:${port}\n`;
    const script = scriptFile(`${listens}alias="a.example.org"\nalias=udp:b.example.org:5080\n${answering(200)}`);
    const server = new StrowgerProcess(LIKE_KAMAILIO, ['-f', script, '-DD', '-E', '-Y', join(folder, `run${port}`)]);
    await server.says('is ready');
    const { stdout, stderr } = await server.stop();
    const lines = [
      'Listening on ',
      `udp: 127.0.0.1:${port} name s1`,
      'Aliases: ',
      'udp: b.example.org:5080',
      '*: a.example.org:*',
    ];
    assert.deepEqual(
      stdout.split('\n').flatMap((line) => (line === '' ? [] : [line.replace(/^ +/, '')])),
      lines,
    );
    assert.match(stderr, /:2:8: listen: no listening on tls: enable_tls is not set/);
  });

  test('a failed start ends with 255, its reason on standard error', async () => {
    const script = await run(LIKE_KAMAILIO, '-f', BAD);
    assert.equal(script.code, 255);
    assert.match(script.stderr, /nosuchcommand/);
    const socket = await run(LIKE_KAMAILIO, '-f', GOOD, '-l', 'udp:192.0.2.77:5060');
    assert.equal(socket.code, 255);
    assert.match(socket.stderr, /192\.0\.2\.77/);
  });

  test('-DD stays in the foreground', async () => {
    const { server } = await started(LIKE_KAMAILIO, GOOD, '-DD', '-E', '-n', '1');
    const { code, stderr } = await server.stop();
    assert.equal(code, 0, stderr);
  });

  test('fork=no in the script keeps it in the foreground', async () => {
    const { server } = await started(LIKE_KAMAILIO, scriptFile(`fork=no\n${answering(200)}`), '-E');
    assert.equal(server.child.exitCode, null);
    assert.equal((await server.stop()).code, 0);
  });

  test('-c says so on standard error, with Kamailio’s exit codes', async () => {
    const good = await run(LIKE_KAMAILIO, '-c', '-f', GOOD);
    assert.equal(good.code, 0);
    assert.match(good.stderr, /config file ok, exiting\.\.\.\n/);
    for (const options of [
      ['-l', 'udp:127.0.0.1:x'],
      ['-u', 'nosuchuser'],
      ['-g', 'nosuchgroup'],
      ['-x', 'nosuch'],
    ]) {
      const refused = await run(LIKE_KAMAILIO, '-c', '-f', GOOD, ...options);
      assert.equal(refused.code, 255, options.join(' '));
    }
    const bad = await run(LIKE_KAMAILIO, '-c', '-f', BAD);
    assert.equal(bad.code, 255);
    assert.match(bad.stderr, /ERROR: bad config file \(1 errors\)/);
  });

  test('--cfg-print shows the script after its preprocessor', async () => {
    const script = scriptFile('#!ifdef WITH_X\n#!define N 5\n#!endif\nrequest_route { return N; }\n');
    const { code, stdout } = await run(LIKE_KAMAILIO, '--cfg-print', '-A', 'WITH_X', '-f', script);
    assert.equal(code, 0);
    assert.match(stdout, /request_route \{ return (5|N); \}/);
    assert.doesNotMatch(stdout, /ifdef/);
  });
});
