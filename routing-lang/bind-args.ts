import type { ArgSpec, ArgType } from '../core/module/define-module.ts';
import type { PosixRegex } from '../core/script/posix-regex.ts';
import type { Run } from '../core/script/run.ts';
import type { Expr, PvSyntax, Span } from './ast.ts';
import { formatFunction, type PvBinder, type ReportAt } from './bind-pv.ts';
import type { BoundArg, BoundFormat } from './bound.ts';
import type { DiagnosticExtra } from './diagnostics.ts';
import { parsePv } from './pv-parser.ts';
import { textToInt } from './runtime.ts';

/** What the preparation of arguments asks of the checker. */
interface ArgContext {
  readonly pvs: PvBinder;
  report(code: string, span: Span, message: string, extra?: DiagnosticExtra): void;
  /** Reports at an offset of a string literal's value. */
  reportIn(expr: Expr): ReportAt;
  /** Checks an expression that is an argument, operands and all. */
  checkExpr(expr: Expr): void;
  /** Checks that a named route exists; false when it was reported. */
  checkRoute(type: RouteArgType, name: string, span: Span): boolean;
  /** A route is called by a name that only the run knows. */
  hasDynamicCalls: boolean;
  /** A variable is handed to a command, which may assign it. */
  wrote(pv: PvSyntax): void;
  /** Mistakes from here on are about this argument. */
  enter(span: Span): void;
  /** Number of a declared flag, or undefined. */
  flag(name: string): number | undefined;
  isAvpFlag(name: string): boolean;
  regex(source: string): PosixRegex | string;
  subst(source: string, format: (text: string) => (run: Run) => string): unknown;
}

export type RouteArgType = Extract<ArgType, 'route' | `${string}-route`>;

const ROUTE_ARGS: ReadonlySet<string> = new Set([
  'route',
  'failure-route',
  'onreply-route',
  'branch-route',
  'event-route',
]);

/** The type without the mark of an optional one. */
function baseType(spec: ArgSpec): ArgType {
  return (spec.endsWith('?') ? spec.slice(0, -1) : spec) as ArgType;
}

const BAD: BoundArg = { kind: 'const', value: '' };

/** Prepares one argument as its declaration asks. Mistakes are reported; what is returned then does not matter. */
export function bindArg(spec: ArgSpec, expr: Expr, ctx: ArgContext): BoundArg {
  ctx.enter(expr.span);
  const type = baseType(spec);
  if (ROUTE_ARGS.has(type)) return bindRouteName(type as RouteArgType, expr, ctx);
  const text = literalText(expr);
  switch (type) {
    case 'int':
      return expr.type === 'number'
        ? constant(expr.value)
        : text === null
          ? computed(expr, 'int', ctx)
          : bindIntText(expr, text, ctx);
    case 'str':
      return text === null ? computed(expr, 'str', ctx) : asStr(bindFormat(expr, text, ctx));
    case 'fmt':
      return bindFmt(expr, text, ctx);
    case 'text':
      return bindText(expr, text, ctx);
    case 'value':
      return expr.type === 'string'
        ? constant(expr.value)
        : expr.type === 'number'
          ? constant(expr.value)
          : computed(expr, 'value', ctx);
    case 'const-str':
      return text === null ? notConstant(expr, 'a constant text', ctx) : constant(text);
    case 'const-int':
      return bindConstInt(expr, text, ctx);
    case 'flag':
      return bindFlag(expr, ctx);
    case 'avp-flag':
      return bindAvpFlag(expr, text, ctx);
    case 'regex':
      return text === null ? notConstant(expr, 'a constant regular expression', ctx) : bindRegex(expr, text, ctx);
    case 'dyn-regex':
      return bindDynamicRegex(expr, text, ctx);
    case 'subst':
      return text === null ? notConstant(expr, 'a constant /expression/replacement/', ctx) : bindSubst(expr, text, ctx);
    case 'pv':
    case 'pvw':
      return bindReference(type, expr, text, ctx);
    case 'branch-route':
    case 'event-route':
    case 'failure-route':
    case 'onreply-route':
    case 'route':
    default:
      return BAD;
  }
}

