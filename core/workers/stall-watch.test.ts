import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pulse, positionText } from './stall-watch.ts';

test('a loop that does not turn for two looks stands still, once, and is back when it turns', () => {
  const pulse = new Pulse();
  const beats = [1, 2, 2, 2, 2, 2, 3, 4, 4, 5];
  assert.deepEqual(
    beats.map((beat) => pulse.look(beat)),
    [null, null, null, 'stalled', null, null, 'back', null, null, null],
  );
});

test('the place is that of the script, or none', () => {
  const positions = [{ file: 'a.cfg', line: 3, column: 1, route: 'route[X]' }];
  assert.equal(positionText(1, positions), 'in a.cfg:3 (route[X])');
  assert.equal(positionText(0, positions), 'outside the script');
  assert.equal(positionText(9, positions), 'outside the script');
});
