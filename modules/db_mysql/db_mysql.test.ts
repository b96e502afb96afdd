import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type DbUrl, parseDbUrl } from '../../core/db/db-url.ts';
import { BareServer } from '../../test/support/bare-server.ts';
import mysql from './index.ts';
import { parseOptions } from './option-file.ts';
import { addressOf, hostOf } from './server-address.ts';
import { fromMysql, toMysql } from './values.ts';

function url(text: string): DbUrl {
  const parsed = parseDbUrl(text);
  assert.ok(typeof parsed === 'object');
  return parsed;
}

test('a group of my.cnf in the URL', () => {
  for (const [text, group, host, port] of [
    ['mysql://user:pass@[group]host:77/db', 'group', 'host', 77],
    ['mysql://user:pass@[group]:77/db', 'group', '', 77],
    ['mysql://user:pass@[group]/db', 'group', '', 0],
    ['mysql://[group]/db', 'group', '', 0],
    ['mysql://user:pass@[2001:db8::1]:77/db', null, '2001:db8::1', 77],
    ['mysql://user:pass@host/db', null, 'host', 0],
  ] as const)
    assert.deepEqual(hostOf(url(text)), { group, host, port }, text);
});

test('an option file', () => {
  const set = new Map<string, string>();
  const included: string[] = [];
  parseOptions(
    '# comment\n[client]\nuser=a\n[other]\nuser=b\n!includedir /etc/my.d\n[kamailio]\npassword = "x y"\ndefault_character_set=utf8 # so\nssl\n',
    new Set(['client', 'kamailio']),
    (path, isFolder) => void included.push(`${path} ${isFolder}`),
    (name, value) => void set.set(name, value),
  );
  assert.deepEqual(Object.fromEntries(set), { user: 'a', password: 'x y', 'default-character-set': 'utf8', ssl: '' });
  assert.deepEqual(included, ['/etc/my.d true']);
});

test('where to connect', () => {
  const address = (text: string, file: readonly (readonly [string, string])[] = [], hasSocket = true): unknown =>
    addressOf(url(text), hostOf(url(text)), new Map(file), () => hasSocket);
  const who = { user: 'u', password: 'p', database: 'd' };
  assert.deepEqual(address('mysql://u:p@localhost/d'), { ...who, socketPath: '/run/mysqld/mysqld.sock' });
  assert.deepEqual(address('mysql://u:p@localhost/d', [], false), { ...who, host: '127.0.0.1', port: 3306 });
  assert.deepEqual(address('mysql://u:p@localhost:77/d'), { ...who, host: '127.0.0.1', port: 77 });
  assert.deepEqual(address('mysql://u:p@db.example.org/d'), { ...who, host: 'db.example.org', port: 3306 });
  assert.deepEqual(
    address('mysql://[g]/d', [
      ['socket', '/x.sock'],
      ['user', 'f'],
    ]),
    { user: 'f', database: 'd', socketPath: '/x.sock' },
  );
});

test('values of MySQL', () => {
  const local = { offsetSec: null };
  assert.deepEqual(fromMysql('2026-02-03 04:05:06', 12, local), new Date(2026, 1, 3, 4, 5, 6));
  assert.deepEqual(fromMysql('2026-02-03 04:05:06', 12, { offsetSec: 3600 }), new Date(Date.UTC(2026, 1, 3, 3, 5, 6)));
  assert.equal(fromMysql('0000-00-00 00:00:00', 12, local), null);
  assert.equal(fromMysql('9007199254740993', 8, local), 9007199254740993n);
  assert.equal(fromMysql(new Uint8Array([1, 0]), 16, local), 256);
  assert.equal(fromMysql('ü', 253, local), '\xc3\xbc');
  assert.equal(toMysql(new Date(2026, 1, 3, 4, 5, 6)), '2026-02-03 04:05:06');
});

test('a server that is not there is told, without the password', async () => {
  const bare = new BareServer();
  await bare.load(mysql);
  await assert.rejects(bare.server.db.open('mysql://u:topsecret@127.0.0.1:1/x'), (error: Error & { code?: string }) => {
    assert.equal(error.code, 'DB_OPEN');
    assert.match(error.message, /^mysql:\/\/u:xxxx@127.0.0.1:1\/x: .*ECONNREFUSED/);
    return true;
  });
  assert.equal(bare.server.counters.find('mysql', 'driver_errors')?.get(), 1);
  await bare.stop();
});
