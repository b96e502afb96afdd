import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Readable } from 'node:stream';
import { after, suite, test } from 'node:test';
import { runProgram } from './program.ts';

const folder = mkdtempSync(join(tmpdir(), 'strowger-db-'));
after(() => rmSync(folder, { recursive: true }));

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function run(
  argv: readonly string[],
  env: NodeJS.ProcessEnv = {},
  input: string | null = null,
  cwd = folder,
): Promise<Ran> {
  let out = '';
  let err = '';
  const code = await runProgram(argv, {
    cwd,
    env,
    stdout: { write: (text: string) => ((out += text), true) },
    stderr: { write: (text: string) => ((err += text), true) },
    ...(input === null ? {} : { stdin: () => Readable.from([Buffer.from(input)]) }),
  });
  return { code, out, err };
}

function md5(text: string): string {
  return createHash('md5').update(text).digest('hex');
}

/** What SQLite has in a file. */
function rows(file: string, sql: string): unknown[] {
  const database = new DatabaseSync(join(folder, file));
  try {
    return database
      .prepare(sql)
      .all()
      .map((row) => Object.values(row));
  } finally {
    database.close();
  }
}

suite('strowger db create', () => {
  test('makes what is not there, and tells of other versions', async () => {
    const url = `sqlite://${join(folder, 'a.db')}`;
    const first = await run(['db', 'create', '--url', url]);
    assert.deepEqual([first.code, first.err], [0, '']);
    assert.match(first.out, /: \d\d tables made, 0 were there\n$/);
    assert.deepEqual(rows('a.db', "SELECT table_version FROM version WHERE table_name = 'location'"), [[9]]);
    rows('a.db', "UPDATE version SET table_version = 8 WHERE table_name = 'location'");
    rows('a.db', 'DROP TABLE acc');
    rows('a.db', "DELETE FROM version WHERE table_name = 'acc'");
    const second = await run(['db', 'create', '--url', url]);
    assert.equal(second.code, 1);
    assert.match(second.out, /: 1 tables made/);
    assert.match(second.err, /location has version 8 and was left so; needed is 9/);
  });

  test('the database may be that of a script', async () => {
    writeFileSync(
      join(folder, 'x.cfg'),
      `#!ifdef WITH_DB\nloadmodule "usrloc.so"\nmodparam("dispatcher", "db_url", "sqlite:///nosuch/x.db")\nmodparam("auth_db|usrloc", "db_url", "sqlite://${folder}/b.db")\n#!endif\nrequest_route { exit; }\n`,
    );
    const { code, err } = await run(['db', 'create', '-f', 'x.cfg', '-A', 'WITH_DB', '--tables', 'subscriber,uid_uri']);
    assert.deepEqual([code, err], [0, '']);
    assert.deepEqual(rows('b.db', 'SELECT table_name FROM version ORDER BY 1'), [
      ['subscriber'],
      ['uid_uri'],
      ['version'],
    ]);
    const none = await run(['db', 'create', '-f', 'x.cfg']);
    assert.deepEqual([none.code, /which database\?/.test(none.err)], [2, true]);
    const missing = await run(['db', 'create', '-f', 'nosuch.cfg']);
    assert.deepEqual([missing.code, /there is no script nosuch.cfg/.test(missing.err)], [2, true]);
  });

  test('that of a checkout needs no option', async () => {
    const checkout = join(folder, 'checkout');
    mkdirSync(join(checkout, 'cfg'), { recursive: true });
    const script = `loadmodule "auth_db.so"\nmodparam("auth_db", "db_url", "sqlite://${folder}/d.db")\n`;
    writeFileSync(join(checkout, 'cfg/strowger.cfg'), script);
    const { code, out } = await run(['user', 'add', 'alice', 'pw'], {}, null, checkout);
    assert.deepEqual([code, out], [0, 'alice@localhost added\n']);
    assert.deepEqual(rows('d.db', 'SELECT username FROM subscriber'), [['alice']]);
  });

  test('mistakes are told', async () => {
    const url = 'sqlite://c.db';
    for (const [argv, told, code] of [
      [['db'], /"create"/, 2],
      [['db', 'drop', '--url', url], /"create"/, 2],
      [['db', 'create', '--url', url, '--tables', 'subscribers'], /did you mean "subscriber"/, 2],
      [['db', 'create', '--url', 'text:///x'], /there are sqlite/, 2],
      [['db', 'create', '--url', 'sqlite:///no/such/folder/x.db'], /can not open/, 1],
      [['db', 'create', '--url', 'mysql://u:topsecret@127.0.0.1:1/x'], /u:xxxx@127.0.0.1/, 1],
    ] as const) {
      const ran = await run(argv);
      assert.equal(ran.code, code, argv.join(' '));
      assert.match(ran.err, told);
      assert.ok(!ran.err.includes('topsecret'));
    }
  });
});

