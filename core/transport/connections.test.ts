import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CounterRegistry } from '../counters/counters.ts';
import type { Log } from '../log/log.ts';
import { VirtualClock } from '../timer/virtual-clock.ts';
import { TimerWheel } from '../timer/wheel.ts';
import { type ConnectionSettings, defaultConnectionSettings } from './connection-settings.ts';
import { ConnectionTable } from './connections.ts';
import type { StreamConnection, StreamConnectOptions, StreamDriver, StreamListenOptions } from './drivers.ts';
import { type Destination, PROTO, type ReceiveInfo, type SocketInfo } from './socket-info.ts';

const US: SocketInfo = {
  index: 0,
  proto: PROTO.TCP,
  family: 4,
  address: '192.0.2.1',
  port: 5060,
  advertisedHost: '192.0.2.1',
  advertisedPort: 5060,
  isAdvertised: false,
  name: '',
  isVirtual: false,
  uri: 'tcp:192.0.2.1:5060',
  sentBy: '192.0.2.1:5060',
  isReliable: true,
};

/** A stream whose other end is the test. */
class FakeStream implements StreamConnection {
  readonly localIp = US.address;
  readonly localPort: number;
  readonly remoteIp: string;
  readonly remotePort: number;
  readonly tls = null;
  onData: (chunk: string) => void = () => {};
  onClose: (error: Error | null) => void = () => {};
  onDrain?: () => void;
  queuedBytes = 0;
  sent = '';
  isPaused = false;
  isEnded = false;
  isDestroyed = false;
  /** While set, what is written stays queued. */
  isStuck = false;

  constructor(remoteIp: string, remotePort: number, localPort = US.port) {
    this.remoteIp = remoteIp;
    this.remotePort = remotePort;
    this.localPort = localPort;
  }

  write(text: string): void {
    if (this.isStuck) this.queuedBytes += text.length;
    else this.sent += text;
  }
  pause(): void {
    this.isPaused = true;
  }
  resume(): void {
    this.isPaused = false;
  }
  end(): void {
    this.isEnded = true;
  }
  destroy(): void {
    this.isDestroyed = true;
  }
}

class FakeDriver implements StreamDriver {
  readonly name = 'fake';
  readonly attempts: {
    options: StreamConnectOptions;
    resolve: (conn: StreamConnection) => void;
    reject: (error: Error) => void;
  }[] = [];
  options: StreamListenOptions | null = null;
  #onConnection: (conn: StreamConnection) => void = () => {};

  async listen(options: StreamListenOptions, onConnection: (conn: StreamConnection) => void) {
    this.options = options;
    this.#onConnection = onConnection;
    return { address: options.address, port: options.port, close: async () => {} };
  }

  connect(options: StreamConnectOptions): Promise<StreamConnection> {
    return new Promise((resolve, reject) => this.attempts.push({ options, resolve, reject }));
  }

  /** A peer connects; null when it is refused. */
  arrive(ip: string, port: number): FakeStream | null {
    const admitted = this.options?.admit?.(ip, port) ?? null;
    if (admitted === null) return null;
    const stream = new FakeStream(ip, port);
    admitted();
    this.#onConnection(stream);
    return stream;
  }
}

async function setup(change: Partial<ConnectionSettings> = {}) {
  const clock = new VirtualClock();
  const driver = new FakeDriver();
  const counters = new CounterRegistry();
  const lines: string[] = [];
  const log = new Proxy({} as Log, {
    get: (_target, name) => (name === 'isEnabled' ? () => false : (text: string) => lines.push(text)),
  });
  const messages: { text: string; rcv: ReceiveInfo }[] = [];
  const closes: string[] = [];
  const failed: string[] = [];
  const settings = { ...defaultConnectionSettings(), ...change };
  const table: ConnectionTable = new ConnectionTable({
    wheel: new TimerWheel(clock),
    log,
    settings,
    counters,
    events: {
      onMessage: (text, rcv) => messages.push({ text, rcv }),
      onClose: (conn, reason) => closes.push(`${conn.id} ${reason}`),
      onFramingError: (error, rcv) => {
        table.send(`SIP/2.0 ${error.status} x\r\n\r\n`, to(rcv.srcIp, rcv.srcPort, { conId: rcv.conId }));
      },
    },
  });
  table.setDriver(PROTO.TCP, driver);
  await table.listen(PROTO.TCP, { address: US.address, port: US.port, family: 4 }, () => US);
  const arrive = (ip = '198.51.100.1', port = 40_000): FakeStream => {
    const stream = driver.arrive(ip, port);
    assert.ok(stream !== null);
    return stream;
  };
  const stat = (name: string): number => counters.find('tcp', name)?.get() ?? -1;
  const send = (text: string, dst: Destination): number =>
    table.send(text, dst, (error) => failed.push(`${text}: ${error.message}`));
  return { clock, driver, table, send, settings, messages, closes, failed, lines, arrive, stat };
}

