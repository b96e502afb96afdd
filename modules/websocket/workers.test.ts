import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { callControlSocket } from '../../core/rpc/control-socket.ts';
import { BIN_FOLDER, freePort, StrowgerProcess } from '../../test/support/strowger-process.ts';
import { OPCODE, WebSocketPeer } from '../../test/support/web-socket-peer.ts';

const folder = mkdtempSync(join(tmpdir(), 'strowger-ws-workers-'));

const script = (port: number): string => `
workers=3
tcp_accept_no_cl=yes
listen=tcp:127.0.0.1:${port}
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "kex.so"
loadmodule "xhttp.so"
loadmodule "websocket.so"
request_route {
  if ($rU == "close") { $var(r) = ws_close(4000, "by another", $(hdr(X-Id){s.int})); sl_send_reply("200", "R $var(r)"); exit; }
  if (method == "OPTIONS") { sl_send_reply("200", "$proto $ws_conid"); exit; }
  $du = "sip:127.0.0.1:" + $rU + ";transport=ws";
  t_relay();
}
event_route[xhttp:request] { ws_handle_handshake(); }
`;

let calls = 0;
function sip(method: string, user: string, extra = ''): string {
  calls++;
  return (
    `${method} sip:${user}@example.org SIP/2.0\r\nVia: SIP/2.0/WS a.invalid;branch=z9hG4bKw${calls}\r\nMax-Forwards: 70\r\n` +
    `From: <sip:a@example.org>;tag=1\r\nTo: <sip:b@example.org>\r\nCall-ID: call-${calls}\r\nCSeq: 1 ${method}\r\n${extra}Content-Length: 0\r\n\r\n`
  );
}

/** Calls belong to workers by their Call-ID, connections to the worker that accepted them: every mixture comes about. */
suite('WebSockets of several workers', { timeout: 60_000 }, () => {
  let server: StrowgerProcess;
  const peers: WebSocketPeer[] = [];
  before(async () => {
    const port = await freePort();
    writeFileSync(join(folder, 's.cfg'), script(port));
    server = new StrowgerProcess(join(BIN_FOLDER, 'strowger.js'), ['-f', join(folder, 's.cfg'), '-E', '-Y', folder]);
    await server.says('is ready');
    for (let i = 0; i < 6; i++) peers.push(await WebSocketPeer.open(port));
  });
  after(async () => {
    for (const peer of peers) peer.close();
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test('requests are answered on their connection, whichever worker they belong to', async () => {
    for (const peer of peers) {
      for (let i = 0; i < 6; i++) {
        peer.sends(sip('OPTIONS', 'x'));
        assert.match(await peer.message(), /^SIP\/2\.0 200 ws \d+\r\n/);
      }
    }
  });

  test('a request to any connection arrives there, and its reply comes back', async () => {
    for (const [at, caller] of peers.entries()) {
      const callee = peers[(at + 1) % peers.length];
      assert.ok(callee !== undefined);
      for (let i = 0; i < 4; i++) {
        caller.sends(sip('MESSAGE', String(callee.stream.localPort)));
        const request = await callee.message();
        assert.match(request, /^MESSAGE .*\r\nVia: SIP\/2\.0\/WS 127\.0\.0\.1:\d+;branch=/);
        const rows = request.match(/^(?:Via|From|To|Call-ID|CSeq): .*\r\n/gm)?.join('') ?? '';
        callee.sends(`SIP/2.0 200 Heard\r\n${rows}Content-Length: 0\r\n\r\n`);
        assert.match(await caller.message(), /^SIP\/2\.0 200 Heard\r\nVia: SIP\/2\.0\/WS a\.invalid/);
      }
    }
  });

  test('RPC and ws_close reach the connections of all workers', async () => {
    const call = async (method: string, ...params: string[]): Promise<string> =>
      JSON.stringify(await callControlSocket(join(folder, 'strowger.sock'), method, params, 'json'));
    const dump = (await call('ws.dump')).replaceAll('\\', '');
    for (const { stream } of peers) assert.ok(dump.includes(`ws:127.0.0.1:${stream.localPort} ->`), dump);
    const [first, second] = peers;
    assert.ok(first !== undefined && second !== undefined);
    const idOf = (peer: WebSocketPeer): string =>
      new RegExp(`"(\\d+)"[^"]*"ws:127\\.0\\.0\\.1:${peer.stream.localPort} `).exec(dump)?.[1] ?? '';
    for (const [at, peer] of peers.slice(2).entries()) {
      if (at === 0) await call('ws.close', idOf(peer));
      else {
        first.sends(sip('OPTIONS', 'close', `X-Id: ${idOf(peer)}\r\n`));
        assert.match(await first.message(), /^SIP\/2\.0 200 R 1\r\n/);
      }
      assert.equal((await peer.frame()).opcode, OPCODE.CLOSE);
    }
    assert.match(await call('ws.ping', '99999'), /Unknown connection ID/);
  });
});
