import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { callBinrpc } from '../../core/rpc/binrpc-client.ts';
import { UdpPeer } from '../support/kamailio.ts';
import { makeLocationTables, rowsOf } from '../support/location-tables.ts';
import { BIN_FOLDER, freePort, StrowgerProcess } from '../support/strowger-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'strowger-reg-workers-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const USERS = 60;
const WORKERS = 3;

const script = (file: string): string => `
workers=${WORKERS}
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "ctl.so"
loadmodule "kex.so"
loadmodule "db_sqlite.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
modparam("ctl", "binrpc", "unix:${folder}/ctl")
modparam("usrloc", "db_mode", 2)
modparam("usrloc", "timer_interval", 1)
modparam("registrar", "max_expires", 1800)
modparam("usrloc", "db_url", "sqlite:///${file}")
request_route {
  if ($rm == "REGISTER") { save("location"); exit; }
  if (lookup("location")) { sl_send_reply("200", "at $ru"); exit; }
  sl_send_reply("404", "Not found");
}
`;

function request(method: string, user: string, callId: string, port: number, headers = ''): string {
  const uri = method === 'REGISTER' ? 'sip:127.0.0.1' : `sip:${user}@127.0.0.1`;
  return (
    `${method} ${uri} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:${port};branch=z9hG4bK${callId}\r\n` +
    `Max-Forwards: 70\r\nFrom: <sip:${user}@127.0.0.1>;tag=t\r\nTo: <sip:${user}@127.0.0.1>\r\n` +
    `Call-ID: ${callId}\r\nCSeq: 1 ${method}\r\n${headers}Content-Length: 0\r\n\r\n`
  );
}

test('what one worker registers all workers find, at once; the end of all loses none of it', {
  timeout: 60_000,
}, async () => {
  const file = join(folder, 'location.db');
  makeLocationTables(file);
  writeFileSync(join(folder, 'x.cfg'), script(file));
  const port = await freePort();
  const args = ['-f', join(folder, 'x.cfg'), '-E', '-Y', join(folder, 'run'), '-l', `udp:127.0.0.1:${port}`];
  const server = new StrowgerProcess(join(BIN_FOLDER, 'strowger.js'), args);
  await server.says('is ready');
  const peer = await UdpPeer.open();
  const ask = async (text: string): Promise<string> => {
    peer.send(text, port);
    return (await peer.next(5000)) ?? 'no answer';
  };
  try {
    // The Call-ID decides which worker gets a request.
    for (let i = 0; i < USERS; i++) {
      const contact = `Contact: <sip:user${i}@192.0.2.1:${1024 + i}>;expires=600\r\n`;
      assert.match(await ask(request('REGISTER', `user${i}`, `reg-${i}`, peer.port, contact)), /^SIP\/2\.0 200/);
      const answer = await ask(request('OPTIONS', `user${i}`, `other-${i}`, peer.port));
      assert.ok(answer.startsWith(`SIP/2.0 200 at sip:user${i}@192.0.2.1:${1024 + i}\r\n`), answer);
    }
    const counted = await callBinrpc({ type: 'unix', path: join(folder, 'ctl') }, 'stats.get_statistics', ['usrloc:']);
    for (const name of ['location_users', 'location_contacts', 'registered_users'])
      assert.ok(counted.includes(`usrloc:${name} = ${USERS}`), `${name} in ${JSON.stringify(counted)}`);
    // Settings are not what workers count together.
    const settings = await callBinrpc({ type: 'unix', path: join(folder, 'ctl') }, 'stats.get_statistics', [
      'registrar:',
    ]);
    const expected = ['default_expire = 3600', 'default_expires_range = 0', 'expires_range = 0', 'max_expires = 1800'];
    for (const line of expected) assert.ok(settings.includes(`registrar:${line}`), JSON.stringify(settings));
    for (let i = 0; i < USERS; i += 2) {
      const contact = `Contact: <sip:user${i}@192.0.2.1:${1024 + i}>;expires=0\r\n`;
      assert.match(await ask(request('REGISTER', `user${i}`, `gone-${i}`, peer.port, contact)), /^SIP\/2\.0 200/);
      assert.match(await ask(request('OPTIONS', `user${i}`, `again-${i}`, peer.port)), /^SIP\/2\.0 404/);
    }
  } finally {
    peer.close();
    await server.stop();
  }
  const users = rowsOf(file, 'SELECT username FROM location').map((row) => String(row['username']));
  assert.deepEqual(users.toSorted(), Array.from({ length: USERS / 2 }, (_, i) => `user${2 * i + 1}`).toSorted());
});
