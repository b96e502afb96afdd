import assert from 'node:assert/strict';
import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import type { StartedServer } from '../../core/cli/start-options.ts';
import { startServer } from '../../core/start.ts';
import { SeededRandom } from '../../core/timer/random.ts';
import { VirtualClock } from '../../core/timer/virtual-clock.ts';
import { scriptOptions } from '../../test/support/both-servers.ts';
import { makeMissingCertificate, selfSigned } from './make-certificate.ts';

const TESTDATA = join(import.meta.dirname, '../../core/transport/testdata');
const folder = mkdtempSync(join(tmpdir(), 'strowger-certificate-'));
after(() => rmSync(folder, { recursive: true }));

const SUBJECT = { name: 'sip.example.org', hosts: ['sip.example.org', '192.0.2.1', '2001:db8::1'] };
const NOW = Date.UTC(2026, 5, 1);

test('the certificate is one for the key, self-signed, for names and addresses', async () => {
  for (const key of [
    generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey,
    generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
  ]) {
    const made = new X509Certificate(await selfSigned(key, SUBJECT, NOW, new SeededRandom(1)));
    assert.ok(made.checkPrivateKey(key));
    assert.ok(made.verify(made.publicKey));
    assert.equal(made.subject, 'CN=sip.example.org');
    assert.equal(made.issuer, made.subject);
    assert.equal(made.subjectAltName, 'DNS:sip.example.org, IP Address:192.0.2.1, IP Address:2001:DB8:0:0:0:0:0:1');
    assert.deepEqual([made.checkHost('sip.example.org'), made.checkIP('192.0.2.1')], ['sip.example.org', '192.0.2.1']);
    assert.equal(made.validFrom, 'May 31 00:00:00 2026 GMT');
    assert.equal(made.validTo, 'May 29 00:00:00 2036 GMT');
    assert.equal(made.ca, false);
    assert.match(made.serialNumber, /^[4-7][0-9A-F]{31}$/);
  }
});

test('files are made once, the key is its owner’s; several workers agree', async () => {
  const files = { certificate: join(folder, 'a/b/cert.pem'), privateKey: join(folder, 'a/b/key.pem') };
  const make = (seed: number): Promise<boolean> =>
    makeMissingCertificate(files, SUBJECT, { clock: new VirtualClock(), random: new SeededRandom(seed) });
  assert.deepEqual(await Promise.all([make(1), make(2), make(3)]), [true, true, true]);
  const made = (): X509Certificate => new X509Certificate(readFileSync(files.certificate));
  assert.ok(made().checkPrivateKey(createPrivateKey(readFileSync(files.privateKey))));
  assert.equal(statSync(files.privateKey).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(join(folder, 'a/b')).sort(), ['cert.pem', 'key.pem']);
  const before = made().fingerprint256;
  assert.equal(await make(4), false);
  assert.equal(made().fingerprint256, before);
  rmSync(files.certificate);
  assert.equal(await make(5), true);
  assert.ok(made().checkPrivateKey(createPrivateKey(readFileSync(files.privateKey))), 'for the key that was there');
});

test('key and certificate may share a file', async () => {
  const path = join(folder, 'both.pem');
  const parts = { clock: new VirtualClock(), random: new SeededRandom(1) };
  assert.equal(await makeMissingCertificate({ certificate: path, privateKey: path }, SUBJECT, parts), true);
  const text = readFileSync(path);
  assert.ok(new X509Certificate(text).checkPrivateKey(createPrivateKey(text)));
  assert.equal(statSync(path).mode & 0o777, 0o600);
});

suite('a server', { timeout: 60_000 }, () => {
  const running: StartedServer[] = [];
  const sockets: TLSSocket[] = [];
  after(async () => {
    for (const socket of sockets) socket.destroy();
    for (const server of running) await server.stop(0);
  });
  const start = async (params: string): Promise<number> => {
    const script = `enable_tls=yes\nalias="alias.example.org"\nloadmodule "tls"\nloadmodule "sl"\n${params}\nrequest_route { sl_send_reply("200", "OK"); }\n`;
    const server = await startServer(scriptOptions(script, { listens: ['tls:127.0.0.1:0'] }));
    running.push(server);
    return server.server.transport.sockets[0]?.port ?? 0;
  };
  const open = (port: number): Promise<TLSSocket> =>
    new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => resolve(socket));
      socket.once('error', reject);
      sockets.push(socket);
    });
  const ask = (socket: TLSSocket): Promise<string> =>
    new Promise((resolve, reject) => {
      socket.once('data', (data: Buffer) => resolve(data.toString('latin1')));
      socket.once('close', () => reject(new Error('closed')));
      socket.write(
        'OPTIONS sip:a@example.org SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1;branch=z9hG4bK1\r\nFrom: <sip:a@example.org>;tag=1\r\n' +
          'To: <sip:a@example.org>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n',
      );
    });

  test('starts without files where make_certificate lets it, and only then', async () => {
    const files = `modparam("tls", "certificate", "${folder}/new/c.pem")\nmodparam("tls", "private_key", "${folder}/new/k.pem")`;
    await assert.rejects(start(files), /c\.pem: ENOENT/);
    assert.ok(!existsSync(join(folder, 'new')));
    const port = await start(`${files}\nmodparam("tls", "make_certificate", 1)`);
    const socket = await open(port);
    const names = socket.getPeerX509Certificate()?.subjectAltName ?? '';
    assert.match(names, /DNS:alias\.example\.org, IP Address:127\.0\.0\.1, .*DNS:localhost/);
    assert.match(await ask(socket), /^SIP\/2\.0 200 OK/);
  });

  test('a folder that can not be written ends the start with the reason', async () => {
    writeFileSync(join(folder, 'file'), '');
    const bad = `modparam("tls", "certificate", "${folder}/file/c.pem")\nmodparam("tls", "make_certificate", 1)`;
    await assert.rejects(start(bad), /make_certificate: .*file\/c\.pem: /);
  });

  test('A8: tls.reload: new connections get the new certificate, an open one goes on', async () => {
    const at = (name: string): string => join(folder, name);
    copyFileSync(join(TESTDATA, 'server.pem'), at('live.pem'));
    copyFileSync(join(TESTDATA, 'server-key.pem'), at('live-key.pem'));
    const port = await start(
      `modparam("tls", "certificate", "${at('live.pem')}")\nmodparam("tls", "private_key", "${at('live-key.pem')}")`,
    );
    const old = await open(port);
    assert.match(await ask(old), /^SIP\/2\.0 200/);
    copyFileSync(join(TESTDATA, 'other.pem'), at('live.pem'));
    const { rpc } = running.at(-1)?.server ?? assert.fail();
    await assert.rejects(rpc.call('tls.reload', []), { code: 500, message: /key values mismatch/ });
    assert.match(await ask(await open(port)), /^SIP\/2\.0 200/, 'a reload that failed changes nothing');
    copyFileSync(join(TESTDATA, 'other-key.pem'), at('live-key.pem'));
    await rpc.call('tls.reload', []);
    const fresh = await open(port);
    assert.match(fresh.getPeerX509Certificate()?.subject ?? '', /other\.example\.net/);
    assert.match(old.getPeerX509Certificate()?.subject ?? '', /sip\.example\.org/);
    assert.match(await ask(old), /^SIP\/2\.0 200/);
    assert.match(await ask(fresh), /^SIP\/2\.0 200/);
  });
});
