import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { RpcDouble, RpcMany, RpcStruct } from 'strowger';
import type { StartedServer } from '../../core/cli/start-options.ts';
import { startServer } from '../../core/start.ts';
import { scriptOptions } from '../../test/support/both-servers.ts';
import { RawStream } from '../../test/support/raw-stream.ts';
import { faultDocument, resultDocument } from './answer.ts';
import { parseMethodCall } from './document.ts';

const call = (method: string, ...values: string[]): string =>
  `<?xml version="1.0"?>\n<methodCall><methodName>${method}</methodName><params>${values
    .map((value) => `<param><value>${value}</value></param>`)
    .join('')}</params></methodCall>`;

const paramsOf = (...values: string[]): unknown => {
  const parsed = parseMethodCall(call('m', ...values), false);
  return typeof parsed === 'string' ? parsed : parsed.params;
};

test('values of every type', () => {
  assert.deepEqual(
    paramsOf(
      '<string>a &lt;b&gt; &amp; &#xE9;</string>',
      'bare',
      '<i4>5</i4>',
      ' <int> -7 </int> ',
      '<boolean>1</boolean>',
      '<double>1.5</double>',
      '<dateTime.iso8601>19980717T14:08:55</dateTime.iso8601>',
      '<base64>aGk=</base64>',
      '<string><![CDATA[<x>]]></string>',
      '',
    ),
    ['a <b> & \xc3\xa9', 'bare', 5, -7, 1, new RpcDouble(1.5), '19980717T14:08:55', 'hi', '<x>', ''],
  );
  assert.deepEqual(paramsOf('<array><data><value><i4>1</i4></value><value>b</value></data></array>'), [[1, 'b']]);
  const nested = new RpcStruct().add('x', [1]).add('y', new RpcStruct().add('z', 'w'));
  assert.deepEqual(
    paramsOf(
      '<struct><member><name>x</name><value><array><data><value><int>1</int></value></data></array></value></member>' +
        '<member><name>y</name><value><struct><member><name>z</name><value>w</value></member></struct></value></member></struct>',
    ),
    [nested],
  );
  const doubled = parseMethodCall(call('m', '<string>a\n\nb\nc</string>'), true);
  assert.deepEqual(doubled, { method: 'm', params: ['a\r\nb\nc'] });
});

test('what is no call, in the words Kamailio has for it', () => {
  const table: [string, string][] = [
    ['', 'Invalid XML-RPC Document'],
    ['not xml', 'Invalid XML-RPC Document'],
    ['<methodCall>', 'Invalid XML-RPC Document'],
    ['<a/>', 'Root Element Is Not methodCall'],
    ['<methodCall></methodCall>', 'Method Name Not Found'],
    [call('m', '<i4>x</i4>'), 'Invalid Parameter Type'],
    [call('m', '<foo>x</foo>'), 'Invalid Parameter Type'],
  ];
  for (const [document, expected] of table) assert.equal(parseMethodCall(document, false), expected, document);
});

test('documents made to hurt are refused in little time: nesting, many values, entities', () => {
  const deep = '<array><data><value>'.repeat(50_000);
  assert.equal(paramsOf(deep), 'Invalid XML-RPC Document');
  assert.equal(parseMethodCall(call('m', ...Array<string>(20_000).fill('x')), false), 'Invalid XML-RPC Document');
  const bomb = `<!DOCTYPE x [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>${call('m', '<string>&b;</string>').slice(22)}`;
  assert.equal(parseMethodCall(bomb, false), 'Invalid XML-RPC Document');
  const outside = `<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>${call('m', '<string>&f;</string>').slice(22)}`;
  assert.equal(parseMethodCall(outside, false), 'Invalid XML-RPC Document');
});

test('answers', () => {
  const body = (text: string): string => /<param>\n([\s\S]*)\n<\/param>/.exec(text)?.[1] ?? text;
  assert.equal(body(resultDocument(undefined, true)), '<value><int>1</int></value>');
  assert.equal(body(resultDocument('a<&>\r\x01', true)), '<value><string>a&lt;&amp;&gt;&#xD;?</string></value>');
  assert.equal(body(resultDocument('\r', false)), '<value><string>\r</string></value>');
  assert.equal(
    body(resultDocument(new RpcMany(['x', 5]), true)),
    '<value><array><data>\n<value><string>x</string></value>\n<value><int>5</int></value>\n</data></array></value>',
  );
  assert.equal(
    body(resultDocument({ a: new RpcDouble(1.5), b: 5_000_000_000, c: 12n }, true)),
    '<value><struct><member><name>a</name><value><double>1.500000</double></value></member><member><name>b</name>' +
      '<value><i8>5000000000</i8></value></member><member><name>c</name><value><i8>12</i8></value></member></struct></value>',
  );
  assert.match(
    faultDocument(401, 'No <way>', true),
    /<fault>\n<value><struct><member><name>faultCode<.*No &lt;way&gt;/,
  );
});

