import { type CommandDef, command, ROUTE, Run, type Server } from '../../core/index.ts';
import { CORE_PVS } from '../../core/pv/core-pvs.ts';
import type { PvDef } from '../../core/pv/spec.ts';
import { CORE_COMMANDS } from '../../core/script/core-commands.ts';
import { isMyself, KEYWORDS, wordValue } from '../../core/script/operands.ts';
import { compilePosix, PosixCache } from '../../core/script/posix-cache.ts';
import { compileSubst } from '../../core/script/subst.ts';
import { type CompiledProgram, type CompileHost, compileProgram } from '../../routing-lang/compile.ts';
import { type Diagnostic, parseScript } from '../../routing-lang/index.ts';
import type { BoundCommand, SymbolTable } from '../../routing-lang/symbols.ts';
import { MemoryLog } from './fake-run.ts';
import { testMsg } from './pv-eval.ts';

type Commands = Readonly<Record<string, CommandDef<never> | readonly CommandDef<never>[]>>;

/** `$var(x)` alone, so that the language's tests need no module; without a slot it is a variable like any other. */
function variable(hasSlot: boolean): PvDef<never> {
  return {
    doc: 'Script variable.',
    name: 'required',
    writable: true,
    bind(use) {
      const index = use.varSlot(use.name ?? '');
      return {
        get: (run) => run.vars?.[index] ?? 0,
        set: (run, value) => {
          run.slots()[index] = value ?? 0;
        },
        ...(hasSlot ? { slot: { index, initial: 0, ofNull: 0 } } : {}),
      };
    },
  };
}

const URI_USER: PvDef<never> = {
  doc: 'User of the Request-URI.',
  name: 'none',
  bind: () => ({ get: (run) => run.msg.ruri?.user ?? null }),
};

const REQUEST = `OPTIONS sip:bob@192.0.2.7 SIP/2.0
Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1
From: <sip:alice@example.org>;tag=1
To: <sip:bob@example.com>
Call-ID: c1
CSeq: 1 OPTIONS
Content-Length: 0

`;

/**
 * Compiles scripts without a server: the core's commands, `$var`, `$rU` and commands of the test's own. `print("…")` keeps
 * its text in `printed`; `later(n)` answers n after a turn of the event loop, `now(n)` at once.
 */
export class ScriptBench {
  readonly log = new MemoryLog();
  readonly printed: string[] = [];
  diagnostics: readonly Diagnostic[] = [];
  program: CompiledProgram | null = null;
  limits = { loops: 100, depth: 256 };
  readonly #commands: Commands;
  readonly #variable: PvDef<never>;

  constructor(commands: Commands = {}, { slots = true } = {}) {
    this.#variable = variable(slots);
    this.#commands = { ...CORE_COMMANDS, ...this.#own(), ...commands };
  }

  /** The messages of a check, `line:column severity code`. */
  check(text: string, strict = false): string[] {
    this.compile(text, strict);
    return this.diagnostics.map((d) => `${d.line}:${d.column} ${d.severity} ${d.code}`);
  }

  compile(text: string, strict = false, debug = false): CompiledProgram | null {
    const parsed = parseScript('test.cfg', { readFile: () => null, strict }, text);
    this.program = compileProgram(parsed, this.symbols(), this.host(), { id: 1, debug });
    this.diagnostics = parsed.diagnostics.sorted();
    return this.program;
  }

  /** Runs the request route of a script that must be good; returns its bits and the run. */
  start(text: string): { readonly result: number | Promise<number>; readonly run: Run } {
    const program = this.compile(text);
    const route = program?.request;
    if (program === null || route === null || route === undefined)
      throw new Error(
        this.diagnostics.map((d) => `${d.line}:${d.column} ${d.message}`).join('\n') || 'no request route',
      );
    this.printed.length = 0;
    const server = { log: this.log, program } as unknown as Server;
    const run = new Run(server, program, testMsg(REQUEST), ROUTE.REQUEST);
    return { result: route(run), run };
  }

  /** What a script prints, joined by spaces. */
  async prints(text: string): Promise<string> {
    await this.start(text).result;
    return this.printed.join(' ');
  }

