import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { WebSocket } from 'ws';
import type { StartedServer } from '../../core/cli/start-options.ts';
import { startServer } from '../../core/start.ts';
import { scriptOptions } from '../../test/support/both-servers.ts';
import type { MemoryLog } from '../../test/support/fake-run.ts';
import { RawStream } from '../../test/support/raw-stream.ts';
import { frame, OPCODE, WebSocketPeer, WS_KEY, wsHeaders } from '../../test/support/web-socket-peer.ts';

const CERTIFICATES = join(import.meta.dirname, '../../core/transport/testdata');

const SCRIPT = `
enable_tls=yes
tcp_accept_no_cl=yes
server_header="Server: s"
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "pv.so"
loadmodule "rr.so"
loadmodule "textops.so"
loadmodule "xlog.so"
loadmodule "tls.so"
loadmodule "xhttp.so"
loadmodule "websocket.so"
modparam("tls", "certificate", "${CERTIFICATES}/server.pem")
modparam("tls", "private_key", "${CERTIFICATES}/server-key.pem")
modparam("websocket", "cors_mode", 2)
modparam("websocket", "keepalive_timeout", 3600)
request_route {
  if ($rU == "close") { $var(r) = ws_close(4001, "bye"); exit; }
  if ($rU == "close-other") { $var(r) = ws_close(1000, "x", 999); append_to_reply("X-R: $var(r)\\r\\n"); sl_send_reply("200", "OK"); exit; }
  if ($rU == "back") { record_route(); $du = "sip:" + $si + ":" + $sp + ";transport=ws"; remove_hf("Max-Forwards"); t_relay(); exit; }
  if ($rU == "gone") { $du = "sip:127.0.0.1:9;transport=ws"; if (!t_relay()) sl_send_reply("500", "no connection"); exit; }
  if (proto == WS) append_to_reply("X-Is: WS\\r\\n");
  if (proto == WSS) append_to_reply("X-Is: WSS\\r\\n");
  append_to_reply("X-Proto: $proto $Rp $ws_conid $conid\\r\\n");
  sl_send_reply("200", "OK");
}
onreply_route { append_hf("X-Reply: $proto\\r\\n"); }
event_route[xhttp:request] {
  if ($hdr(Origin) == "https://evil.example.net") { xhttp_reply("403", "Forbidden", "", ""); exit; }
  append_to_reply("X-Script: yes\\r\\n");
  ws_handle_handshake();
}
event_route[websocket:closed] { xlog("L_INFO", "closed $ws_conid $si:$sp $proto\\n"); }
`;

let calls = 0;
function sip(method: string, user: string, body = '', extra = ''): string {
  calls++;
  return (
    `${method} sip:${user}@example.org SIP/2.0\r\nVia: SIP/2.0/WS df7jal23ls0d.invalid;branch=z9hG4bK${calls};rport\r\n` +
    `Max-Forwards: 70\r\nFrom: <sip:a@example.org>;tag=1\r\nTo: <sip:${user}@example.org>\r\nCall-ID: c${calls}\r\nCSeq: 1 ${method}\r\n` +
    `${extra}Content-Length: ${body.length}\r\n\r\n${body}`
  );
}

