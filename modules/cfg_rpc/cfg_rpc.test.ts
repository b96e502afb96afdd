import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { defineModule, intParam, jsonText, strParam } from 'strowger';
import { BareServer } from '../../test/support/bare-server.ts';
import cfgRpc from './index.ts';

const bare = new BareServer();
const { groups } = bare.server.settings;
const call = async (method: string, ...params: (string | number)[]): Promise<string> =>
  jsonText(await bare.server.rpc.call(method, params));

before(async () => {
  groups.declareCustom('my', null, 'grp', 5, 'a number');
  groups.declareCustom('my', null, 'str', 'abc', 'a string');
  groups.declareCustom('inst', null, 'a', 1, null);
  groups.declareCustom('inst', 3, 'a', 9, null);
  await bare.load(cfgRpc);
  await bare.load(
    defineModule({
      name: 'demo',
      summary: '',
      params: {
        timer: intParam({ default: 5, doc: 'a timer', runtime: true }),
        fixed: strParam({ default: 'x', doc: '' }),
      },
    }),
  );
});

test('get and list, as kamailio answers', async () => {
  assert.equal(await call('cfg.get', 'my'), '{"grp":5,"str":"abc"}');
  assert.equal(await call('cfg.get', 'my', 'grp'), '5');
  assert.equal(await call('cfg.get', 'inst[3]'), '{"a":9}');
  assert.equal(await call('cfg.get', 'nono'), '{}');
  assert.equal(await call('cfg.list', 'my'), '["my: grp","my: str"]');
  assert.equal(await call('cfg.list', 'nono'), '[]');
  assert.match(await call('cfg.list'), /"core: debug".*"tcp: connect_timeout".*"demo: timer"/);
  assert.equal(await call('cfg.help', 'inst', 'a'), '[null,"(parameter type is integer)"]');
  await assert.rejects(call('cfg.get'), { code: 500, message: 'Failed to get the parameters' });
  await assert.rejects(call('cfg.get', 'my[1]', 'grp'), { code: 400, message: 'Failed to get the variable' });
  await assert.rejects(call('cfg.help', 'my', 'x'), { message: 'Failed to get the variable description' });
});

test('set at once', async () => {
  assert.equal(await call('cfg.set_now_int', 'my', 'grp', 6), '{}');
  await call('cfg.sets', 'my', 'str', 'xyz');
  assert.equal(await call('cfg.get', 'my'), '{"grp":6,"str":"xyz"}');
  await assert.rejects(call('cfg.set_now_string', 'my', 'grp', 'abc'), {
    code: 400,
    message: 'Failed to set the variable',
  });
  await assert.rejects(call('cfg.set', 'tcp', 'rd_buf_size', 5), { message: 'Failed to set the variable' });
  await assert.rejects(call('cfg.seti', 'my', 'grp'), {
    message: 'error at parameter 2: expected integer type but end of packet encountered',
  });
  await call('cfg.set', 'core', 'debug', 2);
  assert.equal(bare.server.settings.int('debug'), 2);
  await call('cfg.reset', 'core');
  assert.equal(bare.server.settings.int('debug'), 0);
});

test("modules' runtime parameters are a group", async () => {
  assert.equal(await call('cfg.get', 'demo'), '{"timer":5}');
  await call('cfg.set_now_int', 'demo', 'timer', 8);
  assert.equal(bare.server.modules.param('demo', 'timer'), 8);
  await assert.rejects(call('cfg.set_now_string', 'demo', 'fixed', 'y'), { code: 400 });
});

test('delayed changes show in diff and wait for commit', async () => {
  await call('cfg.set_delayed_int', 'my', 'grp', 44);
  await call('cfg.set_delayed', 'inst[3]', 'a', 10);
  await call('cfg.del_delayed', 'inst[3]', 'a');
  assert.equal(
    await call('cfg.diff'),
    '[{"group name":"my","variable name":"grp","old value":6,"new value":44},' +
      '{"group name":"inst","group id":3,"variable name":"a","old value":9,"new value":10},' +
      '{"group name":"inst","group id":3,"variable name":"a","old value":9,"new value":1}]',
  );
  await call('cfg.commit');
  assert.equal(await call('cfg.diff'), '[]');
  assert.equal(await call('cfg.get', 'my', 'grp'), '44');
  assert.equal(await call('cfg.get', 'inst[3]', 'a'), '1');
  await call('cfg.set_delayed_int', 'my', 'grp', 45);
  await call('cfg.rollback');
  await call('cfg.commit');
  assert.equal(await call('cfg.get', 'my', 'grp'), '44');
});

test('instances', async () => {
  const message = 'Wrong group syntax. Use "group[id]"';
  await assert.rejects(call('cfg.add_group_inst', 'my'), { code: 400, message });
  await assert.rejects(call('cfg.add_group_inst', 'my[x]'), { message });
  await assert.rejects(call('cfg.add_group_inst', 'nono[4]'), { message: 'Failed to add the group instance' });
  await call('cfg.add_group_inst', 'my[4]');
  await call('cfg.set_now_int', 'my[4]', 'grp', 77);
  assert.equal(await call('cfg.get', 'my[4]', 'grp'), '77');
  await call('cfg.del', 'my[4]', 'grp');
  assert.equal(await call('cfg.get', 'my[4]', 'grp'), '44');
  await assert.rejects(call('cfg.del', 'my[9]', 'grp'), { message: 'Failed to delete the value' });
  await call('cfg.del_group_inst', 'my[4]');
  await assert.rejects(call('cfg.del_group_inst', 'my[4]'), { message: 'Failed to delete the group instance' });
});
