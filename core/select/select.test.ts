import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ScriptBench } from '../../test/support/script-bench.ts';
import { CfgGroups } from '../cfg/groups.ts';
import { cfgReset, cfgSelect } from '../cfg/select.ts';
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
    ['cfg_selected', /name of a group/],
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

test('cfg_select() chooses the instance of a group that @cfg_get reads, as in Kamailio', () => {
  const { run } = new ScriptBench().start('request_route { exit; }');
  const groups = new CfgGroups();
  groups.declareCustom('grp', null, 'a', 1, null);
  groups.declareCustom('grp', null, 'b', 'base', null);
  groups.declareCustom('grp', 2, 'a', 20, null);
  Object.assign(run.server, { settings: { groups } });
  const read = (): string[] =>
    ['cfg_get.grp.a', 'cfg_get.grp.b', 'cfg_get.grp[2].a', 'cfg_selected.grp'].map((text) => {
      const parts = parseSelect(text);
      const bound = typeof parts === 'string' ? parts : bindSelect(parts, []);
      return typeof bound === 'string' ? bound : bound(run);
    });
  assert.deepEqual(read(), ['1', 'base', '20', '']);
  assert.equal(cfgSelect(run, 'grp', 3), false);
  assert.equal(cfgSelect(run, 'grp', 2), true);
  assert.deepEqual(read(), ['20', 'base', '20', '2']);
  cfgReset(run, 'grp');
  assert.deepEqual(read(), ['1', 'base', '20', '']);
});
