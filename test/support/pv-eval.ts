/**
 * Evaluates pseudo-variables and format strings outside a script: the parser and binder a module's unit tests need.
 * Uses the definitions of the core and of the modules given, on a server that is only a clock, settings and counters.
 */

import { Settings } from '../../core/cfg/settings.ts';
import {
  type CommandDef,
  CounterRegistry,
  type Log,
  type ModuleContext,
  type ModuleDef,
  type PvAccessor,
  type PvDef,
  type PvUse,
  type PvValue,
  type ReceiveInfo,
  ROUTE,
  Run,
  type ScriptProgram,
  type Server,
  SipMsg,
  type SocketInfo,
  type TransformDef,
  type TransformFn,
  type TransformParam,
  valueToString,
} from '../../core/index.ts';
import { CORE_PVS } from '../../core/pv/core-pvs.ts';
import { VirtualClock } from '../../core/timer/virtual-clock.ts';

type Getter = (run: Run) => PvValue;

export class PvEvaluator {
  readonly #pvs = new Map<string, { readonly def: PvDef<never>; readonly state: unknown }>();
  readonly #transforms = new Map<string, { readonly def: TransformDef<never>; readonly state: unknown }>();
  readonly varSlots = new Map<string, number>();
  readonly logged: string[] = [];
  readonly server: Server;
  readonly commands = new Map<string, { readonly def: CommandDef<never>; readonly state: unknown }[]>();
  readonly program: ScriptProgram;
  readonly clock = new VirtualClock();
  defines = new Map<string, string>();