function to(ip: string, port: number, change: Partial<Destination> = {}): Destination {
  return {
    proto: PROTO.TCP,
    ip,
    port,
    socket: US,
    conId: 0,
    noConnect: false,
    closeAfter: false,
    host: '',
    ...change,
  };
}

const MESSAGE = 'OPTIONS sip:a SIP/2.0\r\nl: 0\r\n\r\n';

describe('receiving', () => {
  test('messages come with where they came from; a ping is answered (RFC 5626 §4.4.1)', async () => {
    const { arrive, messages, settings } = await setup();
    const stream = arrive();
    stream.onData(MESSAGE + MESSAGE);
    assert.equal(messages.length, 2);
    assert.deepEqual(messages[0]?.rcv, {
      proto: PROTO.TCP,
      srcIp: '198.51.100.1',
      srcPort: 40_000,
      dstIp: '192.0.2.1',
      dstPort: 5060,
      socket: US,
      conId: 1,
    });
    stream.onData('\r\n\r\n');
    assert.equal(stream.sent, '\r\n');
    settings.crlfPing = false;
    stream.onData('\r\n\r\n');
    assert.equal(stream.sent, '\r\n');
  });

  test('a stream that cannot be framed is answered, logged once and ended', async () => {
    const { arrive, clock, closes, lines } = await setup();
    const stream = arrive();
    stream.onData('INVITE sip:a SIP/2.0\r\nContent-Length: 2147483648\r\n\r\n');
    assert.equal(stream.sent, 'SIP/2.0 513 x\r\n\r\n');
    assert.ok(stream.isEnded);
    stream.onData(MESSAGE);
    clock.advance(5000);
    assert.ok(stream.isDestroyed);
    assert.deepEqual(closes, ['1 closed']);
    assert.deepEqual(lines, ['tcp connection 1 from 198.51.100.1:40000: closed: message-too-large']);
  });

  test('one byte a second: the message must end within tcp_msg_read_timeout', async () => {
    const { arrive, clock, closes, stat, lines } = await setup();
    const stream = arrive();
    stream.onData('O');
    for (let i = 0; i < 19; i++) {
      clock.advance(1000);
      stream.onData('P');
    }
    assert.ok(!stream.isDestroyed);
    clock.advance(1000);
    assert.ok(stream.isDestroyed);
    assert.deepEqual(closes, ['1 timeout']);
    assert.equal(stat('con_timeout'), 1);
    assert.equal(lines.length, 1);
  });

  test('messages back to back, each cut in two, are not a slow one', async () => {
    const { arrive, clock, messages } = await setup();
    const stream = arrive();
    stream.onData(MESSAGE.slice(0, 10));
    for (let i = 0; i < 30; i++) {
      clock.advance(5000);
      stream.onData(MESSAGE.slice(10) + MESSAGE.slice(0, 10));
    }
    assert.ok(!stream.isDestroyed);
    assert.equal(messages.length, 30);
  });

  test('a new connection that says nothing is closed after tcp_msg_data_timeout, an idle one after its lifetime', async () => {
    const { arrive, clock, closes, table } = await setup();
    const silent = arrive('198.51.100.1', 1);
    const idle = arrive('198.51.100.1', 2);
    const kept = arrive('198.51.100.1', 3);
    idle.onData(MESSAGE);
    kept.onData(MESSAGE);
    table.setLifetime(3, 3_600_000);
    clock.advance(19_999);
    assert.ok(!silent.isDestroyed);
    clock.advance(1);
    assert.ok(silent.isDestroyed);
    clock.advance(60_000);
    idle.onData('\r\n');
    clock.advance(119_999);
    assert.ok(!idle.isDestroyed);
    clock.advance(1);
    assert.ok(idle.isDestroyed && !kept.isDestroyed);
    clock.advance(3_600_000);
    assert.deepEqual(closes, ['1 timeout', '2 timeout', '3 timeout']);
    assert.equal(table.size, 0);
  });

  test('a negative lifetime never ends', async () => {
    const { arrive, clock } = await setup({ lifetimeMs: -1000 });
    const stream = arrive();
    stream.onData(MESSAGE);
    clock.advance(10 * 3_600_000);
    assert.ok(!stream.isDestroyed);
  });

  test('a handler may close the connection in the middle of a chunk', async () => {
    const { arrive, messages, table } = await setup();
    const stream = arrive();
    messages.push = (entry) => {
      table.end(entry.rcv.conId);
      return Array.prototype.push.call(messages, entry);
    };
    stream.onData(MESSAGE + MESSAGE);
    assert.equal(messages.length, 1);
    assert.ok(stream.isEnded);
  });

  test('after an upgrade the bytes go elsewhere, and the connection is found under the new protocol', async () => {
    const { arrive, messages, table } = await setup();
    const stream = arrive();
    const bytes: string[] = [];
    const sent: string[] = [];
    const layer = {
      receive: (chunk: string) => void bytes.push(chunk),
      send: (text: string) => sent.push(text) > 0,
      ending: () => void sent.push('ending'),
      closed: (reason: string) => void sent.push(reason),
    };
    const write = table.upgrade(1, PROTO.WS, layer);
    assert.ok(write !== null);
    stream.onData(MESSAGE);
    assert.deepEqual([bytes, messages.length], [[MESSAGE], 0]);
    assert.equal(table.find(PROTO.WS, '198.51.100.1', 40_000)?.id, 1);
    assert.equal(table.find(PROTO.TCP, '198.51.100.1', 40_000), undefined);
    assert.equal(table.upgrade(99, PROTO.WS, layer), null);
    assert.equal(table.send('message', { ...to('198.51.100.1', 40_000), proto: PROTO.WS }), 1);
    assert.ok(write('bytes'));
    table.end(1, true);
    assert.deepEqual([sent, stream.sent], [['message', 'closed'], 'bytes']);
    assert.equal(table.send('late', { ...to('198.51.100.1', 40_000), proto: PROTO.WS }), -1, 'none is opened');
  });
});

