import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openUnixDatagram, ROUTE, Run } from 'strowger';
import { RealClock } from '../../core/timer/real-clock.ts';
import { datagramEnvironment } from '../../core/transport/datagram-environment.ts';
import { BareServer } from '../../test/support/bare-server.ts';
import { ChildGroup } from '../../test/support/child-group.ts';
import { sipMsg } from '../../test/support/fake-msg.ts';
import jsonrpcs from './index.ts';
import { JsonSplitter } from './json-splitter.ts';
import { parseUdp } from './transports.ts';

const folder = mkdtempSync(join(tmpdir(), 'strowger-jsonrpcs-'));
const bare = new BareServer({ clock: new RealClock(), settings: { rundir: folder } });
const hasAddon = typeof datagramEnvironment() !== 'string';
type State = Awaited<ReturnType<typeof load>>;
const load = (server: BareServer, ...params: [string, string | number][]) => server.load(jsonrpcs, params);
let state: State;

before(async () => {
  state = await load(bare, ['fifo_reply_dir', folder], ['fifo_mode', 0o600]);
});
after(async () => {
  await bare.stop();
  rmSync(folder, { recursive: true });
});

test('documents are cut out of a stream, whatever stands around and in them', () => {
  const documents: string[] = [];
  let tooLong = 0;
  const splitter = new JsonSplitter(
    (document) => documents.push(document),
    () => tooLong++,
  );
  const text = 'x {"a":"}\\"{"}\n[1,{"b":[]}] } {"c":1}';
  for (const c of text) splitter.push(c);
  assert.deepEqual(documents, ['{"a":"}\\"{"}', '[1,{"b":[]}]', '{"c":1}']);
  splitter.push(`{"x":"${'y'.repeat(1 << 20)}`);
  splitter.push('{"d":1}');
  assert.equal(tooLong, 1);
  assert.equal(documents.at(-1), '{"d":1}');
});

test('over the FIFO: the answer goes to the FIFO the request names', async () => {
  assert.equal(statSync(join(folder, 'kamailio_rpc.fifo')).mode & 0o777, 0o600);
  execFileSync('mkfifo', [join(folder, 'reply')]);
  const reader = new ChildGroup('cat', [join(folder, 'reply')]);
  writeFileSync(
    join(folder, 'kamailio_rpc.fifo'),
    '{"jsonrpc":"2.0","method":"core.echo",\n"params":["a"],"reply_name":"reply","id":1}\n',
  );
  assert.equal((await reader.end()).stdout, '{\n\t"jsonrpc":\t"2.0",\n\t"result":\t["a"],\n\t"id":\t1\n}');
});

test('over a Unix datagram', { skip: hasAddon ? false : 'no addon' }, async () => {
  const got = await new Promise<string>((resolve) => {
    const client = openUnixDatagram(join(folder, 'client'), (text) => {
      client.close();
      resolve(text);
    });
    client.send('{"jsonrpc":"2.0","method":"core.printi","params":[4],"id":"x"}', join(folder, 'kamailio_rpc.sock'));
  });
  assert.match(got, /"result":\t\[4\]/);
});

test('over UDP, on one line', async () => {
  const other = new BareServer({ clock: new RealClock() });
  const { transports } = await load(other, ['transport', 4], ['dgram_socket', 'udp:127.0.0.1:0'], ['pretty_format', 0]);
  const place = parseUdp(transports[0]?.place ?? '');
  assert.ok(place !== null);
  const socket = createSocket('udp4');
  const answer = once(socket, 'message') as Promise<[Buffer]>;
  socket.send('{"jsonrpc":"2.0","method":"nono","id":2}', place.port, '127.0.0.1');
  assert.equal(
    (await answer)[0].toString(),
    '{"jsonrpc":"2.0","error":{"code":500,"message":"Method Not Found"},"id":2}',
  );
  socket.close();
  await other.stop();
});

test('jsonrpc_exec and $jsonrpl, as kamailio shows them', async () => {
  const run = new Run(bare.server, bare.server.program, sipMsg('OPTIONS sip:a SIP/2.0\r\n\r\n'), ROUTE.REQUEST);
  const { jsonrpc_exec: exec, jsonrpc_dispatch: dispatch } = jsonrpcs.commands ?? {};
  assert.ok(exec !== undefined && 'run' in exec && dispatch !== undefined && 'run' in dispatch);
  const read = (name: string): unknown => {
    const bound = jsonrpcs.pseudoVariables?.['jsonrpl']?.bind({ name } as never, state);
    assert.ok(typeof bound === 'object');
    return bound.get(run);
  };
  assert.deepEqual([read('code'), read('text'), read('body')], [0, null, null]);
  const run1 = exec.run as unknown as (run: Run, state: State, document: string) => Promise<number>;
  assert.equal(await run1(run, state, '{"jsonrpc":"2.0","method":"core.prints","params":["a"],"id":1}'), 1);
  assert.deepEqual(
    [read('code'), read('text'), read('body')],
    [200, 'OK', '{\n\t"jsonrpc":\t"2.0",\n\t"result":\t["a"],\n\t"id":\t1\n}'],
  );
  assert.equal(await run1(run, state, '{"jsonrpc":"2.0","method":"nono","id":1}'), 1);
  assert.deepEqual([read('code'), read('text')], [500, 'Method Not Found']);
  assert.equal(await run1(run, state, 'garbage'), -1);
  assert.equal(await (dispatch.run as unknown as typeof run1)(run, state, ''), -1);
});

test('HTTP without xhttp ends the start', async () => {
  await assert.rejects(load(new BareServer(), ['transport', 7]), /xhttp is not loaded/);
});

test('udp addresses', () => {
  assert.deepEqual(parseUdp('udp:1.2.3.4:8090'), { host: '1.2.3.4', port: 8090 });
  assert.deepEqual(parseUdp('udp:[::1]:8090'), { host: '::1', port: 8090 });
  assert.equal(parseUdp('/tmp/x'), null);
  assert.equal(parseUdp('udp:1.2.3.4:99999'), null);
});
