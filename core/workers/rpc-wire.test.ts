import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mergeLists, mergeSum } from '../rpc/merge.ts';
import { RpcDouble, RpcMany, type RpcReply, RpcStruct } from '../rpc/registry.ts';
import { fromWire, toWire } from './rpc-wire.ts';

test('RPC values pass a structured clone', () => {
  const replies: RpcReply[] = [
    undefined,
    null,
    'text',
    7,
    5n,
    new RpcDouble(1.5),
    [1, 'a', [2]],
    { a: 1, rpc: 'double', value: { b: [] } },
    new RpcMany(['x', new RpcStruct().add('n', 1).add('n', { m: new RpcDouble(2) })]),
  ];
  for (const reply of replies) assert.deepEqual(fromWire(structuredClone(toWire(reply))), reply);
});

test('lists are joined, of anything else the first counts', () => {
  assert.deepEqual(mergeLists([new RpcMany([1]), new RpcMany([2, 3])]), new RpcMany([1, 2, 3]));
  assert.deepEqual(mergeLists([[{ id: 1 }], [{ id: 2 }]]), [{ id: 1 }, { id: 2 }]);
  assert.equal(mergeLists(['Ok', 'no']), 'Ok');
  assert.equal(mergeLists([undefined, undefined]), undefined);
});

test('numbers are added up by name, texts are the first’s', () => {
  const replies = [
    { total: 1, by: { a: 2 }, name: 'x', only: 5 },
    { total: 10, by: { a: 20 }, name: 'y' },
  ];
  assert.deepEqual(mergeSum(replies), { total: 11, by: { a: 22 }, name: 'x', only: 5 });
  const struct = (n: number): RpcStruct => new RpcStruct().add('n', n).add('t', 'text');
  assert.deepEqual(mergeSum([struct(1), struct(2)]), struct(3));
});