  constructor(settings: Iterable<readonly [string, string | number]> = []) {
    const log = recordingLog(this.logged);
    for (const [name, def] of Object.entries(CORE_PVS)) this.#pvs.set(name, { def, state: undefined });
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
      log,
      program: this.program,
      startedWallMs: this.clock.wall(),
      transport: { sockets: [TEST_SOCKET] },
    } as unknown as Server;
  }

  async load<S>(
    def: ModuleDef<S>,
    params: Readonly<Record<string, string | number | readonly string[]>> = {},
  ): Promise<S> {
    const state = (await def.init?.(this.#context(def, params))) as S;
    for (const [name, pv] of Object.entries(def.pseudoVariables ?? {})) this.#pvs.set(name, { def: pv, state });
    for (const [className, members] of Object.entries(def.transformations ?? {}))
      for (const [name, member] of Object.entries(members))
        this.#transforms.set(`${className}.${name}`, { def: member, state });
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

  run(msg: SipMsg, routeType: number = ROUTE.REQUEST): Run {
    return new Run(this.server, this.program, msg, routeType);
  }

  /** Binds `$class…` or `$(class…{transformations})`; throws what is wrong. */
  pv(text: string): PvAccessor {
    const parsed = parsePv(text, 0);
    if (parsed === null || parsed.end !== text.length) throw new Error(`no pseudo-variable: ${text}`);
    return this.#bind(parsed);
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
    const parts: (string | Getter)[] = [];
    let literal = '';
    for (let i = 0; i < text.length; ) {
      if (text.charAt(i) !== '$') literal += text.charAt(i++);
      else if (text.charAt(i + 1) === '$') {
        literal += '$';
        i += 2;
      } else {
        const parsed = parsePv(text, i);
        if (parsed === null) throw new Error(`no pseudo-variable at ${i} of ${text}`);
        if (literal !== '') parts.push(literal);
        literal = '';
        parts.push(this.#bind(parsed).get);
        i = parsed.end;
      }
    }
    if (literal !== '') parts.push(literal);
    return (run) =>
      parts.map((part) => (typeof part === 'string' ? part : valueToString(part(run), '<null>'))).join('');
  }

  #bind(parsed: ParsedPv): PvAccessor {
    const bound = this.#pvs.get(parsed.className);
    if (bound === undefined) throw new Error(`unknown pseudo-variable $${parsed.className}`);
    if (bound.def.name === 'required' && parsed.name === null) throw new Error(`$${parsed.className} needs a name`);
    if (bound.def.name === 'none' && parsed.name !== null) throw new Error(`$${parsed.className} has no name`);
    const accessor = bound.def.bind(this.#use(parsed), bound.state as never);
    if (typeof accessor === 'string') throw new Error(accessor);
    if (parsed.transforms.length === 0) return { text: parsed.text, ...accessor };
    const steps = parsed.transforms.map((text) => this.#transform(text));
    return {
      text: parsed.text,
      get: (run) => steps.reduce<PvValue>((value, step) => step(run, value), accessor.get(run)),
    };
  }

  #use(parsed: ParsedPv): PvUse {
    const name = parsed.name ?? '';
    return {
      text: parsed.text,
      className: parsed.className,
      name: parsed.name,
      index:
        parsed.index === null || parsed.index === '*'
          ? parsed.index
          : parsed.index.startsWith('$')
            ? this.pv(parsed.index).get
            : Number(parsed.index),
      isNameDynamic: name.includes('$'),
      nameFormat: () => this.format(name),
      format: (text) => this.format(text),
      pv: (text) => this.pv(text),
      varSlot: (slot) => {
        if (!this.varSlots.has(slot)) this.varSlots.set(slot, this.varSlots.size);
        return this.varSlots.get(slot) ?? 0;
      },
      define: (define) => this.defines.get(define) ?? null,
    };
  }

  #transform(text: string): TransformFn {
    const comma = text.indexOf(',');
    const bound = this.#transforms.get(comma < 0 ? text : text.slice(0, comma));
    if (bound === undefined) throw new Error(`unknown transformation {${text}}`);
    const params = comma < 0 ? [] : this.#transformParams(text.slice(comma + 1), bound.def.paramStyle === 'rest');
    const [min, max] = bound.def.params;
    if (params.length < min || params.length > max) throw new Error(`{${text}}: ${params.length} parameters`);
    const fn = bound.def.bind(params, bound.state as never, (format) => this.format(format));
    if (typeof fn === 'string') throw new Error(`{${text}}: ${fn}`);
    return fn;
  }

  #transformParams(text: string, isRest: boolean): TransformParam[] {
    const params: TransformParam[] = [];
    for (let at = 0; at <= text.length; ) {
      const lead = text.slice(at).length - text.slice(at).trimStart().length;
      const parsed = text.charAt(at + lead) === '$' ? parsePv(text, at + lead) : null;
      if (parsed !== null && (parsed.end === text.length || (!isRest && text.charAt(parsed.end) === ','))) {
        params.push({ kind: 'pv', pv: this.#bind(parsed) });
        at = parsed.end + 1;
      } else {
        const comma = isRest ? -1 : text.indexOf(',', at);
        const end = comma < 0 ? text.length : comma;
        params.push({ kind: 'text', text: text.slice(at, end) });
        at = end + 1;
      }
    }
    return params;
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

interface ParsedPv {
  readonly text: string;
  readonly end: number;
  readonly className: string;
  readonly name: string | null;
  readonly index: string | null;
  readonly transforms: readonly string[];
}

/** Reads the pseudo-variable that begins at `start`; null when there is none. */
function parsePv(text: string, start: number): ParsedPv | null {
  const isWrapped = text.charAt(start + 1) === '(';
  let at = start + (isWrapped ? 2 : 1);
  const match = /^(?:\?|[A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+)?)/.exec(text.slice(at));
  if (match === null) return null;
  const className = match[0];
  at += className.length;
  let name: string | null = null;
  if (text.charAt(at) === '(') {
    const close = closing(text, at, '(', ')');
    if (close < 0) return null;
    name = text.slice(at + 1, close);
    at = close + 1;
  }
  if (!isWrapped) return { text: text.slice(start, at), end: at, className, name, index: null, transforms: [] };
  let index: string | null = null;
  if (text.charAt(at) === '[') {
    const close = closing(text, at, '[', ']');
    if (close < 0) return null;
    index = text.slice(at + 1, close);
    at = close + 1;
  }
  const transforms: string[] = [];
  while (text.charAt(at) === '{') {
    const close = closing(text, at, '{', '}');
    if (close < 0) return null;
    transforms.push(text.slice(at + 1, close));
    at = close + 1;
  }
  if (text.charAt(at) !== ')') return null;
  return { text: text.slice(start, at + 1), end: at + 1, className, name, index, transforms };
}

function closing(text: string, at: number, open: string, close: string): number {
  let depth = 0;
  for (let i = at; i < text.length; i++) {
    if (text.charAt(i) === open) depth++;
    else if (text.charAt(i) === close && --depth === 0) return i;
  }
  return -1;
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