describe('limits', () => {
  test('tcp_max_connections: one log line, refusals counted, room again after a close', async () => {
    const { driver, arrive, lines, stat, table, send } = await setup({ maxConnections: 3 });
    for (let i = 0; i < 3; i++) arrive('198.51.100.1', 1000 + i);
    for (let i = 0; i < 10_000; i++) assert.equal(driver.arrive('198.51.100.1', 2000 + i), null);
    assert.equal(stat('local_reject'), 10_000);
    assert.deepEqual(lines, ['tcp: connection from 198.51.100.1:2000 refused: tcp_max_connections reached']);
    assert.equal(send(MESSAGE, to('198.51.100.9', 5060)), -1);
    table.end(1, true);
    assert.notEqual(driver.arrive('198.51.100.1', 3000), null);
  });

  test('tcp_accept_iplimit counts by address, tcp_accept_unique by address and port', async () => {
    const { driver, arrive, table } = await setup({ maxPerAddress: 2, acceptUnique: true });
    arrive('198.51.100.1', 1);
    assert.equal(driver.arrive('198.51.100.1', 1), null);
    arrive('198.51.100.1', 2);
    assert.equal(driver.arrive('198.51.100.1', 3), null);
    arrive('198.51.100.2', 3);
    table.end(2, true);
    assert.notEqual(driver.arrive('198.51.100.1', 3), null);
  });

  test('handshakes under way count as connections', async () => {
    const { driver } = await setup({ maxConnections: 2 });
    const first = driver.options?.admit?.('198.51.100.1', 1);
    const second = driver.options?.admit?.('198.51.100.1', 2);
    assert.equal(driver.options?.admit?.('198.51.100.1', 3), null);
    first?.();
    assert.equal(typeof driver.options?.admit?.('198.51.100.1', 4), 'function');
    assert.equal(typeof second, 'function');
  });
});