function constant(value: unknown): BoundArg {
  return { kind: 'const', value };
}

/** The text of a literal argument: a string, a number as written, a bare word; null for anything else. */
export function literalText(expr: Expr): string | null {
  if (expr.type === 'string' || expr.type === 'word') return expr.value;
  return expr.type === 'number' ? String(expr.value) : null;
}

function computed(expr: Expr, as: 'int' | 'str' | 'value', ctx: ArgContext): BoundArg {
  ctx.checkExpr(expr);
  if (expr.type !== 'pv' && as !== 'value') {
    ctx.report('lax-syntax', expr.span, 'Kamailio 5.6.3 takes no expression as this argument', {
      hint: 'assign it to a variable first',
    });
  }
  return { kind: 'expr', expr, as };
}

function notConstant(expr: Expr, what: string, ctx: ArgContext): BoundArg {
  ctx.report('not-constant', expr.span, `this argument must be ${what}`);
  return BAD;
}

function bindFormat(expr: Expr, text: string, ctx: ArgContext): BoundFormat | null {
  return ctx.pvs.format(text, ctx.reportIn(expr));
}

function asStr(format: BoundFormat | null): BoundArg {
  if (format === null) return BAD;
  const fixed = fixedText(format);
  return fixed === null ? { kind: 'format', format, as: 'str' } : constant(fixed);
}

/** The text of a format without variables. */
function fixedText(format: BoundFormat): string | null {
  const [first] = format.parts;
  if (first === undefined) return '';
  return format.parts.length === 1 && typeof first === 'string' ? first : null;
}

function bindIntText(expr: Expr, text: string, ctx: ArgContext): BoundArg {
  const format = bindFormat(expr, text, ctx);
  if (format === null) return BAD;
  const fixed = fixedText(format);
  if (fixed === null) return { kind: 'format', format, as: 'int' };
  if (!isInteger(fixed)) ctx.report('wrong-type', expr.span, `this argument must be an integer, not "${fixed}"`);
  return constant(textToInt(fixed));
}

function isInteger(text: string): boolean {
  return /^\s*[-+]?(?:\d+|0[xX][0-9a-fA-F]+)\s*$/.test(text);
}

function bindConstInt(expr: Expr, text: string | null, ctx: ArgContext): BoundArg {
  if (expr.type === 'number') return constant(expr.value);
  if (text === null || !isInteger(text)) return notConstant(expr, 'a constant integer', ctx);
  return constant(textToInt(text));
}

function bindFlag(expr: Expr, ctx: ArgContext): BoundArg {
  if (expr.type === 'number') {
    if (expr.value < 0 || expr.value > 31)
      ctx.report('bad-flag', expr.span, `a flag is a number from 0 to 31, not ${expr.value}`);
    return constant(expr.value & 31);
  }
  const name = literalText(expr);
  if (name === null) return notConstant(expr, 'a number or the name of a declared flag', ctx);
  const flag = ctx.flag(name);
  if (flag !== undefined) return constant(flag);
  if (/^\d+$/.test(name) && Number(name) < 32) {
    ctx.report('lax-syntax', expr.span, 'Kamailio 5.6.3 takes a flag number without quotes only', {
      hint: `write ${name}`,
    });
    return constant(Number(name));
  }
  ctx.report('bad-flag', expr.span, `the flag ${name} is not declared`, { hint: `declare it: flags ${name};` });
  return BAD;
}

function bindAvpFlag(expr: Expr, name: string | null, ctx: ArgContext): BoundArg {
  if (name !== null && ctx.isAvpFlag(name)) return constant(name);
  ctx.report('bad-flag', expr.span, `${name ?? 'this'} is no declared AVP flag`, {
    hint: 'declare it: avpflags name;',
  });
  return BAD;
}

