import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { callBinrpc } from '../../core/rpc/binrpc-client.ts';
import { replyText } from '../../core/rpc/reply-text.ts';
import { UdpPeer } from '../support/kamailio.ts';
import { request, response, TestMsg } from '../support/msg.ts';
import { BIN_FOLDER, freePort, StrowgerProcess } from '../support/strowger-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'strowger-uac-workers-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const WORKERS = 3;
const REGISTRATIONS = 20;

const SCRIPT = `
workers=${WORKERS}
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "tm.so"
loadmodule "rr.so"
loadmodule "ctl.so"
loadmodule "uac.so"
modparam("ctl", "binrpc", "unix:${folder}/ctl")
modparam("uac", "reg_contact_addr", "127.0.0.1")
request_route {
  if ($rU == "disable") uac_reg_disable("l_uuid", "$hdr(X-A)");
  $var(s) = uac_reg_status("$hdr(X-A)");
  sl_send_reply("200", "$var(s)");
}
`;

test('registrations run once, and all workers know how they stand', { timeout: 60_000 }, async () => {
  writeFileSync(join(folder, 'x.cfg'), SCRIPT);
  const port = await freePort();
  const args = ['-f', join(folder, 'x.cfg'), '-E', '-Y', join(folder, 'run'), '-l', `udp:127.0.0.1:${port}`];
  const server = new StrowgerProcess(join(BIN_FOLDER, 'strowger.js'), args);
  await server.says('is ready');
  const registrar = await UdpPeer.open();
  const peer = await UdpPeer.open();
  const rpc = async (method: string, ...params: (string | number)[]): Promise<string> =>
    replyText(await callBinrpc({ type: 'unix', path: join(folder, 'ctl') }, method, params));
  /** The Call-ID decides which worker answers. */
  const ask = async (user: string, uuid: string, callId: string): Promise<string> => {
    const sentBy = `127.0.0.1:${peer.port}`;
    const options = { sentBy, callId, branch: `z9hG4bK-${callId}`, headers: { 'X-A': uuid } };
    peer.send(request('OPTIONS', `sip:${user}@127.0.0.1`, options), port);
    return (await peer.next(5000))?.split('\r\n')[0]?.slice('SIP/2.0 200 '.length) ?? 'no answer';
  };
  try {
    const proxy = `sip:127.0.0.1:${registrar.port}`;
    for (let i = 0; i < REGISTRATIONS; i++)
      await rpc(
        'uac.reg_add',
        `u${i}`,
        'l',
        'l.org',
        `r${i}`,
        'r.org',
        '.',
        'au',
        'pw',
        '.',
        proxy,
        600,
        0,
        0,
        '.',
        '.',
      );
    const seen: string[] = [];
    for (let text = await registrar.next(3000); text !== null; text = await registrar.next(1000)) {
      const msg = new TestMsg(text);
      seen.push(msg.get('Contact'));
      registrar.send(response(msg, 200, { contact: `${msg.get('Contact')};expires=600` }), port);
    }
    assert.equal(seen.length, REGISTRATIONS);
    assert.equal(new Set(seen).size, REGISTRATIONS);
    for (let i = 0; i < 30; i++) assert.equal(await ask('status', `u${i % REGISTRATIONS}`, `status-${i}`), '1');
    assert.match(await rpc('uac.reg_info', 'l_uuid', 'u3'), /flags: 20/);
    // Whichever worker is asked to: the one that registers hears of it.
    for (let i = 0; i < 10; i++) assert.equal(await ask('disable', `u${i}`, `disable-${i}`), '-3');
    for (let i = 0; i < 30; i++) assert.equal(await ask('status', `u${i % 10}`, `again-${i}`), '-3');
    for (let i = 0; i < 10; i++) assert.match(await rpc('uac.reg_info', 'l_uuid', `u${i}`), /flags: 21/);
  } finally {
    registrar.close();
    peer.close();
    await server.stop();
  }
});
