import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { PROTO, RpcMany } from 'strowger';
import { request, UdpPeer } from 'strowger/testing';
import type { StartedServer } from '../../core/cli/start-options.ts';
import { startServer } from '../../core/start.ts';
import { scriptOptions } from '../../test/support/both-servers.ts';
import {
  alternativeName,
  certificateVersion,
  nameField,
  nameLine,
  serialNumber,
  urlEncodedPem,
} from './certificate.ts';
import { cipherDescription, cipherFacts } from './cipher-text.ts';
import { TLS_PVS, variableOfSelect } from './variables.ts';

const CERTIFICATES = join(import.meta.dirname, '../../core/transport/testdata');
const pemOf = (name: string): string => readFileSync(join(CERTIFICATES, `${name}.pem`), 'utf8');

test('a certificate as Kamailio 5.6.3 shows it', () => {
  const certificate = new X509Certificate(pemOf('client'));
  assert.equal(
    nameLine(certificate, 'subject'),
    '/C=DE/ST=Hessen/L=Fulda/O=Example/OU=Phones/CN=phone.example.org/UID=phone',
  );
  assert.equal(nameLine(certificate, 'issuer'), '/C=SE/O=Example/CN=Test Authority');
  assert.deepEqual(
    (['cn', 'locality', 'country', 'state', 'organization', 'unit', 'uid'] as const).map((f) =>
      nameField(certificate, 'subject', f),
    ),
    ['phone.example.org', 'Fulda', 'DE', 'Hessen', 'Example', 'Phones', 'phone'],
  );
  assert.equal(nameField(certificate, 'issuer', 'unit'), null);
  assert.deepEqual(
    (['email', 'hostname', 'uri', 'ip'] as const).map((kind) => alternativeName(certificate, kind)),
    ['phone@example.org', 'phone.example.org', 'sip:phone@example.org', '192.0.2.7'],
  );
  assert.equal(serialNumber(certificate), 0x1004);
  assert.equal(certificateVersion(certificate), 2);
  assert.match(urlEncodedPem(certificate), /^-----BEGIN%20CERTIFICATE-----%0aMII/);
  assert.match(urlEncodedPem(certificate), /%3d%0a-----END%20CERTIFICATE-----%0a$/);
});

test('cipher suites as `openssl ciphers -v` describes them', () => {
  const table = [
    ['TLS_AES_256_GCM_SHA384', 'TLSv1.3', 'any', 'any', 'AESGCM(256)', 'AEAD'],
    ['TLS_CHACHA20_POLY1305_SHA256', 'TLSv1.3', 'any', 'any', 'CHACHA20/POLY1305(256)', 'AEAD'],
    ['ECDHE-ECDSA-AES128-GCM-SHA256', 'TLSv1.2', 'ECDH', 'ECDSA', 'AESGCM(128)', 'AEAD'],
    ['ECDHE-RSA-AES256-SHA384', 'TLSv1.2', 'ECDH', 'RSA', 'AES(256)', 'SHA384'],
    ['DHE-RSA-AES128-SHA256', 'TLSv1.2', 'DH', 'RSA', 'AES(128)', 'SHA256'],
    ['ECDHE-RSA-AES128-SHA', 'TLSv1', 'ECDH', 'RSA', 'AES(128)', 'SHA1'],
    ['AES256-SHA', 'SSLv3', 'RSA', 'RSA', 'AES(256)', 'SHA1'],
    ['AES128-CCM8', 'TLSv1.2', 'RSA', 'RSA', 'AESCCM8(128)', 'AEAD'],
    ['ECDHE-ECDSA-CAMELLIA256-SHA384', 'TLSv1.2', 'ECDH', 'ECDSA', 'Camellia(256)', 'SHA384'],
    ['PSK-AES128-GCM-SHA256', 'TLSv1.2', 'PSK', 'PSK', 'AESGCM(128)', 'AEAD'],
  ] as const;
  for (const [name, version, keyExchange, authentication, encryption, mac] of table) {
    const { bits: _bits, ...facts } = cipherFacts(name);
    assert.deepEqual(facts, { version, keyExchange, authentication, encryption, mac }, name);
  }
  assert.equal(
    cipherDescription('TLS_AES_256_GCM_SHA384'),
    'TLS_AES_256_GCM_SHA384         TLSv1.3 Kx=any      Au=any   Enc=AESGCM(256)            Mac=AEAD\n',
  );
});

test('selects are the variables by other names', () => {
  const table = {
    version: 'tls_version',
    desc: 'tls_description',
    cipher: 'tls_cipher_info',
    'cipher.bits': 'tls_cipher_bits',
    'peer.subj.commonName': 'tls_peer_subject_cn',
    'peer.subject.unique_identifier': 'tls_peer_subject_uid',
    'myself.issuer.o': 'tls_my_issuer_organization',
    'me.emailAddress': 'tls_my_san_email',
    'peer.IPAddress': 'tls_peer_san_ip',
    'peer.sn': 'tls_peer_serial',
    'peer.not_after': 'tls_peer_notAfter',
    'peer.self_signed': 'tls_peer_selfsigned',
    'peer.issuer': 'tls_peer_issuer',
  };
  for (const [select, variable] of Object.entries(table)) {
    assert.equal(variableOfSelect(select.split('.')), variable);
    assert.ok(variable in TLS_PVS, variable);
  }
});

