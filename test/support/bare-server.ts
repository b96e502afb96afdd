import { settingsOf } from '../../core/cfg/core-params.ts';
import type { Log } from '../../core/log/log.ts';
import type { ModuleDef } from '../../core/module/define-module.ts';
import type { ModuleHost } from '../../core/module/host.ts';
import { LoadedModule } from '../../core/module/loaded-module.ts';
import { paramError } from '../../core/module/modparam.ts';
import { registerCoreRpc } from '../../core/rpc/core-rpc.ts';
import { type RpcEnvironment, rpcEnvironment } from '../../core/rpc/rpc-environment.ts';
import type { ScriptProgram } from '../../core/script/program.ts';
import { Server } from '../../core/server.ts';
import type { Clock } from '../../core/timer/clock.ts';
import { SeededRandom } from '../../core/timer/random.ts';
import { VirtualClock } from '../../core/timer/virtual-clock.ts';
import { LocalAddresses } from '../../core/transport/local-addresses.ts';
import type { SocketInfo } from '../../core/transport/socket-info.ts';
import type { Transport } from '../../core/transport/transport.ts';
import { TEST_SOCKET } from './fake-msg.ts';

interface BareOptions {
  readonly clock?: Clock;
  readonly sockets?: readonly SocketInfo[];
  readonly settings?: Readonly<Record<string, string | number>>;
  readonly rpc?: Partial<RpcEnvironment>;
}

/** A server with modules and RPC but without script, network or DNS; what it would send is kept. */
export class BareServer {
  readonly server: Server;
  readonly clock: Clock;
  /** `LEVEL text` of each line logged. */
  readonly logged: string[] = [];
  readonly sent: { readonly text: string; readonly ip: string; readonly port: number; readonly proto: number }[] = [];
  readonly #loaded: LoadedModule[] = [];

  constructor(options: BareOptions = {}) {
    this.clock = options.clock ?? new VirtualClock();
    const { settings } = settingsOf(
      Object.entries(options.settings ?? {}).map(([name, value]) => ({
        name,
        values: [{ value, kind: typeof value === 'number' ? 'number' : 'string' }],
      })),
    );
    const log = recordingLog(this.logged);
    const random = new SeededRandom(1);
    this.server = new Server({ clock: this.clock, random, log, settings, serverHeader: '', userAgentHeader: '' });
    const sockets = options.sockets ?? [TEST_SOCKET];
    this.server.transport = this.#transport(sockets);
    this.server.addresses = new LocalAddresses(sockets);
    this.server.modules = this.#host();
    this.server.program = EMPTY_PROGRAM;
    this.server.runtimeDir = settings.str('rundir') || '/nonexistent';
    registerCoreRpc(rpcEnvironment(this.server, '0.0.0', options.rpc));
  }

  /** Loads, initialises and publishes a module, and runs its childInit. */
  async load<S>(
    def: ModuleDef<S>,
    params: readonly (readonly [name: string, value: string | number])[] = [],
  ): Promise<S> {
    const module = await this.init(def, params);
    await module.childInit();
    return module.state as S;
  }

  /** The same without childInit. */
  async init<S>(
    def: ModuleDef<S>,
    params: readonly (readonly [name: string, value: string | number])[] = [],
  ): Promise<LoadedModule> {
    const opaque = def as unknown as ModuleDef<never>;
    const module = new LoadedModule(
      { def: opaque, path: def.name, url: def.name, isBuiltin: true },
      { file: 'test.cfg', line: 1, column: 1 },
    );
    for (const [name, value] of params) {
      const error = paramError(opaque, name, value);
      if (error !== null) throw new Error(error);
      module.params.set(name, value);
    }
    this.#loaded.push(module);
    await module.init(this.server);
    module.publish(this.server);
    return module;
  }

  async stop(): Promise<void> {
    for (const module of this.#loaded.splice(0).reverse()) await module.destroy(this.server);
    await this.server.db.close();
  }

  #host(): ModuleHost {
    const find = (name: string): LoadedModule | undefined => this.#loaded.find((module) => module.name === name);
    const loaded = this.#loaded;
    return {
      get loaded() {
        return loaded;
      },
      isLoaded: (name) => find(name) !== undefined,
      api: (name) => find(name)?.api,
      param: (module, name) => find(module)?.params.values[name],
      runtimeParams: () =>
        loaded.flatMap(({ name: module, def }) =>
          Object.entries(def.params ?? {}).flatMap(([name, param]) =>
            param.runtime === true ? [{ module, name }] : [],
          ),
        ),
      setParam: (module, name, value) => {
        find(module)?.params.set(name, value);
        return null;
      },
    };
  }

  #transport(sockets: readonly SocketInfo[]): Transport {
    const { sent } = this;
    return {
      sockets,
      send: (text, { ip, port, proto }) => {
        sent.push({ text, ip, port, proto });
        return 1;
      },
      socketFor: (proto, _ip, forced) => forced ?? sockets.find((socket) => socket.proto === proto) ?? null,
      findSocket: (text) =>
        sockets.find(({ uri, address, port, name }) => [uri, `${address}:${port}`, address, name].includes(text)) ??
        null,
      findSocketBy: (host, port, proto) =>
        sockets.find(
          (socket) =>
            socket.address === host && (port === 0 || socket.port === port) && (proto === 0 || socket.proto === proto),
        ) ?? null,
      close: () => Promise.resolve(),
    };
  }
}

const NO_ROUTES = new Map<string, never>();
const EMPTY_PROGRAM: ScriptProgram = {
  id: 1,
  request: null,
  reply: null,
  routes: NO_ROUTES,
  onreply: NO_ROUTES,
  failure: NO_ROUTES,
  branch: NO_ROUTES,
  onsend: null,
  event: NO_ROUTES,
  varSlots: NO_ROUTES,
  positions: [],
  compileFormat: (text: string) => () => text,
};

function recordingLog(lines: string[]): Log {
  const at =
    (level: string) =>
    (text: string): void => {
      lines.push(`${level} ${text}`);
    };
  const log: Log = {
    isEnabled: () => true,
    write: (level, text) => lines.push(`${level} ${text}`),
    alert: at('ALERT'),
    crit: at('CRIT'),
    error: at('ERR'),
    warn: at('WARN'),
    notice: at('NOTICE'),
    info: at('INFO'),
    debug: at('DBG'),
    child: () => log,
  };
  return log;
}
