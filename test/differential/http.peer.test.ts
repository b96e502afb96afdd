import assert from 'node:assert/strict';
import { before, suite, test } from 'node:test';
import { withBoth } from '../support/both-servers.ts';
import { skipWithout } from '../support/peers.ts';
import { type HttpResponse, RawStream } from '../support/raw-stream.ts';
import { freePort } from '../support/strowger-process.ts';
import { frame, OPCODE, WebSocketPeer, wsHeaders } from '../support/web-socket-peer.ts';

const script = (port: number, modulePath: string): string => `
${modulePath}
tcp_accept_no_cl=yes
listen=tcp:127.0.0.1:${port}
loadmodule "jsonrpcs.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "xlog.so"
loadmodule "textops.so"
loadmodule "kex.so"
loadmodule "xhttp.so"
loadmodule "websocket.so"
loadmodule "xmlrpc.so"
modparam("jsonrpcs", "transport", 1)
modparam("xhttp", "url_skip", "^/(skip|xmlrpc)")
modparam("xmlrpc", "route", "XMLRPC")
modparam("xmlrpc", "url_match", "^/xmlrpc")
modparam("websocket", "ping_application_data", "data")
request_route {
  if ($rU == "close") { ws_close(4001, "bye"); exit; }
  if ($rU == "back") { record_route(); $du = "sip:" + $si + ":" + $sp + ";transport=ws"; t_relay(); exit; }
  if (proto == WS) append_to_reply("X-Is-Ws: yes\\r\\n");
  append_to_reply("X-Seen: $proto $pr $prid $sut $Rp $Rut $RAut $Ras $(conid{s.int}) $hu\\r\\n");
  sl_send_reply("200", "OK");
}
route[XMLRPC] { dispatch_rpc(); }
event_route[xhttp:request] {
  if ($hu =~ "^/RPC") { jsonrpc_dispatch(); exit; }
  if ($hu =~ "^/ws") {
    if ($hdr(X-Append) == "yes") append_to_reply("X-Appended: yes\\r\\n");
    ws_handle_handshake();
    exit;
  }
  if ($hu == "/close") { set_reply_close(); set_reply_no_connect(); }
  if ($hu == "/append") append_to_reply("X-A: b\\r\\n");
  if ($hu == "/empty") { xhttp_reply("404", "Not found", "", ""); exit; }
  if ($hu == "/sl") { sl_send_reply("404", "sl not"); exit; }
  if ($hu == "/bad") {
    $var(a) = xhttp_reply("$var(none)", "x", "", "");
    $var(b) = xhttp_reply("99", "x", "", "");
    $var(c) = xhttp_reply("200", "", "text/plain", "b");
    xhttp_reply("200", "OK", "text/plain", "$var(a) $var(b) $var(c)");
    exit;
  }
  if ($hu =~ "^/path") { xhttp_reply("200", "OK", "text/plain", "$(hu{url.path})"); exit; }
  if ($hu =~ "^/query") { xhttp_reply("200", "OK", "text/plain", "$(hu{url.querystring})"); exit; }
  xhttp_reply("200", "OK", "text/html", "$rm $hu [$rb] $cl $proto $pr $si $Rp $hdr(Host) $hdr(Via) $hdr(Hia) $ua $mb");
}
`;

const H = 'Host: a.example.org\r\nUser-Agent: x\r\n';
const request = (
  url: string,
  body: string | null = null,
  method = body === null ? 'GET' : 'POST',
  version = 'HTTP/1.1',
): string =>
  `${method} ${url} ${version}\r\n${H}${body === null ? '' : `Content-Length: ${body.length}\r\n`}\r\n${body ?? ''}`;
const rpc = (method: string, params = '[]'): string =>
  request('/RPC2', `{"jsonrpc":"2.0","method":"${method}","params":${params},"id":1}`);
const call = (method: string, ...values: string[]): string =>
  request(
    '/xmlrpc',
    `<?xml version="1.0"?><methodCall><methodName>${method}</methodName><params>${values.map((v) => `<param><value>${v}</value></param>`).join('')}</params></methodCall>`,
  );