suite('strowger user', () => {
  const url = `sqlite://${join(folder, 'users.db')}`;
  const user = (...argv: string[]): Promise<Ran> => run(['user', ...argv, '--url', url], { SIP_DOMAIN: 'example.org' });
  const all = (): unknown[] =>
    rows('users.db', 'SELECT username, domain, password, ha1, ha1b FROM subscriber ORDER BY 1');

  test('add, passwd, list and rm', async () => {
    assert.deepEqual(await user('add', 'alice', 'wonderland'), { code: 0, out: 'alice@example.org added\n', err: '' });
    const digests = [md5('alice:example.org:wonderland'), md5('alice@example.org:example.org:wonderland')];
    assert.deepEqual(all(), [['alice', 'example.org', 'wonderland', ...digests]]);
    const again = await user('add', 'alice', 'x');
    assert.deepEqual([again.code, again.err], [1, 'strowger user: alice@example.org is there already\n']);
    assert.equal((await user('add', 'bob@example.com', 'secret', '--no-plaintext')).code, 0);
    assert.equal((await user('add', 'carol', '--domain', 'example.net', 'pw')).code, 0);
    assert.equal((await user('passwd', 'alice', 'new')).code, 0);
    assert.deepEqual(
      all().map((row) => (row as string[]).slice(0, 4)),
      [
        ['alice', 'example.org', 'new', md5('alice:example.org:new')],
        ['bob', 'example.com', '', md5('bob:example.com:secret')],
        ['carol', 'example.net', 'pw', md5('carol:example.net:pw')],
      ],
    );
    assert.equal((await user('list')).out, 'alice@example.org\nbob@example.com\ncarol@example.net\n');
    assert.equal((await user('list', '--domain', 'example.com')).out, 'bob@example.com\n');
    assert.equal((await user('rm', 'carol@example.net')).code, 0);
    const gone = await user('rm', 'carol@example.net');
    assert.deepEqual([gone.code, gone.err], [1, 'strowger user: there is no carol@example.net\n']);
    assert.equal((await user('list', 'carol')).out, '');
  });

  test('a password may come from standard input', async () => {
    const { code } = await run(['user', 'add', 'dave', '--url', url], {}, 'from stdin\nmore\n');
    assert.equal(code, 0);
    assert.deepEqual(rows('users.db', "SELECT domain, password FROM subscriber WHERE username = 'dave'"), [
      ['localhost', 'from stdin'],
    ]);
    const empty = await run(['user', 'add', 'eve', '--url', url], {}, '\n');
    assert.deepEqual([empty.code, /without a password/.test(empty.err)], [2, true]);
  });

  test('names are text, not SQL, and mistakes are told', async () => {
    assert.equal((await user('add', "x';drop", 'pw')).code, 0);
    assert.equal((await user('list', "x';drop")).out, "x';drop@example.org\n");
    for (const argv of [[], ['add'], ['nosuch'], ['add', 'a b', 'x'], ['add', 'a@b@ c', 'x'], ['list', 'a', 'b', 'c']])
      assert.equal((await user(...argv)).code, 2, argv.join(' '));
    const missing = await run(['user', 'list', '--url', `sqlite://${join(folder, 'empty.db')}`]);
    assert.deepEqual([missing.code, /strowger db create/.test(missing.err)], [1, true]);
  });
});
