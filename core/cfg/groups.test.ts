import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settingsOf } from './core-params.ts';
import { CfgGroups, parseGroupName } from './groups.ts';

test('custom variables have the type of their first value, and instances in front of it', () => {
  const groups = new CfgGroups();
  assert.equal(groups.declareCustom('my', 3, 'n', 9, null), null);
  assert.equal(groups.declareCustom('my', null, 'n', 5, 'a number'), null);
  assert.equal(groups.declareCustom('my', null, 'text', 'abc', null), null);
  assert.match(groups.declareCustom('my', null, 'n', 6, null) ?? '', /twice/);
  assert.equal(groups.get('my', null, 'n'), 5);
  assert.equal(groups.get('my', 3, 'n'), 9);
  assert.equal(groups.get('my', 3, 'text'), 'abc');
  assert.equal(groups.get('my', 4, 'n'), undefined);
  assert.equal(groups.set('my', null, 'n', '77'), null);
  assert.match(groups.set('my', null, 'n', 'abc') ?? '', /is a number/);
  assert.equal(groups.set('my', null, 'text', 6), null);
  assert.equal(groups.get('my', null, 'text'), '6');
  assert.equal(groups.unset('my', 3, 'n'), null);
  assert.equal(groups.get('my', 3, 'n'), 77);
  assert.equal(groups.reset('my'), null);
  assert.equal(groups.get('my', null, 'n'), 5);
  assert.equal(groups.removeInstance('my', 3), true);
  assert.equal(groups.removeInstance('my', 3), false);
});

test('delayed changes wait for commit', () => {
  const groups = new CfgGroups();
  groups.declareCustom('my', null, 'n', 5, null);
  assert.equal(groups.delay({ group: 'my', id: null, name: 'n', value: 6 }), null);
  assert.match(groups.delay({ group: 'my', id: 1, name: 'n', value: 6 }) ?? '', /no my\[1\]/);
  assert.equal(groups.get('my', null, 'n'), 5);
  assert.equal(groups.waiting().length, 1);
  assert.deepEqual(groups.commit(), []);
  assert.equal(groups.get('my', null, 'n'), 6);
  groups.delay({ group: 'my', id: null, name: 'n', value: 8 });
  groups.rollback();
  groups.commit();
  assert.equal(groups.get('my', null, 'n'), 6);
});

test('core and tcp are settings by another name, with their ranges', () => {
  const { settings } = settingsOf([]);
  const seen: (string | number)[] = [];
  settings.watch('debug', (value) => seen.push(value));
  assert.equal(settings.groups.set('core', null, 'debug', 2), null);
  assert.deepEqual(seen, [0, 2]);
  assert.match(settings.groups.set('tcp', null, 'rd_buf_size', 5) ?? '', /at least 512/);
  assert.equal(settings.groups.set('tcp', null, 'max_connections', 10), null);
  assert.equal(settings.int('tcp_max_connections'), 10);
  assert.match(settings.groups.set('core', null, 'mem_join', 0) ?? '', /JavaScript engine/);
  assert.match(settings.groups.set('tcp', null, 'alias_flags', 0) ?? '', /can not change/);
  assert.match(settings.groups.declareCustom('core', null, 'x', 1, null) ?? '', /belongs to/);
  assert.equal(settings.groups.get('core', null, 'log_facility'), 'LOG_DAEMON');
});

test('group names with an instance', () => {
  assert.deepEqual(parseGroupName('a'), { group: 'a', id: null });
  assert.deepEqual(parseGroupName('a[12]'), { group: 'a', id: 12 });
  for (const bad of ['a[', 'a[x]', '', '[1]', 'a[1]b']) assert.equal(parseGroupName(bad), null, bad);
});
