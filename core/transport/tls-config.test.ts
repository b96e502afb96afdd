import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseTlsConfig } from './tls-config.ts';
import { loadTlsProfile, type TlsProfile, TlsProfiles } from './tls-profiles.ts';

const READER = { file: (path: string) => `contents of ${path}`, folder: (path: string) => [`all of ${path}`] };

/** Errors as `line:column: message`. */
function errorsOf(text: string): string[] {
  return parseTlsConfig(text, 'tls.cfg').errors.map((e) => `${e.line}:${e.column}: ${e.message}`);
}

function profilesOf(text: string): TlsProfile[] {
  const { profiles, errors } = parseTlsConfig(text, 'tls.cfg');
  assert.deepEqual(errors, []);
  return profiles.map((config) => {
    const profile = loadTlsProfile(config, READER);
    assert.ok('name' in profile);
    return profile;
  });
}

const SAMPLE = `
# as in the documentation of Kamailio's tls module
[server:default]
method = TLSv1.2+
verify_certificate = yes
require_certificate = yes
private_key = default_key.pem
certificate = "default_cert.pem"   # quoted
ca_list = ca.pem

[client:default]
verify_certificate = no

[server:127.0.0.1:5061]
private_key = k.pem
certificate = c.pem
verify_depth = 3
server_name = example.org
cipher_list = HIGH:\\
!aNULL

[server:[2001:DB8::1]:5061]
certificate = six.pem

[server:any]
certificate = net.pem
server_name = Example.NET
server_name_mode = 1

[client:192.0.2.5:5061]
verify_client = optional_no_ca
server_id = five
`;

test('the sample of the documentation', () => {
  const { profiles, errors } = parseTlsConfig(SAMPLE, 'tls.cfg');
  assert.deepEqual(errors, []);
  assert.deepEqual(
    profiles.map((p) => `${p.role} ${p.address} ${p.port} ${p.line}`),
    [
      'server default 0 3',
      'client default 0 11',
      'server 127.0.0.1 5061 14',
      'server 2001:db8::1 5061 22',
      'server any 0 25',
      'client 192.0.2.5 5061 30',
    ],
  );
  assert.deepEqual(profiles[0]?.options, {
    method: 'TLSv1.2+',
    verifyCertificate: true,
    requireCertificate: true,
    privateKey: 'default_key.pem',
    certificate: 'default_cert.pem',
    caList: 'ca.pem',
  });
  assert.equal(profiles[2]?.options.cipherList, 'HIGH:!aNULL');
});

test('all errors, each with line and column', () => {
  const text = `x = 1
[server:default]
certificat = a.pem
 verify_certificate = maybe
verify_depth = deep
method = SSLv3
  tls_method = TLSv9
certificate = "open
nonsense
[server]
ignored = because the section is bad
[proxy:default]
[server:example.org:5061]
[server:127.0.0.1:70000]
[client:any]
[server:default]
verify_client = perhaps`;
  assert.deepEqual(errorsOf(text), [
    "1:1: 'x' stands before the first section",
    "3:1: unknown option 'certificat'",
    "4:23: 'maybe': yes or no expected",
    "5:16: 'deep' is no number",
    '6:10: SSLv3 is no longer supported by the TLS library',
    "7:16: unknown method 'TLSv9': TLSv1.3, TLSv1.2+, TLSv1.2, TLSv1.1+, TLSv1.1, TLSv1+, TLSv1 or SSLv23 expected",
    '8:15: the closing quote is missing',
    "9:1: 'name = value' expected",
    '10:1: section expected: [server:default], [client:any] or [server:ADDRESS:PORT]',
    "12:2: unknown section type 'proxy': server or client expected",
    "13:9: 'example.org' is no IP address: default, any or an address expected",
    "14:19: '70000' is no port",
    "17:17: 'perhaps': off, on, optional or optional_no_ca expected",
    '15:1: [client:any] needs a server_name or a server_id',
    '16:1: second [server:default] (the first is in line 2)',
  ]);
});

test('profiles for one address must be told apart by name', () => {
  const twice = '[server:127.0.0.1:5061]\ncertificate=a\n[server:127.0.0.1:5061]\ncertificate=b\n';
  assert.deepEqual(errorsOf(twice), [
    '3:1: second profile for [server:127.0.0.1:5061] without server_name or server_id',
  ]);
  assert.deepEqual(errorsOf(`${twice}server_name = x.example.org\n`), []);
});

