import type { Settings } from './cfg/settings.ts';
import type { CounterRegistry } from './counters/counters.ts';
import type { Hooks } from './events/hooks.ts';
import type { Log } from './log/log.ts';
import type { ModuleHost } from './module/host.ts';
import type { SipMsg } from './parser/sip-msg.ts';
import type { Resolver } from './resolve/resolver.ts';
import type { RpcRegistry } from './rpc/registry.ts';
import type { ScriptProgram, ScriptRoute } from './script/program.ts';
import type { Clock, Random } from './timer/clock.ts';
import type { TimerWheel } from './timer/wheel.ts';
import type { Transport } from './transport/transport.ts';

/**
 * One SIP server: everything a worker owns. Several live in one process in the tests. The pieces are given from
 * outside (clock, network, randomness, log), so nothing in here is global.
 */
export interface Server {
  readonly clock: Clock;
  readonly wheel: TimerWheel;
  readonly random: Random;
  readonly log: Log;
  readonly settings: Settings;
  readonly counters: CounterRegistry;
  readonly rpc: RpcRegistry;
  readonly hooks: Hooks;
  readonly resolver: Resolver;
  readonly transport: Transport;
  readonly modules: ModuleHost;
  /** The program new messages run on. */
  readonly program: ScriptProgram;
  /** `Server:` / `User-Agent:` header values, empty when switched off. */
  readonly serverHeader: string;
  readonly userAgentHeader: string;
  readonly startedWallMs: number;

  /** One whole SIP message from a transport. */
  receive(text: string, rcv: SipMsg['rcv']): void;
  /**
   * Runs a route block for a message in a run of its own; what it throws is logged with the script's stack and counts as exit.
   * Returns RUN_* bits, or a promise of them where a command waited.
   */
  runRoute(route: ScriptRoute, msg: SipMsg, routeType: number, branch?: number): number | Promise<number>;
  /** `event_route[name]` of the current program, run on `msg` (or on a faked OPTIONS where there is none). Nothing when absent. */
  runEventRoute(name: string, msg?: SipMsg): number | Promise<number>;
  /** True when a host (and port, 0 for any; proto, 0 for any) is one of ours: sockets, aliases, hooks. */
  isMyself(host: string, port: number, proto: number): boolean;
  reload(): Promise<ReloadResult>;
  stop(): Promise<void>;
}

export interface ReloadResult {
  readonly ok: boolean;
  /** The checker's messages, printed, when not ok. */
  readonly messages: readonly string[];
  /** Settings that a reload can not change, by name. */
  readonly unchanged: readonly string[];
}
