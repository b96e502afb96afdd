import { join } from 'node:path';
import { defineModule, intParam, type Log, listParam, type ParamDef, RpcMany } from 'strowger';
import { addressText, parseAddress } from './address.ts';
import { type Listener, type ListenerContext, listen, type Protocol } from './listeners.ts';

interface CtlState {
  readonly listeners: Listener[];
  readonly log: Log;
}

/** User and group may be a name or a number. */
const owner = (doc: string): ParamDef => ({ type: 'func', default: '', doc });

const addressCheck =
  (unprefixed: 'unix_stream' | 'fifo') =>
  (value: string | number): string | null => {
    const parsed = parseAddress(String(value), unprefixed);
    return typeof parsed === 'string' ? parsed : null;
  };

export default defineModule<CtlState>({
  name: 'ctl',
  summary: 'RPC over binrpc, for kamcmd.',
  params: {
    binrpc: listParam({
      doc: 'Address to speak binrpc at: [unix|unixs|unixd|tcp|udp:]path or address[:port].',
      check: addressCheck('unix_stream'),
    }),
    fifo: listParam({ doc: 'FIFO or address for the old line protocol.', check: addressCheck('fifo') }),
    mode: intParam({ default: 0o600, min: 0, max: 0o777, doc: 'Permissions of Unix sockets and FIFOs.' }),
    user: owner('Owner of Unix sockets and FIFOs, name or number.'),
    group: owner('Group of Unix sockets and FIFOs, name or number.'),
    autoconversion: intParam({
      default: 0,
      doc: 'Convert parameters of the wrong type.',
      noEffect: 'parameters are always converted where it is possible',
    }),
    binrpc_max_body_size: intParam({ default: 32, min: 1, max: 65536, doc: 'Longest reply, KB.' }),
    binrpc_struct_max_body_size: intParam({
      default: 8,
      doc: 'Longest struct in a reply, KB.',
      noEffect: 'only the length of the whole reply is limited',
    }),
    binrpc_buffer_size: intParam({
      default: 1024,
      doc: 'Buffer for formatted values, bytes.',
      noEffect: 'strings have no buffer of fixed size',
    }),
  },
  rpc: {
    'ctl.listen': {
      doc: 'Lists the addresses ctl listens at.',
      run: (_args, { listeners }) =>
        new RpcMany(listeners.flatMap((listener) => [listener.protocol, ...place(listener)])),
    },
    'ctl.connections': {
      doc: 'Returns the number of open connections.',
      run: (_args, { listeners }) => listeners.reduce((sum, { connections }) => sum + connections.size, 0),
    },
    'ctl.who': {
      doc: 'Lists the open connections.',
      run: (_args, { listeners }) =>
        new RpcMany(
          listeners.flatMap((listener) =>
            [...listener.connections].flatMap((socket) => {
              const [type = '', ...local] = place(listener);
              const remote = socket.remoteAddress;
              const from = remote === undefined ? ['<anonymous unix socket>', ''] : [remote, String(socket.remotePort)];
              return [listener.protocol, type, ...from, ...local];
            }),
          ),
        ),
    },
  },
  init: (ctx) => ({ listeners: [], log: ctx.log }),

  async childInit(state, ctx) {
    if (ctx.server.workerIndex !== 0) return;
    const context: ListenerContext = {
      rpc: ctx.server.rpc,
      log: ctx.log,
      clock: ctx.server.clock,
      maxReplyBytes: ctx.int('binrpc_max_body_size') * 1024,
      access: { mode: ctx.int('mode'), user: ctx.str('user'), group: ctx.str('group') },
    };
    const standard = `unix:${join(ctx.server.runtimeDir, 'kamailio_ctl')}`;
    const open = async (protocol: Protocol, text: string, unprefixed: 'unix_stream' | 'fifo'): Promise<void> => {
      const address = parseAddress(text, unprefixed);
      if (typeof address === 'string') throw new Error(address);
      try {
        state.listeners.push(await listen(protocol, address, context));
      } catch (error) {
        throw new Error(`${addressText(address)}: ${(error as Error).message}`, { cause: error });
      }
    };
    for (const text of ctx.isSet('binrpc') ? ctx.list('binrpc') : [standard]) await open('binrpc', text, 'unix_stream');
    for (const text of ctx.list('fifo')) await open('fifo', text, 'fifo');
    for (const { protocol, address } of state.listeners) ctx.log.info(`${protocol} at ${addressText(address)}`);
  },

  async destroy({ listeners }) {
    await Promise.all(listeners.splice(0).map((listener) => listener.close()));
  },

  /** The open listeners: a test or an embedding program asks for the real ports. */
  api: ({ listeners }) => ({ listeners }),
});

/** Type and place of a listener in the words of `ctl.listen`. */
function place({ address }: Listener): string[] {
  return 'path' in address ? [address.type, address.path, ''] : [address.type, address.host, String(address.port)];
}
