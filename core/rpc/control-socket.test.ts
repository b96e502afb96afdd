import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { BareServer } from '../../test/support/bare-server.ts';
import { command } from '../cli/commands/rpc.ts';
import { getopt } from '../cli/getopt.ts';
import { CONTROL_SOCKET, type ControlSocket, openControlSocket } from './control-socket.ts';
import { RpcDouble, RpcMany } from './registry.ts';
import { replyText } from './reply-text.ts';

const folder = mkdtempSync(join(tmpdir(), 'strowger-control-'));
const path = join(folder, 'run', CONTROL_SOCKET);
const { server } = new BareServer();
let control: ControlSocket;

before(async () => {
  control = await openControlSocket(path, server.rpc, server.log);
});
after(async () => {
  await control.close();
  assert.equal(existsSync(path), false);
  rmSync(folder, { recursive: true });
});

/** Runs `strowger rpc …`. */
async function rpc(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const { values, operands, errors } = getopt(argv, command.options);
  assert.deepEqual(errors, []);
  let [out, err] = ['', ''];
  const stream = (add: (text: string) => void) => ({
    write: (text: unknown) => {
      add(String(text));
      return true;
    },
  });
  const code = await command.run({
    values,
    operands,
    cwd: folder,
    env: {},
    stdout: stream((text) => (out += text)),
    stderr: stream((text) => (err += text)),
  });
  return { code, out, err };
}

test('the socket is for its owner only; a dead one is replaced, a live one is not', async () => {
  assert.equal(statSync(path).mode & 0o777, 0o600);
  await assert.rejects(openControlSocket(path, server.rpc, server.log), /another server listens there/);
  const file = join(folder, 'file');
  writeFileSync(file, '');
  await assert.rejects(openControlSocket(file, server.rpc, server.log), { code: 'CONTROL_SOCKET' });
  await assert.rejects(openControlSocket(`/${'x'.repeat(120)}`, server.rpc, server.log), /longer than/);
});

test('strowger rpc prints like kamcmd', async () => {
  assert.deepEqual(await rpc('-Y', 'run', 'core.echo', '1', 's:5', 'täxt'), { code: 0, out: '1\n5\ntäxt\n', err: '' });
  assert.match(
    (await rpc('-Y', 'run', 'core.psx')).out,
    /^\{\n\tIDX: 0\n\tPID: \d+\n\tDSC: main process - attendant\n\}\n$/,
  );
  assert.deepEqual(await rpc('--control', path, '--json', 'core.printi', '--', '-4'), {
    code: 0,
    out: '[\n  -4\n]\n',
    err: '',
  });
  assert.deepEqual(await rpc('-Y', 'run', 'nono'), { code: 1, out: '', err: 'error: 500 - Method Not Found\n' });
  assert.match((await rpc('-Y', 'elsewhere', 'core.uptime')).err, /control socket .*elsewhere.*ENOENT/);
  await assert.rejects(rpc(), /which method/);
});

test('requests of one connection are answered in order, one line each', async () => {
  const socket = connect(path);
  socket.setEncoding('latin1');
  socket.write('{"jsonrpc":"2.0","method":"core.echo","params":["a"],"id":1}\n\nrubbish\n{"jsonrpc":"2.0","meth');
  socket.write('od":"nono","id":2}\n');
  let text = '';
  while (text.split('\n').length < 4) text += String((await once(socket, 'data'))[0]);
  socket.destroy();
  assert.deepEqual(text.trim().split('\n'), [
    '{"jsonrpc":"2.0","result":["a"],"id":1}',
    '{"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse error"},"id":null}',
    '{"jsonrpc":"2.0","error":{"code":500,"message":"Method Not Found"},"id":2}',
  ]);
});

test('arrays of structs are laid out like structs, as kamcmd does', () => {
  assert.equal(
    replyText({
      N: 1,
      RECORDS: [{ SET: { ID: 2, T: [{ D: { URI: 'a' } }, { D: { URI: 'b', X: null } }] } }],
      L: ['x', 1.5],
    }),
    '{\n\tN: 1\n\tRECORDS: {\n\t\tSET: {\n\t\t\tID: 2\n\t\t\tT: {\n\t\t\t\tD: {\n\t\t\t\t\tURI: a\n\t\t\t\t}\n' +
      '\t\t\t\tD: {\n\t\t\t\t\tURI: b\n\t\t\t\t\tX: <null string>\n\t\t\t\t}\n\t\t\t}\n\t\t}\n\t}\n' +
      '\tL: {\n\t\tx\n\t\t1.500000\n\t}\n}\n',
  );
  assert.equal(replyText(undefined), '');
  assert.equal(replyText(new RpcMany(['a', 5, new RpcDouble(2), 7n])), 'a\n5\n2.000000\n7\n');
});
