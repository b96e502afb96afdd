import type { PvAccessor } from '../core/pv/spec.ts';
import type { PosixRegex } from '../core/script/posix-regex.ts';
import type { ScriptRoute } from '../core/script/program.ts';
import type { Run } from '../core/script/run.ts';
import type { CompileHost } from './compile.ts';
import { NO_SUCH_ROUTE } from './runtime.ts';

/** The helpers of generated code that need the program or the server: routes by name, computed expressions, logs. */
export class RuntimeHost {
  readonly #host: CompileHost;
  readonly #routes: ReadonlyMap<string, ScriptRoute>;

  constructor(host: CompileHost, routes: ReadonlyMap<string, ScriptRoute>) {
    this.#host = host;
    this.#routes = routes;
  }

  /** Plain functions, as the generated code takes them apart. */
  helpers(): object {
    return {
      callRoute: (run: Run, name: string) => this.#callRoute(run, name),
      enter: (run: Run) => this.#enter(run),
      matches: (run: Run, text: string, source: string) => this.#matches(run, text, source),
      argumentRegex: (run: Run, source: string) => this.#regex(run, source, 'argument'),
      maxLoops: () => this.#host.maxWhileLoops() || Number.POSITIVE_INFINITY,
      tooManyLoops: (run: Run, position: number) =>
        this.#error(run, position, `while ended after ${this.#host.maxWhileLoops()} rounds (max_while_loops)`),
      divisionByZero: (run: Run) => this.#error(run, run.position, 'division by zero'),
      assignFailed: (run: Run, position: number, accessor: PvAccessor) =>
        this.#error(run, position, `${accessor.text} can not take this value`),
    };
  }

  #callRoute(run: Run, name: string): number | Promise<number> {
    const route = this.#routes.get(name);
    if (route !== undefined) return route(run);
    this.#error(run, run.position, `there is no route[${name}]`);
    return NO_SUCH_ROUTE;
  }

  #enter(run: Run): boolean {
    if (run.depth >= this.#host.maxRecursiveLevel()) {
      this.#error(
        run,
        run.position,
        `routes call each other more than ${this.#host.maxRecursiveLevel()} deep (max_recursive_level)`,
      );
      return false;
    }
    run.depth++;
    return true;
  }

  /** 1 or 0; -1 when the expression is none. */
  #matches(run: Run, text: string, source: string): number {
    const regex = this.#regex(run, source, 'match');
    return regex === null ? -1 : regex.test(text) ? 1 : 0;
  }

  #regex(run: Run, source: string, kind: 'match' | 'argument'): PosixRegex | null {
    const regex = this.#host.dynamicRegex(source, kind);
    if (typeof regex !== 'string') return regex;
    this.#error(run, run.position, `bad regular expression: ${regex}`);
    return null;
  }

  #error(run: Run, position: number, message: string): void {
    const at = run.program.positions[position];
    const place = at === undefined ? '' : `${at.file}:${at.line}: ${at.route}: `;
    run.server.log.error(`${place}${message}`);
  }
}
