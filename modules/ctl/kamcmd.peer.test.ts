import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { callBinrpc } from '../../core/rpc/binrpc-client.ts';
import { RpcMany } from '../../core/rpc/registry.ts';
import { replyText } from '../../core/rpc/reply-text.ts';
import { RealClock } from '../../core/timer/real-clock.ts';
import { datagramEnvironment } from '../../core/transport/datagram-environment.ts';
import { BareServer } from '../../test/support/bare-server.ts';
import { Kamailio } from '../../test/support/kamailio.ts';
import { kamcmd } from '../../test/support/kamcmd.ts';
import { skipWithout } from '../../test/support/peers.ts';
import ctl from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'strowger-kamcmd-'));
const ours = join(folder, 'ours');
const theirs = join(folder, 'theirs');
const hasAddon = typeof datagramEnvironment() !== 'string';
const bare = new BareServer({ clock: new RealClock() });
let kamailio: Kamailio | null = null;

const SCRIPT = `loadmodule "sl.so"
loadmodule "ctl.so"
modparam("ctl", "binrpc", "unix:${theirs}")
request_route { sl_send_reply("200", "OK"); }
`;

const skip = skipWithout('kamailio', 'kamcmd');

before(async () => {
  if (skip !== false) return;
  kamailio = await Kamailio.start(SCRIPT);
  await bare.load(ctl, [
    ['binrpc', `unix:${ours}`],
    ['binrpc', 'tcp:127.0.0.1:0'],
    ...(hasAddon ? [['binrpc', `unixd:${ours}d`] as const] : []),
  ]);
});
after(async () => {
  await bare.stop();
  await kamailio?.stop();
  rmSync(folder, { recursive: true });
});

/** What may differ: numbers, dates, names of programs. */
function shape(text: string): string {
  return text
    .replaceAll(/\w{3} \w{3} [ \d]\d [\d:]{8} \d{4}/g, 'DATE')
    .replaceAll(/\d+/g, '0')
    .replaceAll(/: .*node.*|: gcc.*|flags: .*|: kamailio.*|: strowger.*|id: .*/g, ': …');
}

const SAME_SHAPE: readonly (readonly string[])[] = [
  ['core.uptime'],
  ['core.info'],
  ['core.runinfo'],
  ['core.echo', '1', 'abc', 's:5', '100000'],
  ['core.prints', 'a', 'b c'],
  ['core.printi', '4'],
  ['core.printi', 'x'],
  ['nono'],
  ['core.tcp_info'],
  ['core.tcp_list'],
  ['core.tcp_options'],
  ['core.udp4_raw_info'],
  ['core.shmmem'],
  ['core.shmmem', 'm'],
  ['core.sockets_list'],
  ['system.methodHelp', 'nono'],
  ['system.methodHelp', 'core.uptime'],
  ['ctl.connections'],
];

for (const command of SAME_SHAPE) {
  test(`kamcmd ${command.join(' ')} prints what it prints for kamailio`, async () => {
    assert.equal(shape(await kamcmd(`unix:${ours}`, ...command)), shape(await kamcmd(`unix:${theirs}`, ...command)));
  });
}

test('kamcmd prints structs of core.psx', { skip }, async () => {
  assert.match(
    await kamcmd(`unix:${ours}`, 'core.psx'),
    /^\{\n\tIDX: 0\n\tPID: \d+\n\tDSC: main process - attendant\n\}\n/,
  );
});

test('every method of kamailio core is listed', { skip }, async () => {
  const list = async (socket: string): Promise<string[]> =>
    (await kamcmd(`unix:${socket}`, 'system.listMethods')).split('\n');
  const have = new Set(await list(ours));
  const missing = (await list(theirs)).filter((name) => /^(core|system|ctl)\./.test(name) && !have.has(name));
  assert.deepEqual(missing, []);
});

test('kamcmd formats and its own commands work', { skip }, async () => {
  assert.match(await kamcmd(`unix:${ours}`, '-f', '[%v] %v:%v %v\\n', 'ctl.listen'), /^\[binrpc\] unix_stream:.*ours/);
  assert.match(await kamcmd(`unix:${ours}`, 'ps'), /main process - attendant/);
});

test("our own client prints what kamcmd prints, for kamailio's ctl and for ours", { skip }, async () => {
  for (const socket of [ours, theirs]) {
    for (const args of [['core.sockets_list'], ['core.echo', 'a', '1'], ['core.tcp_options']]) {
      const [method = '', ...params] = args;
      const values = await callBinrpc({ type: 'unix', path: socket }, method, params);
      assert.equal(replyText(new RpcMany(values)), await kamcmd(`unix:${socket}`, ...args));
    }
    await assert.rejects(callBinrpc({ type: 'unix', path: socket }, 'nono', []), { message: 'command nono not found' });
  }
});

test('kamcmd over a Unix datagram', { skip: skip || (hasAddon ? false : 'no addon') }, async () => {
  assert.equal(await kamcmd(`unixd:${ours}d`, '-D', folder, 'core.prints', 'a'), 'a\n');
});
