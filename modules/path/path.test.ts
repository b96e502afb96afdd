import assert from 'node:assert/strict';
import { test } from 'node:test';
import { currentText, PROTO, type Run } from 'strowger';
import { ModuleBench, request, sipMsg, TEST_SOCKET, TestMsg } from 'strowger/testing';
import path from './index.ts';

const REGISTER = request('REGISTER', 'sip:example.org');

/** parameters, command, arguments, Path */
const ROWS: [Record<string, number | string>, string, string[], string[]][] = [
  [{}, 'add_path', [], ['<sip:127.0.0.1;lr>']],
  [{}, 'add_path', ['user'], ['<sip:user@127.0.0.1;lr>']],
  [{}, 'add_path', ['user', 'ob;x=y'], ['<sip:user@127.0.0.1;lr;ob;x=y>']],
  [{}, 'add_path_received', [], ['<sip:127.0.0.1;lr;received=sip:127.0.0.1:5070>']],
  [{}, 'add_path_received', ['user', 'ob'], ['<sip:user@127.0.0.1;lr;received=sip:127.0.0.1:5070;ob>']],
  [{ received_format: 1 }, 'add_path_received', [], ['<sip:127.0.0.1;lr;received=127.0.0.1~5070~1>']],
  [{ received_name: 'rcv' }, 'add_path_received', [], ['<sip:127.0.0.1;lr;rcv=sip:127.0.0.1:5070>']],
  [{ enable_r2: 1 }, 'add_path', ['u'], ['<sip:u@127.0.0.1;lr;r2=on>', '<sip:u@127.0.0.1;lr;r2=on>']],
];
for (const [params, command, args, rows] of ROWS) {
  test(`${command}(${args.join(', ')}) ${JSON.stringify(params)}`, async () => {
    const bench = await new ModuleBench(path, params).init();
    const run = bench.run(sipMsg(REGISTER));
    assert.equal(bench.call(run, command, ...args), 1);
    assert.deepEqual(new TestMsg(currentText(run.msg)).all('Path'), rows);
  });
}

test('it goes above other Path rows (RFC 3327 §5.2, rule 69)', async () => {
  const bench = await new ModuleBench(path).init();
  const run = bench.run(sipMsg(request('REGISTER', 'sip:x', { headers: { Path: '<sip:old;lr>' } })));
  assert.equal(bench.call(run, 'add_path'), 1);
  assert.deepEqual(new TestMsg(currentText(run.msg)).all('Path'), ['<sip:127.0.0.1;lr>', '<sip:old;lr>']);
});

test('other transports, ports, addresses and socket names are in it', async () => {
  const bench = await new ModuleBench(path, { sockname_mode: 1 }).init();
  const socket = { ...TEST_SOCKET, proto: PROTO.TCP, advertisedHost: '2001:db8::1', advertisedPort: 5080, name: 'in' };
  const run = bench.run(sipMsg(REGISTER, { socket, proto: PROTO.TCP }));
  assert.equal(bench.call(run, 'add_path_received'), 1);
  assert.equal(
    new TestMsg(currentText(run.msg)).get('Path'),
    '<sip:[2001:db8::1]:5080;transport=tcp;lr;sn=in;received=sip:127.0.0.1:5070%3Btransport%3Dtcp>',
  );
});

async function following(params: Record<string, number>, routeParams: string): Promise<string> {
  let routed: ((run: Run, params: string) => void) | null = null;
  const rr = {
    onRouted: (fn: (run: Run, params: string) => void) => {
      routed = fn;
    },
  };
  const bench = await new ModuleBench(path, { use_received: 1, ...params }, {}, { rr }).init();
  const run = bench.run(sipMsg(REGISTER));
  (routed as ((run: Run, params: string) => void) | null)?.(run, routeParams);
  return run.msg.dstUri;
}

test('use_received makes loose_route() follow the parameter', async () => {
  assert.equal(await following({}, ';lr;received=sip:1.2.3.4:5;x'), 'sip:1.2.3.4:5');
  assert.equal(await following({}, ';lr;received=sip:1.2.3.4:5%3Btransport%3Dtcp'), 'sip:1.2.3.4:5;transport=tcp');
  assert.equal(await following({}, ';lr'), '');
  assert.equal(await following({}, ';lr;received=nonsense'), '');
  assert.equal(await following({ received_format: 1 }, ';received=1.2.3.4~5~2'), 'sip:1.2.3.4:5;transport=tcp');
  assert.equal(await following({ received_format: 1 }, ';received=1.2.3.4~5'), '');
});

test('use_received without rr ends the start', async () => {
  await assert.rejects(new ModuleBench(path, { use_received: 1 }).init(), /needs the module rr/);
});
