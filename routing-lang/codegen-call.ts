import type { TraceAction } from '../core/script/tracer.ts';
import type { CallExpr, Expr } from './ast.ts';
import type { BoundArg, BoundCall, BoundFormat } from './bound.ts';
import { ExprGen, literalInt } from './codegen-expr.ts';

/** Generates calls: of commands, of routes, and `selval`. What a call returns decides whether the run goes on. */
export abstract class CallGen extends ExprGen {
  protected selval(expr: CallExpr): string {
    const [test, yes, no] = expr.args;
    if (test === undefined || yes === undefined || no === undefined) return 'null';
    const first = this.cond(test);
    if (!this.hasStatements(yes) && !this.hasStatements(no))
      return `(${first} ? ${this.operand(yes)} : ${this.operand(no)})`;
    const condition = this.keep(first);
    const result = this.temp();
    const [then, otherwise] = this.collectEither(
      () => this.line(`${result} = ${this.operand(yes)};`),
      () => this.line(`${result} = ${this.operand(no)};`),
    );
    this.nodes.push({ kind: 'if', test: condition, yes: then, no: otherwise, at: this.at });
    return result;
  }

  /** `isStatement`: the code is what the statement is for; core functions then leave `$rc` alone, else it is 0 (Kamailio). */
  protected code(expr: CallExpr, isStatement = false): string {
    const bound = this.program.bindings.calls.get(expr);
    if (bound !== undefined) this.#call(expr, bound, isStatement);
    this.vars.forget();
    return 'r';
  }

  #call(expr: CallExpr, bound: BoundCall, isStatement: boolean): void {
    switch (bound.kind) {
      case 'command': {
        const { command } = bound;
        this.step(expr.span.start, 'command', command.name, command.module, bound.args.length);
        const args = this.#args(bound.args);
        this.position(expr);
        const run = this.program.constant(command.def.run);
        this.line(`r = ${run}(${['run', this.program.constant(command.state), ...args].join(', ')});`);
        if (command.def.isAsync === true) this.suspendPoint();
        this.line('if (r === 0) { run.rc = 0; return 1; }');
        if (command.module !== 'core') this.line('run.rc = r;');
        else if (!isStatement) this.line('run.rc = 0;');
        return;
      }
      case 'route':
        this.step(expr.span.start, 'route');
        this.position(expr);
        this.#routeCall(
          this.program.routeCall(bound.route),
          this.program.isAsync(bound.route),
          this.program.isRecursive(bound.route),
        );
        return;
      case 'dynamicRoute': {
        this.step(expr.span.start, 'route');
        const [name = '""'] = this.#args([bound.name]);
        this.position(expr);
        this.#routeCall(`callRoute(run, ${name})`, this.program.isAnyAsync, true);
        return;
      }
      case 'selval':
      case 'bad':
        this.line('r = -1;');
    }
  }

  #routeCall(call: string, isAsync: boolean, isGuarded: boolean): void {
    const body = this.collect(() => {
      this.line(`r = ${call};`);
      if (isAsync) this.suspendPoint();
      if (isGuarded) this.line('run.depth--;');
      this.line(this.isCondition ? 'if (r > 0) { run.rc = 0; return r; }' : 'if (r > 0) return r;');
      this.line('if (r === 0) r = run.rc;');
    });
    if (!isGuarded) this.nodes.push(...body);
    else {
      const otherwise = this.collect(() => this.line('r = run.rc = -1;'));
      this.nodes.push({ kind: 'if', test: 'enter(run)', yes: body, no: otherwise, at: this.at });
    }
  }

  /** What came back may be a promise: leave, and go on here once it is settled. */
  protected suspendPoint(): void {
    const point = ++this.points;
    this.line(`if (typeof r !== 'number') return suspend(run, r, ${this.selfName}, ${point}, @saved);`);
    this.nodes.push({ kind: 'point', point });
  }

  /** Where steps are traced: tells of the next one, which may hold the run back. */
  protected step(offset: number, kind: TraceAction['kind'], name: string = kind, module = '', argCount = 0): void {
    const { tracer } = this.program;
    if (tracer === null) return;
    const action = this.program.action(offset, this.title, { kind, name, module, argCount });
    const trace = this.program.constant(tracer);
    const point = ++this.points;
    this.line(
      `if (${trace}.isOn) { r = ${trace}.step(run, ${action}); if (typeof r !== 'number') return suspend(run, r, ${this.selfName}, ${point}, @saved); }`,
    );
    this.nodes.push({ kind: 'point', point });
  }

  /** Name of the function being generated. */
  protected selfName = '';

  /** True inside the condition of `if`: a run that ends there ends with 0, whatever `exit` says (Kamailio). */
  protected isCondition = false;

  protected position(expr: Expr): void {
    const index = this.program.position(expr.span.start, this.title);
    this.line(`run.position = ${index}; at[0] = ${index + 1};`);
  }

  protected title = '';

  #args(args: readonly BoundArg[]): string[] {
    const texts: string[] = [];
    for (const [i, arg] of args.entries()) {
      const text = this.#arg(arg);
      const isLater = args.slice(i + 1).some((a) => a.kind === 'expr' && this.hasStatements(a.expr));
      texts.push(isLater && arg.kind !== 'const' ? this.keep(text) : text);
    }
    return texts;
  }

  #arg(arg: BoundArg): string {
    switch (arg.kind) {
      case 'const': {
        const { value } = arg;
        if (typeof value === 'number') return literalInt(value);
        return typeof value === 'string' ? JSON.stringify(value) : this.program.constant(value);
      }
      case 'expr':
        if (arg.as === 'int') return this.int(arg.expr);
        if (arg.as === 'value') return this.operand(arg.expr);
        return arg.expr.type === 'pv' ? `toText(${this.value(arg.expr)})` : this.str(arg.expr);
      case 'format':
        if (arg.as === 'int') return `textToInt(${this.format(arg.format)})`;
        if (arg.as === 'str') return this.format(arg.format);
        return this.#regexArg(arg.format);
    }
  }

  #regexArg(format: BoundFormat): string {
    const regex = this.keep(`argumentRegex(run, ${this.format(format)})`);
    this.line(`if (${regex} === null) ${this.fail()}`);
    return regex;
  }
}