describe('servers', { timeout: 60_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'strowger-tls-'));
  const running: StartedServer[] = [];
  const peers: UdpPeer[] = [];
  after(async () => {
    for (const started of running) await started.stop(0);
    for (const peer of peers) peer.close();
    rmSync(folder, { recursive: true });
  });

  const file = (name: string): string => join(CERTIFICATES, `${name}.pem`);

  function config(name: string, text: string): string {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  }

  async function start(script: string): Promise<StartedServer> {
    const started = await startServer(
      scriptOptions(`enable_tls=yes\n${script}`, { listens: ['udp:127.0.0.1:0', 'tls:127.0.0.1:0'] }),
    );
    running.push(started);
    return started;
  }

  function portOf({ server }: StartedServer, proto: number): number {
    return server.transport.sockets.find((socket) => socket.proto === proto)?.port ?? 0;
  }

  /** A server that tells in its reply what it knows of the connection. */
  function callee(tlsCfg: string): Promise<StartedServer> {
    return start(`
loadmodule "sl"
loadmodule "pv"
loadmodule "textops"
loadmodule "tls"
modparam("tls", "config", "${tlsCfg}")
request_route {
  if (is_peer_verified()) append_to_reply("X-Verified: yes\\r\\n");
  append_to_reply("X-Peer: $tls_peer_subject_cn $(tls_my_subject_cn) $tls_version sni=$tls_peer_server_name select=@tls.peer.subject.cn\\r\\n");
  append_to_reply("X-Select: $sel(tls.me.issuer.cn) $tls(p_subject_line)\\r\\n");
  sl_send_reply("200", "OK");
}
`);
  }

  /** A server that sends every request on to the callee over TLS. */
  function caller(tlsCfg: string, calleePort: number, before = '', routes = ''): Promise<StartedServer> {
    return start(`
loadmodule "sl"
loadmodule "pv"
loadmodule "tls"
modparam("tls", "config", "${tlsCfg}")
modparam("tls", "xavp_cfg", "tls")
request_route {
  ${before}
  $du = "sip:127.0.0.1:${calleePort};transport=tls";
  forward();
}
${routes}
`);
  }

  async function ask(started: StartedServer, to: string): Promise<string> {
    const peer = await UdpPeer.open();
    peers.push(peer);
    const text = request('OPTIONS', `sip:${to}`, { sentBy: `127.0.0.1:${peer.port}`, branch: `z9hG4bK-${to}` });
    peer.send(text, portOf(started, PROTO.UDP));
    const reply = await peer.next(10_000);
    assert.ok(reply !== null, 'no answer');
    return reply;
  }

  const CALLEE = `
[server:default]
certificate = ${file('server')}
private_key = ${file('server-key')}
ca_list = ${file('ca')}
verify_client = optional
[server:any]
certificate = ${file('other')}
private_key = ${file('other-key')}
ca_list = ${file('ca')}
server_name = example.net
server_name_mode = 1
`;
  const CALLER = `
[client:default]
verify_certificate = yes
ca_list = ${file('ca')}
certificate = ${file('client')}
private_key = ${file('client-key')}
[client:any]
server_id = nobody
[server:default]
certificate = ${file('server')}
private_key = ${file('server-key')}
`;

  test('A8: a request over TLS between two servers, both certificates verified and known to the script', async () => {
    const far = await callee(config('callee.cfg', CALLEE));
    const near = await caller(config('caller.cfg', CALLER), portOf(far, PROTO.TLS));
    const reply = await ask(near, 'bob@example.org');
    assert.match(reply, /^SIP\/2\.0 200 OK/);
    assert.match(reply, /X-Verified: yes/);
    assert.match(reply, /X-Peer: phone\.example\.org sip\.example\.org TLSv1\.3 sni=<null>/);
    assert.match(reply, /X-Select: Test Authority \/C=DE\/ST=Hessen/);
    const list = await far.server.rpc.call('tls.list', []);
    assert.ok(list instanceof RpcMany);
    const [entry] = list.values as Record<string, unknown>[];
    assert.deepEqual(
      [entry?.['state'], entry?.['src_ip'], entry?.['dst_port']],
      ['established', '127.0.0.1', portOf(far, PROTO.TLS)],
    );
    assert.deepEqual(await near.server.rpc.call('tls.info', []), {
      max_connections: 2048,
      opened_connections: 1,
      clear_text_write_queued_bytes: 0,
    });
    const options = (await near.server.rpc.call('tls.options', [])) as Record<string, unknown>;
    assert.deepEqual(
      [options['config'], options['ca_list'], options['connection_timeout']],
      [join(folder, 'caller.cfg'), null, 600],
    );
  });

  test('$xavp(tls=>server_name) is what is asked for, tls_set_connect_server_id chooses the profile', async () => {
    const far = await callee(config('callee2.cfg', CALLEE));
    const near = await caller(
      config('caller2.cfg', CALLER),
      portOf(far, PROTO.TLS),
      'if ($rU == "sni") $xavp(tls=>server_name) = "a.example.net"; else tls_set_connect_server_id("nobody");',
    );
    assert.match(
      await ask(near, 'sni@example.org'),
      /X-Peer: phone\.example\.org other\.example\.net TLSv1\.3 sni=a\.example\.net/,
    );
    for (const conn of near.server.connections.list()) near.server.connections.end(conn.id, true);
    const reply = await ask(near, 'id@example.org');
    assert.match(reply, /X-Peer: <null> sip\.example\.org/);
    assert.doesNotMatch(reply, /X-Verified/);
  });

  test('event_route[tls:connection-out]: drop keeps the message back', async () => {
    const far = await callee(config('callee3.cfg', CALLEE));
    const port = portOf(far, PROTO.TLS);
    const near = await caller(
      config('caller3.cfg', CALLER),
      port,
      '',
      `event_route[tls:connection-out] { if ($sndto(port) == ${port} && $rU == "blocked") drop; }`,
    );
    const closed = new Promise((resolve) => {
      near.server.hooks.connectionClosed.add(resolve);
    });
    const peer = await UdpPeer.open();
    peers.push(peer);
    peer.send(
      request('OPTIONS', 'sip:blocked@example.org', { sentBy: `127.0.0.1:${peer.port}` }),
      portOf(near, PROTO.UDP),
    );
    await closed;
    assert.match(await ask(near, 'open@example.org'), /^SIP\/2\.0 200/);
    assert.equal(far.server.stats.rcvRequests.value, 1);
  });

  test('A8: tls.reload takes new certificates; a file with errors changes nothing and names them', async () => {
    const path = config('callee4.cfg', CALLEE);
    const far = await callee(path);
    const near = await caller(config('caller4.cfg', CALLER), portOf(far, PROTO.TLS));
    assert.match(await ask(near, 'a@example.org'), /X-Peer: phone\.example\.org sip\.example\.org/);
    config('callee4.cfg', '[server:default]\ncertificate = nowhere.pem\nwhat = 1\n');
    await assert.rejects(far.server.rpc.call('tls.reload', []), {
      code: 500,
      message: /callee4\.cfg:3:1: unknown option 'what'\n.*certificate: .*nowhere\.pem: ENOENT/,
    });
    config('callee4.cfg', `[server:default]\ncertificate = ${file('other')}\nprivate_key = ${file('other-key')}\n`);
    assert.equal(await far.server.rpc.call('tls.reload', []), 'Ok. TLS configuration reloaded.');
    for (const conn of near.server.connections.list()) near.server.connections.end(conn.id, true);
    assert.match(await ask(near, 'b@example.org'), /X-Peer: <null> other\.example\.net/);
  });

  test('profiles from the parameters, where there is no file', async () => {
    const far = await start(`
loadmodule "sl"
loadmodule "textops"
loadmodule "tls"
modparam("tls", "certificate", "${file('server')}")
modparam("tls", "private_key", "${file('server-key')}")
modparam("tls", "ca_list", "${file('ca')}")
modparam("tls", "tls_method", "TLSv1.2")
modparam("tls", "session_cache", 1)
modparam("tls", "ssl_max_send_fragment", 1024)
request_route { append_to_reply("X-Version: $tls_version $tls_cipher_bits\\r\\n"); sl_send_reply("200", "OK"); }
`);
    const near = await caller(config('caller5.cfg', CALLER), portOf(far, PROTO.TLS));
    assert.match(await ask(near, 'a@example.org'), /X-Version: TLSv1\.2 (128|256)/);
  });

  test('what is wrong at start is told: files, profiles, listening without TLS', async () => {
    await assert.rejects(callee(join(folder, 'missing.cfg')), /tls.*missing\.cfg: ENOENT/s);
    await assert.rejects(
      callee(config('bad.cfg', '[server:default]\nmethod = SSLv2\n')),
      /bad\.cfg:2:10: SSLv2 is no longer supported/,
    );
    await assert.rejects(
      callee(
        config(
          'mismatch.cfg',
          `[server:default]\ncertificate = ${file('server')}\nprivate_key = ${file('other-key')}\n`,
        ),
      ),
      /\[server:default\]: .*key values mismatch/,
    );
    for (const [name, text] of [
      ['client.cfg', '[client:default]\n'],
      ['elsewhere.cfg', `[server:127.0.0.1:1]\ncertificate = ${file('server')}\nprivate_key = ${file('server-key')}\n`],
    ] as const)
      await assert.rejects(callee(config(name, text)), /tls:127\.0\.0\.1:\d+ has no certificate/);
    await assert.rejects(
      start('loadmodule "sl"\nrequest_route { sl_send_reply("200", "OK"); }\n'),
      /tls needs a module/,
    );
  });

  test('variables are null and is_peer_verified is false on UDP', async () => {
    const far = await callee(config('callee6.cfg', CALLEE));
    const reply = await ask(far, 'a@example.org');
    assert.match(reply, /X-Peer: <null> <null> <null> sni=<null>/);
    assert.doesNotMatch(reply, /X-Verified/);
  });
});