/** Requests that are answered in the same way. */
const SAME: readonly string[] = [
  request('/foo/bar?a=b&c=d'),
  request('/foo', null, 'GET', 'HTTP/1.0').replace('\r\n\r\n', '\r\nConnection: keep-alive\r\n\r\n'),
  request('/foo', 'body', 'PUT'),
  request('/empty'),
  request('/append'),
  request('/sl'),
  request('/bad'),
  request('/path/x?y=z'),
  request('/query/x?y=z'),
  request('*', null, 'OPTIONS'),
  request('http://a.example.org/abs'),
  request('/via').replace(H, `Via: 1.1 proxy.example.org\r\n${H}`),
  request('/sip').replace(H, `From: joe@example.org\r\nCSeq: 1 GET\r\n${H}`),
  rpc('core.echo', '["a",5]'),
  rpc('core.echo', '{"x":"a","y":5}'),
  rpc('no.such'),
  rpc('core.printi'),
  rpc('stats.fetch', '["nono:"]'),
  request('/RPC2', '{"jsonrpc":"2.0","method":"core.echo","params":["a"]}'),
  call('core.echo', '<string>a &lt;&amp;</string>', '<i4>5</i4>', 'bare', '<double>1.5</double>'),
  call('core.prints', '<string>a</string>'),
  call('core.printi', '<int>12</int>'),
  call('core.tcp_info'),
  call('no.such'),
  call('system.methodHelp', '<string>nono</string>'),
  call('system.methodSignature', '<string>core.uptime</string>'),
  request('/xmlrpc', 'not xml'),
  request('/xmlrpc', '<a/>'),
  request('/xmlrpc', '<methodCall></methodCall>'),
];

/** Handshakes: the changed rows, and what they come to. */
const HANDSHAKES: readonly string[] = [
  wsHeaders(),
  wsHeaders({ 'Sec-WebSocket-Protocol': 'foo, SIP' }),
  wsHeaders({ Upgrade: 'WebSocket', Connection: 'keep-alive, Upgrade' }),
  wsHeaders({ 'X-Append': 'yes' }),
  wsHeaders({ 'Sec-WebSocket-Protocol': undefined }),
  wsHeaders({ 'Sec-WebSocket-Protocol': 'msrp' }),
  wsHeaders({ 'Sec-WebSocket-Version': undefined }),
  wsHeaders({ 'Sec-WebSocket-Version': '8' }),
  wsHeaders({ 'Sec-WebSocket-Key': undefined }),
  wsHeaders({ Upgrade: undefined }),
  wsHeaders({ Upgrade: 'h2c' }),
  wsHeaders({ Connection: 'close' }),
  `${wsHeaders()}Sec-WebSocket-Version: 13\r\n`,
];

let calls = 0;
const sip = (user: string, method = 'OPTIONS'): string =>
  `${method} sip:${user}@example.org SIP/2.0\r\nVia: SIP/2.0/WS df7jal23ls0d.invalid;branch=z9hG4bK${++calls};rport\r\nMax-Forwards: 70\r\n` +
  `From: <sip:a@example.org>;tag=1\r\nTo: <sip:${user}@example.org>\r\nCall-ID: c${calls}\r\nCSeq: 1 ${method}\r\nContent-Length: 0\r\n\r\n`;

interface Seen {
  readonly http: Record<string, string>;
  readonly handshakes: Record<string, string>;
  readonly ws: Record<string, string>;
}

/** What differs by nature: ports, server names, tags, branches, spaces between elements. */
function plain(text: string, stream: RawStream): string {
  return (
    text
      .replaceAll(`127.0.0.1:${stream.localPort}`, '127.0.0.1:CLIENT')
      .replace(/\r\nServer: [^\r]*/, '\r\nServer: S')
      .replace(/rport=\d+/g, 'rport=CLIENT')
      .replace(/;tag=[\w.-]{20,}/g, ';tag=T')
      .replace(/branch=z9hG4bK(?:\w+[.-])[\w.-]+/g, 'branch=B')
      // Kamailio writes two blanks; we note the connection in our Via as with TCP, which it does not.
      .replace('SIP/2.0/WS  ', 'SIP/2.0/WS ')
      .replace(/;i=[0-9a-f]+/, '')
      .replace(/z9hG4bK\d+/g, 'z9hG4bKn')
      .replace(/Call-ID: c\d+/, 'Call-ID: c')
  );
}

