import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { PEERS } from '../support/peers.ts';

const CI = join(import.meta.dirname, '../../.ci/run');

test('.ci/run installs every program that a test may ask for', { skip: !existsSync(CI) && 'no .ci/run here' }, () => {
  const listed = /PEERS=\(([^)]*)\)/.exec(readFileSync(CI, 'utf8'))?.[1]?.split(/\s+/) ?? [];
  const wanted = Object.values(PEERS).flatMap((packages) => packages.split(' '));
  assert.deepEqual(
    wanted.filter((name) => !listed.includes(name)),
    [],
  );
});
