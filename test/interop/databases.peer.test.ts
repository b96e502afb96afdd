import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { runProgram } from '../../core/cli/program.ts';
import type { StartedServer } from '../../core/cli/start-options.ts';
import { startServer } from '../../core/start.ts';
import { scriptOptions } from '../support/both-servers.ts';
import { DatabaseServer } from '../support/database.ts';
import { MemoryLog } from '../support/fake-run.ts';
import { UdpPeer } from '../support/kamailio.ts';
import { request } from '../support/msg.ts';
import { skipWithout } from '../support/peers.ts';

/** A whole server on real databases: made and filled by the command line, killed and started again under the script. */

const script = (driver: string, url: string): string => `
loadmodule "${driver}.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "acc.so"
loadmodule "domain.so"
loadmodule "permissions.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
loadmodule "auth_db.so"
modparam("usrloc", "db_mode", 1)
modparam("auth_db", "load_credentials", "$avp(pw)=password")
modparam("${driver}", "${driver === 'db_mysql' ? 'timeout_interval' : 'timeout'}", 1)
modparam("acc|domain|permissions|usrloc|auth_db", "db_url", "${url}")
request_route {
  if (is_method("REGISTER")) { save("location"); exit; }
  $var(a) = -9;
  if ($rU == "challenged") { www_challenge("example.org", "0"); exit; }
  if ($rU == "digest") { $var(a) = www_authenticate("example.org", "subscriber"); sl_send_reply("200", "$var(a) $avp(pw)"); exit; }
  if ($rU == "bob") { $var(a) = lookup("location"); sl_send_reply("200", "$var(a) $ru"); exit; }
  if ($rU == "account") $var(a) = acc_db_request("200 Fine \\xc3\\xbc", "acc");
  if ($rU == "trusted") $var(a) = allow_trusted();
  if ($rU == "domain") $var(a) = is_domain_local("$rd");
  sl_send_reply("200", "$var(a)");
}
`;

