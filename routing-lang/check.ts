import type { PosixRegex } from '../core/script/posix-regex.ts';
import type { Run } from '../core/script/run.ts';
import type { Expr, PvSyntax, RouteBlock, RouteKind, Script, Span, Statement } from './ast.ts';
import type { RouteArgType } from './bind-args.ts';
import { PvBinder, type ReportAt } from './bind-pv.ts';
import { type Bindings, type BoundCall, KIND_BITS, type RouteEntry, routeTitle, type StaticType } from './bound.ts';
import { checkCall } from './check-calls.ts';
import { checkExpr, warnOfEscapes } from './check-expr.ts';
import { declaredFlags } from './check-flags.ts';
import { checkFlow } from './check-flow.ts';
import { checkParams } from './check-params.ts';
import { VariableUses } from './check-vars.ts';
import { type DiagnosticExtra, type Diagnostics, suggest } from './diagnostics.ts';
import type { Preprocessed } from './preprocessor.ts';
import type { SymbolTable } from './symbols.ts';

export interface CheckInput {
  readonly script: Script;
  readonly source: Preprocessed;
  readonly symbols: SymbolTable;
  readonly diagnostics: Diagnostics;
  /** Compiles the expressions of `=~` and `case /…/` (`kind` script), or of command arguments. */
  readonly regex: (source: string, kind: 'match' | 'case' | 'argument') => PosixRegex | string;
  /** Compiles a `/expression/replacement/flags` argument; a string is an error. */
  readonly subst: (source: string, format: (text: string) => (run: Run) => string) => unknown;
}

/** Binds every name of a script's routes to its declaration and reports all mistakes. Parameters are `check-params.ts`'s. */
export function checkRoutes(input: CheckInput): Bindings {
  return new Checker(input).run();
}

/** Arguments that name a route mean blocks of this kind. */
const ROUTE_ARG_KINDS: Readonly<Record<RouteArgType, RouteKind>> = {
  route: 'route',
  'failure-route': 'failure',
  'onreply-route': 'onreply',
  'branch-route': 'branch',
  'event-route': 'event',
};

/** State of one check; the parts of the checker (`check-*.ts`) work on it. */
export class Checker {
  readonly input: CheckInput;
  readonly symbols: SymbolTable;
  readonly pvs: PvBinder;
  readonly bindings: Bindings;
  readonly routes: RouteEntry[] = [];
  /** Routes that something names: by index. */
  readonly used = new Set<number>();
  /** A name that is computed was seen: any route may be called. */
  hasDynamicCalls = false;
  readonly flags: ReadonlyMap<string, number>;
  readonly avpFlags: ReadonlyMap<string, number>;
  /** The block being checked. */
  kind: RouteKind = 'request';
  readonly #variables = new VariableUses();
  /** The expression being checked, for mistakes in what it holds. */
  #at: Span = { start: 0, end: 0 };
  readonly #byName = new Map<string, RouteEntry>();

  constructor(input: CheckInput) {
    this.input = input;
    this.symbols = input.symbols;
    this.pvs = new PvBinder(input.symbols, input.source.defines);
    this.pvs.isMissing = (module) => this.isMissing(module);
    this.pvs.onUse = (pv) => this.#variables.read(pv, this.#at);
    const badFlag = (span: Span, message: string): void => this.report('bad-flag', span, message);
    this.flags = declaredFlags(input.script, ['flags', 'bool'], badFlag);
    this.avpFlags = declaredFlags(input.script, ['avpflags'], badFlag);
    this.bindings = {
      pvs: new Map(),
      selects: new Map(),
      keywords: new Map(),
      keywordTests: new Map(),
      calls: new Map(),
      regexes: new Map(),
      types: new Map(),
      routes: this.routes,
      varSlots: this.pvs.varSlots,
      cutSlots: this.pvs.cutSlots,
    };
  }

  run(): Bindings {
    const blocks = this.input.script.items.filter((item) => item.type === 'route');
    for (const block of blocks) this.#declare(block);
    for (const block of blocks) {
      this.kind = block.kind;
      this.statements(block.body);
    }
    checkFlow(this);
    this.#variables.addInitial(this.input.script);
    this.#variables.warn((...args) => this.report(...args));
    checkParams(this.input.script, this.symbols, (...args) => this.report(...args));
    return this.bindings;
  }

