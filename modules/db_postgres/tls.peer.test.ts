import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { RealClock } from '../../core/timer/real-clock.ts';
import { BareServer } from '../../test/support/bare-server.ts';
import { DatabaseServer } from '../../test/support/database.ts';
import { skipWithout } from '../../test/support/peers.ts';
import postgres from './index.ts';

/** Connects with these parameters and tells whether it did so over TLS; rejects with why it could not. */
async function connects(database: DatabaseServer, params: string, user = 'kamailio'): Promise<boolean> {
  const bare = new BareServer({ clock: new RealClock() });
  try {
    await bare.load(postgres, [['con_param', params]]);
    const db = await bare.server.db.open(database.url('postgres').replace('kamailio:', `${user}:`));
    const { rows } = await db.raw('SELECT ssl, 1 FROM pg_stat_ssl WHERE pid = pg_backend_pid()');
    await db.close();
    return rows[0]?.[0] === 1;
  } finally {
    await bare.stop();
    bare.server.wheel.close();
  }
}

const OPEN = { code: 'DB_OPEN' };

suite('db_postgres with a PostgreSQL that wants TLS', { skip: skipWithout('postgres') }, () => {
  let right: DatabaseServer;
  let misnamed: DatabaseServer;
  const file = (name: string, of = right): string => join(of.folder, name);
  before(async () => {
    right = await DatabaseServer.start('postgres', ['127.0.0.1']);
    misnamed = await DatabaseServer.start('postgres', ['elsewhere.example.org']);
    const bare = new BareServer({ clock: new RealClock() });
    await bare.load(postgres);
    const db = await bare.server.db.open(right.url('postgres'));
    for (const user of ['plain', 'certified']) await db.raw(`CREATE USER ${user}`);
    await db.close();
    await bare.stop();
    bare.server.wheel.close();
  });
  after(async () => {
    await right?.stop();
    await misnamed?.stop();
  });

  test('sslmode: TLS where it is wanted or needed, none where it is not', async () => {
    await assert.rejects(connects(right, 'sslmode=disable'), OPEN);
    for (const mode of ['allow', 'prefer', 'require'])
      assert.equal(await connects(right, `sslmode=${mode}`), true, mode);
    assert.equal(await connects(right, ''), true);
    for (const mode of ['disable', 'allow', 'prefer', ''])
      assert.equal(await connects(right, mode === '' ? '' : `sslmode=${mode}`, 'plain'), false, mode);
    await assert.rejects(connects(right, 'sslmode=require', 'plain'), OPEN);
  });

  test('sslrootcert: only a server with a certificate of that authority is trusted', async () => {
    for (const mode of ['require', 'verify-ca', 'verify-full']) {
      assert.equal(await connects(right, `sslmode=${mode};sslrootcert=${file('server.pem')}`), true, mode);
      await assert.rejects(connects(right, `sslmode=${mode};sslrootcert=${file('server.pem', misnamed)}`), OPEN);
    }
    for (const mode of ['verify-ca', 'verify-full']) await assert.rejects(connects(right, `sslmode=${mode}`), OPEN);
    await assert.rejects(connects(right, 'sslmode=verify-ca;sslrootcert=/no/such/file'), /sslrootcert: .*ENOENT/);
  });

  test('verify-full: the certificate must be for the host of the URL, too', async () => {
    const trust = `sslrootcert=${file('server.pem', misnamed)}`;
    assert.equal(await connects(misnamed, `sslmode=verify-ca;${trust}`), true);
    await assert.rejects(connects(misnamed, `sslmode=verify-full;${trust}`), OPEN);
  });

  test('sslcert and sslkey: the server knows who connects', async () => {
    const own = `sslcert=${file('client.pem')};sslkey=${file('client.key')}`;
    assert.equal(await connects(right, `sslmode=require;${own}`, 'certified'), true);
    await assert.rejects(connects(right, 'sslmode=require', 'certified'), OPEN);
    const others = `sslcert=${file('client.pem', misnamed)};sslkey=${file('client.key', misnamed)}`;
    await assert.rejects(connects(right, `sslmode=require;${others}`, 'certified'), OPEN);
  });
});
