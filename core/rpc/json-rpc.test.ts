import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dispatchJsonRpc } from './json-rpc.ts';
import { jsonText, textToBytes } from './json-text.ts';
import { RpcDouble, RpcFault, RpcMany, RpcRegistry, RpcStruct } from './registry.ts';

function registry(): RpcRegistry {
  const rpc = new RpcRegistry();
  rpc.register('echo', { doc: '', run: (args) => new RpcMany(args.all.map((_, i) => args.str(i))) }, null);
  rpc.register('void', { doc: '', run: () => undefined }, null);
  rpc.register('raw', { doc: '', run: (args) => args.all[0] }, null);
  rpc.register(
    'fail',
    {
      doc: '',
      run: () => {
        throw new RpcFault(404, 'no such thing');
      },
    },
    null,
  );
  rpc.register(
    'bug',
    {
      doc: '',
      run: () => {
        throw new TypeError('secret');
      },
    },
    null,
  );
  return rpc;
}

const ask = (document: string, pretty = false): Promise<string> => dispatchJsonRpc(registry(), document, pretty);

test('answers look like those of jsonrpcs', async () => {
  assert.equal(
    await ask('{"jsonrpc":"2.0","method":"echo","params":["a",5],"id":1}', true),
    '{\n\t"jsonrpc":\t"2.0",\n\t"result":\t["a", "5"],\n\t"id":\t1\n}',
  );
  assert.equal(
    await ask('{"jsonrpc":"2.0","method":"void","id":"x"}', true),
    '{\n\t"jsonrpc":\t"2.0",\n\t"result":\t{\n\t},\n\t"id":\t"x"\n}',
  );
  assert.equal(
    await ask('{"jsonrpc":"2.0","method":"nono","id":7}', true),
    '{\n\t"jsonrpc":\t"2.0",\n\t"error":\t{\n\t\t"code":\t500,\n\t\t"message":\t"Method Not Found"\n\t},\n\t"id":\t7\n}',
  );
  assert.equal(await ask('{"jsonrpc":"2.0","method":"void"}'), '{"jsonrpc":"2.0","result":{}}');
});

test('nested arrays are laid out as dispatcher.list in Kamailio', () => {
  const reply = { NRSETS: 1, RECORDS: [{ SET: { ID: 2, TARGETS: [{ DEST: { URI: 'sip:a', DUID: null } }] } }] };
  assert.equal(
    jsonText(reply, true, 1),
    '{\n\t\t"NRSETS":\t1,\n\t\t"RECORDS":\t[{\n\t\t\t\t"SET":\t{\n\t\t\t\t\t"ID":\t2,\n\t\t\t\t\t"TARGETS":\t[{\n' +
      '\t\t\t\t\t\t\t"DEST":\t{\n\t\t\t\t\t\t\t\t"URI":\t"sip:a",\n\t\t\t\t\t\t\t\t"DUID":\tnull\n\t\t\t\t\t\t\t}\n' +
      '\t\t\t\t\t\t}]\n\t\t\t\t}\n\t\t\t}]\n\t}',
  );
  assert.equal(jsonText(new RpcStruct().add('a', 1).add('a', new RpcDouble(1.5))), '{"a":1,"a":1.500000}');
});

test('parameters: names count for nothing, values keep their types, bytes their encoding', async () => {
  assert.match(await ask('{"jsonrpc":"2.0","method":"echo","params":{"b":1,"a":"x"},"id":1}'), /\["1","x"\]/);
  const euro = textToBytes('a€b');
  assert.equal(
    await ask('{"jsonrpc":"2.0","method":"raw","params":["a\\u20acb"],"id":1}'),
    `{"jsonrpc":"2.0","result":"${euro}","id":1}`,
  );
  assert.equal(
    await ask(`{"jsonrpc":"2.0","method":"raw","params":["${euro}"],"id":1}`),
    `{"jsonrpc":"2.0","result":"${euro}","id":1}`,
  );
  assert.match(
    await ask('{"jsonrpc":"2.0","method":"raw","params":[{"x":[1,2.5,true,null]}],"id":1}'),
    /\{"x":\[1,2.500000,1,""\]\}/,
  );
});

test('faults keep their code; a bug tells nothing', async () => {
  assert.match(await ask('{"jsonrpc":"2.0","method":"fail","id":1}'), /"code":404,"message":"no such thing"/);
  const told: string[] = [];
  const rpc = registry();
  rpc.onError = (name, error) => told.push(`${name} ${String(error)}`);
  assert.match(
    await dispatchJsonRpc(rpc, '{"jsonrpc":"2.0","method":"bug","id":1}', false),
    /"code":500,"message":"internal error"/,
  );
  assert.deepEqual(told, ['bug TypeError: secret']);
});

test('bad documents get an error object', async () => {
  assert.match(await ask('garbage'), /-32700/);
  assert.match(await ask('5'), /-32600/);
  assert.match(await ask('[]'), /-32600/);
  assert.match(await ask('{"jsonrpc":"1.0","method":"void","id":4}'), /-32600.*"id":4/);
  assert.match(await ask('{"jsonrpc":"2.0","method":5,"id":4}'), /-32600/);
  assert.match(await ask('{"jsonrpc":"2.0","method":"void","params":5,"id":4}'), /-32602/);
  assert.match(
    await ask(`{"jsonrpc":"2.0","method":"void","params":[${'['.repeat(50)}${']'.repeat(50)}],"id":4}`),
    /-32602/,
  );
  assert.match(await ask(`[${Array(101).fill('1').join()}]`), /-32600/);
});

test('a batch is answered by an array', async () => {
  const text = await ask('[{"jsonrpc":"2.0","method":"void","id":1},{"jsonrpc":"2.0","method":"nono","id":2}]');
  assert.equal((JSON.parse(text) as unknown[]).length, 2);
});

test('reloads keep their distance', async () => {
  const rpc = new RpcRegistry();
  let nowMs = 0;
  rpc.limitReloads(
    () => nowMs,
    () => 5,
  );
  rpc.register('x.reload', { doc: '', isReload: true, run: () => 'ok' }, null);
  assert.equal(await rpc.call('x.reload', []), 'ok');
  nowMs = 4999;
  await assert.rejects(rpc.call('x.reload', []), /too often/);
  nowMs = 5000;
  assert.equal(await rpc.call('x.reload', []), 'ok');
});
