import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type FramerLimits, type FramingError, StreamFramer } from './stream-framer.ts';

const LIMITS: FramerLimits = { maxHeaderBytes: 4096, maxMessageBytes: 8192, acceptNoContentLength: false };

/** A chunk for each byte. */
function single(text: string): string[] {
  return text.split('');
}

interface Framed {
  readonly events: string[];
  readonly error: FramingError | null;
  readonly framer: StreamFramer;
}

function frame(chunks: readonly string[], limits = LIMITS): Framed {
  const events: string[] = [];
  const framer = new StreamFramer(limits, {
    onMessage: (text) => events.push(text),
    onPing: () => events.push('<ping>'),
  });
  let error: FramingError | null = null;
  for (const chunk of chunks) error ??= framer.push(chunk);
  return { events, error, framer };
}

const OPTIONS = (body = '', length: string = `Content-Length: ${body.length}`): string =>
  `OPTIONS sip:a@example.org SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.1\r\n${length}\r\n\r\n${body}`;

test('A7: a message, two in one chunk, one in single bytes', () => {
  const one = OPTIONS('hello');
  const two = OPTIONS();
  assert.deepEqual(frame([one]).events, [one]);
  assert.deepEqual(frame([one + two]).events, [one, two]);
  assert.deepEqual(frame(single(one + two)).events, [one, two]);
});

test('A7: line ends before a message are skipped; CRLF CRLF between messages is a ping (RFC 5626 §4.4.1)', () => {
  const one = OPTIONS();
  assert.deepEqual(frame([`\r\n${one}`]).events, [one]);
  assert.deepEqual(frame([`\r\n\r\n${one}`]).events, ['<ping>', one]);
  assert.deepEqual(frame([...single('\r\n\r\n'), '\r\n\r\n\r\n', '\r\n']).events, ['<ping>', '<ping>', '<ping>']);
  assert.deepEqual(frame(['\n\n\r\r\r\n\r', '\n']).events, ['<ping>']);
  assert.deepEqual(frame([`${one}\r\n`, '\r', `\n${one}`]).events, [one, '<ping>', one]);
});

test('Content-Length in every spelling', () => {
  for (const length of [
    'Content-Length: 5',
    'content-length:5',
    'CONTENT-LENGTH \t:  5  ',
    'l: 5',
    'L:5',
    'l :\r\n\t 5',
    'Content-Length:\r\n 5\r\n ',
    'Content-Length: 005',
    'l: 5\r\nContent-Length: 5',
  ]) {
    const message = OPTIONS('hello', length);
    assert.deepEqual(frame([message, OPTIONS()]).events, [message, OPTIONS()], length);
    assert.deepEqual(frame(single(message)).events, [message], length);
  }
});

test('a header that only looks like Content-Length is another one', () => {
  for (const other of [
    'X-Content-Length: 7',
    'Content-Lengths: 7',
    'Content-Length-X: 7',
    'Subject: x\r\n Content-Length: 7',
    'lx: 7',
    'Call-ID: l: 7',
    'c: text/l',
  ]) {
    const message = OPTIONS('hello', `${other}\r\nContent-Length: 5`);
    assert.deepEqual(frame([message, OPTIONS()]).events, [message, OPTIONS()], other);
  }
});

test('bare LF ends lines too', () => {
  const message = 'OPTIONS sip:x SIP/2.0\nl: 3\n\nabc';
  assert.deepEqual(frame([message, message]).events, [message, message]);
  assert.deepEqual(frame(single(message)).events, [message]);
});

test('bad lengths are errors that stop the stream and show the header', () => {
  const table = [
    ['X: y', 'no-content-length', 400],
    ['Content-Length: ', 'bad-content-length', 400],
    ['Content-Length: -1', 'bad-content-length', 400],
    ['Content-Length: 5 5', 'bad-content-length', 400],
    ['Content-Length: 5, 5', 'bad-content-length', 400],
    ['Content-Length: 0x5', 'bad-content-length', 400],
    ['Content-Length: \xa05', 'bad-content-length', 400],
    ['l: 5\r\nContent-Length: 6', 'conflicting-content-length', 400],
    ['Content-Length: 8150', 'message-too-large', 513],
    ['Content-Length: 2147483648', 'message-too-large', 513],
    [`Content-Length: ${'9'.repeat(400)}`, 'message-too-large', 513],
  ] as const;
  for (const [length, code, status] of table) {
    for (const chunks of [[OPTIONS('', length) + OPTIONS()], [...single(OPTIONS('', length)), OPTIONS()]]) {
      const { events, error, framer } = frame(chunks);
      assert.deepEqual(events, [], length);
      assert.equal(error?.code, code, length);
      assert.equal(error?.status, status);
      assert.equal(error?.head, OPTIONS('', length));
      assert.equal(framer.push(OPTIONS()), null);
      assert.equal(framer.heldBytes, 0);
    }
  }
});

