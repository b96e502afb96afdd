import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer, connect as netConnect, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { RealClock } from '../timer/real-clock.ts';
import { VirtualClock } from '../timer/virtual-clock.ts';
import type { StreamConnection } from './drivers.ts';
import { DEFAULT_STREAM_SOCKET } from './stream-socket.ts';
import { TlsDriver } from './tls.ts';
import { parseTlsConfig } from './tls-config.ts';
import { isTlsFacts, type TlsFacts } from './tls-facts.ts';
import { loadTlsProfile, TlsProfiles } from './tls-profiles.ts';

const FOLDER = join(import.meta.dirname, 'testdata');
const READER = { file: (path: string) => readFileSync(join(FOLDER, path), 'utf8'), folder: () => [] };

function profilesOf(text: string): TlsProfiles {
  const { profiles, errors } = parseTlsConfig(text, 'tls.cfg');
  assert.deepEqual(errors, []);
  return new TlsProfiles(
    profiles.map((config) => {
      const profile = loadTlsProfile(config, READER);
      assert.ok('name' in profile);
      return profile;
    }),
  );
}

const SERVER = '[server:default]\ncertificate = server.pem\nprivate_key = server-key.pem\n';
const WITH_CLIENTS = `${SERVER}ca_list = ca.pem\nverify_certificate = yes\nrequire_certificate = yes\n`;
const CLIENT = '[client:default]\n';
const clientWith = (name: string): string => `${CLIENT}certificate = ${name}.pem\nprivate_key = ${name}-key.pem\n`;

function driverOf(text: string, clock = new RealClock()): TlsDriver {
  return new TlsDriver({ clock, profiles: profilesOf(text) });
}

/** A listener on 127.0.0.1, what it accepted, and what went wrong. */
async function listening(driver: TlsDriver) {
  const events: (StreamConnection | Error)[] = [];
  let wake = (): void => {};
  let admitted = 0;
  const put = (event: StreamConnection | Error): void => {
    events.push(event);
    wake();
  };
  const admit = (): (() => void) => {
    admitted++;
    return () => {
      admitted--;
    };
  };
  const listener = await driver.listen({ address: '127.0.0.1', port: 0, family: 4, admit }, put, put);
  const next = async (): Promise<StreamConnection | Error> => {
    for (;;) {
      const event = events.shift();
      if (event !== undefined) return event;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  const connection = async (): Promise<StreamConnection> => {
    const event = await next();
    if (event instanceof Error) throw event;
    return event;
  };
  const failure = async (): Promise<string> => {
    const event = await next();
    assert.ok(event instanceof Error);
    return event.message;
  };
  return { listener, connection, failure, admitted: () => admitted };
}

function factsOf(conn: StreamConnection): TlsFacts {
  assert.ok(isTlsFacts(conn.tls) && 'profile' in conn.tls);
  return conn.tls as TlsFacts;
}

/** Connects, and gives both ends. */
async function pair(serverText: string, clientText: string, host = '') {
  const { listener, connection } = await listening(driverOf(serverText));
  const client = await driverOf(clientText).connect({ ip: '127.0.0.1', port: listener.port, timeoutMs: 5000, host });
  const server = await connection();
  const close = async (): Promise<void> => {
    client.destroy();
    server.destroy();
    await listener.close();
  };
  return { client, server, close };
}

function received(conn: StreamConnection, length: number): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    conn.onData = (chunk) => {
      text += chunk;
      if (text.length >= length) resolve(text);
    };
  });
}

