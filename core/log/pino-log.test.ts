import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { suite, test } from 'node:test';
import { LOG_LEVELS } from './log.ts';
import { FdSink, facilityNumber, type LogSink, SyslogSink } from './log-sink.ts';
import { type LogFormat, PinoLog } from './pino-log.ts';

function logTo(format: LogFormat, level: number, extra: object = {}): { log: PinoLog; lines: string[] } {
  const lines: string[] = [];
  const sink: LogSink = { write: (line) => void lines.push(line), flush() {} };
  return { log: PinoLog.create({ sink, format, level, wall: () => 1_700_000_000_000, ...extra }), lines };
}

suite('log', () => {
  test('levels are Kamailio’s: what is above `debug` is not written', () => {
    const { log, lines } = logTo('json', LOG_LEVELS.WARN);
    log.notice('no');
    log.warn('yes');
    log.child('tm').alert('also');
    assert.equal(log.isEnabled(LOG_LEVELS.NOTICE), false);
    log.setLevel(null, LOG_LEVELS.DBG);
    log.child('tm').debug('now');
    log.always('said');
    assert.deepEqual(
      lines.map((line) => JSON.parse(line) as unknown),
      [
        { level: 'warn', time: 1_700_000_000_000, module: '<core>', msg: 'yes' },
        { level: 'alert', time: 1_700_000_000_000, module: 'tm', msg: 'also' },
        { level: 'debug', time: 1_700_000_000_000, module: 'tm', msg: 'now' },
        { level: 'notice', time: 1_700_000_000_000, module: '<core>', msg: 'said' },
      ],
    );
  });

  test('a module may have a level of its own', () => {
    const { log, lines } = logTo('text', LOG_LEVELS.ERR);
    const tm = log.child('tm');
    log.setLevel('tm', LOG_LEVELS.DBG);
    tm.debug('shown');
    log.debug('hidden');
    log.setLevel('tm', null);
    tm.debug('hidden');
    assert.equal(lines.length, 1);
  });

  test('text has the shape of Kamailio’s stderr, with fields behind', () => {
    const { log, lines } = logTo('text', LOG_LEVELS.DBG, { worker: 1 });
    log.setPrefix(() => '{1 INVITE} ');
    log.child('<script>').info('hello\n', { 'sip.method': 'INVITE', n: 5, phrase: 'a b' });
    assert.deepEqual(lines, [` 1(${process.pid}) INFO: {1 INVITE} <script>: hello sip.method=INVITE n=5 phrase="a b"`]);
  });

  test('each level has Kamailio’s name', () => {
    const { log, lines } = logTo('text', LOG_LEVELS.DBG);
    for (let level = -5; level <= 3; level++) log.write(level, 'x');
    assert.deepEqual(
      lines.map((line) => /\) (\w+):/.exec(line)?.[1]),
      ['ALERT', 'BUG', 'CRITICAL', 'CRITICAL', 'ERROR', 'WARNING', 'NOTICE', 'INFO', 'DEBUG'],
    );
  });

  test('text from the wire can not forge a line, an escape sequence or a broken character', () => {
    const { log, lines } = logTo('text', LOG_LEVELS.DBG);
    log.info('a\r\n 0(1) ERROR: forged \x1b[31m\x9b\0 gr\xc3\xbc\xc3\x9f \xff → \ttab');
    assert.equal(
      lines[0],
      ` 0(${process.pid}) INFO: <core>: a\n     0(1) ERROR: forged \\x1b[31m\\x9b\\x00 grüß ÿ → \ttab`,
    );
  });

  test('colours of a script reach a log that has colours, to the end of the line; no other control code does', () => {
    const text = 'a\x1b[0;31;49mred\x1b[1;30;40mhid\x1b[2Jden\x1b[31m';
    const plain = logTo('text', LOG_LEVELS.INFO);
    plain.log.info(text);
    assert.equal(plain.lines[0], ` 0(${process.pid}) INFO: <core>: aredhid\\x1b[2Jden\\x1b[31m`);
    const colored = logTo('text', LOG_LEVELS.INFO, { color: true });
    colored.log.info(text);
    assert.equal(colored.lines[0], ` 0(${process.pid}) INFO: <core>: a\x1b[0;31;49mredhid\\x1b[2Jden\\x1b[31m\x1b[0m`);
    const json = logTo('json', LOG_LEVELS.INFO, { color: true });
    json.log.info('\x1b[0;31;49mred');
    assert.match(json.lines[0] ?? '', /"msg":"red"/);
  });

  test('credentials do not reach the log, neither in texts nor as fields', () => {
    const { log, lines } = logTo('json', LOG_LEVELS.DBG);
    const secret = 'Digest username="bob", realm="x",\r\n response="deadbeef"';
    log.info(`INVITE sip:a SIP/2.0\r\nProxy-Authorization: ${secret}\r\nCSeq: 1 INVITE`, {
      message: `authorization:${secret}`,
      authorization: secret,
    });
    assert.doesNotMatch(lines[0] ?? '', /bob|deadbeef/);
    assert.match(lines[0] ?? '', /Proxy-Authorization: Digest \[redacted\]\\n {4}CSeq: 1 INVITE/);
  });

  test('an error’s stack stands indented in text and as `err` in JSON', () => {
    const error = new Error('boom');
    const text = logTo('text', 3);
    text.log.error('failed', { err: error });
    assert.match(text.lines[0] ?? '', /failed\n {4}Error: boom\n {8}at /);
    const json = logTo('json', 3);
    json.log.error('failed', { err: error });
    assert.equal((JSON.parse(json.lines[0] ?? '') as { err: { message: string } }).err.message, 'boom');
  });

  test('a prefix that logs does not recurse', () => {
    const { log, lines } = logTo('text', 3);
    log.setPrefix(() => (log.warn('inner'), 'p '));
    log.info('outer');
    assert.match(lines[0] ?? '', /WARNING: <core>: inner/);
    assert.match(lines[1] ?? '', /INFO: p <core>: outer/);
  });

  test('colours only where asked for', () => {
    const { log, lines } = logTo('text', 3, { color: true });
    log.error('red');
    assert.match(lines[0] ?? '', /\x1b\[31mERROR: <core>: red\x1b\[39m/);
  });
});

suite('log sinks', () => {
  test('lines of one turn leave together, and flush writes at once', () => {
    const file = join(tmpdir(), `strowger-log-${process.pid}`);
    const fd = openSync(file, 'w');
    const sink = new FdSink(fd);
    sink.write('one', 2);
    sink.write('two', 2);
    assert.equal(readFileSync(file, 'utf8'), '');
    sink.flush();
    assert.equal(readFileSync(file, 'utf8'), 'one\ntwo\n');
    sink.write('critical', -2);
    assert.equal(readFileSync(file, 'utf8'), 'one\ntwo\ncritical\n');
    writeSync(fd, '');
    closeSync(fd);
    rmSync(file);
  });

  test('a sink does not grow without bound', () => {
    const sink = new FdSink(-1);
    for (let i = 0; i < 300; i++) sink.write('x'.repeat(10_000), 3);
    sink.flush();
  });

  test('syslog datagrams carry facility, severity and name', () => {
    const sent: string[] = [];
    const send = (datagram: string): string | null => {
      sent.push(datagram);
      return null;
    };
    const wall = (): number => new Date(2026, 10, 5, 7, 8, 9).getTime();
    const sink = new SyslogSink({ send, ident: 'strowger[5]', facility: facilityNumber('LOG_LOCAL0') ?? 0, wall });
    sink.write('hé', -1);
    sink.write('x', 3);
    assert.deepEqual(sent, ['<131>Nov  5 07:08:09 strowger[5]: h\xc3\xa9', '<135>Nov  5 07:08:09 strowger[5]: x']);
    assert.equal(facilityNumber('daemon'), 3);
    assert.equal(facilityNumber('LOG_NOPE'), null);
  });
});
