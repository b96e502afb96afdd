import type { Run } from '../core/script/run.ts';
import type { PvValue } from '../core/values.ts';
import type { BinaryOp, Expr } from './ast.ts';
import { literalText } from './bind-args.ts';
import type { KeywordTest } from './bound.ts';
import type { Checker } from './check.ts';
import { BOOLEAN_WORDS, KEYWORD_OPERANDS } from './core-keywords.ts';
import { addressTest } from './ip-net.ts';
import { toInt, toStr } from './runtime.ts';

/**
 * The old comparisons, `src_ip == 10.0.0.0/8`, `method == INVITE`, `uri == myself`, `proto != UDP`: binds the test of one.
 * URIs, methods, host names and status codes compare as text without regard to case.
 */
export function bindKeywordTest(
  checker: Checker,
  expr: Extract<Expr, { type: 'binary' }>,
  sides: { readonly left: Expr; readonly right: Expr } = expr,
): void {
  const { left, right } = sides;
  if (left.type !== 'keyword') return;
  const { name } = left;
  const getter = checker.bindings.keywords.get(left);
  const kind = KEYWORD_OPERANDS.get(name);
  if (getter === undefined || kind === undefined) return;
  const test =
    kind === 'number' || kind === 'protocol' || kind === 'family'
      ? numberTest(checker, expr.op, right, getter)
      : textTest(checker, right, getter, name, kind);
  if (test === null) return;
  const isNegated = expr.op === '!=' || expr.op === 'ne' || expr.op === 'ine';
  checker.bindings.keywordTests.set(expr, isNegated ? (run, operand) => !test(run, operand) : test);
}

type Getter = (run: Run) => PvValue;

const NUMBER_TESTS: ReadonlyMap<BinaryOp, (left: number, right: number) => boolean> = new Map([
  ['<', (left: number, right: number) => left < right],
  ['<=', (left: number, right: number) => left <= right],
  ['>', (left: number, right: number) => left > right],
  ['>=', (left: number, right: number) => left >= right],
]);

function numberTest(checker: Checker, op: BinaryOp, right: Expr, getter: Getter): KeywordTest | null {
  const constant = constantNumber(checker, right);
  if (constant === undefined && checker.expr(right) === 'str') {
    checker.report('wrong-type', right.span, 'a number is needed here');
    return null;
  }
  const other = (operand: PvValue): number => constant ?? toInt(operand);
  const compare = NUMBER_TESTS.get(op) ?? ((left, operand) => left === operand);
  return (run, operand) => compare(toInt(getter(run)), other(operand));
}

function constantNumber(checker: Checker, expr: Expr): number | undefined {
  if (expr.type === 'number') return expr.value;
  if (expr.type !== 'word') return undefined;
  const value = BOOLEAN_WORDS.get(expr.value) ?? checker.symbols.word(expr.value);
  return typeof value === 'number' ? value : undefined;
}

function textTest(checker: Checker, right: Expr, getter: Getter, name: string, kind: string): KeywordTest | null {
  if (right.type === 'word' && right.value === 'myself') {
    const { symbols } = checker;
    return (run) => symbols.isMyself(run, toStr(getter(run)), name);
  }
  if (right.type === 'keyword') {
    const other = checker.symbols.keyword(right.name);
    return other === undefined ? null : (run) => sameText(toStr(getter(run)), toStr(other(run)));
  }
  const text = literalText(right);
  if (text === null) {
    checker.expr(right);
    if (kind === 'address') return (run, operand) => addressTest(toStr(operand))(toStr(getter(run)));
    return (run, operand) => sameText(toStr(getter(run)), toStr(operand));
  }
  if (kind !== 'address') return (run) => sameText(toStr(getter(run)), text);
  const matches = addressTest(text);
  return (run) => matches(toStr(getter(run)));
}

function sameText(a: string, b: string): boolean {
  return a === b || (a.length === b.length && a.toLowerCase() === b.toLowerCase());
}
