import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDbUrl, printDbUrl } from './db-url.ts';

const GOOD: readonly (readonly [
  url: string,
  user: string,
  password: string,
  host: string,
  port: number,
  database: string,
])[] = [
  ['sqlite:///etc/kamailio/kamailio.db', '', '', '', 0, 'etc/kamailio/kamailio.db'],
  ['mysql://kamailio:kamailiorw@localhost/kamailio', 'kamailio', 'kamailiorw', 'localhost', 0, 'kamailio'],
  ['postgres://u:p:w@d@[2001:db8::1]:5432/db', 'u', 'p:w@d', '2001:db8::1', 5432, 'db'],
  ['mysql://u:a/b@db.example.org:3306/x', 'u', 'a/b', 'db.example.org', 3306, 'x'],
  ['text:///tmp/@files', '', '', '', 0, 'tmp/@files'],
  ['redis://db.example.org', '', '', 'db.example.org', 0, ''],
];
for (const [url, user, password, host, port, database] of GOOD) {
  test(`db_url ${url}`, () => {
    const parsed = parseDbUrl(url);
    assert.ok(typeof parsed === 'object');
    assert.deepEqual(
      [parsed.user, parsed.password, parsed.host, parsed.port, parsed.database],
      [user, password, host, port, database],
    );
    if (password !== '') assert.ok(!printDbUrl(parsed).includes(password));
  });
}

test('the path of a file and options', () => {
  const parsed = parseDbUrl('sqlite:///var/x.db?mode=ro&a=b');
  assert.ok(typeof parsed === 'object');
  assert.equal(parsed.rest, '/var/x.db?mode=ro&a=b');
  assert.deepEqual(
    [...parsed.options],
    [
      ['mode', 'ro'],
      ['a', 'b'],
    ],
  );
});

test('what is no URL', () => {
  for (const bad of ['', 'sqlite', '/var/x.db', 'mysql:/a', 'mysql://h:99999/x', 'mysql://h:p/x'])
    assert.equal(typeof parseDbUrl(bad), 'string', bad);
});
