import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  binrpcBody,
  binrpcFault,
  binrpcReply,
  binrpcRequest,
  MAX_BINRPC_DEPTH,
  packet,
  parseBinrpcBody,
  parseBinrpcHeader,
} from './binrpc.ts';
import { RpcArgs, RpcDouble, RpcMany, type RpcParam, RpcStruct, type RpcValue } from './registry.ts';

interface Exchange {
  readonly request: string;
  readonly answer: string;
}
/** What kamcmd 5.6.3 and kamailio 5.6.3 said to each other on a Unix socket, in hexadecimal. */
const RECORDED: readonly Exchange[] = JSON.parse(
  readFileSync(new URL('testdata/kamailio-binrpc.json', import.meta.url), 'utf8'),
);

function read(data: string): { cookie: number; type: string; values: RpcParam[] } {
  const header = parseBinrpcHeader(data);
  assert.ok(header !== null && typeof header === 'object');
  assert.equal(data.length, header.headerLength + header.bodyLength);
  const values = parseBinrpcBody(data.slice(header.headerLength));
  assert.ok(typeof values !== 'string', 'unreadable body');
  return { cookie: header.cookie, type: header.type, values: [...values] };
}

const bytes = (hex: string): string => Buffer.from(hex, 'hex').toString('latin1');
const hex = (text: string): string => Buffer.from(text, 'latin1').toString('hex');

test('recorded packets are read and written again byte for byte', () => {
  for (const { request, answer } of RECORDED) {
    const asked = read(bytes(request));
    const [method, ...params] = asked.values;
    assert.ok(typeof method === 'string');
    assert.equal(hex(binrpcRequest(method, params, asked.cookie)), request);
    const got = read(bytes(answer));
    assert.equal(got.cookie, asked.cookie);
    const again =
      got.type === 'fault'
        ? binrpcFault(new RpcArgs(got.values).int(0), new RpcArgs(got.values).str(1), got.cookie)
        : binrpcReply(new RpcMany(got.values), got.cookie);
    assert.equal(hex(again), answer);
  }
});

test('what was recorded means what kamcmd printed', () => {
  const [uptime, echo, negative, mismatch, unknown, sockets] = RECORDED.map(({ answer }) => read(bytes(answer)));
  const struct = uptime?.values[0];
  assert.ok(struct instanceof RpcStruct);
  assert.deepEqual(
    struct.entries.map(([name]) => name),
    ['now', 'up_since', 'uptime'],
  );
  assert.deepEqual(echo?.values.slice(0, 3), ['1', 'abc', '5']);
  assert.deepEqual(read(bytes(RECORDED[2]?.request ?? '')).values, ['core.echo', -7, -100000]);
  assert.equal(negative?.type, 'reply');
  assert.deepEqual(mismatch?.values, [
    400,
    "error at parameter 0: expected integer type but record doesn't match type",
  ]);
  assert.deepEqual(unknown?.values, [500, 'command nono not found']);
  const socket = sockets?.values[0];
  assert.ok(socket instanceof RpcStruct);
  assert.equal(socket.entries[0]?.[0], 'socket');
});

test('an array of structs is one struct with their members, as Kamailio writes it', () => {
  const body = binrpcBody({ TARGETS: [{ DEST: { URI: 'sip:a' } }, { DEST: { URI: 'sip:b' } }] });
  const [top] = parseBinrpcBody(body) as RpcParam[];
  assert.ok(top instanceof RpcStruct);
  const targets = top.entries[0]?.[1];
  assert.ok(targets instanceof RpcStruct);
  assert.deepEqual(
    targets.entries.map(([name]) => name),
    ['DEST', 'DEST'],
  );
});

test('numbers beyond 32 bits, null and fractions have a form kamcmd can print', () => {
  const values = parseBinrpcBody(binrpcBody(new RpcMany([2 ** 40, 5_000_000_000n, null, 1.5, new RpcDouble(2)])));
  assert.deepEqual(values, ['1099511627776', '5000000000', '<null string>', new RpcDouble(1.5), new RpcDouble(2)]);
});

const scalar = fc.oneof(
  fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  fc.string({ unit: fc.integer({ min: 1, max: 255 }).map((c) => String.fromCharCode(c)) }),
  fc.integer({ min: -2_000_000, max: 2_000_000 }).map((n) => new RpcDouble(n / 1000)),
);
const value = fc.letrec<{ value: RpcValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    scalar,
    fc.array(fc.tuple(fc.string({ unit: 'grapheme-ascii', maxLength: 9 }), tie('value'))).map((entries) => {
      const struct = new RpcStruct();
      for (const [name, member] of entries) struct.add(name, member);
      return struct;
    }),
  ),
})).value;

test('any reply comes back as it was', () => {
  fc.assert(
    fc.property(fc.array(value), fc.nat(2 ** 32 - 1), (values, cookie) => {
      assert.deepEqual(read(binrpcReply(new RpcMany(values), cookie)), { cookie, type: 'reply', values });
    }),
  );
});

test('no bytes can break the reader', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (junk) => {
      const text = Buffer.from(junk).toString('latin1');
      parseBinrpcHeader(text);
      const body = parseBinrpcBody(text);
      assert.ok(typeof body === 'string' || Array.isArray(body));
    }),
  );
});

test('nesting is bounded and every truncation is seen', () => {
  const deep = '\x03'.repeat(MAX_BINRPC_DEPTH + 1) + '\x83'.repeat(MAX_BINRPC_DEPTH + 1);
  assert.equal(parseBinrpcBody(deep), 'nested too deeply');
  assert.equal(parseBinrpcBody('\x83'), 'an end without its beginning');
  assert.equal(parseBinrpcBody('\x03'), 'unfinished struct');
  assert.equal(parseBinrpcBody('\x21a'), 'record beyond the end of the packet');
  assert.equal(parseBinrpcBody('\x15\0'), 'a name outside a struct');
  const whole = packet('request', binrpcBody('core.uptime'), 7);
  for (let i = 0; i < 7; i++) assert.equal(parseBinrpcHeader(whole.slice(0, i)), null);
  assert.equal(parseBinrpcHeader('GET /'), 'not a binrpc packet');
  assert.equal(parseBinrpcHeader('\xa1\x23'), 'unknown packet type');
});