  report(code: string, span: Span, message: string, extra: DiagnosticExtra = {}): void {
    const { source, diagnostics } = this.input;
    diagnostics.report(code, source.locate(span.start), source.locate(span.end), message, extra);
  }

  /** Reports inside a variable or a string literal, at the place in it where its value can be found in the script. */
  reportIn(expr: Expr): ReportAt {
    return (offset, message, extra) => {
      const { text } = this.input.source;
      const { start, end } = expr.span;
      const isVerbatim = expr.type !== 'string' || text.slice(start + 1, end - 1) === expr.value;
      const at = Math.min(isVerbatim ? start + (expr.type === 'string' ? 1 : 0) + offset : start, end - 1);
      this.report(expr.type === 'pv' ? 'bad-variable' : 'bad-format', { start: at, end }, message, extra);
    };
  }

  /** Kamailio keys every kind of route apart; `route[0]` and `onreply_route[0]` are the unnamed ones. */
  route(kind: RouteKind, name: string | null): RouteEntry | undefined {
    return this.#byName.get(routeKey(kind, name));
  }

  routeNames(kind: RouteKind): string[] {
    return this.routes.filter((r) => r.kind === kind && r.name !== null).map((r) => r.name ?? '');
  }

  statements(body: readonly Statement[]): void {
    for (const statement of body) this.#statement(statement);
  }

  /** Checks an expression and returns its type. */
  expr(expr: Expr): StaticType {
    this.#at = expr.span;
    const type = checkExpr(this, expr);
    this.bindings.types.set(expr, type);
    return type;
  }

  call(expr: Extract<Expr, { type: 'call' }>): BoundCall {
    const bound = checkCall(this, expr);
    this.bindings.calls.set(expr, bound);
    return bound;
  }

  // ---- what bind-args asks

  /** The argument being bound. */
  enter(span: Span): void {
    this.#at = span;
  }

  checkExpr(expr: Expr): void {
    this.expr(expr);
  }

  checkRoute(type: RouteArgType, name: string, span: Span): boolean {
    const kind = ROUTE_ARG_KINDS[type];
    const entry = this.route(kind, name);
    if (entry !== undefined) {
      this.used.add(entry.index);
      return true;
    }
    if (type !== 'route' && (name === '0' || name === '')) return true;
    const near = suggest(name, this.routeNames(kind));
    this.report(
      'undefined-route',
      span,
      `there is no ${routeTitle(kind, name)}`,
      near === null ? {} : { hint: `did you mean ${near}?` },
    );
    return false;
  }

  flag(name: string): number | undefined {
    return this.flags.get(name);
  }

  wrote(pv: PvSyntax): void {
    this.#variables.write(pv);
  }

  isAvpFlag(name: string): boolean {
    return this.avpFlags.has(name);
  }

  regex(source: string): PosixRegex | string {
    return this.input.regex(source, 'argument');
  }

  subst(source: string, format: (text: string) => (run: Run) => string): unknown {
    return this.input.subst(source, format);
  }

  // ---- routes and statements

