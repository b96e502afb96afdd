import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseHosts, parseResolvConf } from './resolv-conf.ts';

test('resolv.conf: servers, search list and options, the last search line winning', () => {
  const conf = parseResolvConf(`
# comment
nameserver 192.0.2.1
nameserver [2001:DB8::1]:5353 ; trailing
nameserver not-an-address
nameserver 192.0.2.2
nameserver 192.0.2.3
domain old.example
search Example.org sub.example.net. bad..name
options ndots:2 timeout:1 attempts:9 rotate use-vc edns0 unknown:x
`);
  assert.deepEqual(conf.servers, [
    { ip: '192.0.2.1', port: 53 },
    { ip: '2001:db8::1', port: 5353 },
    { ip: '192.0.2.2', port: 53 },
  ]);
  assert.deepEqual(conf.search, ['example.org', 'sub.example.net']);
  assert.equal(conf.ndots, 2);
  assert.equal(conf.timeoutSec, 1);
  assert.equal(conf.attempts, 5);
  assert.equal(conf.isRotating && conf.usesTcp, true);
});

test('an empty resolv.conf means the local server and the defaults of libc', () => {
  assert.deepEqual(parseResolvConf(''), {
    servers: [{ ip: '127.0.0.1', port: 53 }],
    search: [],
    ndots: 1,
    timeoutSec: 5,
    attempts: 2,
    isRotating: false,
    usesTcp: false,
  });
});

test('hosts: several names a line, several addresses a name', () => {
  const hosts = parseHosts(
    '192.0.2.1 a.example.org A # x\n192.0.2.2\ta.example.org\n2001:db8::2 a.example.org\nbad a\n192.0.2.2 a.example.org\n',
  );
  assert.deepEqual(hosts.get('a.example.org'), ['192.0.2.1', '192.0.2.2', '2001:db8::2']);
  assert.deepEqual(hosts.get('a'), ['192.0.2.1']);
});