function shownResponse({ head, body }: HttpResponse, stream: RawStream): string {
  const isXml = body.startsWith('<?xml');
  const rows = plain(head, stream)
    .replace('Connection: close\r\n', '')
    // Kamailio's XML-RPC tells no type, and lays its documents out in its own way.
    .replace(isXml ? 'Content-Type: text/xml\r\n' : '', '')
    .replace(isXml ? /Content-Length: \d+/ : '', '')
    .replace(/Content-Length: \d+/, 'Content-Length: N');
  return rows + plain(isXml ? body.replace(/>\s+</g, '><') : body, stream);
}

/** The rows of a handshake's answer, in the order of the alphabet. */
function shownHandshake({ head }: HttpResponse, stream: RawStream): string {
  const [line, ...rows] = plain(head, stream).trimEnd().split('\r\n');
  const kept = rows.filter((row) => !/^Connection: close|^Content-Length: 0/.test(row)).map((row) => row.toLowerCase());
  return [line, ...kept.sort()].join('\n');
}

async function drive(port: number): Promise<Seen> {
  const http: Record<string, string> = {};
  for (const text of SAME) {
    const stream = await RawStream.open(port);
    stream.send(text);
    http[text] = shownResponse(await stream.response(), stream);
    stream.close();
  }
  const kept = await RawStream.open(port);
  kept.send(request('/close'));
  http['close'] = shownResponse(await kept.response(), kept) + String(await kept.closes());
  const skipped = await RawStream.open(port);
  skipped.send(request('/p1') + request('/p2'));
  http['pipelined'] = (await skipped.response()).body.slice(0, 7) + (await skipped.response()).body.slice(0, 7);
  skipped.close();
  const handshakes: Record<string, string> = {};
  for (const rows of HANDSHAKES) {
    const stream = await RawStream.open(port);
    stream.send(`GET /ws HTTP/1.1\r\n${rows}\r\n`);
    const response = await stream.response();
    handshakes[rows] = shownHandshake(response, stream) + (response.status === 101 ? '' : ` ${await stream.closes()}`);
    stream.close();
  }
  return { http, handshakes, ws: await driveWebSocket(port) };
}

async function driveWebSocket(port: number): Promise<Record<string, string>> {
  const seen: Record<string, string> = {};
  const peer = await WebSocketPeer.open(port, { path: '/ws' });
  const { stream } = peer;
  const next = async (name: string): Promise<void> => {
    const { opcode, payload } = await peer.frame();
    seen[name] = `${opcode} ${plain(payload, stream)}`;
  };
  peer.sends(sip('x'));
  await next('OPTIONS');
  peer.sends(sip('x'), OPCODE.BINARY);
  await next('OPTIONS in a binary frame');
  peer.sends('\r\n\r\n');
  await next('CRLF CRLF');
  peer.sends('hello', OPCODE.PING);
  await next('ping');
  peer.sends(sip('back', 'MESSAGE'));
  await next('MESSAGE to itself');
  const text = sip('y');
  stream.send(frame(OPCODE.TEXT, text.slice(0, 40), { isLast: false }) + frame(OPCODE.CONTINUATION, text.slice(40)));
  await next('fragments');
  peer.sends('\x03\xe8bye', OPCODE.CLOSE);
  const { opcode, payload } = await peer.frame();
  seen['close'] = `${opcode} ${payload.slice(0, 2)} ${await stream.closes()}`;
  for (const [name, bytes] of [
    ['unmasked', frame(OPCODE.TEXT, text, { isMasked: false })],
    ['reserved bits', frame(OPCODE.TEXT, text, { reserved: 4 })],
  ] as const) {
    const bad = await WebSocketPeer.open(port, { path: '/ws' });
    bad.stream.send(bytes);
    const closing = await bad.frame();
    seen[name] = `${closing.opcode} ${closing.payload.slice(0, 2)}`;
    bad.close();
  }
  return seen;
}

suite('HTTP and WebSocket as in kamailio', { skip: skipWithout('kamailio'), timeout: 120_000 }, () => {
  let kamailio: Seen;
  let strowger: Seen;
  before(async () => {
    const port = await freePort();
    ({ kamailio, strowger } = await withBoth(
      (_peer, modulePath) => script(port, modulePath),
      () => drive(port),
    ));
  });

  test('xhttp, jsonrpcs and xmlrpc answer alike', () => {
    assert.deepEqual(strowger.http, kamailio.http);
  });
  test('handshakes are judged alike', () => {
    assert.deepEqual(strowger.handshakes, kamailio.handshakes);
  });
  test('SIP over WebSocket goes alike', () => {
    assert.deepEqual(strowger.ws, kamailio.ws);
  });
});