  host(): CompileHost {
    const match = new PosixCache({ ignoreCase: true });
    return {
      regex: (source, kind) => compilePosix(source, { ignoreCase: kind !== 'case', newline: kind === 'argument' }),
      dynamicRegex: (source) => match.get(source),
      subst: compileSubst,
      maxWhileLoops: () => this.limits.loops,
      maxRecursiveLevel: () => this.limits.depth,
    };
  }

  symbols(): SymbolTable {
    const pvs: Readonly<Record<string, PvDef<never>>> = { ...CORE_PVS, var: this.#variable, rU: URI_USER };
    const bound = (name: string): BoundCommand[] => {
      const entry = Object.hasOwn(this.#commands, name) ? this.#commands[name] : undefined;
      const module = Object.hasOwn(CORE_COMMANDS, name) ? 'core' : 'test';
      return entry === undefined ? [] : [entry].flat().map((def) => ({ name, module, def, state: null }));
    };
    return {
      commands: bound,
      commandNames: () => Object.keys(this.#commands),
      commandOwner: (name) => (name === 't_relay' ? 'tm' : null),
      newerCommandOwner: (name) => (name === 't_newer' ? 'tm' : null),
      pv: (name) => {
        const def = Object.hasOwn(pvs, name) ? pvs[name] : undefined;
        return def === undefined ? undefined : { module: 'pv', def, state: undefined };
      },
      pvNames: () => Object.keys(pvs),
      pvOwner: (name) => (name === 'T_branch_idx' ? 'tm' : null),
      newerPvOwner: (name) => (name === 'T_newer' ? 'tm' : null),
      transform: () => undefined,
      transformNames: () => ['len'],
      transformOwner: () => 'pv',
      coreParam: (name) => (['debug', 'return_mode'].includes(name) ? { type: 'int', default: 0, doc: '' } : undefined),
      coreParamNames: () => ['debug'],
      keyword: (name) => KEYWORDS.get(name),
      select: (parts) =>
        parts[0]?.name === 'to' ? (run) => run.msg.to?.uriText ?? null : `there is no select @${parts[0]?.name ?? ''}`,
      word: wordValue,
      isMyself,
      eventRoute: (name) => name === 'core:worker-one-init',
      moduleParam: () => undefined,
    };
  }

  #own(): Commands {
    const print = command({
      doc: 'Keep a text.',
      args: ['fmt'],
      routes: 1023,
      run: (run, _state: null, format) => {
        this.printed.push(format(run));
        return 1;
      },
    });
    return {
      print,
      now: command({
        doc: 'n at once.',
        args: ['int'],
        routes: 1023,
        isAsync: true,
        run: (_run, _state: null, n) => n,
      }),
      plain: command({ doc: 'n, never waiting.', args: ['int'], routes: 1023, run: (_run, _state: null, n) => n }),
      later: command({
        doc: 'n later.',
        args: ['int'],
        routes: 1023,
        isAsync: true,
        run: (_run, _state: null, n) => new Promise<number>((resolve) => setImmediate(resolve, n)),
      }),
      text: command({
        doc: 'Keep a string argument.',
        args: ['str'],
        routes: 1023,
        run: (_run, _state: null, text) => this.printed.push(text),
      }),
      fails: command({
        doc: 'Throws.',
        args: [],
        routes: 1023,
        run: () => {
          throw new Error('boom');
        },
      }),
      rejects: command({
        doc: 'Rejects later.',
        args: [],
        routes: 1023,
        isAsync: true,
        run: () => Promise.reject(new Error('late boom')),
      }),
      reply_only: command({ doc: 'For onreply_route.', args: [], routes: 128 | 4, run: () => 1 }),
      on_failure: command({ doc: 'Names a route.', args: ['failure-route'], routes: 1023, run: () => 1 }),
      set_var: command({
        doc: 'Sets a variable.',
        args: ['pvw', 'value'],
        routes: 1023,
        run: (run, _state: null, pv, value) => (pv.set(run, value) === false ? -1 : 1),
      }),
      two_ways: [
        command({ doc: 'One.', args: ['str'], routes: 1023, run: () => 1 }),
        command({ doc: 'Three.', args: ['str', 'int', 'int?'], routes: 1023, run: () => 3 }),
      ],
      grep: command({
        doc: 'Constant expression.',
        args: ['regex'],
        routes: 1023,
        run: (run, _state: null, regex) => (regex.test(run.msg.buf) ? 1 : -1),
      }),
    };
  }
}
