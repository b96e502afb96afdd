import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RpcArgs, RpcFault, type RpcParam } from 'strowger';
import { PvEvaluator, testMsg } from '../../test/support/pv-eval.ts';
import pv from './index.ts';
import { SHARED_RPC } from './shared-rpc.ts';
import type { PvState } from './state.ts';

const MESSAGE = `OPTIONS sip:example.org SIP/2.0
Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1
From: <sip:bob@example.com>;tag=f1
To: <sip:carol@example.com>
Call-ID: c1
CSeq: 7 OPTIONS
Content-Length: 0

`;

async function begin(shvset: readonly string[] = []) {
  const ev = new PvEvaluator();
  const state = await ev.load(pv, { shvset });
  return { ev, state, run: ev.run(testMsg(MESSAGE)) };
}

test('pv_evalx expands what the first expansion gave', async () => {
  const { ev, run } = await begin();
  ev.exec('$var(x) = "$ci-$rm"; pv_evalx("$var(z)", "$var(x)!")', run);
  assert.equal(ev.pv('$var(z)').get(run), 'c1-OPTIONS!');
  ev.exec('$var(x) = "$nosuch(a)"', run);
  assert.equal(ev.exec('pv_evalx("$var(z)", "$var(x)")', run), -1);
  assert.match(ev.logged.join('\n'), /can not be expanded/);
});

test('typeof, is_int, not_empty and pv_isset look at what a variable holds', async () => {
  const { ev, run } = await begin();
  ev.exec('$avp(i) = 5; $avp(s) = "5"; $avp(e) = ""', run);
  const answers = (command: string) => ev.exec(command, run) > 0;
  assert.ok(answers('is_int("$avp(i)")') && !answers('is_int("$avp(s)")') && !answers('is_int("$avp(none)")'));
  assert.ok(
    answers('typeof("$avp(i)", "int")') && answers('typeof("$avp(s)", "str")') && answers('typeof("$avp(n)", "null")'),
  );
  assert.ok(answers('not_empty("$avp(s)")') && !answers('not_empty("$avp(e)")') && !answers('not_empty("$avp(i)")'));
  assert.ok(answers('pv_isset("$avp(e)")') && !answers('pv_isset("$avp(none)")'));
  const { check } = [pv.commands?.['typeof']].flat()[0] ?? {};
  assert.match(check?.([undefined, 'number'], undefined as never) ?? '', /no type/);
});

test('variables go into an XAVP and back', async () => {
  const { ev, run } = await begin();
  ev.exec('$var(a) = 1; $var(b) = "two"; pv_var_to_xavp("*", "all"); pv_var_to_xavp("b", "one")', run);
  assert.equal(ev.pv('$xavp(all=>a)').get(run), 1);
  assert.equal(ev.pv('$xavp(one=>b)').get(run), 'two');
  assert.equal(ev.pv('$xavp(one=>a)').get(run), null);
  ev.exec('$var(a) = 0; $var(b) = 0; pv_xavp_to_var("all")', run);
  assert.deepEqual([ev.pv('$var(a)').get(run), ev.pv('$var(b)').get(run)], [1, 'two']);
});

test('the print commands log names and values, one to a line', async () => {
  const { ev, run } = await begin();
  ev.exec('$xavp(x=>a) = 1; $xavp(x[0]=>b) = "t"; $xavu(u=>c) = 2; $xavi(Mixed) = "i"', run);
  ev.exec('pv_xavp_print(); pv_xavu_print(); pv_xavi_print()', run);
  assert.deepEqual(ev.logged, ['x => {', '  b = "t"', '  a = 1', '}', 'u => {', '  c = 2', '}', 'mixed = "i"']);
});

test('the static branch becomes a branch or the Request-URI', async () => {
  const { ev, run } = await begin();
  assert.equal(ev.exec('sbranch_append()', run), -1);
  ev.exec('$sbranch(uri) = "sip:s@b"; $sbranch(dst_uri) = "sip:d"; $sbranch(send_socket) = "udp:127.0.0.1:5060"', run);
  ev.exec('sbranch_append(); $sbranch(uri) = "sip:other"; sbranch_set_ruri(); sbranch_reset()', run);
  assert.equal(ev.pv('$(branch(uri)[0])').get(run), 'sip:s@b');
  assert.equal(ev.pv('$branch(send_socket)').get(run), 'udp:127.0.0.1:5060');
  assert.deepEqual(
    [ev.pv('$ru').get(run), ev.pv('$du').get(run), ev.pv('$fs').get(run)],
    ['sip:other', 'sip:d', 'udp:127.0.0.1:5060'],
  );
  assert.equal(ev.pv('$sbranch(uri)').get(run), null);
});

async function rpc(state: PvState, name: string, ...params: RpcParam[]): Promise<unknown> {
  return await SHARED_RPC[name]?.run(new RpcArgs(params), state);
}

test('shared variables are read and set over RPC with the shapes of Kamailio', async () => {
  const { ev, state, run } = await begin(['a=i:5', 'b=s:text']);
  ev.pv('$shv(named)');
  assert.deepEqual(await rpc(state, 'pv.shvGet', 'a'), { name: 'a', type: 'int', value: 5 });
  assert.deepEqual(await rpc(state, 'pv.shvGet', 'named'), { name: 'named', type: 'int', value: 0 });
  assert.equal(await rpc(state, 'pv.shvSet', 'a', 'str', 'xx'), 'Ok. Variable set to new value.');
  assert.equal(ev.pv('$shv(a)').get(run), 'xx');
  const faults: [RpcParam[], number, RegExp][] = [
    [['nope', 'int', 7], 404, /not found/],
    [['a', 'zzz', 7], 500, /Unknown parameter type/],
    [['a', 'int', 'abc'], 500, /Missing integer/],
    [[], 500, /Missing parameter varname/],
  ];
  for (const [params, code, message] of faults)
    await assert.rejects(
      rpc(state, 'pv.shvSet', ...params),
      (error) => error instanceof RpcFault && error.code === code && message.test(error.message),
    );
});

test('parameters of a wrong form are refused with what is wrong', () => {
  const check = (name: string, value: string) => pv.params?.[name]?.check?.(value) ?? null;
  assert.equal(check('shvset', 'a=i:-5'), null);
  assert.match(check('shvset', 'a=5') ?? '', /name=i:number/);
  assert.match(check('varset', 'a=i:x') ?? '', /no integer/);
  assert.equal(check('avp_aliases', 'mail=s:email;tmp=i:100'), null);
  assert.match(check('avp_aliases', 'mail=i:x') ?? '', /alias=/);
});
