import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PvUse } from 'strowger';
import { ModuleBench, request, sipMsg } from 'strowger/testing';
import uuid from './index.ts';

async function getter(name: string): Promise<() => unknown> {
  const bench = await new ModuleBench(uuid).init();
  const run = bench.run(sipMsg(request('INVITE', 'sip:a@b')));
  const bound = uuid.pseudoVariables?.['uuid']?.bind({ name } as PvUse, bench.state);
  assert.ok(typeof bound === 'object');
  return () => bound.get(run);
}

for (const [name, version] of [
  ['g', 4],
  ['r', 4],
  ['t', 1],
  ['s', 1],
] as const) {
  test(`$uuid(${name}) is of version ${version} and never the same`, async () => {
    const get = await getter(name);
    const seen = new Set<unknown>();
    for (let i = 0; i < 100; i++) {
      const value = get();
      assert.match(
        String(value),
        new RegExp(`^[0-9a-f]{8}-[0-9a-f]{4}-${version}[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`),
      );
      seen.add(value);
    }
    assert.equal(seen.size, 100);
  });
}

test('another name is refused', async () => {
  const bench = await new ModuleBench(uuid).init();
  assert.equal(typeof uuid.pseudoVariables?.['uuid']?.bind({ name: 'x' } as PvUse, bench.state), 'string');
});