  #declare(block: RouteBlock): void {
    const kind =
      block.kind === 'route' && block.name === '0'
        ? 'request'
        : block.kind === 'onreply' && (block.name === null || block.name === '0')
          ? 'reply'
          : block.kind;
    const name = kind === 'request' || kind === 'reply' || kind === 'onsend' ? null : block.name;
    const key = routeKey(kind, name);
    const known = this.#byName.get(key);
    if (known !== undefined) {
      const place = this.input.source.locate(known.blocks[0]?.nameSpan.start ?? 0);
      this.report(
        'duplicate-route',
        block.nameSpan,
        `${known.title} is there already; both run, one behind the other`,
        {
          severity: 'warning',
          related: [{ message: 'the first one', file: place.file, line: place.line, column: place.column }],
        },
      );
      known.blocks.push(block);
      return;
    }
    const entry: RouteEntry = { index: this.routes.length, kind, name, title: routeTitle(kind, name), blocks: [block] };
    this.routes.push(entry);
    this.#byName.set(key, entry);
    if (kind === 'event' && name !== null && !this.symbols.eventRoute(name)) {
      this.report('unknown-event', block.nameSpan, `no loaded module runs event_route[${name}]`, {
        severity: 'warning',
      });
    }
  }

  #statement(statement: Statement): void {
    switch (statement.type) {
      case 'if':
        this.expr(statement.test);
        this.statements(statement.then);
        if (statement.otherwise !== null) this.statements(statement.otherwise);
        return;
      case 'while':
        this.#wantInt(statement.test);
        this.statements(statement.body);
        return;
      case 'switch':
        this.#switch(statement);
        return;
      case 'assign':
        this.assignment(statement.target, statement.value);
        return;
      case 'expr':
        this.expr(statement.expr);
        return;
      case 'return':
      case 'exit':
      case 'drop':
        if (statement.value !== null) this.#wantInt(statement.value);
        return;
      case 'break':
      case 'continue':
      case 'empty':
        return;
    }
  }

  assignment(target: Extract<Expr, { type: 'pv' }>, value: Expr): void {
    this.#at = target.span;
    this.#variables.write(target.pv);
    const use = this.pvs.bind(target.pv, this.reportIn(target));
    if (use !== null) {
      this.bindings.pvs.set(target, use);
      if (use.transforms.length > 0)
        this.report('read-only', target.span, 'a variable with transformations can not be assigned');
      else if (use.base.set === undefined)
        this.report('read-only', target.span, `${target.pv.text} can not be assigned`);
    }
    this.expr(value);
  }

  #wantInt(expr: Expr): void {
    if (this.expr(expr) === 'str') this.report('wrong-type', expr.span, 'an integer is needed here, this is text');
  }

  #switch(statement: Extract<Statement, { type: 'switch' }>): void {
    this.expr(statement.subject);
    let type: StaticType | null = null;
    for (const { label, body } of statement.cases) {
      if (label !== null) {
        const found = this.#caseLabel(label);
        if (found !== null && type !== null && found !== type)
          this.report('wrong-type', label.span, 'labels of a switch are all integers or all text');
        type ??= found;
      }
      this.statements(body);
    }
  }

  #caseLabel(label: Expr): StaticType | null {
    if (label.type === 'regex') {
      warnOfEscapes(this, label.pattern, label.span);
      const regex = this.input.regex(label.pattern, 'case');
      if (typeof regex === 'string') this.report('bad-regex', label.span, `bad regular expression: ${regex}`);
      else this.bindings.regexes.set(label, regex);
      return 'str';
    }
    const type = this.expr(label);
    if (type !== 'any' && isConstant(label)) return type;
    this.report('not-constant', label.span, 'a case label must be constant');
    return null;
  }

  /** True for a module whose loadmodule has been reported: what it would have brought is not reported again. */
  isMissing(module: string): boolean {
    const { script, source, diagnostics } = this.input;
    return script.items.some((item) => {
      if (item.type !== 'loadModule' || baseName(item.name) !== module) return false;
      const { file, line } = source.locate(item.nameSpan.start);
      return diagnostics.items.some((d) => d.severity === 'error' && d.file === file && d.line === line);
    });
  }

  /** Bits of the block being checked, for the routes that commands allow. */
  get routeBits(): number {
    return KIND_BITS[this.kind];
  }
}

/** True for literals and operations on them. */
function isConstant(expr: Expr): boolean {
  switch (expr.type) {
    case 'number':
    case 'string':
      return true;
    case 'unary':
      return isConstant(expr.operand);
    case 'binary':
      return isConstant(expr.left) && isConstant(expr.right);
    case 'assignExpr':
    case 'call':
    case 'keyword':
    case 'pv':
    case 'regex':
    case 'select':
    case 'word':
    default:
      return false;
  }
}

/** `tm` of `/usr/lib/kamailio/modules/tm.so`. */
function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1).replace(/\.so$/, '');
}

function routeKey(kind: RouteKind, name: string | null): string {
  return name === null ? kind : `${kind} ${name}`;
}
