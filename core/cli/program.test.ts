import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { runLikeKamailio } from './kamailio-program.ts';
import { runProgram } from './program.ts';

const folder = mkdtempSync(join(tmpdir(), 'strowger-cli-'));
after(() => rmSync(folder, { recursive: true }));

type Program = typeof runProgram;

async function run(program: Program, ...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = '';
  let err = '';
  const stdout = { write: (text: string) => ((out += text), true) };
  const stderr = { write: (text: string) => ((err += text), true) };
  const code = await program(argv, { cwd: folder, env: {}, stdout, stderr });
  return { code, out, err };
}

suite('strowger', () => {
  test('a mistyped command or option is named, with what was meant, and exits with 2', async () => {
    const verb = await run(runProgram, 'chekc');
    assert.equal(verb.code, 2);
    assert.match(verb.err, /no command "chekc" \(did you mean "check"\?\)/);
    const option = await run(runProgram, '--log-fromat', 'json');
    assert.equal(option.code, 2);
    assert.match(option.err, /unknown option '--log-fromat' \(did you mean "--log-format"\?\)\nTry: strowger help run/);
    assert.equal((await run(runProgram, 'check')).code, 2);
    assert.equal((await run(runProgram, 'check', 'a', 'b')).code, 2);
    assert.equal((await run(runProgram, 'help', 'nothing')).code, 2);
  });

  test('help goes to standard output and exits with 0', async () => {
    for (const argv of [['help'], ['--help'], ['-h'], ['help', 'check'], ['check', '--help'], ['run', '-h']]) {
      const { code, out, err } = await run(runProgram, ...argv);
      assert.deepEqual([code, err], [0, ''], argv.join(' '));
      assert.match(out, /Usage: strowger/);
    }
  });

  test('version', async () => {
    for (const argv of [['version'], ['-v'], ['--version']]) {
      const { code, out } = await run(runProgram, ...argv);
      assert.equal(code, 0);
      assert.match(out, /^version: strowger \d+\.\d+\.\d+ /);
    }
  });

  test('create-module writes a module, once, under a good name', async () => {
    const made = await run(runProgram, 'create-module', 'my_hello');
    assert.equal(made.code, 0);
    for (const file of ['index.ts', 'greeter.test.ts', 'tsconfig.json', 'README.md']) {
      assert.ok(existsSync(join(folder, 'my_hello', file)), file);
    }
    const manifest = JSON.parse(readFileSync(join(folder, 'my_hello/package.json'), 'utf8')) as { name: string };
    assert.equal(manifest.name, 'strowger-module-my-hello');
    assert.equal((await run(runProgram, 'create-module', 'my_hello')).code, 1);
    assert.equal((await run(runProgram, 'create-module', 'My-hello')).code, 2);
  });
});

suite('strowger-kamailio', () => {
  test('wrong usage exits with 255, in Kamailio’s words', async () => {
    const unknown = await run(runLikeKamailio, '-Z');
    assert.deepEqual([unknown.code, unknown.err], [255, "Unknown option '-Z'. Use -h for help.\n"]);
    const missing = await run(runLikeKamailio, '-l');
    assert.deepEqual([missing.code, missing.err], [255, "Option '-l' requires an argument. Use -h for help.\n"]);
    assert.equal((await run(runLikeKamailio, '-DD', '-f', 'x', '-m', 'abc')).code, 255);
    assert.equal((await run(runLikeKamailio, '--strict')).code, 255, 'our own options are unknown to Kamailio');
  });

  test('-h and -v', async () => {
    assert.equal((await run(runLikeKamailio, '-h')).code, 0);
    assert.match((await run(runLikeKamailio, '-v')).out, /^version: /);
  });
});