for (const [kind, program, driver] of [
  ['postgres', 'postgres', 'db_postgres'],
  ['mariadb', 'mariadbd', 'db_mysql'],
] as const) {
  suite(`a server on ${kind}`, { skip: skipWithout(program) }, () => {
    const folder = mkdtempSync(join(tmpdir(), 'strowger-databases-'));
    let database: DatabaseServer;
    let started: StartedServer;
    let peer: UdpPeer;
    let calls = 0;
    const log = new MemoryLog();

    const cli = async (...argv: string[]): Promise<string> => {
      let out = '';
      const write = (text: string): boolean => ((out += text), true);
      const code = await runProgram([...argv, '--url', database.url('kamailio')], {
        cwd: folder,
        env: {},
        stdout: { write },
        stderr: { write },
      });
      assert.equal(code, 0, out);
      return out;
    };
    const ask = async (user: string, host = 'example.org', headers: Record<string, string> = {}): Promise<string> => {
      const options = {
        branch: `z9hG4bK-db-${++calls}`,
        callId: `call-${calls}`,
        sentBy: `127.0.0.1:${peer.port}`,
        from: '<sip:J\xc3\xb6rg@example.org>',
        headers,
      };
      peer.send(request('OPTIONS', `sip:${user}@${host}`, options), started.server.transport.sockets[0]?.port ?? 0);
      return (await peer.next(10_000))?.split('\r\n')[0]?.slice('SIP/2.0 200 '.length) ?? 'no reply';
    };

    before(async () => {
      database = await DatabaseServer.start(kind);
      assert.match(await cli('db', 'create'), /6\d tables made, 0 were there/);
      assert.match(await cli('db', 'create'), /0 tables made, 6\d were there/);
      const db = scriptOptions(script(driver, database.url('kamailio')), { log, settings: { disable_tcp: 1 } });
      started = await startServer(db);
      peer = await UdpPeer.open();
      const { server } = started;
      const own = await server.db.open(database.url('kamailio'));
      await own.insert('trusted', { src_ip: '127.0.0.1', proto: 'any', from_pattern: 'J\xc3\xb6rg@' });
      await own.insert('domain', { domain: 'example.org' });
      await server.rpc.call('domain.reload', []);
      await own.close();
    });
    after(async () => {
      await started?.stop(0);
      peer?.close();
      await database?.stop();
      rmSync(folder, { recursive: true });
    });

    test('accounts by the command line', async () => {
      await cli('user', 'add', 'jörg@example.org', 'secret');
      await cli('user', 'add', 'alice@example.org', 'secret');
      assert.equal(await cli('user', 'list'), 'alice@example.org\njörg@example.org\n');
      await cli('user', 'passwd', 'alice@example.org', 'other');
      await cli('user', 'rm', 'jörg@example.org');
      assert.equal(await cli('user', 'list'), 'alice@example.org\n');
    });

    test('rows are written and read', async () => {
      assert.deepEqual([await ask('account'), await ask('trusted'), await ask('domain')], ['1', '1', '1']);
      assert.equal(await ask('domain', 'example.net'), '-1');
      const db = await started.server.db.open(database.url('kamailio'));
      const { rows } = await db.query({ table: 'acc', columns: ['method', 'sip_reason', 'time'] });
      const [method, reason, time] = rows[0] ?? [];
      assert.deepEqual([method, reason], ['OPTIONS', 'Fine \xc3\xbc']);
      assert.ok(time instanceof Date && Math.abs(time.getTime() - started.server.clock.wall()) < 60_000);
      await db.close();
    });

    test('registrations and digests', async () => {
      const { server } = started;
      const port = server.transport.sockets[0]?.port ?? 0;
      const expires = 600;
      peer.send(
        request('REGISTER', 'sip:example.org', {
          sentBy: `127.0.0.1:${peer.port}`,
          branch: 'z9hG4bK-db-register',
          to: '<sip:bob@example.org>',
          headers: { Contact: `<sip:bob@192.0.2.7;x="J\xc3\xb6">;expires=${expires};q=0.5` },
        }),
        port,
      );
      assert.match((await peer.next(5000)) ?? '', /^SIP\/2.0 200 /);
      const db = await server.db.open(database.url('kamailio'));
      const { rows } = await db.query({ table: 'location', columns: ['username', 'contact', 'expires', 'q'] });
      const [user, contact, until, q] = rows[0] ?? [];
      assert.deepEqual([rows.length, user, contact, q], [1, 'bob', 'sip:bob@192.0.2.7;x="J\xc3\xb6"', 0.5]);
      assert.ok(until instanceof Date && Math.abs(until.getTime() - server.clock.wall() - expires * 1000) < 60_000);
      await db.close();

      peer.send(
        request('OPTIONS', 'sip:challenged@example.org', { sentBy: `127.0.0.1:${peer.port}`, branch: 'z9hG4bK-db-c' }),
        port,
      );
      const nonce = /nonce="([^"]+)"/.exec((await peer.next(5000)) ?? '')?.[1] ?? '';
      const md5 = (text: string): string => createHash('md5').update(text).digest('hex');
      const response = md5(`${md5('alice:example.org:other')}:${nonce}:${md5('OPTIONS:sip:example.org')}`);
      const credentials = `Digest username="alice", realm="example.org", nonce="${nonce}", uri="sip:example.org", response="${response}"`;
      assert.equal(await ask('digest', 'example.org', { Authorization: credentials }), '1 other');
    });

    test('a server that starts anew knows who is registered', async () => {
      await started.stop(0);
      started = await startServer(
        scriptOptions(script(driver, database.url('kamailio')), { log, settings: { disable_tcp: 1 } }),
      );
      assert.equal(await ask('bob'), '1 sip:bob@192.0.2.7;x="J\xc3\xb6"');
    });

    test('while the database is gone the script is told, soon; what is in memory goes on; it is back by itself', async () => {
      const db = await started.server.db.open(database.url('kamailio'));
      const { promise: isBack, resolve } = Promise.withResolvers<void>();
      db.onConnection((isUp) => isUp && resolve());
      await database.crash();
      const began = performance.now();
      assert.deepEqual([await ask('account'), await ask('trusted'), await ask('domain')], ['-1', '-1', '1']);
      assert.ok(performance.now() - began < 5000);
      await database.resume();
      await isBack;
      assert.deepEqual([await ask('account'), await ask('trusted')], ['1', '1']);
      await db.close();
    });

    test('a database that does not answer is given up in time', async () => {
      if (kind === 'postgres') return;
      database.freeze(true);
      const began = performance.now();
      assert.equal(await ask('trusted'), '-1');
      assert.ok(performance.now() - began < 8000);
      database.freeze(false);
    });
  });
}
