/**
 * Evaluates pseudo-variables, format strings and simple statements outside a script, with the core's definitions and those
 * of the modules given, on a server that is only a clock, settings, counters and one socket.
 */

import { Settings } from '../../core/cfg/settings.ts';
import {
  bindSelect,
  type CommandDef,
  CounterRegistry,
  type Log,
  type ModuleContext,
  type ModuleDef,
  type PvAccessor,
  type PvValue,
  type ReceiveInfo,
  ROUTE,
  Run,
  type ScriptProgram,
  type Server,
  SipMsg,
  SOCK_TRANSFORMS,
  type SocketInfo,
} from '../../core/index.ts';
import { ModuleIndex } from '../../core/module/module-index.ts';
import { CORE_PVS } from '../../core/pv/core-pvs.ts';
import { isMyself, KEYWORDS, wordValue } from '../../core/script/operands.ts';
import { buildSymbolTable } from '../../core/script/symbol-table.ts';
import { heapMemory, SharedHeap } from '../../core/store/shared-heap.ts';
import { VirtualClock } from '../../core/timer/virtual-clock.ts';
import { LocalBus } from '../../core/workers/bus.ts';
import { formatFunction, PvBinder, type ReportAt } from '../../routing-lang/bind-pv.ts';
import { parsePv } from '../../routing-lang/pv-parser.ts';
import type { SymbolTable } from '../../routing-lang/symbols.ts';