describe('sending', () => {
  test('on the connection of the request, else to the same peer, else on a new one', async () => {
    const { arrive, driver, send } = await setup();
    const stream = arrive('198.51.100.1', 40_000);
    assert.equal(send('by id', to('203.0.113.1', 1, { conId: 1 })), 1);
    assert.equal(send(' by peer', to('198.51.100.1', 40_000)), 1);
    assert.equal(stream.sent, 'by id by peer');
    assert.equal(send('new', to('198.51.100.1', 5060)), 1);
    assert.equal(driver.attempts.length, 1);
    assert.equal(driver.attempts[0]?.options.localAddress, '192.0.2.1');
  });

  test('messages queue while connecting and leave in order; one attempt serves all', async () => {
    const { driver, closes, clock, stat, send } = await setup();
    for (const text of ['1', '2', '3']) assert.equal(send(text, to('198.51.100.7', 5060)), 1);
    assert.equal(driver.attempts.length, 1);
    const stream = new FakeStream('198.51.100.7', 5060, 33_000);
    driver.attempts[0]?.resolve(stream);
    await clock.advanceAsync(0);
    assert.equal(stream.sent, '123');
    send('4', to('198.51.100.7', 5060));
    assert.equal(stream.sent, '1234');
    assert.equal(stat('connect_success'), 1);
    stream.onClose(null);
    assert.deepEqual(closes, ['1 closed']);
    send('5', to('198.51.100.7', 5060));
    assert.equal(driver.attempts.length, 2);
  });

  test('a failed attempt gives back every message; onClose is for open connections only', async () => {
    const { driver, table, failed, closes, clock, stat, lines, send } = await setup();
    send('1', to('198.51.100.7', 5060));
    send('2', to('198.51.100.7', 5060));
    driver.attempts[0]?.reject(new Error('refused'));
    await clock.advanceAsync(0);
    assert.deepEqual(failed, ['1: refused', '2: refused']);
    assert.deepEqual(closes, []);
    assert.deepEqual([stat('connect_failed'), lines.length, table.size, table.queuedBytes], [1, 1, 0, 0]);
  });

  test('no connection is opened with noConnect or tcp_no_connect', async () => {
    const { driver, settings, send } = await setup();
    assert.equal(send('x', to('198.51.100.7', 5060, { noConnect: true })), -1);
    settings.noConnect = true;
    assert.equal(send('x', to('198.51.100.7', 5060)), -1);
    assert.equal(driver.attempts.length, 0);
  });

  test('what waits for a connection is bounded', async () => {
    const { driver, stat, send } = await setup({ connectionQueueBytes: 1000 });
    assert.equal(send('x'.repeat(5000), to('198.51.100.7', 5060)), 1);
    assert.equal(send('x', to('198.51.100.7', 5060)), -1);
    assert.equal(stat('sendq_full'), 1);
    assert.equal(driver.attempts.length, 1);
  });

  test('IPv6 peers are found whatever the spelling', async () => {
    const { driver, send } = await setup();
    const us6 = { ...US, family: 6, address: '2001:db8::1' } as const;
    send('1', to('2001:DB8:0:0::2', 5060, { socket: us6 }));
    send('2', to('2001:db8::2', 5060, { socket: us6 }));
    assert.equal(driver.attempts.length, 1);
  });

  test('a forced socket is reused only with its own address; tcp_connection_match asks for the port too', async () => {
    const { arrive, driver, settings, send } = await setup();
    const stream = arrive('198.51.100.1', 40_000);
    const other = { ...US, address: '192.0.2.2' };
    send('other', to('198.51.100.1', 40_000, { socket: other }));
    assert.equal(driver.attempts.length, 1);
    const otherPort = { ...US, port: 5070 };
    send('same address', to('198.51.100.1', 40_000, { socket: otherPort }));
    assert.equal(stream.sent, 'same address');
    settings.matchLocalPort = true;
    send('port', to('198.51.100.1', 40_000, { socket: otherPort }));
    assert.equal(driver.attempts.length, 2);
  });

  test('aliases: found under another port, not under one that is taken, twelve at most, gone with the connection', async () => {
    const { arrive, driver, table, send } = await setup();
    const stream = arrive('198.51.100.1', 40_000);
    arrive('198.51.100.1', 40_001);
    assert.ok(table.addAlias(1, 5060));
    assert.ok(table.addAlias(1, 5060));
    assert.ok(!table.addAlias(1, 40_001));
    assert.ok(!table.addAlias(77, 5060));
    send('via alias', to('198.51.100.1', 5060));
    assert.equal(stream.sent, 'via alias');
    for (let port = 1; port <= 11; port++) assert.ok(table.addAlias(1, port));
    assert.ok(!table.addAlias(1, 12));
    stream.onClose(null);
    send('x', to('198.51.100.1', 5060));
    assert.equal(driver.attempts.length, 1);
  });

  test('closeAfter ends the connection when the message has left', async () => {
    const { arrive, send } = await setup();
    const stream = arrive();
    assert.equal(send('bye', to('198.51.100.1', 40_000, { closeAfter: true })), 1);
    assert.ok(stream.isEnded && !stream.isDestroyed);
    assert.equal(stream.sent, 'bye');
  });
});