describe('TLS through node:tls', { timeout: 30_000 }, () => {
  test('bytes both ways, addresses, version and certificates', async () => {
    const { client, server, close } = await pair(SERVER, CLIENT);
    const atServer = received(server, 5);
    client.write('he\xffo');
    client.write('!');
    assert.equal(await atServer, 'he\xffo!');
    const atClient = received(client, 3);
    server.write('abc');
    assert.equal(await atClient, 'abc');
    assert.equal(server.remotePort, client.localPort);
    assert.equal(server.remoteIp, '127.0.0.1');
    const facts = factsOf(server);
    assert.deepEqual(
      [facts.version, facts.serverName, facts.verifyError, facts.peerCertificate],
      ['TLSv1.3', '', '', null],
    );
    assert.match(facts.ownCertificate?.subject ?? '', /CN=sip\.example\.org/);
    assert.match(factsOf(client).peerCertificate?.subject ?? '', /CN=sip\.example\.org/);
    assert.notEqual(facts.cipher, '');
    await close();
  });

  test('the method bounds the version, TLS 1.0 included; disjoint ones fail', async () => {
    for (const [method, version] of [
      ['TLSv1.2', 'TLSv1.2'],
      ['TLSv1', 'TLSv1'],
      ['TLSv1.1', 'TLSv1.1'],
      ['SSLv23', 'TLSv1.3'],
    ] as const) {
      const { server, close } = await pair(`${SERVER}method = SSLv23`, `${CLIENT}method = ${method}`);
      assert.equal(factsOf(server).version, version);
      await close();
    }
    const { listener, failure } = await listening(driverOf(`${SERVER}method = TLSv1.3`));
    const attempt = driverOf(`${CLIENT}method = TLSv1.2`).connect({
      ip: '127.0.0.1',
      port: listener.port,
      timeoutMs: 5000,
    });
    await assert.rejects(attempt, { code: 'TLS_HANDSHAKE' });
    assert.match(await failure(), /^tls:127\.0\.0\.1:\d+: TLS handshake failed: ERR_SSL_/);
    await listener.close();
  });

  test('SNI chooses the certificate; a client profile may set the name', async () => {
    const two = `${SERVER}[server:any]\ncertificate = other.pem\nprivate_key = other-key.pem\nserver_name = example.net\nserver_name_mode = 1\n`;
    const cases = [
      [CLIENT, 'other.example.net', 'other.example.net', 'other.example.net'],
      [CLIENT, 'sip.example.org', 'sip.example.org', 'sip.example.org'],
      [CLIENT, '127.0.0.1', '', 'sip.example.org'],
      [`${CLIENT}server_name = example.net`, 'x.example.org', 'example.net', 'other.example.net'],
    ] as const;
    for (const [clientText, host, sni, subject] of cases) {
      const { client, server, close } = await pair(two, clientText, host);
      assert.equal(factsOf(server).serverName, sni);
      assert.ok(factsOf(client).peerCertificate?.subject.includes(`CN=${subject}`));
      assert.ok(factsOf(server).ownCertificate?.subject.includes(`CN=${subject}`));
      await close();
    }
  });

  test('a client verifies the server when told so; no authority verifies nothing', async () => {
    const good = await pair(SERVER, `${CLIENT}verify_certificate = yes\nca_list = ca.pem`);
    assert.equal(factsOf(good.client).verifyError, '');
    await good.close();
    const { listener } = await listening(driverOf(SERVER));
    const blind = driverOf(`${CLIENT}verify_certificate = yes`);
    await assert.rejects(
      blind.connect({ ip: '127.0.0.1', port: listener.port, timeoutMs: 5000 }),
      /UNABLE_TO_(VERIFY|GET)/,
    );
    await listener.close();
  });

  test('a client certificate is asked for, verified and known', async () => {
    const { server, close } = await pair(WITH_CLIENTS, clientWith('client'));
    assert.match(factsOf(server).peerCertificate?.subject ?? '', /CN=phone\.example\.org/);
    assert.equal(factsOf(server).verifyError, '');
    await close();
  });

  test('clients without, with an expired, revoked or unknown certificate are refused, by name', async () => {
    const { listener, failure, admitted } = await listening(driverOf(`${WITH_CLIENTS}crl = crl.pem\n`));
    const cases = [
      [CLIENT, /no certificate from the client/],
      [clientWith('expired'), /CERT_HAS_EXPIRED/],
      [clientWith('revoked'), /CERT_REVOKED/],
    ] as const;
    for (const [text, reason] of cases) {
      // With TLS 1.3 the client is done before the server has judged.
      const client = await driverOf(text)
        .connect({ ip: '127.0.0.1', port: listener.port, timeoutMs: 5000 })
        .catch(() => null);
      assert.match(await failure(), reason);
      client?.destroy();
    }
    assert.equal(admitted(), 0);
    await listener.close();
  });

  test('optional_no_ca lets everyone in and tells what is wrong', async () => {
    const { server, close } = await pair(
      `${SERVER}ca_list = ca.pem\nverify_client = optional_no_ca\n`,
      clientWith('expired'),
    );
    assert.equal(factsOf(server).verifyError, 'CERT_HAS_EXPIRED');
    await close();
  });

  test('verify_depth bounds the chain', async () => {
    const { server, close } = await pair(`${WITH_CLIENTS}verify_depth = 0\n`, clientWith('client'));
    assert.equal(factsOf(server).verifyError, '');
    await close();
  });

  test('new profiles serve new connections; profiles that OpenSSL refuses leave the old ones', async () => {
    const driver = driverOf(SERVER);
    const { listener, connection } = await listening(driver);
    const client = driverOf(CLIENT);
    const connect = () => client.connect({ ip: '127.0.0.1', port: listener.port, timeoutMs: 5000 });
    const before = await connect();
    const beforeAtServer = await connection();
    assert.throws(
      () => driver.setProfiles(profilesOf('[server:default]\ncertificate = other.pem\nprivate_key = server-key.pem\n')),
      {
        code: 'TLS_PROFILE',
        message: /^\[server:default\]: .*key values mismatch/,
      },
    );
    driver.setProfiles(profilesOf('[server:default]\ncertificate = other.pem\nprivate_key = other-key.pem\n'));
    const after = await connect();
    const afterAtServer = await connection();
    assert.match(factsOf(before).peerCertificate?.subject ?? '', /sip\.example\.org/);
    assert.match(factsOf(after).peerCertificate?.subject ?? '', /other\.example\.net/);
    const still = received(beforeAtServer, 5);
    before.write('still');
    assert.equal(await still, 'still');
    for (const conn of [before, beforeAtServer, after, afterAtServer]) conn.destroy();
    await listener.close();
  });

  test('half a handshake ends at the time given, however slowly bytes come; it counts as admitted until then', async () => {
    const clock = new VirtualClock();
    const { listener, failure, admitted } = await listening(
      new TlsDriver({ clock, profiles: profilesOf(SERVER), handshakeTimeoutMs: 3000 }),
    );
    const sockets: Socket[] = [];
    for (let i = 0; i < 3; i++) {
      const socket = netConnect(listener.port, '127.0.0.1');
      await new Promise<void>((resolve) => socket.on('connect', () => resolve()));
      socket.on('error', () => {});
      socket.write('\x16\x03\x01');
      sockets.push(socket);
    }
    while (admitted() < 3) await new Promise((resolve) => setImmediate(resolve));
    clock.advance(3000);
    for (let i = 0; i < 3; i++) assert.match(await failure(), /TLS handshake failed: no end within 3000 ms/);
    assert.equal(admitted(), 0);
    await Promise.all(
      sockets.map((socket) => new Promise((resolve) => (socket.destroyed ? resolve(0) : socket.on('close', resolve)))),
    );
    await listener.close();
  });

  test('plain SIP on a TLS port, and a peer that hangs up, are failures of one line', async () => {
    const { listener, failure, admitted } = await listening(driverOf(SERVER));
    const plain = netConnect(listener.port, '127.0.0.1');
    plain.on('error', () => {});
    plain.write('OPTIONS sip:example.org SIP/2.0\r\n\r\n');
    assert.match(await failure(), /TLS handshake failed: ERR_SSL_/);
    const gone = netConnect(listener.port, '127.0.0.1', () => gone.destroy());
    gone.on('error', () => {});
    assert.match(await failure(), /TLS handshake failed/);
    assert.equal(admitted(), 0);
    plain.destroy();
    await listener.close();
  });

  test('tcp_close_rst: a dropped connection is reset', async () => {
    const { listener, connection } = await listening(driverOf(SERVER));
    const socketOptions = { ...DEFAULT_STREAM_SOCKET, closeWithReset: true };
    const driver = new TlsDriver({ clock: new RealClock(), profiles: profilesOf(CLIENT), socketOptions });
    const client = await driver.connect({ ip: '127.0.0.1', port: listener.port, timeoutMs: 5000 });
    const server = await connection();
    const seen = received(server, 1);
    client.write('x');
    await seen;
    const end = new Promise<Error | null>((resolve) => {
      server.onClose = resolve;
    });
    client.destroy();
    assert.match(String((await end)?.message), /ECONNRESET/);
    await listener.close();
  });

  test('a PROXY header may stand before the handshake, in one packet with its beginning', async () => {
    const socketOptions = { ...DEFAULT_STREAM_SOCKET, proxyHeaderMs: 5000 };
    const driver = new TlsDriver({ clock: new RealClock(), profiles: profilesOf(SERVER), socketOptions });
    const { listener, connection } = await listening(driver);
    // What a client would send is taken from one that connects to a plain listener, and sent on behind the header.
    const relay = createServer((near) => {
      const far = netConnect(listener.port, '127.0.0.1');
      near.once('data', (hello: Buffer) => {
        far.write(Buffer.concat([Buffer.from('PROXY TCP4 192.0.2.7 192.0.2.8 7000 5061\r\n'), hello]));
        near.pipe(far).pipe(near);
      });
      for (const socket of [near, far]) socket.on('error', () => {});
    });
    await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
    const { port } = relay.address() as AddressInfo;
    const client = await driverOf(CLIENT).connect({ ip: '127.0.0.1', port, timeoutMs: 5000 });
    const server = await connection();
    assert.deepEqual([server.remoteIp, server.remotePort, server.localPort], ['192.0.2.7', 7000, 5061]);
    const seen = received(server, 2);
    client.write('hi');
    assert.equal(await seen, 'hi');
    client.destroy();
    server.destroy();
    relay.close();
    await listener.close();
  });

  test('connecting to what is no TLS server fails; the whole of it is bounded in time', async () => {
    const { listener } = await listening(driverOf(SERVER));
    await listener.close();
    await assert.rejects(
      driverOf(CLIENT).connect({ ip: '127.0.0.1', port: listener.port, timeoutMs: 5000 }),
      /ECONNREFUSED/,
    );
    await assert.rejects(
      driverOf(SERVER).connect({ ip: '127.0.0.1', port: 5061, timeoutMs: 5000 }),
      /no client profile/,
    );
  });
});
