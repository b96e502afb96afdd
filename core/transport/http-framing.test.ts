import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type FramingError, StreamFramer } from './stream-framer.ts';

const LIMITS = { maxHeaderBytes: 1000, maxMessageBytes: 2000, acceptNoContentLength: true };

/** What comes of these bytes, given whole, and then byte by byte. */
function frame(bytes: string, limits = LIMITS): { messages: string[]; error: string; expects: number } {
  const [whole, single] = [[bytes], bytes.split('')].map((pieces) => {
    const messages: string[] = [];
    let expects = 0;
    const framer = new StreamFramer(limits, {
      onMessage: (text) => messages.push(text),
      onPing: () => {},
      onExpect: () => expects++,
    });
    let error: FramingError | null = null;
    for (const piece of pieces) error ??= framer.push(piece);
    return { messages, error: error?.code ?? '', expects };
  });
  assert.ok(whole !== undefined);
  assert.deepEqual(single, whole);
  return whole;
}

const HEAD = 'POST /x HTTP/1.1\r\nHost: a.example.org\r\n';
const CHUNKED = `${HEAD}Transfer-Encoding: chunked\r\n\r\n`;

suite('HTTP requests on a stream', () => {
  test('without Content-Length they have no body, where tcp_accept_no_cl lets them', () => {
    const get = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';
    assert.deepEqual(frame(get + get).messages, [get, get]);
    assert.equal(frame(get, { ...LIMITS, acceptNoContentLength: false }).error, 'no-content-length');
  });

  test('chunks are joined, extensions and trailer left out; the next request follows', () => {
    const text = `${CHUNKED}3;a=b\r\nabc\r\n0A\r\n0123456789\r\n0\r\nX-Trailer: y\r\n\r\nGET /2 HTTP/1.1\r\n\r\n`;
    assert.deepEqual(frame(text).messages, [`${CHUNKED}abc0123456789`, 'GET /2 HTTP/1.1\r\n\r\n']);
  });

  test('bodies that could be read in two ways are refused (RFC 9112 §6.1)', () => {
    for (const header of [
      'Transfer-Encoding: chunked\r\nContent-Length: 3\r\n',
      'Content-Length: 3\r\nTransfer-Encoding: chunked\r\n',
      'Transfer-Encoding: gzip, chunked\r\n',
      'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n',
      'Transfer-Encoding : identity\r\n',
    ])
      assert.equal(frame(`${HEAD}${header}\r\n`).error, 'bad-transfer-encoding', header);
  });

  test('broken and endless chunks are refused', () => {
    for (const body of ['x\r\n', '\r\n', '-1\r\n', '3\r\nabcd\r\n', 'fffffffff\r\n', `1;${'e'.repeat(2000)}`])
      assert.equal(frame(CHUNKED + body).error, 'bad-transfer-encoding', body.slice(0, 20));
    assert.equal(frame(`${CHUNKED}0\r\n${'a: b\r\n'.repeat(100)}`).error, 'bad-transfer-encoding');
    assert.equal(frame(`${CHUNKED}${`500\r\n${'x'.repeat(0x500)}\r\n`.repeat(3)}`).error, 'message-too-large');
  });

  test('who expects a 100 is told so once, where there is a body', () => {
    const head = `${HEAD}Expect: 100-Continue\r\n`;
    assert.equal(frame(`${head}Content-Length: 3\r\n\r\nabc`).expects, 1);
    assert.equal(frame(`${head}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`).expects, 1);
    assert.equal(frame(`${head}Content-Length: 0\r\n\r\n`).expects, 0);
  });

  test('SIP is not touched by any of it', () => {
    const sip =
      'OPTIONS sip:a SIP/2.0\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc';
    assert.deepEqual(frame(sip), { messages: [sip], error: '', expects: 0 });
  });
});
