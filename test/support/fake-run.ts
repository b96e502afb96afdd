import { Counter } from '../../core/counters/counters.ts';
import type { Log } from '../../core/log/log.ts';
import type { ModuleContext, ParamSetting } from '../../core/module/context.ts';
import type { CommandDef, ModuleDef } from '../../core/module/define-module.ts';
import type { SipMsg } from '../../core/parser/sip-msg.ts';
import type { ScriptProgram } from '../../core/script/program.ts';
import { ROUTE, Run } from '../../core/script/run.ts';
import type { Server } from '../../core/server.ts';
import { heapMemory, SharedHeap } from '../../core/store/shared-heap.ts';
import { SeededRandom } from '../../core/timer/random.ts';
import { VirtualClock } from '../../core/timer/virtual-clock.ts';
import type { PvValue } from '../../core/values.ts';
import { LocalBus } from '../../core/workers/bus.ts';

/** A log that keeps its lines: `level text`. */
export class MemoryLog implements Log {
  readonly lines: string[] = [];
  level = 3;
  isEnabled(level: number): boolean {
    return level <= this.level;
  }
  write(level: number, text: string): void {
    if (this.isEnabled(level)) this.lines.push(`${level} ${text}`);
  }
  alert(text: string): void {
    this.write(-5, text);
  }
  crit(text: string): void {
    this.write(-2, text);
  }
  error(text: string): void {
    this.write(-1, text);
  }
  warn(text: string): void {
    this.write(0, text);
  }
  notice(text: string): void {
    this.write(1, text);
  }
  info(text: string): void {
    this.write(2, text);
  }
  debug(text: string): void {
    this.write(3, text);
  }
  child(): Log {
    return this;
  }
}

const NO_PROGRAM: ScriptProgram = {
  id: 0,
  request: null,
  reply: null,
  routes: new Map(),
  onreply: new Map(),
  failure: new Map(),
  branch: new Map(),
  onsend: null,
  event: new Map(),
  varSlots: new Map(),
  positions: [{ file: 'test.cfg', line: 1, column: 1, route: 'request_route' }],
};

/** A variable for `pv` and `pvw` arguments. */
export class TestPv {
  readonly text = '$var(test)';
  value: PvValue;
  constructor(value: PvValue = null) {
    this.value = value;
  }
  readonly get = (): PvValue => this.value;
  readonly set = (_run: Run, value: PvValue): boolean => {
    this.value = value;
    return true;
  };
}

/**
 * One module on its own, without a server: its state made by `init` with the parameters given, its commands called with
 * arguments as the compiled script would pass them.
 */
export class ModuleBench<S> {
  readonly def: ModuleDef<S>;
  readonly log = new MemoryLog();
  readonly clock = new VirtualClock();
  readonly server: Server;
  readonly counters = new Map<string, Counter>();
  readonly ctx: ModuleContext;
  state!: S;

  /** `parts` are what of the server the module needs beyond clock, random and log; `apis` those of other modules. */
  constructor(
    def: ModuleDef<S>,
    params: Readonly<Record<string, ParamSetting>> = {},
    parts: object = {},
    apis: Readonly<Record<string, unknown>> = {},
  ) {
    this.def = def;
    this.server = {
      clock: this.clock,
      random: new SeededRandom(1),
      log: this.log,
      program: NO_PROGRAM,
      serverHeader: 'strowger',
      bus: new LocalBus(),
      sharedHeap: new SharedHeap(heapMemory(1)),
      workerIndex: 0,
      workerCount: 1,
      isFirstWorker: true,
      isMyself: () => false,
      ...parts,
    } as unknown as Server;
    const values: Record<string, ParamSetting> = {};
    for (const [name, param] of Object.entries(def.params ?? {})) {
      values[name] = params[name] ?? (param.repeatable === true ? [] : param.default);
    }
    this.ctx = {
      name: def.name,
      server: this.server,
      log: this.log,
      params: values,
      int: (name) => Number(values[name] ?? 0),
      str: (name) => String(values[name] ?? ''),
      list: (name) => (Array.isArray(values[name]) ? (values[name] as readonly string[]) : []),
      isSet: (name) => Object.hasOwn(params, name),
      api: <T>(module: string): T => apis[module] as T,
      optionalApi: <T>(module: string): T | undefined => apis[module] as T | undefined,
      counter: (name) => {
        let counter = this.counters.get(name);
        if (counter === undefined) this.counters.set(name, (counter = new Counter(def.name, name, '')));
        return counter;
      },
    };
  }

  /** Runs the module's init. */
  async init(): Promise<this> {
    this.state = (await this.def.init?.(this.ctx)) as S;
    return this;
  }

  run(msg: SipMsg, routeType: number = ROUTE.REQUEST): Run {
    return new Run(this.server, NO_PROGRAM, msg, routeType);
  }

  /** The overload that takes this many arguments. */
  command(name: string, count: number): CommandDef<S> {
    const entry = this.def.commands?.[name];
    const overloads =
      entry === undefined ? [] : Array.isArray(entry) ? (entry as CommandDef<S>[]) : [entry as CommandDef<S>];
    const found = overloads.find((def) => {
      const least = def.args.filter((arg) => !arg.endsWith('?')).length;
      return count >= least && (count <= def.args.length || def.isVariadic === true);
    });
    if (found === undefined) throw new Error(`no ${name} with ${count} arguments`);
    return found;
  }

  /** For commands that answer at once. */
  call(run: Run, name: string, ...args: unknown[]): number {
    const result = this.start(run, name, ...args);
    if (typeof result !== 'number') throw new Error(`${name} waits: use start`);
    return result;
  }

  /** For commands that may wait. */
  start(run: Run, name: string, ...args: unknown[]): number | Promise<number> {
    return this.command(name, args.length).run(run, this.state, ...(args as never[]));
  }
}
