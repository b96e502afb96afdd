import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { Settings } from '../cfg/settings.ts';
import type { LogSink } from '../log/log-sink.ts';
import { PinoLog } from '../log/pino-log.ts';
import { loadNativeDatagram } from '../transport/native/native.ts';
import { openUnixDatagram } from '../transport/unix-dgram.ts';
import { processOptions } from './run-options.ts';
import { followSettings, wantsColor } from './server-log.ts';

const folder = mkdtempSync(join(tmpdir(), 'strowger-log-'));
after(() => rmSync(folder, { recursive: true }));

function logged(): { log: PinoLog; lines: string[] } {
  const lines: string[] = [];
  const sink: LogSink = { write: (line) => void lines.push(line), flush() {} };
  return { log: PinoLog.create({ sink, format: 'text', level: 0, wall: () => 0 }), lines };
}

const OPTIONS = processOptions(new Map(), '/');
const FORCED = processOptions(new Map([['stderr', ['']]]), '/');

suite('the log of a server process', () => {
  test('its level follows `debug`, also while the server runs', () => {
    const { log, lines } = logged();
    const settings = new Settings([['debug', 2]]);
    followSettings(log, settings, OPTIONS, 'strowger');
    log.info('shown');
    settings.set('debug', -1);
    log.warn('hidden');
    assert.equal(lines.length, 1);
  });

  test('log_engine_type=json makes JSON lines', () => {
    const { log, lines } = logged();
    followSettings(log, new Settings([['log_engine_type', 'json']]), OPTIONS, 'strowger');
    log.warn('x');
    assert.equal((JSON.parse(lines[0] ?? '') as { msg: string }).msg, 'x');
  });

  test('NO_COLOR and FORCE_COLOR', () => {
    assert.equal(wantsColor({}, true), true);
    assert.equal(wantsColor({ NO_COLOR: '1' }, true), false);
    assert.equal(wantsColor({ FORCE_COLOR: '1' }, false), true);
    assert.equal(wantsColor({}, false), false);
  });

  test('strowger-kamailio says when there is no syslog, and stays on standard error', () => {
    const { log, lines } = logged();
    followSettings(log, new Settings([['debug', 1]]), OPTIONS, 'strowger-kamailio', join(folder, 'none'));
    log.warn('here');
    assert.match(lines[0] ?? '', /the log stays on standard error/);
    assert.match(lines[1] ?? '', /here/);
  });

  const hasAddon = typeof loadNativeDatagram() !== 'string';
  test('strowger-kamailio logs to syslog unless -E says otherwise', {
    skip: !hasAddon && 'needs the addon',
  }, async () => {
    const path = join(folder, 'log');
    const received: string[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    const syslog = openUnixDatagram(path, (text) => {
      if (text === '') return;
      received.push(text);
      resolve();
    });
    const settings = new Settings([
      ['log_facility', 'LOG_LOCAL3'],
      ['log_name', 'sip'],
    ]);
    const { log, lines } = logged();
    followSettings(log, settings, FORCED, 'strowger-kamailio', path);
    log.warn('on standard error');
    followSettings(log, settings, OPTIONS, 'strowger-kamailio', path);
    log.error('to syslog');
    await promise;
    syslog.close();
    log.close();
    assert.equal(lines.length, 1);
    assert.match(received[0] ?? '', /^<155>\w{3} [ \d]\d \d\d:\d\d:\d\d sip\[\d+\]: .*ERROR: <core>: to syslog$/);
  });
});
