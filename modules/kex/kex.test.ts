import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { jsonText, newBranch, parseUri, ROUTE, Run } from 'strowger';
import { BareServer } from '../../test/support/bare-server.ts';
import { sipMsg } from '../../test/support/fake-msg.ts';
import kex from './index.ts';

const bare = new BareServer({ settings: { server_id: 7 } });
let state: Awaited<ReturnType<typeof load>>;
const load = (server: BareServer) => server.load(kex);
before(async () => {
  state = await load(bare);
});

function newRun(): Run {
  return new Run(bare.server, bare.server.program, sipMsg('OPTIONS sip:a@b SIP/2.0\r\n\r\n'), ROUTE.REQUEST);
}

function use(run: Run, name: string, ...args: unknown[]): unknown {
  const def = kex.commands?.[name];
  assert.ok(def !== undefined && 'run' in def);
  return (def.run as unknown as (...rest: unknown[]) => unknown)(run, state, ...args);
}

test('script flags belong to the run, branch flags to the branch', () => {
  const run = newRun();
  assert.equal(use(run, 'setsflag', 1), 1);
  assert.equal(use(run, 'issflagset', 1), 1);
  assert.equal(use(run, 'issflagset', 2), -1);
  use(run, 'resetsflag', 1);
  assert.equal(use(run, 'issflagset', 1), -1);
  assert.equal(use(run, 'setsflag', 40), -1);

  assert.equal(use(run, 'setbflag', 3), 1);
  assert.equal(run.msg.bflags, 8);
  assert.equal(use(run, 'setbflag', 3, 1), -1);
  run.msg.branches = [newBranch('sip:b@b')];
  assert.equal(use(run, 'setbflag', 31, 1), 1);
  assert.equal(use(run, 'isbflagset', 31, 1), 1);
  assert.equal(use(run, 'resetbflag', 31, 1), 1);
  assert.equal(use(run, 'isbflagset', 31, 1), -1);
  assert.equal(use(run, 'setbflag', 35), -1);
});

test('the destination URI', () => {
  const run = newRun();
  assert.equal(use(run, 'isdsturiset'), -1);
  assert.equal(use(run, 'setdsturi', 'junk'), -1);
  use(run, 'setdsturi', 'sip:127.0.0.1:99');
  assert.equal(run.msg.dstUri, 'sip:127.0.0.1:99');
  assert.equal(use(run, 'isdsturiset'), 1);
  use(run, 'resetdsturi');
  assert.equal(use(run, 'isdsturiset'), -1);
  const def = kex.commands?.['setdsturi'];
  assert.ok(def !== undefined && 'run' in def);
  assert.match(def.check?.(['junk'], state) ?? '', /is no URI/);
});

test('is_myself, as kamailio answers', () => {
  bare.server.addresses.addAlias('a.example.org', 0, 0);
  const run = newRun();
  const cases: readonly (readonly [string, number])[] = [
    ['sip:a@127.0.0.1:5060', 1],
    ['127.0.0.1', 1],
    ['sip:x@a.example.org', 1],
    ['1.2.3.4', -1],
    ['sip:127.0.0.1:5', -1],
    ['127.0.0.1:5060', -1],
    ['udp:127.0.0.1:5060', -1],
    ['a.example.org', 1],
  ];
  for (const [text, expected] of cases) assert.equal(use(run, 'is_myself', text), expected, text);
  assert.ok(parseUri('sip:a@b') !== null);
  assert.equal(use(run, 'is_myhost', 'a.example.org'), 1);
  assert.equal(use(run, 'is_myhost', '127.0.0.1'), 1);
  assert.equal(use(run, 'is_myhost', '1.2.3.4'), -1);
});

test('$sruid is new each time', () => {
  const accessor = kex.pseudoVariables?.['sruid']?.bind({} as never, state);
  assert.ok(typeof accessor === 'object');
  const [first, second] = [accessor.get(newRun()), accessor.get(newRun())];
  assert.match(String(first), /^srid-7-[0-9a-f]+-[0-9a-f]+-1$/);
  assert.notEqual(first, second);
});

test('requests and replies are counted by method, class and code', async () => {
  const { hooks } = bare.server;
  const reply = (status: number, method: string): string => `SIP/2.0 ${status} X\r\nCSeq: 1 ${method}\r\n\r\n`;
  hooks.requestIn.every(sipMsg('INVITE sip:a SIP/2.0\r\n\r\n'));
  hooks.requestIn.every(sipMsg('FOO sip:a SIP/2.0\r\n\r\n'));
  for (const [status, method] of [
    [183, 'INVITE'],
    [200, 'REGISTER'],
    [486, 'INVITE'],
  ] as const) {
    assert.equal(hooks.replyIn.every(sipMsg(reply(status, method))), true);
  }
  const fetched = JSON.parse(jsonText(await bare.server.rpc.call('stats.fetchn', ['core:']))) as Record<string, number>;
  const seen = Object.entries(fetched).filter(([, value]) => value > 0);
  assert.deepEqual(Object.fromEntries(seen), {
    'core.rcv_replies_18x': 1,
    'core.rcv_replies_1xx': 1,
    'core.rcv_replies_1xx_invite': 1,
    'core.rcv_replies_2xx': 1,
    'core.rcv_replies_2xx_reg': 1,
    'core.rcv_replies_486': 1,
    'core.rcv_replies_4xx': 1,
    'core.rcv_replies_4xx_invite': 1,
    'core.rcv_requests_invite': 1,
  });
});

test('stats over RPC', async () => {
  const call = async (method: string, ...params: (string | number)[]): Promise<string> =>
    jsonText(await bare.server.rpc.call(method, params));
  bare.server.counters.register('core', 'fwd_requests').value = 3;
  assert.equal(await call('stats.get_statistics', 'fwd_requests'), '["core:fwd_requests = 3"]');
  assert.equal(
    await call('stats.fetch', 'core.fwd_requests', 'core:fwd_replies'),
    '{"core.fwd_requests":"3","core.fwd_replies":"0"}',
  );
  assert.equal(await call('stats.fetch', 'nono'), '{}');
  assert.equal(await call('stats.clear_statistics', 'fwd_requests'), '["core:fwd_requests = 3"]');
  assert.equal(await call('stats.fetchn', 'fwd_requests'), '{"core.fwd_requests":0}');
  assert.match(await call('stats.fetch', 'shmem:'), /"shmem.fragments":"\d+".*"shmem.used_size":"\d+"/);
  await assert.rejects(call('stats.fetch'), { code: 400, message: 'Please provide which stats to retrieve' });
  await assert.rejects(call('stats.reset_statistics'), { code: 400, message: 'Please provide stats name' });
  assert.match(await call('pkg.stats', 'index', 0), /^\[\{"entry":0,"pid":\d+,"rank":0,"used":\d+,"free":/);
  await assert.rejects(call('pkg.stats', 'pid', 1), { code: 500, message: 'No such pid' });
  await assert.rejects(call('pkg.stats', 'xxx', 1), { message: 'Invalid filter type' });
  assert.equal(await call('mod.stats', 'kex', 'shm'), '["Module: kex",{"Total":0},""]');
  await assert.rejects(call('mod.stats', 'kex'), { message: '"pkg" or "shm" or "all" needed' });
});

test('nothing is counted after the end', async () => {
  const other = new BareServer();
  await load(other);
  await other.stop();
  assert.equal(other.server.hooks.requestIn.isEmpty, true);
});
