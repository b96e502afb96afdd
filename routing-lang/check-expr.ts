import type { Expr, PvExpr, Span } from './ast.ts';
import type { BoundUse, StaticType } from './bound.ts';
import type { Checker } from './check.ts';
import { BOOLEAN_WORDS } from './core-keywords.ts';
import { bindKeywordTest } from './keyword-tests.ts';
import { binaryType } from './static-types.ts';

/** Checks one expression with all below it, binds its names, and returns its type. */
export function checkExpr(checker: Checker, expr: Expr): StaticType {
  switch (expr.type) {
    case 'number':
      return 'int';
    case 'string':
      return 'str';
    case 'regex':
      return 'str';
    case 'word':
      return checkWord(checker, expr);
    case 'pv':
      bindVariable(checker, expr);
      return 'any';
    case 'select':
      return checkSelect(checker, expr);
    case 'keyword':
      return checkKeyword(checker, expr);
    case 'call':
      return checker.call(expr).kind === 'selval' ? 'any' : 'int';
    case 'unary':
      return checkUnary(checker, expr);
    case 'binary':
      return checkBinary(checker, expr);
    case 'assignExpr':
      checker.assignment(expr.target, expr.value);
      return 'int';
  }
}

function bindVariable(checker: Checker, expr: PvExpr): BoundUse | null {
  const use = checker.pvs.bind(expr.pv, checker.reportIn(expr));
  if (use !== null) checker.bindings.pvs.set(expr, use);
  return use;
}

function checkWord(checker: Checker, expr: Extract<Expr, { type: 'word' }>): StaticType {
  const value = BOOLEAN_WORDS.get(expr.value) ?? checker.symbols.word(expr.value);
  if (value === undefined || value === null) {
    checker.report('bare-word', expr.span, `${expr.value} is no value`, { hint: `write "${expr.value}" for a text` });
    return 'any';
  }
  return typeof value === 'number' ? 'int' : 'str';
}

function checkSelect(checker: Checker, expr: Extract<Expr, { type: 'select' }>): StaticType {
  const found = checker.symbols.select(expr.parts);
  if (typeof found === 'string') checker.report('bad-select', expr.span, found);
  else checker.bindings.selects.set(expr, found);
  return 'str';
}

function checkKeyword(checker: Checker, expr: Extract<Expr, { type: 'keyword' }>): StaticType {
  const getter = checker.symbols.keyword(expr.name);
  if (getter === undefined) checker.report('bare-word', expr.span, `unknown word ${expr.name}`);
  else checker.bindings.keywords.set(expr, getter);
  return 'any';
}

function checkUnary(checker: Checker, expr: Extract<Expr, { type: 'unary' }>): StaticType {
  const type = checker.expr(expr.operand);
  const wrong = (is: string, must: string): void =>
    checker.report('wrong-type', expr.operand.span, `"${expr.op}" needs ${must}, this is ${is}`, hintForNot(expr));
  switch (expr.op) {
    case '!':
    case '-':
    case '~':
      if (type === 'str') wrong('text', 'an integer');
      return 'int';
    case 'strlen':
    case 'strempty':
      if (type === 'int') wrong('an integer', 'text');
      return 'int';
    case '(str)':
      return 'str';
    case 'defined':
      if (expr.operand.type === 'call') checker.report('wrong-type', expr.operand.span, '"defined" is for variables');
      return 'int';
    case '(int)':
      return 'int';
  }
}

function hintForNot(expr: Expr): { hint?: string } {
  return expr.type === 'unary' && expr.op === '!' ? { hint: 'compare with "": $x == ""' } : {};
}

function checkBinary(checker: Checker, expr: Extract<Expr, { type: 'binary' }>): StaticType {
  const { op, left, right } = expr;
  if (left.type === 'word' && left.value === 'myself' && right.type === 'keyword') {
    checkKeyword(checker, right);
    bindKeywordTest(checker, expr, { left: right, right: left });
    return 'int';
  }
  if (left.type === 'keyword') {
    checkKeyword(checker, left);
    if (op !== '=~' && op !== '!~') {
      bindKeywordTest(checker, expr);
      return 'int';
    }
  }
  const leftType = checker.expr(left);
  const rightType = checker.expr(right);
  const type = binaryType(op, { expr: left, type: leftType }, { expr: right, type: rightType }, (fault) => {
    const isNot = fault.operand === right && left.type === 'unary' && left.op === '!';
    checker.report(
      'wrong-type',
      fault.operand.span,
      fault.message,
      isNot ? { hint: '"!" and "not" bind tighter than "==": write !(a == b)' } : {},
    );
  });
  if (op === '=~' || op === '!~') bindMatch(checker, left, right);
  return type;
}

function bindMatch(checker: Checker, left: Expr, right: Expr): void {
  const slot = left.type === 'pv' ? checker.bindings.pvs.get(left)?.base.slot : undefined;
  if (slot !== undefined) checker.bindings.cutSlots.add(slot.index);
  if (right.type === 'number') {
    checker.report('bad-regex', right.span, 'a regular expression is text');
    return;
  }
  if (right.type !== 'string') return;
  warnOfEscapes(checker, right.value, right.span);
  const regex = checker.input.regex(right.value, 'match');
  if (typeof regex === 'string') checker.report('bad-regex', right.span, `bad regular expression: ${regex}`);
  else checker.bindings.regexes.set(right, regex);
}

/** What authors mean who know other regular expressions. */
const MEANT: Readonly<Record<string, string>> = {
  d: '[0-9]',
  D: '[^0-9]',
  n: 'the line feed itself',
  r: 'the carriage return itself',
  t: 'the tab itself',
};

/** Warns of escapes that POSIX expressions do not have: without regard to case they match nothing, else the letter. */
export function warnOfEscapes(checker: Checker, source: string, span: Span): void {
  for (const [, letter = ''] of source.matchAll(/\\(.)/gs)) {
    if (!/[a-zA-Z]/.test(letter) || /[wWsSbB]/.test(letter)) continue;
    const meant = MEANT[letter];
    checker.report('regex-escape', span, `"\\${letter}" has no meaning in a POSIX regular expression`, {
      severity: 'warning',
      hint: meant === undefined ? `leave the backslash away` : `write ${meant}`,
    });
    return;
  }
}