export class PvEvaluator {
  readonly #modules: {
    readonly name: string;
    readonly def: ModuleDef<never>;
    readonly state: unknown;
    readonly isBuiltin: boolean;
  }[] = [];
  readonly varSlots = new Map<string, number>();
  readonly logged: string[] = [];
  readonly server: Server;
  readonly commands = new Map<string, { readonly def: CommandDef<never>; readonly state: unknown }[]>();
  readonly program: ScriptProgram;
  readonly clock = new VirtualClock();
  defines = new Map<string, string>();

  constructor(settings: Iterable<readonly [string, string | number]> = []) {
    const log = recordingLog(this.logged);
    const none = new Map<string, never>();
    this.program = {
      id: 1,
      request: null,
      reply: null,
      routes: none,
      onreply: none,
      failure: none,
      branch: none,
      onsend: null,
      event: none,
      varSlots: this.varSlots,
      positions: [],
      compileFormat: (text: string) => this.format(text),
    };
    this.server = {
      clock: this.clock,
      settings: new Settings(settings),
      counters: new CounterRegistry(),
      modules: { loaded: this.#modules },
      log,
      program: this.program,
      startedWallMs: this.clock.wall(),
      bus: new LocalBus(),
      sharedHeap: new SharedHeap(heapMemory(1)),
      workerIndex: 0,
      workerCount: 1,
      transport: {
        sockets: [TEST_SOCKET],
        findSocket: (text: string) => (text === TEST_SOCKET.uri ? TEST_SOCKET : null),
        socketFor: () => TEST_SOCKET,
      },
    } as unknown as Server;
  }

  async load<S>(
    def: ModuleDef<S>,
    params: Readonly<Record<string, string | number | readonly string[]>> = {},
  ): Promise<S> {
    const state = (await def.init?.(this.#context(def, params))) as S;
    this.#modules.push({ name: def.name, def: def as unknown as ModuleDef<never>, state, isBuiltin: true });
    for (const [name, commands] of Object.entries(def.commands ?? {}))
      this.commands.set(
        name,
        [commands].flat().map((command) => ({ def: command as unknown as CommandDef<never>, state })),
      );
    return state;
  }

  #context<S>(def: ModuleDef<S>, params: Readonly<Record<string, string | number | readonly string[]>>): ModuleContext {
    const value = (name: string) => params[name] ?? def.params?.[name]?.default ?? null;
    return {
      name: def.name,
      server: this.server,
      log: this.server.log,
      params,
      int: (name: string) => Number(value(name) ?? 0),
      str: (name: string) => String(value(name) ?? ''),
      list: (name: string) => [value(name) ?? []].flat().map(String),
      isSet: (name: string) => name in params,
      api: () => undefined as never,
      optionalApi: () => undefined,
      counter: (name: string) => this.server.counters.register(def.name, name),
    };
  }

  /** Gives every `$var(x)` in the text its slot, as compiling a whole script does. */
  nameVariables(text: string): void {
    const binder = this.#binder();
    for (const [, name = ''] of text.matchAll(/\$\(?var\(([\w.]+)\)/g)) binder.varSlot(name);
  }

  run(msg: SipMsg, routeType: number = ROUTE.REQUEST): Run {
    return new Run(this.server, this.program, msg, routeType);
  }

  /** Binds `$class…` or `$(class…{transformations})`; throws what is wrong. */
  pv(text: string): PvAccessor {
    const parsed = parsePv(text);
    if (parsed.error !== null || parsed.end !== text.length)
      throw new Error(parsed.error?.message ?? `no variable: ${text}`);
    const use = this.#binder().bind(parsed.pv, this.#report);
    if (use === null) throw new Error(`not bound: ${text}`);
    return use.whole;
  }

  /**
   * Runs statements `$a = "text"`, `$a = 5`, `$a = $b`, `command("a", "b")`, separated by `;`. The value of the last
   * command is returned, 1 without one.
   */
  exec(statements: string, run: Run): number {
    let result = 1;
    for (const statement of splitOutside(statements, ';').map((text) => text.trim())) {
      if (statement === '') continue;
      const call = /^([a-z_]\w*)\((.*)\)$/s.exec(statement);
      if (call !== null) result = this.call(call[1] ?? '', splitOutside(call[2] ?? '', ','), run);
      else {
        const [target = '', value = ''] = splitOutside(statement, '=');
        this.pv(target.trim()).set?.(run, this.#literal(value.trim(), run));
      }
    }
    return result;
  }

  /** Calls a command that does not wait; arguments are written as in a script. */
  call(name: string, args: readonly string[], run: Run): number {
    const texts = args.map((arg) => arg.trim()).filter((arg) => arg !== '');
    const found = this.commands.get(name)?.find(({ def }) => def.args.length === texts.length);
    if (found === undefined) throw new Error(`no command ${name} with ${texts.length} arguments`);
    const values = found.def.args.map((spec, i) => {
      const text = unquoted(texts[i] ?? '');
      if (spec.startsWith('pv')) return this.pv(text);
      const expanded = this.format(text)(run);
      return spec.startsWith('int') ? Number(expanded) : expanded;
    });
    const result = (found.def.run as (run: Run, state: unknown, ...args: unknown[]) => number | Promise<number>)(
      run,
      found.state,
      ...values,
    );
    if (typeof result !== 'number') throw new Error(`${name} waits`);
    return result;
  }

  #literal(text: string, run: Run): PvValue {
    if (text === '$null') return null;
    if (text.startsWith('$')) return this.pv(text).get(run);
    return text.startsWith('"') ? unquoted(text) : Number(text);
  }

  /** Compiles text with pseudo-variables. */
  format(text: string): (run: Run) => string {
    const format = this.#binder().format(text, this.#report);
    if (format === null) throw new Error(`no format: ${text}`);
    return formatFunction(format);
  }

  #report: ReportAt = (_offset, message) => {
    throw new Error(message);
  };

  #binder(): PvBinder {
    return new PvBinder(this.#symbols(), this.defines, this.varSlots);
  }

  #symbols(): SymbolTable {
    return buildSymbolTable(new ModuleIndex(this.#modules), {
      commands: {},
      pvs: CORE_PVS,
      transformations: { sock: SOCK_TRANSFORMS },
      params: {},
      keywords: KEYWORDS,
      select: (parts) => bindSelect(parts, this.#modules),
      word: wordValue,
      isMyself,
      eventRoutes: [],
      state: undefined,
    });
  }
}

/** Cuts at a character outside strings and brackets. */
function splitOutside(text: string, separator: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charAt(i);
    if (c === '"') {
      i++;
      while (i < text.length && text.charAt(i) !== '"') i += text.charAt(i) === '\\' ? 2 : 1;
    } else if ('([{'.includes(c)) depth++;
    else if (')]}'.includes(c)) depth--;
    else if (c === separator && depth === 0) {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}

/** Content of a string literal, its escapes undone; other text as it is. */
function unquoted(text: string): string {
  if (!text.startsWith('"')) return text;
  const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };
  return text.slice(1, -1).replace(/\\(.)/gs, (_all, c: string) => escapes[c] ?? c);
}

function recordingLog(lines: string[]): Log {
  const write = (text: string): void => {
    lines.push(text);
  };
  const log: Log = {
    isEnabled: () => true,
    write: (_level, text) => write(text),
    alert: write,
    crit: write,
    error: write,
    warn: write,
    notice: write,
    info: write,
    debug: write,
    child: () => log,
  };
  return log;
}

export const TEST_SOCKET: SocketInfo = {
  index: 0,
  proto: 1,
  family: 4,
  address: '127.0.0.1',
  port: 5060,
  advertisedHost: '127.0.0.1',
  advertisedPort: 5060,
  isAdvertised: false,
  name: '',
  isVirtual: false,
  uri: 'udp:127.0.0.1:5060',
  sentBy: '127.0.0.1:5060',
  isReliable: false,
};

/** A message as it came in by UDP from 127.0.0.1; line ends may be written as `\n`. */
export function testMsg(text: string, rcv: Partial<ReceiveInfo> = {}): SipMsg {
  return new SipMsg(text.includes('\r\n') ? text : text.replaceAll('\n', '\r\n'), {
    proto: 1,
    srcIp: '127.0.0.1',
    srcPort: 5090,
    dstIp: '127.0.0.1',
    dstPort: 5060,
    socket: TEST_SOCKET,
    conId: 0,
    ...rcv,
  });
}