suite('websocket', { timeout: 60_000 }, () => {
  let server: StartedServer;
  let port = 0;
  let tlsPort = 0;
  const log = scriptOptions('').log as MemoryLog;
  const open: { close(): void }[] = [];
  before(async () => {
    server = await startServer(scriptOptions(SCRIPT, { log, listens: ['tcp:127.0.0.1:0', 'tls:127.0.0.1:0'] }));
    const { sockets } = server.server.transport;
    port = sockets[0]?.port ?? 0;
    tlsPort = sockets[1]?.port ?? 0;
  });
  after(async () => {
    for (const each of open) each.close();
    await server.stop(0);
  });
  const connect = async (headers = wsHeaders()): Promise<WebSocketPeer> => {
    const peer = await WebSocketPeer.open(port, { headers });
    open.push(peer);
    return peer;
  };
  const rpc = (name: string, ...params: (string | number)[]): Promise<unknown> => server.server.rpc.call(name, params);
  const stat = (name: string): number => server.server.counters.find('websocket', name)?.get() ?? Number.NaN;

  test('the handshake: 101 with the key of RFC 6455 §1.3, CORS and what the script appends', async () => {
    const peer = await connect(wsHeaders({ Origin: 'https://a.example.org', 'Sec-WebSocket-Protocol': 'foo, SIP' }));
    const accept = createHash('sha1').update(`${WS_KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    for (const row of [
      `Sec-WebSocket-Accept: ${accept}`,
      'Sec-WebSocket-Protocol: sip',
      'Access-Control-Allow-Origin: https://a.example.org',
      'X-Script: yes',
      'Server: s',
      `Sia: SIP/2.0/TCP 127.0.0.1:${peer.stream.localPort}`,
    ])
      assert.ok(peer.handshake.includes(`\r\n${row}\r\n`), `${row} in ${peer.handshake}`);
  });

  test('bad handshakes are answered as Kamailio does, and end the connection', async () => {
    const table: [string, number, RegExp][] = [
      [
        wsHeaders({ 'Sec-WebSocket-Protocol': undefined }),
        400,
        /\r\nSec-WebSocket-Protocol: sip\r\nSec-WebSocket-Version: 13\r\n/,
      ],
      [wsHeaders({ 'Sec-WebSocket-Protocol': 'msrp' }), 400, /Sec-WebSocket-Protocol: sip/],
      [wsHeaders({ 'Sec-WebSocket-Version': undefined }), 400, /Sec-WebSocket-Version: 13/],
      [wsHeaders({ 'Sec-WebSocket-Version': '8' }), 426, /\r\nSec-WebSocket-Version: 13\r\n/],
      [wsHeaders({ 'Sec-WebSocket-Key': undefined }), 400, /Sec-WebSocket-Version: 13/],
      [wsHeaders({ 'Sec-WebSocket-Key': 'short' }), 400, /Sec-WebSocket-Version: 13/],
      [`${wsHeaders()}Sec-WebSocket-Key: ${WS_KEY}\r\n`, 400, /^HTTP\/1\.1 400 Bad Request/],
      [wsHeaders({ Upgrade: 'h2c' }), 400, /Sec-WebSocket-Version: 13/],
      [wsHeaders({ Connection: 'close' }), 400, /Sec-WebSocket-Version: 13/],
      [wsHeaders({ Origin: 'https://evil.example.net' }), 403, /^HTTP\/1\.1 403 Forbidden/],
    ];
    for (const [headers, status, expected] of table) {
      const stream = await RawStream.open(port);
      open.push(stream);
      stream.send(`GET / HTTP/1.1\r\n${headers}\r\n`);
      const { head, status: got } = await stream.response();
      assert.equal(got, status, headers);
      assert.match(head, expected);
      if (status !== 403) assert.ok(await stream.closes(), headers);
    }
    assert.equal(stat('ws_failed_handshakes'), 9);
  });

  test('SIP over it: proto, Via, replies on the connection; text and binary frames', async () => {
    const peer = await connect();
    for (const opcode of [OPCODE.TEXT, OPCODE.BINARY]) {
      peer.sends(sip('OPTIONS', 'x'), opcode);
      const reply = await peer.message();
      assert.match(reply, /^SIP\/2\.0 200 OK\r\n/);
      assert.match(
        reply,
        new RegExp(
          `Via: SIP/2\\.0/WS df7jal23ls0d\\.invalid;branch=z9hG4bK\\d+;rport=${peer.stream.localPort};received=127\\.0\\.0\\.1\r\n`,
        ),
      );
      assert.match(reply, new RegExp(`X-Is: WS\r\nX-Proto: ws ${port} (\\d+) \\1\r\n`));
    }
  });

  test('a request to a WebSocket goes over its connection, with our Via and Record-Route of that transport', async () => {
    const peer = await connect();
    peer.sends(sip('MESSAGE', 'back', 'h\u00e9', 'Content-Type: text/plain\r\n'), OPCODE.BINARY);
    const { opcode, payload } = await peer.frame();
    assert.equal(opcode, OPCODE.BINARY, 'no UTF-8');
    assert.match(payload, new RegExp(`^MESSAGE sip:back@example\\.org SIP/2\\.0\r\n`));
    assert.match(payload, new RegExp(`\r\nVia: SIP/2\\.0/WS 127\\.0\\.0\\.1:${port};branch=`));
    assert.match(payload, new RegExp(`Record-Route: <sip:127\\.0\\.0\\.1:${port};transport=ws;`));
    assert.ok(payload.endsWith('\r\n\r\nh\u00e9'));
    const vias = payload.match(/Via: [^\r]*\r\n/g)?.join('') ?? '';
    const rest = /From: [^\r]*\r\n/.exec(payload)?.[0] ?? '';
    peer.sends(
      `SIP/2.0 202 Accepted\r\n${vias}${rest}To: <sip:back@example.org>;tag=2\r\nCall-ID: c${calls}\r\nCSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n`,
    );
    const reply = await peer.message();
    assert.match(reply, /^SIP\/2\.0 202 Accepted\r\nVia: SIP\/2\.0\/WS df7jal23ls0d/);
    assert.match(reply, /\r\nX-Reply: ws\r\n/);
  });

  test('no connection is opened to a WebSocket that is gone', async () => {
    const peer = await connect();
    peer.sends(sip('OPTIONS', 'gone'));
    assert.match(await peer.message(), /^SIP\/2\.0 (500|477|478|503) /);
  });

  test('over TLS it is WSS; a browser-like client of the library ws agrees with us', async () => {
    const ws = new WebSocket(`wss://127.0.0.1:${tlsPort}/`, 'sip', { rejectUnauthorized: false });
    open.push(ws);
    const reply = await new Promise<string>((resolve, reject) => {
      ws.on('error', reject);
      ws.on('open', () => ws.send(sip('OPTIONS', 'x')));
      ws.on('message', (data) => resolve((data as Buffer).toString('latin1')));
    });
    assert.match(reply, /X-Is: WSS\r\nX-Proto: wss /);
    assert.equal(ws.protocol, 'sip');
    const closed = new Promise<number>((resolve) => void ws.on('close', resolve));
    ws.close(1000);
    assert.equal(await closed, 1000);
  });

  test('pings are answered, by frames and by CRLF; messages may come in fragments with pings between', async () => {
    const peer = await connect();
    peer.sends('hello', OPCODE.PING);
    assert.deepEqual(await peer.frame(), { opcode: OPCODE.PONG, payload: 'hello' });
    for (const ping of ['\r\n\r\n', '\r\n']) {
      peer.sends(ping);
      assert.deepEqual(await peer.frame(), { opcode: OPCODE.TEXT, payload: '\r\n' });
    }
    const text = sip('OPTIONS', 'x');
    peer.stream.send(frame(OPCODE.TEXT, text.slice(0, 50), { isLast: false }));
    peer.sends('mid', OPCODE.PING);
    assert.equal((await peer.frame()).opcode, OPCODE.PONG);
    peer.stream.send(frame(OPCODE.CONTINUATION, text.slice(50)));
    assert.match(await peer.message(), /^SIP\/2\.0 200/);
    const whole = frame(OPCODE.TEXT, sip('OPTIONS', 'y'));
    for (const byte of whole) peer.stream.send(byte);
    assert.match(await peer.message(), /^SIP\/2\.0 200/);
  });

  test('what breaks the protocol closes with the code for it (RFC 6455 §7.4.1)', async () => {
    const text = sip('OPTIONS', 'x');
    const table: [string, string, number][] = [
      ['unmasked', frame(OPCODE.TEXT, text, { isMasked: false }), 1002],
      ['reserved bits', frame(OPCODE.TEXT, text, { reserved: 4 }), 1002],
      ['unknown opcode', frame(3, 'x'), 1002],
      ['continuation of nothing', frame(OPCODE.CONTINUATION, 'x'), 1002],
      ['fragmented ping', frame(OPCODE.PING, 'x', { isLast: false }), 1002],
      ['long ping', frame(OPCODE.PING, 'x'.repeat(126)), 1002],
      ['text that is no UTF-8', frame(OPCODE.TEXT, 'caf\u00e9'), 1007],
      ['oversized frame', frame(OPCODE.TEXT, 'x'.repeat(70_000)).slice(0, 20), 1009],
      [
        'too many fragments',
        frame(OPCODE.TEXT, '', { isLast: false }) + frame(OPCODE.CONTINUATION, '', { isLast: false }).repeat(1100),
        1008,
      ],
      [
        'oversized by fragments',
        frame(OPCODE.TEXT, 'x', { isLast: false }) +
          frame(OPCODE.CONTINUATION, 'x'.repeat(30_000), { isLast: false }).repeat(3),
        1009,
      ],
    ];
    const failures = stat('ws_failed_connections');
    for (const [what, bytes, code] of table) {
      const peer = await connect();
      peer.stream.send(bytes);
      const { opcode, payload } = await peer.frame();
      assert.deepEqual([opcode, payload.charCodeAt(0) * 256 + payload.charCodeAt(1)], [OPCODE.CLOSE, code], what);
      peer.close();
    }
    assert.equal(stat('ws_failed_connections') - failures, table.length);
  });

  test('a message that is no SIP ends the connection', async () => {
    const peer = await connect();
    peer.sends('garbage');
    assert.equal((await peer.frame()).opcode, OPCODE.CLOSE);
    assert.ok(await peer.stream.closes());
  });

  test('who floods pings and reads nothing is dropped', async () => {
    const peer = await connect();
    const flooded = server.server.connections.list().at(-1);
    assert.equal(flooded?.remotePort, peer.stream.localPort);
    const id = flooded?.id ?? 0;
    peer.stream.pause();
    const flood = frame(OPCODE.PING, 'x'.repeat(125)).repeat(2000);
    const end = performance.now() + 20_000;
    while (server.server.connections.get(id)?.state === 'open' && performance.now() < end) {
      peer.stream.send(flood);
      const { queuedBytes } = server.server.connections;
      assert.ok(queuedBytes < 2_000_000, `${queuedBytes} bytes queued`);
      await new Promise((resolve) => void setImmediate(resolve));
      if (server.server.connections.get(id)?.isPaused === true) break;
    }
    const conn = server.server.connections.get(id);
    assert.ok(conn === undefined || conn.isPaused || conn.state !== 'open', 'neither dropped nor held');
  });

  test('ws_close, $ws_conid and event_route[websocket:closed]', async () => {
    const peer = await connect();
    peer.sends(sip('OPTIONS', 'close-other'));
    assert.match(await peer.message(), /X-R: -1\r\n/);
    const id = server.server.connections.list().at(-1)?.id ?? 0;
    peer.sends(sip('OPTIONS', 'close'));
    assert.deepEqual(await peer.frame(), { opcode: OPCODE.CLOSE, payload: '\x0f\xa1bye' });
    peer.sends('\x0f\xa1', OPCODE.CLOSE);
    assert.ok(await peer.stream.closes());
    await until(() => log.lines.some((line) => line.includes(`closed ${id} 127.0.0.1:${peer.stream.localPort} tcp`)));
  });

  test('RPC: list, ping, pong, close, disable and enable, with the faults Kamailio gives', async () => {
    const peer = await connect();
    const id = server.server.connections.list().at(-1)?.id ?? 0;
    const dump = (await rpc('ws.dump')) as { connections: Record<string, string>; info: unknown };
    assert.equal(
      dump.connections[String(id)],
      `ws:127.0.0.1:${peer.stream.localPort} -> ws:127.0.0.1:${port} (state: OPEN,  last used 0s ago, sub-protocol: sip)`,
    );
    assert.deepEqual(dump.info, { wscounter: Object.keys(dump.connections).length, truncated: 'no' });
    await rpc('ws.ping', id);
    await rpc('ws.pong', id);
    assert.deepEqual(await peer.frame(), { opcode: OPCODE.PING, payload: 's' });
    assert.equal((await peer.frame()).opcode, OPCODE.PONG);
    await assert.rejects(rpc('ws.dump', 'foo'), { code: 400, message: 'Bad display order parameter' });
    await assert.rejects(rpc('ws.ping', 99_999), { code: 500, message: 'Unknown connection ID' });
    await assert.rejects(rpc('ws.close'), { code: 500, message: 'Invalid Parameters' });
    await rpc('ws.close', id);
    assert.deepEqual(await peer.frame(), { opcode: OPCODE.CLOSE, payload: '\x03\xe8Normal closure' });
    await rpc('ws.disable');
    await assert.rejects(connect(), /no 101: HTTP\/1\.1 503 Service Unavailable/);
    await rpc('ws.enable');
    await connect();
    assert.equal(stat('ws_current_connections'), stat('ws_sip_current_connections'));
    assert.ok(stat('ws_max_concurrent_connections') > 0 && stat('ws_sip_received_frames') > 0);
    assert.equal(stat('ws_msrp_received_frames'), 0);
  });

  async function until(done: () => boolean): Promise<void> {
    const end = performance.now() + 5000;
    while (!done() && performance.now() < end) await new Promise((resolve) => void setImmediate(resolve));
    assert.ok(done(), log.lines.slice(-20).join('\n'));
  }
});
