import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAddress } from './address.ts';

test('the forms of the ctl documentation', () => {
  const cases: readonly (readonly [string, object])[] = [
    ['unix:/run/x', { type: 'unix_stream', path: '/run/x' }],
    ['unixs:/run/x', { type: 'unix_stream', path: '/run/x' }],
    ['unixd:/run/x', { type: 'unix_dgram', path: '/run/x' }],
    ['/run/x', { type: 'unix_stream', path: '/run/x' }],
    ['udp:localhost:2046', { type: 'udp', host: 'localhost', port: 2046 }],
    ['tcp:3012', { type: 'tcp', host: '0.0.0.0', port: 3012 }],
    ['udp:*:3012', { type: 'udp', host: '0.0.0.0', port: 3012 }],
    ['localhost:3000', { type: 'udp', host: 'localhost', port: 3000 }],
    ['tcp:localhost', { type: 'tcp', host: 'localhost', port: 2049 }],
    ['tcp:[::1]:3000', { type: 'tcp', host: '::1', port: 3000 }],
    ['fifo:/run/f', { type: 'fifo', path: '/run/f' }],
  ];
  for (const [text, expected] of cases) assert.deepEqual(parseAddress(text, 'unix_stream'), expected, text);
  assert.deepEqual(parseAddress('/run/f', 'fifo'), { type: 'fifo', path: '/run/f' });
  for (const bad of ['unix:', 'tcp:h:99999', 'tcp:a:b:c'])
    assert.equal(typeof parseAddress(bad, 'fifo'), 'string', bad);
});
