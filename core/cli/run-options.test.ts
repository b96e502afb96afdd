import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { UsageError } from './command.ts';
import { getopt } from './getopt.ts';
import { KAMAILIO_OPTIONS, RUN_OPTIONS } from './options.ts';
import { findScript, type ProcessOptions, processOptions, type ScriptOptions, scriptOptions } from './run-options.ts';

function script(...argv: string[]): ScriptOptions {
  return scriptOptions(getopt(['-f', 'a.cfg', ...argv], RUN_OPTIONS).values, '/etc/x');
}
function forProcess(...argv: string[]): ProcessOptions {
  return processOptions(getopt(argv, RUN_OPTIONS).values, '/etc/x');
}

suite('options of a run', () => {
  test('Kamailio 5.6’s letters are all there', () => {
    const flags = new Set(KAMAILIO_OPTIONS.flatMap((option) => option.flags));
    for (const letter of 'aAbBcdDeEfgGhIKlLmMnNOPQrRStTuvVxXYwW') assert.ok(flags.has(`-${letter}`), `-${letter}`);
    const long =
      'alias all-errors atexit cfg-print debug help loadmodule log-engine modparam server-id subst substdef substdefs version';
    for (const word of long.split(' ')) assert.ok(flags.has(`--${word}`), word);
  });

  test('the script is looked for in the usual places, strowger.cfg first', () => {
    assert.equal(
      findScript(() => true),
      '/etc/strowger/strowger.cfg',
    );
    assert.equal(
      findScript((path) => path.startsWith('/etc/kamailio')),
      '/etc/kamailio/strowger.cfg',
    );
    assert.equal(
      findScript((path) => path.endsWith('/kamailio.cfg')),
      '/etc/strowger/kamailio.cfg',
    );
    assert.equal(
      findScript(() => false),
      null,
    );
  });

  test('what concerns the script', () => {
    const argv =
      '-A WITH_X -A N=1 -A S="a=b" -l udp:127.0.0.1:5080 -l eth0 -L /a:/b --loadmodule=tm ' +
      '--modparam=tm:fr_timer:i:-5 --modparam x:url:s:a:b --substdef=/a/b/ -n 4 -T -a no --alias=a.example.org ' +
      '-Y run -dd -b 100 -K --server-id=7';
    const options = script(...argv.split(' '));
    assert.equal(options.scriptPath, '/etc/x/a.cfg');
    assert.deepEqual(options.defines, [
      { name: 'WITH_X', value: null },
      { name: 'N', value: '1' },
      { name: 'S', value: '"a=b"' },
    ]);
    assert.deepEqual(options.listens, ['udp:127.0.0.1:5080', 'eth0']);
    assert.deepEqual(options.loadPaths, ['/a', '/b']);
    assert.deepEqual(options.loadModules, ['tm']);
    assert.deepEqual(options.modParams, [
      { module: 'tm', name: 'fr_timer', value: -5 },
      { module: 'x', name: 'url', value: 'a:b' },
    ]);
    assert.deepEqual(options.substitutions, [{ kind: 'substdef', text: '/a/b/' }]);
    assert.deepEqual(options.aliases, ['a.example.org']);
    assert.equal(options.runtimeDir, '/etc/x/run');
    assert.deepEqual(options.settings, {
      debug: 2,
      children: 4,
      server_id: 7,
      maxbuffer: 100,
      disable_tcp: 1,
      check_via: 1,
      auto_aliases: 0,
    });
  });

  test('what concerns the process', () => {
    const options = forProcess('-DD', '-E', '-e', '-P', 'p', '-G', '/g', '-u', 'sip', '-w', '/w', '--stop-timeout=3');
    assert.deepEqual(options, {
      action: 'run',
      foreground: 2,
      pidFile: '/etc/x/p',
      pgidFile: '/g',
      user: 'sip',
      group: null,
      workdir: '/w',
      isStderrForced: true,
      color: true,
      logFormat: null,
      stopGraceMs: 3000,
      watchesScript: false,
    });
    assert.equal(forProcess('-c').action, 'check');
    assert.equal(forProcess('--cfg-print').action, 'print');
    assert.equal(forProcess('--log-engine=json:M').logFormat, 'json');
    assert.equal(forProcess('--log-format', 'text').logFormat, 'text');
  });

  for (const argv of [
    ['-m', 'abc'],
    ['-n', '0'],
    ['-a', 'maybe'],
    ['-A', '1-=3'],
    ['--modparam=tm:x:4'],
    ['--modparam=tm:x:i:y'],
    ['--debug=much'],
  ]) {
    test(`${argv.join(' ')} is refused`, () => assert.throws(() => script(...argv), UsageError));
  }
  for (const argv of [['--log-format=xml'], ['--log-engine=udp:1'], ['-t', '/x'], ['--stop-timeout=-1']]) {
    test(`${argv.join(' ')} is refused`, () => assert.throws(() => forProcess(...argv), UsageError));
  }
});
