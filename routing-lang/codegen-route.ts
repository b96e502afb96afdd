import type { VarSlot } from '../core/pv/spec.ts';
import type { Expr, Statement } from './ast.ts';
import type { RouteEntry } from './bound.ts';
import type { ProgramGen } from './codegen.ts';
import { CallGen } from './codegen-call.ts';
import { type Known, meet } from './codegen-vars.ts';
import { type Effect, effectsIn, effectsOf } from './effects.ts';
import { type Line, type Node, Printer } from './emitter.ts';
import { constantValue } from './fold.ts';

/**
 * Generates the function of one route. `q` is the code of the statement run last, which a route that ends without
 * `return` passes on; only statements that can be last (`isTail`) set it. `break` outside of a loop or switch ends the
 * route with 0, without ending the run.
 */
export class RouteGen extends CallGen {
  readonly #route: RouteEntry;
  readonly #isAsync: boolean;
  /** Labels of the loops and switches around, innermost last. */
  readonly #breaks: Breakable[] = [];
  #labels = 0;

  constructor(program: ProgramGen, route: RouteEntry) {
    super(program);
    this.#route = route;
    this.#isAsync = program.isAsync(route);
    this.selfName = program.functionName(route);
    this.title = route.title;
  }

  generate(): readonly Line[] {
    const nodes = this.collect(() => {
      const body = this.#route.blocks.flatMap((block) => block.body);
      this.#list(body, true);
      this.at = -1;
      this.line('run.rc = q;');
      this.line('return 0;');
    });
    const printer = new Printer();
    const name = this.selfName;
    printer.line(this.#isAsync ? `function ${name}(run, pc, r, saved) {` : `function ${name}(run) {`);
    const { vars } = this;
    const locals = [...vars.locals].map((slot) => `v${slot}`);
    printer.line(`let ${[...(this.#isAsync ? [] : ['r = 0']), 'q = 1', ...this.temps, ...locals].join(', ')};`);
    if (vars.isUsed) printer.line('const v = run.slots();');
    if (this.#isAsync && this.points > 0) {
      const restore = ['q', ...this.temps].map((temp, i) => `${temp} = saved[${i}];`).join(' ');
      printer.line(`if (pc !== 0) { ${restore} }`);
    }
    printer.list(nodes);
    printer.line('}');
    const saved = `[${['q', ...this.temps].join(', ')}]`;
    return printer.lines.map((l) => (l.text.includes('@saved') ? { ...l, text: l.text.replace('@saved', saved) } : l));
  }

  #label(prefix: string): string {
    return `${prefix}${++this.#labels}`;
  }