test('tcp_accept_no_cl: no Content-Length means no body', () => {
  const http = 'GET / HTTP/1.1\r\nHost: example.org\r\n\r\n';
  assert.deepEqual(frame([http + http], { ...LIMITS, acceptNoContentLength: true }).events, [http, http]);
  assert.equal(
    frame([OPTIONS('', 'l: x')], { ...LIMITS, acceptNoContentLength: true }).error?.code,
    'bad-content-length',
  );
});

test('a header above the limit is an error however it comes, and no more than the limit is kept', () => {
  const endless = `OPTIONS sip:x SIP/2.0\r\nX: ${'y'.repeat(10_000)}`;
  for (const chunks of [[endless], single(endless), [`${endless}\r\nl: 0\r\n\r\n`]]) {
    const { error } = frame(chunks);
    assert.equal(error?.code, 'header-too-large');
    assert.equal(error?.status, 513);
    assert.ok((error?.head.length ?? 0) <= LIMITS.maxHeaderBytes + 1);
  }
});

test('a claimed length alone makes nobody allocate it', () => {
  const { framer } = frame([OPTIONS('', 'Content-Length: 1000000000')], { ...LIMITS, maxMessageBytes: 2 ** 31 });
  assert.ok(framer.heldBytes < 200);
  assert.equal(framer.isBetweenMessages, false);
});

test('stop() in a handler drops the rest of the chunk', () => {
  const events: string[] = [];
  const framer: StreamFramer = new StreamFramer(LIMITS, {
    onMessage: (text) => {
      events.push(text);
      framer.stop();
    },
    onPing: () => {},
  });
  assert.equal(framer.push(OPTIONS() + OPTIONS()), null);
  assert.equal(events.length, 1);
});

test('single bytes cost linear time: 8 MB within seconds', { timeout: 60_000 }, () => {
  const limits = { maxHeaderBytes: 1 << 20, maxMessageBytes: 9 << 20, acceptNoContentLength: false };
  const message = OPTIONS('b'.repeat(8 << 20), `X: ${'h'.repeat(1 << 19)}\r\nl: ${8 << 20}`);
  let count = 0;
  const framer = new StreamFramer(limits, { onMessage: (text) => (count += text.length), onPing: () => {} });
  for (let i = 0; i < message.length; i++) framer.push(message.charAt(i));
  assert.equal(count, message.length);
});

const byte = fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code));
const headerLine = fc
  .tuple(
    fc.constantFrom('Via', 'Call-ID', 'X', 'Contact', 'Lx', 'Content-Type'),
    fc.string({ unit: byte, maxLength: 30 }),
  )
  .map(([name, value]) => `${name}: ${value.replace(/[\r\n]/g, '')}\r\n`);
const message = fc
  .record({
    before: fc.array(headerLine, { maxLength: 4 }),
    after: fc.array(headerLine, { maxLength: 4 }),
    body: fc.string({ unit: fc.oneof(byte, fc.constantFrom('\r', '\n')), maxLength: 300 }),
    name: fc.constantFrom('Content-Length: ', 'l:', 'CONTENT-length :\r\n\t'),
  })
  .map(
    ({ before, after, body, name }) =>
      `INVITE sip:x SIP/2.0\r\n${before.join('')}${name}${body.length}\r\n${after.join('')}\r\n${body}`,
  );

test('any chunking gives the same messages and pings (property)', () => {
  const between = fc.constantFrom('', '\r\n', '\r\n\r\n');
  const stream = fc.array(fc.tuple(between, message), { maxLength: 6 });
  fc.assert(
    fc.property(stream, fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 40 }), (parts, sizes) => {
      const expected = parts.flatMap(([gap, text]) => (gap.length === 4 ? ['<ping>', text] : [text]));
      const bytes = parts.map(([gap, text]) => gap + text).join('');
      const chunks: string[] = [];
      for (let at = 0, i = 0; at < bytes.length; i++) {
        const size = sizes[i % sizes.length] ?? 1;
        chunks.push(bytes.slice(at, at + size));
        at += size;
      }
      const { events, error, framer } = frame(chunks);
      assert.equal(error, null);
      assert.deepEqual(events, expected);
      assert.equal(framer.isBetweenMessages, true);
    }),
    { numRuns: 300 },
  );
});

test('arbitrary bytes never throw, and are judged alike in one chunk and in single bytes (property)', () => {
  const noise = fc.array(
    fc.oneof(
      fc.constantFrom('\r\n', '\r\n\r\n', 'l: 3', 'Content-Length: 2', ':', '\n', '\r', 'l'),
      fc.string({ unit: byte, maxLength: 8 }),
    ),
    {
      maxLength: 30,
    },
  );
  fc.assert(
    fc.property(noise, (pieces) => {
      const bytes = pieces.join('');
      const whole = frame([bytes]);
      const inBytes = frame(single(bytes));
      assert.deepEqual(inBytes.events, whole.events);
      assert.equal(inBytes.error?.code, whole.error?.code);
    }),
    { numRuns: 1000 },
  );
});
