import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { StartedServer } from '../../core/cli/start-options.ts';
import { startServer } from '../../core/start.ts';
import { scriptOptions } from '../../test/support/both-servers.ts';
import { RawStream } from '../../test/support/raw-stream.ts';

const SCRIPT = `
tcp_accept_no_cl=yes
tcp_max_connections=64
server_header="Server: s"
loadmodule "jsonrpcs.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "xhttp.so"
modparam("jsonrpcs", "transport", 1)
modparam("jsonrpcs", "pretty_format", 0)
modparam("xhttp", "url_match", "^/")
modparam("xhttp", "url_skip", "^/skip")
request_route { sl_send_reply("200", "$hu"); }
event_route[xhttp:request] {
  if ($hu =~ "^/RPC") { jsonrpc_dispatch(); exit; }
  if ($hu == "/slow") { jsonrpc_exec('{"jsonrpc":"2.0","method":"core.echo","id":1}'); }
  if ($hu == "/close") { set_reply_close(); }
  if ($hu == "/sl") { append_to_reply("X-A: b\\r\\n"); sl_send_reply("404", "Not"); exit; }
  if ($hu == "/twice") { xhttp_reply("202", "First", "", ""); $var(second) = xhttp_reply("200", "Second", "", ""); exit; }
  if ($hu == "/bad") {
    $var(a) = xhttp_reply("$var(none)", "x", "", "");
    $var(b) = xhttp_reply("99", "x", "", "");
    $var(c) = xhttp_reply("200", "", "", "");
    $var(d) = "x\\r\\nX-Evil: 1";
    xhttp_reply("200", "$var(d)", "$var(d)", "$var(a) $var(b) $var(c)");
    exit;
  }
  if ($hu == "/silent") { exit; }
  xhttp_reply("200", "OK", "text/plain", "$rm $(hu{url.path}) $(hu{url.querystring}) $proto $rb $hdr(Host) $hdr(Via) $hdr(Hia)");
}
`;

const H = 'Host: a.example.org\r\n';
const get = (url: string, headers = '', version = 'HTTP/1.1', method = 'GET'): string =>
  `${method} ${url} ${version}\r\n${H}${headers}\r\n`;
const post = (body: string, url = '/RPC2'): string =>
  `POST ${url} HTTP/1.1\r\n${H}Content-Length: ${body.length}\r\n\r\n${body}`;

