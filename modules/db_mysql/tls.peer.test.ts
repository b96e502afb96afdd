import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { after, before, suite, test } from 'node:test';
import { RealClock } from '../../core/timer/real-clock.ts';
import { BareServer } from '../../test/support/bare-server.ts';
import { DatabaseServer } from '../../test/support/database.ts';
import { skipWithout } from '../../test/support/peers.ts';
import mysql from './index.ts';

/** Connects with this opt_ssl_mode and tells which cipher protects it; rejects with why it could not. */
async function connects(url: string, mode: number): Promise<string> {
  const bare = new BareServer({ clock: new RealClock() });
  try {
    await bare.load(mysql, [['opt_ssl_mode', mode]]);
    const db = await bare.server.db.open(url);
    const { rows } = await db.raw("SHOW STATUS LIKE 'Ssl_cipher'");
    await db.close();
    return String(rows[0]?.[1]);
  } finally {
    await bare.stop();
    bare.server.wheel.close();
  }
}

const OPEN = { code: 'DB_OPEN' };
const HOME = process.env['HOME'];

suite('db_mysql with a MariaDB that wants TLS', { skip: skipWithout('mariadbd') }, () => {
  let right: DatabaseServer;
  let misnamed: DatabaseServer;
  before(async () => {
    right = await DatabaseServer.start('mariadb', ['127.0.0.1']);
    misnamed = await DatabaseServer.start('mariadb', ['elsewhere.example.org']);
    // Groups of my.cnf name certificates: what `right` trusts and is, what is wrong, a user with a certificate.
    const file = (name: string, of = right): string => join(of.folder, name);
    writeFileSync(
      file('.my.cnf'),
      `[trusting]\nssl-ca = ${file('server.pem')}
[mistaken]\nssl-ca = ${file('server.pem', misnamed)}
[misnamed]\nssl-ca = ${file('server.pem', misnamed)}
[certified]\nssl_cert = ${file('client.pem')}\nssl_key = ${file('client.key')}
[nowhere]\nssl-ca = /no/such/file\n`,
    );
    process.env['HOME'] = right.folder;
    const bare = new BareServer({ clock: new RealClock() });
    await bare.load(mysql, [['opt_ssl_mode', 3]]);
    const db = await bare.server.db.open(right.url('mysql'));
    await db.raw("CREATE USER certified@'127.0.0.1' REQUIRE X509");
    await db.close();
    await bare.stop();
    bare.server.wheel.close();
  });
  after(async () => {
    if (HOME === undefined) delete process.env['HOME'];
    else process.env['HOME'] = HOME;
    await right?.stop();
    await misnamed?.stop();
  });
  const url = (group: string, of = right): string => of.url('').replace('@', `@[${group}]`);

  test('opt_ssl_mode 0 and 1: none, and this server refuses; 2 and 3: TLS with any certificate', async () => {
    for (const mode of [0, 1]) await assert.rejects(connects(right.url(''), mode), OPEN);
    for (const mode of [2, 3]) assert.match(await connects(right.url(''), mode), /^TLS_|^ECDHE/);
  });

  test('opt_ssl_mode 4: only a server with a certificate of the authority that my.cnf names', async () => {
    assert.match(await connects(url('trusting'), 4), /^TLS_|^ECDHE/);
    assert.match(await connects(url('misnamed', misnamed), 4), /^TLS_|^ECDHE/);
    await assert.rejects(connects(url('mistaken'), 4), OPEN);
    await assert.rejects(connects(right.url(''), 4), OPEN);
    await assert.rejects(connects(url('nowhere'), 4), /ssl-ca: .*ENOENT/);
  });

  test('opt_ssl_mode 5: its certificate must be for the host of the URL, too', async () => {
    assert.match(await connects(url('trusting'), 5), /^TLS_|^ECDHE/);
    await assert.rejects(connects(url('misnamed', misnamed), 5), OPEN);
    await assert.rejects(connects(url('mistaken'), 5), OPEN);
  });

  test('ssl-cert and ssl-key: the server knows who connects', async () => {
    const certified = (group: string): string => url(group).replace('root@', 'certified@');
    assert.match(await connects(certified('certified'), 3), /^TLS_|^ECDHE/);
    await assert.rejects(connects(certified('trusting'), 3), OPEN);
  });
});