test('verify and require together mean what the table of verify_client says', () => {
  const verifyOf = (lines: string): string | undefined =>
    profilesOf(`[server:default]\ncertificate = c\n${lines}`)[0]?.verify;
  assert.equal(verifyOf(''), 'off');
  assert.equal(verifyOf('verify_certificate = 1'), 'optional');
  assert.equal(verifyOf('verify_certificate = 1\nrequire_certificate = on'), 'on');
  assert.equal(verifyOf('verify_client = optional_no_ca'), 'optional_no_ca');
});

test('A8: files: the key may stand with the certificate; what cannot be read is named with its profile', () => {
  const [profile] = profilesOf(
    '[server:default]\ncertificate = both.pem\nca_list = ca.pem\nca_path = dir\ncrl = r.pem',
  );
  assert.equal(profile?.privateKey, 'contents of both.pem');
  assert.deepEqual(profile?.ca, ['contents of ca.pem', 'all of dir']);
  assert.deepEqual(
    [profile?.crl, profile?.minVersion, profile?.maxVersion],
    ['contents of r.pem', 'TLSv1.2', 'TLSv1.3'],
  );
  const failing = {
    file: (path: string): string => {
      throw new Error(`${path}: no such file`);
    },
    folder: () => [],
  };
  const [config] = parseTlsConfig('[server:192.0.2.1:5061]\ncertificate = a\nprivate_key = b', 'x').profiles;
  assert.ok(config !== undefined);
  assert.deepEqual(loadTlsProfile(config, failing), [
    '[server:192.0.2.1:5061]: certificate: a: no such file',
    '[server:192.0.2.1:5061]: private_key: b: no such file',
  ]);
  const [bare] = parseTlsConfig('[server:default]', 'x').profiles;
  assert.deepEqual(bare === undefined ? [] : loadTlsProfile(bare, READER), [
    '[server:default]: a server needs a certificate',
  ]);
});

test('choice: address and name, any and name, address, default; server_id before all for clients', () => {
  const profiles = new TlsProfiles(
    profilesOf(`
[server:default]
certificate = default
[server:192.0.2.1:5061]
certificate = one
[server:192.0.2.1:5061]
certificate = one-name
server_name = a.example.org
[server:any]
certificate = sub
server_name = example.net
server_name_mode = 2
[server:any]
certificate = all
server_name = example.com
server_name_mode = 1
[client:default]
certificate = c-default
[client:192.0.2.9:5061]
certificate = c-nine
server_id = nine
[client:any]
certificate = c-any
server_name = example.org
`),
  );
  const server = (ip: string, port: number, name = ''): string =>
    profiles.server(ip, port, name)?.options.certificate ?? '';
  assert.equal(server('192.0.2.1', 5061), 'one');
  assert.equal(server('192.0.2.1', 5061, 'A.example.org'), 'one-name');
  assert.equal(server('192.0.2.1', 5061, 'b.example.org'), 'one');
  assert.equal(server('192.0.2.1', 5062, 'a.example.org'), 'default');
  assert.equal(server('192.0.2.2', 5061, 'x.example.net'), 'sub');
  assert.equal(server('192.0.2.2', 5061, 'example.net'), 'default');
  assert.equal(server('192.0.2.2', 5061, 'example.com'), 'all');
  assert.equal(server('192.0.2.2', 5061, 'x.example.com'), 'all');
  const client = (ip: string, name: string, id: string): string =>
    profiles.client(ip, 5061, name, id)?.options.certificate ?? '';
  assert.equal(client('192.0.2.9', '', ''), 'c-nine');
  assert.equal(client('192.0.2.8', '', 'nine'), 'c-nine');
  assert.equal(client('192.0.2.8', 'example.org', 'unknown'), 'c-any');
  assert.equal(client('192.0.2.8', '', ''), 'c-default');
});

test('any text is read without throwing (property)', () => {
  const pieces = fc.constantFrom(
    '[server:default]',
    '[',
    ']',
    ':',
    '=',
    '"',
    '#',
    ';',
    '\\',
    '\n',
    ' ',
    'certificate',
    'yes',
    'x',
    '127.0.0.1',
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(pieces, fc.string({ maxLength: 5 })), { maxLength: 40 }), (parts) => {
      const text = parts.join('');
      const lines = text.split('\n').length;
      for (const error of parseTlsConfig(text, 'f').errors)
        assert.ok(error.line >= 1 && error.line <= lines && error.column >= 1);
    }),
  );
});
