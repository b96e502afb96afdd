import { compileFunction } from 'node:vm';
import type { PvAccessor } from '../core/pv/spec.ts';
import type { PosixRegex } from '../core/script/posix-regex.ts';
import type { ScriptProgram, ScriptRoute } from '../core/script/program.ts';
import type { Run } from '../core/script/run.ts';
import type { ScriptTracer } from '../core/script/tracer.ts';
import type { Script } from './ast.ts';
import { formatFunction, PvBinder } from './bind-pv.ts';
import type { Bindings, RouteEntry } from './bound.ts';
import { type CheckInput, checkRoutes } from './check.ts';
import { ProgramGen } from './codegen.ts';
import type { ParsedScript } from './index.ts';
import { parsePv } from './pv-parser.ts';
import * as runtime from './runtime.ts';
import { RuntimeHost } from './runtime-host.ts';
import { type GeneratedSource, inlineSourceMap, LineTable, mapStack } from './source-map.ts';
import type { SymbolTable } from './symbols.ts';

/** What the core gives the compiler, since the language imports nothing of it. */
export interface CompileHost {
  /** Compiles a POSIX expression: of `=~` (without regard to case), `case /…/` (with), or an argument (as `=~`, by lines). */
  readonly regex: CheckInput['regex'];
  /** The same for the expressions that scripts compute; expected to remember them. */
  readonly dynamicRegex: (source: string, kind: 'match' | 'argument') => PosixRegex | string;
  readonly subst: CheckInput['subst'];
  /** `max_while_loops`, 0 for no limit, and `max_recursive_level`, read while the script runs. */
  readonly maxWhileLoops: () => number;
  readonly maxRecursiveLevel: () => number;
  /** Its first word is where the script stands, plus 1, for whoever watches its thread; shared memory, or any other. */
  readonly position?: Int32Array;
  /** Told of every step; absent: nothing of it is compiled. */
  readonly tracer?: ScriptTracer;
}

interface CompileOptions {
  /** Number of the program, `ScriptProgram.id`. */
  readonly id: number;
  /** Attach a source map for debuggers; stacks are mapped without one. */
  readonly debug?: boolean;
}

/** A program with what its stacks are mapped by. */
export interface CompiledProgram extends ScriptProgram {
  readonly generated: GeneratedSource;
}

/**
 * Checks the routes of a parsed script against the symbols of the core and its modules, and compiles them. Mistakes go to
 * the script's diagnostics; null when there are errors, of this phase or an earlier one.
 */
export function compileProgram(
  parsed: ParsedScript,
  symbols: SymbolTable,
  host: CompileHost,
  options: CompileOptions,
): CompiledProgram | null {
  try {
    return compileRoutes(parsed, symbols, host, options);
  } catch (error) {
    // Long chains of operators or of else if are as deep in the syntax tree, which is walked by recursion.
    if (!(error instanceof RangeError)) throw error;
    const { source, diagnostics, script } = parsed;
    const at = script.items.find((item) => item.type === 'route')?.span ?? { start: 0, end: 1 };
    const place = source.locate(at.start);
    diagnostics.report('too-deep', place, place, 'somewhere a chain of operators, or of else if, is too long', {
      hint: 'cut it into several statements; a long else if may be a switch',
    });
    return null;
  }
}

function compileRoutes(
  parsed: ParsedScript,
  symbols: SymbolTable,
  host: CompileHost,
  options: CompileOptions,
): CompiledProgram | null {
  const { script, source, diagnostics } = parsed;
  const bindings = checkRoutes({ script, source, symbols, diagnostics, regex: host.regex, subst: host.subst });
  if (diagnostics.hasErrors) return null;
  const keepsCodes = lastValue(script, 'return_mode') === 1;
  const gen = new ProgramGen(bindings, symbols, source, { tracer: host.tracer ?? null, keepsCodes });
  const lines = gen.generate();
  const table = new LineTable(lines, PRELUDE_LINES, (offset) => source.locate(offset));
  const name = `${parsed.file}.js`;
  const code = [
    `const { ${Object.keys(HELPERS).join(', ')}, callRoute, enter, matches, argumentRegex, maxLoops, tooManyLoops, divisionByZero, assignFailed } = H;`,
    `const [${gen.constants.map((_, i) => `k${i}`).join(', ')}] = K;`,
    ...lines.map((line) => line.text),
    `return [${bindings.routes.map((route) => `(run) => ${gen.routeCall(route)}`).join(', ')}];`,
    ...(options.debug === true ? [inlineSourceMap(name, table, (file) => fileText(parsed, file))] : []),
  ].join('\n');
  const routes = new Map<string, ScriptRoute>();
  const runtimeHost = new RuntimeHost(host, routes);
  const make = compileFunction(code, ['H', 'K', 'at'], { filename: name }) as (
    helpers: object,
    constants: readonly unknown[],
    at: Int32Array,
  ) => ScriptRoute[];
  const position = host.position ?? new Int32Array(1);
  const titles = new Map(bindings.routes.map((route) => [gen.functionName(route), route.title]));
  const fail = (error: unknown): never => {
    if (error instanceof Error && error.stack !== undefined) error.stack = mapStack(error.stack, name, table, titles);
    throw error;
  };
  const functions = make({ ...HELPERS, ...runtimeHost.helpers() }, gen.constants, position).map((route) =>
    guarded(route, fail),
  );
  return assemble(bindings, functions, routes, gen, table, code, options, symbols, source.defines);
}

