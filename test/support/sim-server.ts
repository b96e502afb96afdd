import type { StartedServer, StartOptions } from '../../core/cli/start-options.ts';
import { ModuleLoader } from '../../core/module/loader.ts';
import type { ReloadResult } from '../../core/server.ts';
import type { Environment } from '../../core/start/environment.ts';
import { startServer } from '../../core/start.ts';
import { SeededRandom } from '../../core/timer/random.ts';
import type { Seat } from '../../core/workers/seat.ts';
import { MemoryLog } from './fake-run.ts';
import { SimDns } from './sim-dns.ts';
import type { SimNetwork } from './sim-network.ts';

export interface SimServerOptions {
  readonly script: string;
  readonly ip?: string;
  /** Seed of tags and branches. */
  readonly seed?: number;
  readonly dns?: SimDns;
  readonly listens?: readonly string[];
  readonly options?: Partial<StartOptions>;
  /** Among other workers; absent where it is alone. */
  readonly seat?: Seat;
}

/** A whole server on virtual time and a simulated network (architecture §6). */
export class SimServer {
  readonly started: StartedServer;
  readonly ip: string;
  readonly log: MemoryLog;
  readonly dns: SimDns;
  readonly #source: { text: string };

  private constructor(started: StartedServer, ip: string, log: MemoryLog, dns: SimDns, source: { text: string }) {
    this.#source = source;
    this.started = started;
    this.ip = ip;
    this.log = log;
    this.dns = dns;
  }

  /** Starts it on the network's clock, listening on `ip`:5060 over UDP and TCP unless told otherwise. */
  static async start(network: SimNetwork, given: SimServerOptions): Promise<SimServer> {
    const ip = given.ip ?? '10.0.0.1';
    const source = { text: given.script };
    const log = new MemoryLog();
    const dns = given.dns ?? new SimDns(network.clock);
    const host = network.host(ip);
    const environment: Environment = {
      clock: network.clock,
      random: new SeededRandom(given.seed ?? 1),
      udp: () => host.udp,
      tcp: host.stream,
      dns,
      dnsFiles: () => ({ resolvConf: 'nameserver 192.0.2.53\n', hosts: '' }),
      readFile: () => null,
      env: {},
      loader: new ModuleLoader(),
      interfaces: () => ({}),
      lookupHost: () => Promise.resolve([]),
    };
    const started = await startServer(
      {
        scriptPath: '/test.cfg',
        get scriptText() {
          return source.text;
        },
        defines: [],
        substitutions: [],
        listens: given.listens ?? [`udp:${ip}:5060`, `tcp:${ip}:5060`],
        aliases: [],
        loadPaths: [],
        loadModules: [],
        modParams: [],
        settings: { auto_aliases: 0 },
        runtimeDir: null,
        strict: false,
        log,
        ...given.options,
      },
      environment,
      given.seat,
    );
    return new SimServer(started, ip, log, dns, source);
  }

  get server(): StartedServer['server'] {
    return this.started.server;
  }

  /** What a module gives to others. */
  api<T>(module: string): T {
    return this.server.modules.api(module) as T;
  }

  /** Takes another script, as a reload by RPC does. */
  reload(script: string): Promise<ReloadResult> {
    this.#source.text = script;
    return this.server.reload();
  }

  async stop(): Promise<void> {
    await this.started.stop(0);
  }
}
