import type { CallExpr, Expr } from './ast.ts';
import type { BoundUse, StaticType } from './bound.ts';
import type { ProgramGen } from './codegen.ts';
import { type Known, meet, RouteVars } from './codegen-vars.ts';
import type { Node } from './emitter.ts';
import { constantValue, isInt } from './fold.ts';

/** What generating anything rests on: the statements of a route, its temporaries, and what an expression is before it runs. */
export class StatementGen {
  protected readonly program: ProgramGen;
  /** Where statements go. */
  protected nodes: Node[] = [];
  /** Temporaries of the route: declared at its top, saved when it waits. */
  protected readonly temps: string[] = [];
  /** Resume points handed out. */
  protected points = 0;
  /** The block that a failing operation leaves; null outside of an expression. */
  protected failLabel: string | null = null;
  /** What is known of variables at each place that leaves it. */
  protected failWays: Known[] = [];
  /** The statement being generated: where its lines come from. */
  protected at = -1;
  protected readonly vars: RouteVars;
  readonly #effects = new Map<Expr, boolean>();

  constructor(program: ProgramGen) {
    this.program = program;
    this.vars = new RouteVars(program.tracer === null);
  }

  protected line(text: string): void {
    this.nodes.push({ kind: 'line', text, at: this.at });
  }

  protected temp(): string {
    const name = `t${this.temps.length + 1}`;
    this.temps.push(name);
    return name;
  }

  /** Keeps a value in a temporary. */
  protected keep(text: string): string {
    const name = this.temp();
    this.line(`${name} = ${text};`);
    return name;
  }

  /** Runs `generate` with its statements collected apart. */
  protected collect(generate: () => void): Node[] {
    const outer = this.nodes;
    this.nodes = [];
    generate();
    const inner = this.nodes;
    this.nodes = outer;
    return inner;
  }

  /** The same for statements that the route may pass by: what is known behind them holds either way. */
  protected collectOptional(generate: () => void): Node[] {
    const before = this.vars.fork();
    const nodes = this.collect(generate);
    this.vars.known = meet(before, this.vars.known);
    return nodes;
  }

  /** The same for two lists of which one runs. */
  protected collectEither(one: () => void, other: () => void): [Node[], Node[]] {
    const before = this.vars.fork();
    const first = this.collect(one);
    const after = this.vars.known;
    this.vars.known = before;
    const second = this.collect(other);
    this.vars.known = meet(after, this.vars.known);
    return [first, second];
  }

  // ---- what an expression is

  type(expr: Expr): StaticType {
    if (expr.type === 'number') return 'int';
    if (expr.type === 'string') return 'str';
    return this.program.bindings.types.get(expr) ?? 'any';
  }

  /** What the value is sure to be when the script runs, be its type known before to Kamailio or not; else `any`. */
  protected sureType(expr: Expr): StaticType {
    const constant = constantValue(expr);
    if (constant !== undefined) return typeof constant === 'number' ? 'int' : 'str';
    switch (expr.type) {
      case 'pv': {
        const use = this.program.bindings.pvs.get(expr);
        return use === undefined ? 'any' : this.sureTypeOfUse(use);
      }
      case 'binary':
        if (expr.op === '.') return 'str';
        return expr.op === '+' ? this.leftType(expr) : 'int';
      case 'call':
        return this.isSelval(expr) ? 'any' : 'int';
      case 'assignExpr':
        return 'int';
      case 'unary':
        return expr.op === '(str)' ? 'str' : 'int';
      case 'keyword':
      case 'number':
      case 'regex':
      case 'select':
      case 'string':
      case 'word':
      default:
        return 'any';
    }
  }

  protected sureTypeOfUse({ base, transforms }: BoundUse): StaticType {
    return base.slot === undefined || transforms.length > 0 ? 'any' : this.vars.type(base.slot);
  }

  /** Type of the left operand, which decides what `+` and `==` do: as Kamailio knows it, or as it is sure to be. */
  protected leftType(expr: Extract<Expr, { type: 'binary' }>): StaticType {
    const type = this.type(expr.left);
    return type === 'any' ? this.sureType(expr.left) : type;
  }

  /** True where evaluating needs statements of its own: calls, assignments, operations that can fail. */
  hasStatements(expr: Expr): boolean {
    const known = this.#effects.get(expr);
    if (known !== undefined) return known;
    const found = this.#findStatements(expr);
    this.#effects.set(expr, found);
    return found;
  }

  #findStatements(expr: Expr): boolean {
    switch (expr.type) {
      case 'call':
      case 'assignExpr':
        return true;
      case 'unary':
        return this.hasStatements(expr.operand);
      case 'binary':
        return this.canFail(expr) || this.hasStatements(expr.left) || this.hasStatements(expr.right);
      case 'keyword':
      case 'number':
      case 'pv':
      case 'regex':
      case 'select':
      case 'string':
      case 'word':
      default:
        return false;
    }
  }

  /** Division by what may be 0, an expression that is compiled when it is matched. */
  canFail(expr: Extract<Expr, { type: 'binary' }>): boolean {
    if (expr.op === '/' || expr.op === 'mod') return !isInt(expr.right) || expr.right.value === 0;
    return (expr.op === '=~' || expr.op === '!~') && !this.program.bindings.regexes.has(expr.right);
  }

  protected fail(): string {
    this.failWays.push(this.vars.fork());
    return `break ${this.failLabel ?? 'fail'};`;
  }

  isSelval(expr: CallExpr): boolean {
    return this.program.bindings.calls.get(expr)?.kind === 'selval';
  }
}