describe('back-pressure', () => {
  test('a peer that does not read is not read from, and goes on where it stopped', async () => {
    const { arrive, clock, messages, send } = await setup({ connectionQueueBytes: 1000 });
    const stream = arrive();
    stream.isStuck = true;
    send('x'.repeat(600), to('198.51.100.1', 40_000));
    assert.ok(stream.isPaused);
    stream.queuedBytes = 0;
    stream.isStuck = false;
    clock.advance(250);
    assert.ok(!stream.isPaused);
    stream.onData(MESSAGE);
    assert.equal(messages.length, 1);
    stream.isStuck = true;
    send('x'.repeat(600), to('198.51.100.1', 40_000));
    assert.ok(stream.isPaused);
    stream.queuedBytes = 0;
    stream.onDrain?.();
    assert.ok(!stream.isPaused);
  });

  test('beyond tcp_conn_wq_max it is closed', async () => {
    const { arrive, closes, lines, stat, send } = await setup({ connectionQueueBytes: 1000 });
    const stream = arrive();
    stream.isStuck = true;
    assert.equal(send('x'.repeat(900), to('198.51.100.1', 40_000)), 1);
    assert.equal(send('x'.repeat(200), to('198.51.100.1', 40_000)), -1);
    assert.ok(stream.isDestroyed);
    assert.deepEqual(closes, ['1 timeout']);
    assert.equal(lines.length, 1);
    assert.equal(stat('sendq_full'), 1);
  });

  test('tcp_wq_max bounds all connections together', async () => {
    const { arrive, table, send } = await setup({ totalQueueBytes: 1500, connectionQueueBytes: 10_000 });
    const streams = [arrive('198.51.100.1', 1), arrive('198.51.100.1', 2)];
    for (const stream of streams) stream.isStuck = true;
    assert.equal(send('x'.repeat(1000), to('198.51.100.1', 1)), 1);
    assert.equal(send('x'.repeat(1000), to('198.51.100.1', 2)), -1);
    assert.equal(table.queuedBytes, 1000);
  });

  test('tcp_send_timeout runs only while nothing at all is taken', async () => {
    const { arrive, clock, closes, stat, send } = await setup({ connectionQueueBytes: 100_000 });
    const stream = arrive();
    stream.onData(MESSAGE);
    stream.isStuck = true;
    send('x'.repeat(10_000), to('198.51.100.1', 40_000));
    for (let i = 0; i < 5; i++) {
      clock.advance(9000);
      stream.queuedBytes -= 1000;
    }
    assert.ok(!stream.isDestroyed);
    clock.advance(25_000);
    assert.ok(stream.isDestroyed);
    assert.deepEqual(closes, ['1 timeout']);
    assert.equal(stat('send_timeout'), 1);
  });
});

