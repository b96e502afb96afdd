import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bindSelect } from './bind-select.ts';
import { parseSelect } from './select.ts';

test('selects are parsed into parts with their indexes', () => {
  assert.deepEqual(parseSelect('via[-1].params["a b"].x_y'), [
    { name: 'via', index: -1 },
    { name: 'params', index: 'a b' },
    { name: 'x_y', index: null },
  ]);
  for (const bad of ['', 'a.', '.a', 'a[', 'a["x]', 'a b']) assert.equal(typeof parseSelect(bad), 'string', bad);
});

test('parts that do not exist are errors, with those that do', () => {
  const errors: [string, RegExp][] = [
    ['nosuch', /unknown select @nosuch/],
    ['from.nope', /no part 'nope' here: it is one of name, uri, params, tag/],
    ['ruri.host.x', /no part 'host'/],
    ['via[0].host', /1 is the first/],
    ['proxy_authorization.realm', /needs a realm/],
    ['src', /needs a part: ip/],
    ['sys.nope', /no part/],
    ['cfg_get.debug', /group\.name/],
    ['msg.nope', /no part/],
  ];
  for (const [text, message] of errors) {
    const parts = parseSelect(text);
    assert.ok(typeof parts !== 'string', text);
    const bound = bindSelect(parts, []);
    assert.ok(typeof bound === 'string', text);
    assert.match(bound, message);
  }
});