function bindFmt(expr: Expr, text: string | null, ctx: ArgContext): BoundArg {
  if (expr.type === 'pv') {
    const use = ctx.pvs.bind(expr.pv, ctx.reportIn(expr));
    return use === null ? BAD : constant(formatFunction({ parts: [use] }));
  }
  if (text === null) return notConstant(expr, 'a constant text (variables inside it are expanded)', ctx);
  const format = bindFormat(expr, text, ctx);
  return format === null ? BAD : constant(formatFunction(format));
}

/** A format whose result is null where it is one variable without a value. */
function bindText(expr: Expr, text: string | null, ctx: ArgContext): BoundArg {
  const pv = referenced(expr, text);
  if (pv === null) return bindFmt(expr, text, ctx);
  const use = ctx.pvs.bind(pv, ctx.reportIn(expr));
  if (use === null) return BAD;
  const { whole } = use;
  return constant((run: Run): string | null => {
    const value = whole.get(run);
    return value === null || value === '' ? null : String(value);
  });
}

function bindRegex(expr: Expr, source: string, ctx: ArgContext): BoundArg {
  const compiled = ctx.regex(source);
  if (typeof compiled !== 'string') return constant(compiled);
  ctx.report('bad-regex', expr.span, `bad regular expression: ${compiled}`);
  return BAD;
}

function bindSubst(expr: Expr, source: string, ctx: ArgContext): BoundArg {
  const compiled = ctx.subst(source, (text) => {
    const format = bindFormat(expr, text, ctx);
    return format === null ? () => '' : formatFunction(format);
  });
  if (typeof compiled !== 'string') return constant(compiled);
  ctx.report('bad-regex', expr.span, compiled);
  return BAD;
}

function bindDynamicRegex(expr: Expr, text: string | null, ctx: ArgContext): BoundArg {
  if (expr.type === 'pv') {
    const use = ctx.pvs.bind(expr.pv, ctx.reportIn(expr));
    return use === null ? BAD : { kind: 'format', format: { parts: [use] }, as: 'regex' };
  }
  if (text === null) return notConstant(expr, 'a text', ctx);
  // A `$` at the end or before `)` and `|` is the anchor, not a variable.
  if (!/\$[A-Za-z(]/.test(text)) return bindRegex(expr, text, ctx);
  const format = bindFormat(expr, text.replace(/\$(?=$|[)|])/g, '$$$$'), ctx);
  return format === null ? BAD : { kind: 'format', format, as: 'regex' };
}

function bindReference(type: 'pv' | 'pvw', expr: Expr, text: string | null, ctx: ArgContext): BoundArg {
  const pv = referenced(expr, text);
  if (pv === null) {
    ctx.report('wrong-type', expr.span, 'this argument must be one variable', { hint: 'write $var(name), say' });
    return BAD;
  }
  ctx.wrote(pv);
  const use = ctx.pvs.bind(pv, ctx.reportIn(expr));
  if (use === null) return BAD;
  if (type === 'pvw' && use.whole.set === undefined) {
    ctx.report('read-only', expr.span, `${use.whole.text} can not be assigned`);
    return BAD;
  }
  return constant(use.whole);
}

/** The variable that an argument is, bare or in quotes. */
function referenced(expr: Expr, text: string | null): PvSyntax | null {
  if (expr.type === 'pv') return expr.pv;
  if (text?.startsWith('$') !== true) return null;
  const parsed = parsePv(text);
  return parsed.error === null && parsed.end === text.length ? parsed.pv : null;
}

function bindRouteName(type: RouteArgType, expr: Expr, ctx: ArgContext): BoundArg {
  const text = literalText(expr);
  if (text === null || text.includes('$')) {
    ctx.hasDynamicCalls = true;
    return text === null ? computed(expr, 'str', ctx) : asStr(bindFormat(expr, text, ctx));
  }
  ctx.checkRoute(type, text, expr.span);
  return constant(text);
}