describe('ends', () => {
  test('a reset is told apart and counted', async () => {
    const { arrive, closes, stat } = await setup();
    const stream = arrive();
    stream.onClose(new Error('read ECONNRESET'));
    stream.onClose(null);
    assert.deepEqual(closes, ['1 reset']);
    assert.equal(stat('con_reset'), 1);
  });

  test('closeAll drops everything and lets nothing new in', async () => {
    const { arrive, driver, table, failed, clock, send } = await setup();
    const stream = arrive();
    send('x', to('198.51.100.7', 5060));
    void table.close();
    assert.ok(stream.isDestroyed);
    assert.equal(failed.length, 1);
    assert.equal(driver.arrive('198.51.100.1', 1), null);
    assert.equal(send('x', to('198.51.100.8', 5060)), -1);
    const late = new FakeStream('198.51.100.7', 5060);
    driver.attempts[0]?.resolve(late);
    await clock.advanceAsync(0);
    assert.ok(late.isDestroyed);
    assert.deepEqual([table.size, table.queuedBytes], [0, 0]);
  });
});

describe('TLS', () => {
  const OVER_TLS: SocketInfo = {
    ...US,
    proto: PROTO.TLS,
    port: 5061,
    uri: 'tls:192.0.2.1:5061',
    sentBy: '192.0.2.1:5061',
  };

  async function tlsSetup() {
    const parts = await setup();
    const driver = new FakeDriver();
    parts.table.setDriver(PROTO.TLS, driver);
    await parts.table.listen(PROTO.TLS, { address: US.address, port: 5061, family: 4 }, () => OVER_TLS);
    const toTls = (host: string): Destination => to('198.51.100.9', 5061, { proto: PROTO.TLS, socket: OVER_TLS, host });
    return { ...parts, driver, toTls };
  }

  test('connection_timeout holds until the first byte, the usual lifetime after it', async () => {
    const { driver, clock, settings } = await tlsSetup();
    settings.firstDataTimeoutMs = 0;
    const silent = driver.arrive('198.51.100.1', 1);
    const talking = driver.arrive('198.51.100.1', 2);
    clock.advance(130_000);
    talking?.onData(MESSAGE);
    clock.advance(120_000);
    assert.ok(talking?.isDestroyed && !silent?.isDestroyed);
    clock.advance(350_000);
    assert.ok(silent?.isDestroyed);
  });

  test('tls_connection_match_domain reuses what was opened for the same host only', async () => {
    const { driver, send, settings, toTls } = await tlsSetup();
    send('1', toTls('a.example.org'));
    send('2', toTls('b.example.org'));
    assert.equal(driver.attempts.length, 1);
    settings.matchTlsHost = true;
    send('3', toTls('b.example.org'));
    send('4', toTls('b.example.org'));
    assert.deepEqual(
      driver.attempts.map((attempt) => attempt.options.host),
      ['a.example.org', 'b.example.org'],
    );
  });

  test('the tls module says how to connect, and may refuse what was opened', async () => {
    const { driver, send, table, toTls, clock, failed, closes } = await tlsSetup();
    table.tlsTarget = (dst) => ({ tlsServerName: `sni.${dst.host}`, tlsServerId: 'one' });
    table.mayUseOpened = (_conn, text) => text !== 'secret';
    send('secret', toTls('example.org'));
    const [attempt] = driver.attempts;
    assert.deepEqual([attempt?.options.tlsServerName, attempt?.options.tlsServerId], ['sni.example.org', 'one']);
    const stream = new FakeStream('198.51.100.9', 5061, 40_000);
    attempt?.resolve(stream);
    await clock.advanceAsync(0);
    assert.equal(stream.sent, '');
    assert.ok(stream.isDestroyed);
    assert.deepEqual(failed, ['secret: refused by the script']);
    assert.deepEqual(closes, ['1 closed']);
  });
});