const SCRIPT = (params: string): string => `
tcp_accept_no_cl=yes
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "xhttp.so"
loadmodule "xmlrpc.so"
modparam("xhttp", "url_skip", "^/RPC2")
${params}
request_route {
  if ($rm == "POST" || $rm == "GET") { dispatch_rpc(); exit; }
  sl_send_reply("200", "OK");
}
route[XMLRPC] {
  if ($hdr(X-Do) == "reply") { xmlrpc_reply("401", "No"); exit; }
  if ($hdr(X-Do) == "ok") { xmlrpc_reply("200", "Yes"); exit; }
  if ($hdr(X-Do) == "close") return -1;
  if ($hdr(X-Do) == "uri") { xmlrpc_reply("300", "$ru $rm $proto"); exit; }
  dispatch_rpc();
}
event_route[xhttp:request] {
  if ($hu == "/by-script") dispatch_rpc();
  else xhttp_reply("200", "OK", "text/plain", "xhttp");
}
`;

suite('over HTTP', { timeout: 30_000 }, () => {
  const running: StartedServer[] = [];
  const open: RawStream[] = [];
  const ports: number[] = [];
  before(async () => {
    for (const params of ['modparam("xmlrpc", "route", "XMLRPC")', '', 'modparam("xmlrpc", "mode", 1)']) {
      const server = await startServer(scriptOptions(SCRIPT(params), { listens: ['tcp:127.0.0.1:0'] }));
      running.push(server);
      ports.push(server.server.transport.sockets[0]?.port ?? 0);
    }
  });
  after(async () => {
    for (const stream of open) stream.close();
    for (const server of running) await server.stop(0);
  });
  const post = async (
    server: number,
    body: string,
    headers = '',
    url = '/RPC2',
    method = 'POST',
  ): Promise<RawStream> => {
    const stream = await RawStream.open(ports[server] ?? 0);
    open.push(stream);
    stream.send(`${method} ${url} HTTP/1.1\r\nHost: x\r\n${headers}Content-Length: ${body.length}\r\n\r\n${body}`);
    return stream;
  };
  const answer = async (...args: Parameters<typeof post>): Promise<string> => {
    const { head, body } = await (await post(...args)).response();
    assert.match(head, /^HTTP\/1\.1 200 OK\r\n[\s\S]*Content-Type: text\/xml\r\n/);
    return body;
  };

  test('calls, introspection and faults', async () => {
    assert.match(await answer(0, call('core.echo', '<string>a</string>', '<i4>5</i4>')), /<string>a<\/string>.*\n.*5/);
    assert.match(await answer(0, call('core.printi', '<string>12</string>')), /<int>12<\/int>/);
    assert.match(await answer(0, call('system.listMethods')), /<string>core\.uptime<\/string>/);
    assert.match(await answer(0, call('system.methodHelp', '<string>core.uptime</string>')), /<string>[A-Z]/);
    assert.match(await answer(0, call('system.methodHelp', '<string>x</string>')), /<int>400<.*command not found/);
    assert.match(await answer(0, call('system.methodSignature', 'x')), /Not Implemented Yet/);
    assert.match(await answer(0, call('no.such')), /<int>500<.*Method Not Found/);
    assert.match(await answer(0, 'junk'), /<int>400<.*Invalid XML-RPC Document/);
  });

  test('the route decides: replies, and less than 0 ends the connection', async () => {
    assert.match(await answer(0, '', 'X-Do: reply\r\n'), /<int>401<.*<string>No</);
    assert.match(await answer(0, '', 'X-Do: ok\r\n'), /<value><int>1<\/int><\/value>/);
    assert.match(await answer(0, '', 'X-Do: uri\r\n', '/RPC2/x', 'GET'), /sip:127\.0\.0\.1:9 GET tcp/);
    assert.ok(await (await post(0, '', 'X-Do: close\r\n')).closes());
    assert.ok(await (await post(0, '', '', '/RPC2', 'PUT')).closes());
  });

  test('without the parameter route it is request_route; with mode 1 requests are left to xhttp', async () => {
    assert.match(await answer(1, call('core.version')), /<string>/);
    assert.equal((await (await post(1, '', '', '/other')).response()).body, 'xhttp');
    assert.match(await answer(2, call('core.version'), '', '/by-script'), /<string>/);
    assert.ok(await (await post(2, call('core.version'))).closes());
  });
});