  #list(body: readonly Statement[], isTail: boolean): void {
    const last = body.length - 1;
    for (const [i, statement] of body.entries()) {
      this.at = statement.span.start;
      this.#trace(statement);
      this.#statement(statement, isTail && i === last);
    }
  }

  /** Calls tell of themselves. */
  #trace({ type, span }: Statement): void {
    if (type !== 'expr' && type !== 'empty') this.step(span.start, type);
  }

  #statement(statement: Statement, isTail: boolean): void {
    switch (statement.type) {
      case 'if':
        this.#if(statement, isTail);
        return;
      case 'while':
        this.#while(statement, isTail);
        return;
      case 'switch':
        this.#switch(statement, isTail);
        return;
      case 'assign':
        this.#assign(statement, isTail);
        return;
      case 'expr':
        this.#expression(statement.expr, isTail);
        return;
      case 'return':
      case 'exit':
      case 'drop':
        this.#leave(statement);
        return;
      case 'break':
        this.#break();
        return;
      case 'continue':
        this.#continue();
        return;
      case 'empty':
        if (isTail) this.line('q = 1;');
    }
  }

  /**
   * Generates something that evaluates an expression; where that can fail, inside a block that the failure leaves. Returns
   * the test that was generated, in a temporary (false where it failed) when need be.
   */
  #guarded(test: () => string): string {
    let text = '';
    const { label, nodes, ways } = this.#failable(() => {
      text = test();
    });
    if (ways.length === 0) {
      this.nodes.push(...nodes);
      return text;
    }
    const result = this.keep('false');
    nodes.push({ kind: 'line', text: `${result} = ${text};`, at: this.at });
    this.nodes.push({ kind: 'block', label, body: nodes });
    return result;
  }

  /** What is generated may leave a block of that label: `ways` are not empty then. */
  #failable(generate: () => void): { readonly label: string; readonly nodes: Node[]; readonly ways: readonly Known[] } {
    const outer = [this.failLabel, this.failWays] as const;
    const label = this.#label('F');
    const ways: Known[] = [];
    this.failLabel = label;
    this.failWays = ways;
    const nodes = this.collect(generate);
    [this.failLabel, this.failWays] = outer;
    this.vars.known = ways.reduce(meet, this.vars.known);
    return { label, nodes, ways };
  }

  #if(statement: Extract<Statement, { type: 'if' }>, isTail: boolean): void {
    const at = this.at;
    this.isCondition = true;
    const test = this.#guarded(() => this.cond(statement.test));
    this.isCondition = false;
    if (isTail) this.line('q = 1;');
    const [then, otherwise] = this.collectEither(
      () => this.#list(statement.then, isTail),
      () => this.#list(statement.otherwise ?? [], isTail),
    );
    this.nodes.push({ kind: 'if', test, yes: then, no: otherwise, at });
  }

  #while(statement: Extract<Statement, { type: 'while' }>, isTail: boolean): void {
    const label = this.#label('L');
    const count = this.keep('maxLoops()');
    if (isTail) this.line('q = 1;');
    this.#enterLoop([...effectsOf(statement.test), ...effectsIn(statement.body)]);
    const behind = this.vars.fork();
    const body = this.collect(() => {
      const test = this.#guarded(() => this.bool(statement.test));
      this.line(`if (!(${test})) break ${label};`);
      this.line(
        `if (--${count} < 0) { tooManyLoops(run, ${this.program.position(statement.span.start, this.title)}); break ${label}; }`,
      );
      this.#breaks.push({ label, isLoop: true, isTail, ways: [] });
      this.#list(statement.body, isTail);
      this.#breaks.pop();
    });
    this.vars.known = behind;
    this.nodes.push({ kind: 'loop', label, body });
  }

  /** What is known of variables in front of a loop holds in every round, and behind it, where the loop calls nothing. */
  #enterLoop(effects: readonly Effect[]): void {
    const assigned: { readonly slot: VarSlot; readonly value: Expr }[] = [];
    for (const effect of effects) {
      if (effect.type === 'call') {
        if (!this.isSelval(effect)) return this.vars.forget();
        continue;
      }
      const slot = this.program.bindings.pvs.get(effect.target)?.base.slot;
      if (slot === undefined) return this.vars.forget();
      assigned.push({ slot, value: effect.value });
    }
    this.vars.enterLoop(assigned, (value) => this.sureType(value));
  }

  /** Finds the index of the label that matches, then runs the bodies from there on until a `break`. */
  #switch(statement: Extract<Statement, { type: 'switch' }>, isTail: boolean): void {
    const { cases } = statement;
    const label = this.#label('S');
    const index = this.#guardedIndex(statement);
    if (isTail) this.line('q = 1;');
    const ways: Known[] = [];
    const body = this.collect(() => {
      this.#breaks.push({ label, isLoop: false, isTail, ways });
      for (const [i, { body: statements }] of cases.entries()) {
        if (statements.length === 0) continue;
        this.at = statements[0]?.span.start ?? this.at;
        const { at } = this;
        // Any body may be the last to run: the following ones may end at once or be empty.
        const then = this.collectOptional(() => this.#list(statements, isTail));
        this.nodes.push({ kind: 'if', test: `${index} <= ${i}`, yes: then, no: null, at });
      }
      this.#breaks.pop();
    });
    this.vars.known = ways.reduce(meet, this.vars.known);
    this.nodes.push({ kind: 'block', label, body });
  }

  #guardedIndex(statement: Extract<Statement, { type: 'switch' }>): string {
    const { cases, subject } = statement;
    const otherwise = cases.findIndex((c) => c.label === null);
    const none = otherwise < 0 ? cases.length : otherwise;
    const index = this.keep(String(none));
    const isInt = cases.some((c) => c.label !== null && c.label.type !== 'regex' && this.type(c.label) === 'int');
    const { label, nodes, ways } = this.#failable(() => {
      const value = this.keep(isInt ? this.int(subject) : this.str(subject));
      const tests = cases.flatMap((c, i) =>
        c.label === null ? [] : [`${this.#caseTest(c.label, value, isInt)} ? ${i} : `],
      );
      this.line(`${index} = ${tests.join('')}${none};`);
    });
    if (ways.length > 0) this.nodes.push({ kind: 'block', label, body: nodes });
    else this.nodes.push(...nodes);
    return index;
  }

  #caseTest(label: Expr, value: string, isInt: boolean): string {
    if (label.type === 'regex') {
      const regex = this.program.bindings.regexes.get(label);
      return `${this.program.constant(regex?.native ?? regex)}.test(${value})`;
    }
    const constant = constantValue(label);
    return `${value} === ${isInt ? String(Number(constant)) : JSON.stringify(String(constant))}`;
  }

  #assign(statement: Extract<Statement, { type: 'assign' }>, isTail: boolean): void {
    const { target, value } = statement;
    if (isTail) this.line('q = -1;');
    this.#guarded(() => {
      const call = this.assignment(target, value);
      if (call === null) {
        if (isTail) this.line('q = 1;');
        return 'true';
      }
      const accessor = this.program.constant(this.program.bindings.pvs.get(target)?.base);
      this.line(
        `if (${call} === false) assignFailed(run, ${this.program.position(statement.span.start, this.title)}, ${accessor});`,
      );
      if (isTail) this.line('else q = 1;');
      return 'true';
    });
  }

  #expression(expr: Expr, isTail: boolean): void {
    if (isTail) this.line('q = -1;');
    this.#guarded(() => {
      if (expr.type === 'call' && !this.isSelval(expr)) {
        const code = this.code(expr, true);
        if (isTail) this.line(`q = ${code};`);
      } else {
        const text = this.value(expr);
        if (isTail) this.line(`q = toInt(${text});`);
        else if (this.hasStatements(expr)) this.line(`${text};`);
      }
      return 'true';
    });
  }

  #leave(statement: Extract<Statement, { type: 'return' | 'exit' | 'drop' }>): void {
    const { type, value } = statement;
    const constant = value === null ? (type === 'drop' ? 0 : 1) : constantValue(value);
    if (typeof constant === 'number') {
      this.line(`run.rc = ${constant}; return ${leaveBits(type, constant === 0)};`);
      this.vars.leave();
      return;
    }
    if (value === null) return;
    this.line('q = -1;');
    this.#guarded(() => {
      this.line(`q = ${this.int(value)};`);
      return 'true';
    });
    this.line(`run.rc = q; return ${type === 'return' ? 'q === 0 ? 1 : 0' : leaveBits(type, false)};`);
    this.vars.leave();
  }

  #break(): void {
    const around = this.#breaks.at(-1);
    around?.ways.push(this.vars.fork());
    this.vars.leave();
    if (around === undefined) {
      this.line('run.rc = 0; return 0;');
      return;
    }
    if (around.isTail) this.line('q = 0;');
    this.line(`break ${around.label};`);
  }

  #continue(): void {
    const loop = this.#breaks.findLast((b) => b.isLoop);
    this.vars.leave();
    this.line(loop === undefined ? 'run.rc = 0; return 0;' : `continue ${loop.label};`);
  }
}

/** A loop or a switch. */
interface Breakable {
  readonly label: string;
  readonly isLoop: boolean;
  readonly isTail: boolean;
  /** What is known at each `break`. */
  readonly ways: Known[];
}

/** RUN_* bits of a statement that ends the route; `return 0` ends the run as `exit` does. */
function leaveBits(type: 'return' | 'exit' | 'drop', isZero: boolean): number {
  if (type === 'return') return isZero ? 1 : 0;
  return type === 'drop' ? 3 : 1;
}