/** What a route throws, now or after it waited, gets a stack that names the script's lines. */
function guarded(route: ScriptRoute, fail: (error: unknown) => never): ScriptRoute {
  return (run) => {
    try {
      const result = route(run);
      return typeof result === 'number' ? result : result.catch(fail);
    } catch (error) {
      return fail(error);
    }
  };
}

/** Lines of generated code before the routes. */
const PRELUDE_LINES = 2;

const { textToInt, toInt, toStr, toText, add, equals, equalsText, equalsInt, flat, suspend } = runtime;
const HELPERS = { textToInt, toInt, toStr, toText, add, equals, equalsText, equalsInt, flat, suspend };

function fileText(parsed: ParsedScript, file: string): string {
  const lines: string[] = [];
  for (let line = 1; ; line++) {
    const text = parsed.source.lineText(file, line);
    if (text === null) break;
    lines.push(text);
  }
  return lines.join('\n');
}

function assemble(
  bindings: Bindings,
  functions: readonly ScriptRoute[],
  routes: Map<string, ScriptRoute>,
  gen: ProgramGen,
  table: LineTable,
  code: string,
  options: CompileOptions,
  symbols: SymbolTable,
  defines: ReadonlyMap<string, string | null>,
): CompiledProgram {
  const named = (kind: RouteEntry['kind'], into = new Map<string, ScriptRoute>()): Map<string, ScriptRoute> => {
    for (const route of bindings.routes) {
      const fn = functions[route.index];
      if (route.kind === kind && route.name !== null && fn !== undefined) into.set(route.name, fn);
    }
    return into;
  };
  const single = (kind: RouteEntry['kind']): ScriptRoute | null => {
    const route = bindings.routes.find((r) => r.kind === kind);
    return route === undefined ? null : (functions[route.index] ?? null);
  };
  return {
    id: options.id,
    request: single('request'),
    reply: single('reply'),
    routes: named('route', routes),
    onreply: named('onreply'),
    failure: named('failure'),
    branch: named('branch'),
    onsend: single('onsend'),
    event: named('event'),
    varSlots: bindings.varSlots,
    positions: gen.positions,
    compileFormat: (text) => compileFormat(text, symbols, defines, bindings.varSlots),
    compilePv: (text) => compilePv(text, symbols, defines, bindings.varSlots),
    generated: { code, table },
    ...(gen.tracer === null ? {} : { variables: plainVariables(gen.constants) }),
  };
}

/** Accessors of variables without a name among the constants of the code. */
function plainVariables(constants: readonly unknown[]): PvAccessor[] {
  const found = new Map<string, PvAccessor>();
  for (const value of constants) {
    if (typeof value !== 'object' || value === null || !('text' in value) || !('get' in value)) continue;
    const accessor = value as PvAccessor;
    if (/^\$\w+$/.test(accessor.text)) found.set(accessor.text, accessor);
  }
  return [...found.values()];
}

/** A variable bound while the program runs. */
function compilePv(
  text: string,
  symbols: SymbolTable,
  defines: ReadonlyMap<string, string | null>,
  slots: Map<string, number>,
): PvAccessor {
  const parsed = parsePv(text);
  if (parsed.error !== null || parsed.end !== text.length)
    throw new Error(parsed.error?.message ?? `"${text}" is no variable`);
  const problems: string[] = [];
  const bound = new PvBinder(symbols, defines, slots).bind(parsed.pv, (_offset, message) => problems.push(message));
  if (bound === null) throw new Error(problems.join('; '));
  return bound.whole;
}

/** A format bound while the program runs: variables it names first get new slots. */
function compileFormat(
  text: string,
  symbols: SymbolTable,
  defines: ReadonlyMap<string, string | null>,
  slots: Map<string, number>,
): (run: Run) => string {
  const problems: string[] = [];
  const format = new PvBinder(symbols, defines, slots).format(text, (_offset, message) => problems.push(message));
  if (format === null) throw new Error(problems.join('; '));
  return formatFunction(format);
}

/** What a script sets a core parameter to at last. */
function lastValue({ items }: Script, name: string): string | number | undefined {
  const param = items.findLast((item) => item.type === 'coreParam' && item.name === name);
  return param?.type === 'coreParam' ? param.values[0]?.value : undefined;
}
