import { join, resolve } from 'node:path';
import { standardRunFolder } from '../../cfg/run-folder.ts';
import { StrowgerError } from '../../errors.ts';
import { callBinrpc, parseBinrpcAddress } from '../../rpc/binrpc-client.ts';
import { CONTROL_SOCKET, callControlSocket } from '../../rpc/control-socket.ts';
import { bytesToText, jsonText, textToBytes } from '../../rpc/json-text.ts';
import { RpcFault, RpcMany } from '../../rpc/registry.ts';
import { replyText } from '../../rpc/reply-text.ts';
import { type CliCommand, type CommandContext, EXIT, lastValue, UsageError } from '../command.ts';

/** `strowger rpc METHOD [ARGS]`: calls an RPC method of a running server and prints what it answers. */
export const command: CliCommand = {
  name: 'rpc',
  summary: 'Call an RPC method of a running server',
  usage: 'METHOD [ARGUMENT…]',
  options: [
    {
      name: 'control',
      flags: ['--control'],
      arg: 'PATH',
      help: 'The control socket',
      default: `RUNDIR/${CONTROL_SOCKET}`,
    },
    { name: 'rundir', flags: ['-Y'], arg: 'FOLDER', help: "The server's run folder", default: standardRunFolder() },
    {
      name: 'socket',
      flags: ['-s'],
      arg: 'ADDRESS',
      help: 'Speak binrpc to a ctl module instead: unix:PATH, tcp:HOST[:PORT] or udp:HOST[:PORT]',
    },
    { name: 'json', flags: ['--json'], help: 'Print the answer as JSON' },
  ],
  examples: [
    'strowger rpc core.uptime',
    'strowger rpc --json dispatcher.list',
    'strowger rpc cfg.set_now_int core debug -- -1',
    'strowger rpc -s unix:/run/kamailio/kamailio_ctl core.psx',
  ],
  async run(context) {
    const [method, ...words] = context.operands;
    if (method === undefined) throw new UsageError('which method?');
    const params = words.map(parameter);
    try {
      const socket = lastValue(context, 'socket');
      const text =
        socket === undefined
          ? await askControl(context, method, params)
          : await askCtl(context, socket, method, params);
      context.stdout.write(text);
      return EXIT.OK;
    } catch (error) {
      if (error instanceof RpcFault) context.stderr.write(`error: ${error.code} - ${error.message}\n`);
      else if (error instanceof StrowgerError) context.stderr.write(`strowger rpc: ${error.message}\n`);
      else throw error;
      return EXIT.FAILED;
    }
  },
};

/** As kamcmd: a number is a number, unless `s:` stands in front. */
function parameter(word: string): string | number {
  if (word.startsWith('s:')) return word.slice(2);
  const value = Number(word);
  return /^-?\d{1,10}$/.test(word) && value === (value | 0) ? value : word;
}

async function askControl(
  context: CommandContext,
  method: string,
  params: readonly (string | number)[],
): Promise<string> {
  const folder = resolve(context.cwd, lastValue(context, 'rundir') ?? standardRunFolder());
  const path = resolve(context.cwd, lastValue(context, 'control') ?? join(folder, CONTROL_SOCKET));
  const isJson = context.values.has('json');
  const got = await callControlSocket(path, method, params, isJson ? 'json' : 'text');
  if ('error' in got) throw new RpcFault(got.error.code, got.error.message);
  return isJson ? `${JSON.stringify(got.result, null, 2)}\n` : String(got.result);
}

async function askCtl(
  context: CommandContext,
  socket: string,
  method: string,
  params: readonly (string | number)[],
): Promise<string> {
  const address = parseBinrpcAddress(socket);
  if (address === null) throw new UsageError(`"${socket}" is no address of a ctl module`);
  const bytes = params.map((param) => (typeof param === 'string' ? textToBytes(param) : param));
  const values = await callBinrpc(address, textToBytes(method), bytes);
  if (context.values.has('json')) return `${jsonText(values.length === 1 ? values[0] : new RpcMany(values), true)}\n`;
  return bytesToText(replyText(new RpcMany(values)));
}
