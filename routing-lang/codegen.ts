import type { ScriptPosition } from '../core/script/program.ts';
import type { ScriptTracer, TraceAction } from '../core/script/tracer.ts';
import type { Bindings, RouteEntry } from './bound.ts';
import { RouteGen } from './codegen-route.ts';
import { effectsIn } from './effects.ts';
import type { Line } from './emitter.ts';
import type { Preprocessed } from './preprocessor.ts';
import type { SymbolTable } from './symbols.ts';

/**
 * From bound routes to JavaScript.
 *
 * Each route becomes one function `(run) => bits`: plain statements over constants that were bound before (commands,
 * accessors, expressions), no closures made while it runs, `exit` and `drop` as returned bits. A route that can reach no
 * command that may wait, itself or through `route()`, is just that.
 *
 * In the others a call that answers with a promise leaves the function at once with `suspend(…)`, which returns a promise
 * that enters the same function again when the result is there: at the resume point behind the call, with the
 * temporaries it had. So there is one copy of the code, and a run that need not wait costs a comparison a route and a
 * `typeof` a call: no promise, no generator, no state kept. Measured with commands that answer at once: seven calls in two
 * routes 24 ns, six calls in a generator 39 ns, six awaits in an async function 345 ns (test/bench/script.bench.ts).
 */
export class ProgramGen {
  readonly bindings: Bindings;
  readonly symbols: SymbolTable;
  /** Null: steps are not told. */
  readonly tracer: ScriptTracer | null;
  /** `return_mode=1`: a call in an expression gives the code it returned, else 1 or 0. */
  readonly keepsCodes: boolean;
  readonly positions: ScriptPosition[] = [];
  /** Values the code refers to: `k0`, `k1`, … */
  readonly constants: unknown[] = [];
  readonly #source: Preprocessed;
  readonly #constantNames = new Map<unknown, string>();
  readonly #positionIndex = new Map<string, number>();
  readonly #async: ReadonlySet<number>;
  readonly #recursive: ReadonlySet<number>;

  constructor(
    bindings: Bindings,
    symbols: SymbolTable,
    source: Preprocessed,
    settings: { readonly tracer: ScriptTracer | null; readonly keepsCodes: boolean },
  ) {
    const { tracer, keepsCodes } = settings;
    this.bindings = bindings;
    this.symbols = symbols;
    this.tracer = tracer;
    this.keepsCodes = keepsCodes;
    this.#source = source;
    const graph = bindings.routes.map((route) => callsOf(bindings, route));
    // A traced route may be held back at any step.
    this.#async = tracer === null ? asyncRoutes(graph) : new Set(graph.keys());
    this.#recursive = recursiveRoutes(graph);
  }

  /** The functions of all routes, as lines. */
  generate(): readonly Line[] {
    return this.bindings.routes.flatMap((route) => new RouteGen(this, route).generate());
  }

  constant(value: unknown): string {
    const known = this.#constantNames.get(value);
    if (known !== undefined) return known;
    const name = `k${this.constants.length}`;
    this.constants.push(value);
    this.#constantNames.set(value, name);
    return name;
  }

  /** Index of the place in the program's positions; one a line of each route. */
  position(offset: number, title: string): number {
    const { file, line, column } = this.#source.locate(offset);
    const key = `${file}\n${line}\n${title}`;
    const known = this.#positionIndex.get(key);
    if (known !== undefined) return known;
    const index = this.positions.length;
    this.positions.push({ file, line, column, route: title });
    this.#positionIndex.set(key, index);
    return index;
  }

  /** The step as the tracer is told of it. */
  action(offset: number, route: string, what: Pick<TraceAction, 'kind' | 'name' | 'module' | 'argCount'>): string {
    const { file, line } = this.#source.locate(offset);
    return this.constant({ ...what, file, line, route } satisfies TraceAction);
  }

  functionName(route: RouteEntry): string {
    return `${route.kind}_${(route.name ?? '').replace(/\W/g, '_')}$${route.index}`;
  }

  routeCall(route: RouteEntry): string {
    return this.isAsync(route) ? `${this.functionName(route)}(run, 0, 0, null)` : `${this.functionName(route)}(run)`;
  }

  isAsync(route: RouteEntry): boolean {
    return this.#async.has(route.index);
  }

  get isAnyAsync(): boolean {
    return this.bindings.routes.some((route) => route.kind === 'route' && this.isAsync(route));
  }

  /** True for a route that can come back to itself: its depth is watched. */
  isRecursive(route: RouteEntry): boolean {
    return this.#recursive.has(route.index);
  }
}

/** What a route calls. */
interface Calls {
  readonly routes: ReadonlySet<number>;
  /** By a computed name: any `route[…]`. */
  readonly isDynamic: boolean;
  readonly isAsync: boolean;
  readonly isTarget: boolean;
}

function callsOf(bindings: Bindings, route: RouteEntry): Calls {
  const routes = new Set<number>();
  let isDynamic = false;
  let isAsync = false;
  for (const effect of effectsIn(route.blocks.flatMap((block) => block.body))) {
    const bound = effect.type === 'call' ? bindings.calls.get(effect) : undefined;
    if (bound?.kind === 'route') routes.add(bound.route.index);
    else if (bound?.kind === 'dynamicRoute') isDynamic = true;
    else if (bound?.kind === 'command' && bound.command.def.isAsync === true) isAsync = true;
  }
  return { routes, isDynamic, isAsync, isTarget: route.kind === 'route' };
}

function reaches(calls: Calls, graph: readonly Calls[], test: (index: number) => boolean): boolean {
  for (const index of calls.routes) if (test(index)) return true;
  return calls.isDynamic && graph.some((other, index) => other.isTarget && test(index));
}

function asyncRoutes(graph: readonly Calls[]): Set<number> {
  const found = new Set<number>();
  for (const [index, calls] of graph.entries()) if (calls.isAsync) found.add(index);
  for (let size = -1; size !== found.size; ) {
    size = found.size;
    for (const [index, calls] of graph.entries()) {
      if (!found.has(index) && reaches(calls, graph, (i) => found.has(i))) found.add(index);
    }
  }
  return found;
}

/** Routes on a cycle, by repeatedly taking away those that call none of the rest. */
function recursiveRoutes(graph: readonly Calls[]): Set<number> {
  const left = new Set(graph.keys());
  for (let size = -1; size !== left.size; ) {
    size = left.size;
    for (const index of left) {
      const calls = graph[index];
      if (calls !== undefined && !reaches(calls, graph, (i) => left.has(i))) left.delete(index);
    }
  }
  return left;
}