suite('xhttp', { timeout: 60_000 }, () => {
  let server: StartedServer;
  let port = 0;
  const open: RawStream[] = [];
  before(async () => {
    server = await startServer(scriptOptions(SCRIPT, { listens: ['tcp:127.0.0.1:0'] }));
    port = server.server.transport.sockets[0]?.port ?? 0;
  });
  after(async () => {
    for (const stream of open) stream.close();
    await server.stop(0);
  });
  const connect = async (): Promise<RawStream> => {
    const stream = await RawStream.open(port);
    open.push(stream);
    return stream;
  };

  test('requests of one connection, one after the other; the answer has the form Kamailio gives it', async () => {
    const stream = await connect();
    stream.send(get('/foo/bar?a=b&c=d', 'Via: 1.1 proxy.example.org\r\n'));
    const first = await stream.response();
    assert.equal(
      first.head,
      `HTTP/1.1 200 OK\r\nSia: SIP/2.0/TCP 127.0.0.1:${stream.localPort}\r\nContent-Type: text/plain\r\nServer: s\r\nContent-Length: ${first.body.length}\r\n\r\n`,
    );
    assert.equal(
      first.body,
      `GET /foo/bar a=b&c=d tcp  a.example.org SIP/2.0/TCP 127.0.0.1:${stream.localPort} 1.1 proxy.example.org`,
    );
    stream.send(get('/two'));
    assert.match((await stream.response()).body, /^GET \/two /);
  });

  test('bodies: by Content-Length and in chunks; a 100 for who waits for it', async () => {
    const stream = await connect();
    stream.send(post('abc', '/x'));
    assert.match((await stream.response()).body, /^POST \/x {2}tcp abc a/);
    stream.send(`POST /c HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n`);
    assert.equal((await stream.response()).head, 'HTTP/1.1 100 Continue\r\n\r\n');
    stream.send('3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n');
    assert.match((await stream.response()).body, /^POST \/c {2}tcp abcde a/);
  });

  test('HEAD is answered without the body', async () => {
    const stream = await connect();
    stream.send(get('/h', '', 'HTTP/1.1', 'HEAD') + get('/next'));
    assert.match((await stream.response(false)).head, /\r\nContent-Length: [1-9]/);
    assert.match((await stream.response()).body, /^GET \/next/);
  });

  test('the connection ends where the request, its version or the script says so (RFC 9112 §9.3)', async () => {
    for (const request of [get('/', 'Connection: x, Close\r\n'), get('/', '', 'HTTP/1.0'), get('/close')]) {
      const stream = await connect();
      stream.send(request);
      assert.match((await stream.response()).head, /\r\nConnection: close\r\n/);
      assert.ok(await stream.closes(), request);
    }
    const kept = await connect();
    kept.send(get('/', 'Connection: keep-alive\r\n', 'HTTP/1.0'));
    assert.match((await kept.response()).head, /^HTTP\/1\.0 200/);
    kept.send(get('/2'));
    assert.match((await kept.response()).body, /^GET \/2/);
  });

  test('pipelined requests are answered in their order, whatever the script waits for; too many end the connection', async () => {
    const stream = await connect();
    stream.send(
      get('/slow') +
        get('/b') +
        get('/slow') +
        get('/d') +
        post('{"jsonrpc":"2.0","method":"core.echo","params":["e"],"id":1}') +
        get('/f'),
    );
    const bodies: string[] = [];
    for (let i = 0; i < 6; i++) bodies.push((await stream.response()).body.slice(0, 9).trim());
    assert.deepEqual(bodies, ['GET /slow', 'GET /b  t', 'GET /slow', 'GET /d  t', '{"jsonrpc', 'GET /f  t']);
    const flood = await connect();
    flood.send(get('/slow').repeat(30));
    assert.ok(await flood.closes());
  });

  test('sl_send_reply answers too; a second answer is refused', async () => {
    const stream = await connect();
    stream.send(get('/sl'));
    assert.match((await stream.response()).head, /^HTTP\/1\.1 404 Not\r\nSia: [^\r]*\r\nX-A: b\r\nServer: s\r\n/);
    stream.send(get('/twice') + get('/end'));
    assert.equal((await stream.response()).status, 202);
    assert.match((await stream.response()).body, /^GET \/end/);
  });

  test('what can not be sent is refused with -1; variables begin no header', async () => {
    const stream = await connect();
    stream.send(get('/bad'));
    const { head, body } = await stream.response();
    assert.equal(body, '-1 -1 -1');
    assert.match(head, /^HTTP\/1\.1 200 x X-Evil: 1\r\nSia: /);
    assert.doesNotMatch(head, /\r\nX-Evil/);
  });

  test('url_skip and url_match: a request that nobody takes ends the connection', async () => {
    for (const url of ['/skip/x', '*']) {
      const stream = await connect();
      stream.send(get(url));
      assert.ok(await stream.closes(), url);
      assert.equal(stream.heard, '');
    }
  });

  test('JSON-RPC: results, faults as the status, batches, and what is no JSON', async () => {
    const stream = await connect();
    const ask = async (body: string) => {
      stream.send(post(body));
      const { status, head, body: answer } = await stream.response();
      return { line: head.slice(0, head.indexOf('\r\n')), status, answer };
    };
    assert.deepEqual(await ask('{"jsonrpc":"2.0","method":"core.echo","params":["a"],"id":1}'), {
      line: 'HTTP/1.1 200 OK',
      status: 200,
      answer: '{"jsonrpc":"2.0","result":["a"],"id":1}',
    });
    assert.equal((await ask('{"jsonrpc":"2.0","method":"no.such","id":1}')).line, 'HTTP/1.1 500 Method Not Found');
    assert.equal((await ask('[{"jsonrpc":"2.0","method":"core.echo","id":1}]')).status, 200);
    assert.equal((await ask('{"a":1}')).status, 400);
    assert.match((await ask('abcd')).answer, /-32700/);
    assert.equal((await ask('')).status, 400);
  });

  test('what can not be read is answered and ends the connection', async () => {
    const table = [
      [`POST / HTTP/1.1\r\n${H}Content-Length: x\r\n\r\n`, 400],
      [`POST / HTTP/1.1\r\n${H}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`, 400],
      [`POST / HTTP/1.1\r\n${H}Content-Length: 99999999\r\n\r\n`, 413],
      [`GET / HTTP/1.1\r\n${`X: ${'y'.repeat(1000)}\r\n`.repeat(200)}\r\n`, 431],
    ] as const;
    for (const [text, status] of table) {
      const stream = await connect();
      stream.send(text);
      assert.equal((await stream.response()).status, status, text.slice(0, 60));
      assert.ok(await stream.closes());
    }
  });

  test('on the same socket SIP goes to request_route', async () => {
    const stream = await connect();
    stream.send(
      'OPTIONS sip:a@example.org SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bK1\r\nFrom: <sip:a@example.org>;tag=1\r\n' +
        'To: <sip:a@example.org>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n',
    );
    assert.match((await stream.response()).head, /^SIP\/2\.0 200 sip:a@example\.org\r\n/);
    stream.send(get('/after'));
    assert.match((await stream.response()).body, /^GET \/after/);
  });
});
