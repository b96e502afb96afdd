import type { BinaryOp, Expr } from './ast.ts';
import { add, equals, textToInt, toInt, toStr } from './runtime.ts';

/** Value of an expression of literals only, or undefined where it has none (or would fail: division by zero). */
export function constantValue(expr: Expr): number | string | undefined {
  switch (expr.type) {
    case 'number':
      return expr.value;
    case 'string':
      return expr.value;
    case 'unary':
      return unaryValue(expr);
    case 'binary':
      return binaryValue(expr);
    case 'assignExpr':
    case 'call':
    case 'keyword':
    case 'pv':
    case 'regex':
    case 'select':
    case 'word':
    default:
      return undefined;
  }
}

/** A number literal. */
export function isInt(expr: Expr): expr is Extract<Expr, { type: 'number' }> {
  return expr.type === 'number';
}

function unaryValue(expr: Extract<Expr, { type: 'unary' }>): number | string | undefined {
  const value = constantValue(expr.operand);
  if (value === undefined) return undefined;
  switch (expr.op) {
    case '!':
      return toInt(value) === 0 ? 1 : 0;
    case '-':
      return -toInt(value) | 0;
    case '~':
      return ~toInt(value);
    case 'defined':
      return 1;
    case 'strlen':
      return toStr(value).length;
    case 'strempty':
      return value === '' ? 1 : 0;
    case '(int)':
      return toInt(value);
    case '(str)':
      return toStr(value);
  }
}

const INTEGER_OPS: Partial<Record<BinaryOp, (a: number, b: number) => number>> = {
  '-': (a, b) => (a - b) | 0,
  '*': Math.imul,
  '&': (a, b) => a & b,
  '|': (a, b) => a | b,
  '^': (a, b) => a ^ b,
  '<<': (a, b) => a << b,
  '>>': (a, b) => a >> b,
  '<': (a, b) => (a < b ? 1 : 0),
  '<=': (a, b) => (a <= b ? 1 : 0),
  '>': (a, b) => (a > b ? 1 : 0),
  '>=': (a, b) => (a >= b ? 1 : 0),
  '&&': (a, b) => (a !== 0 && b !== 0 ? 1 : 0),
  '||': (a, b) => (a !== 0 || b !== 0 ? 1 : 0),
  ieq: (a, b) => (a === b ? 1 : 0),
  ine: (a, b) => (a === b ? 0 : 1),
};

/** `x && 0` is 0 and `x || 1` is 1 whatever x is: as in Kamailio x is not evaluated, a call in it not made. */
function decided(
  op: BinaryOp,
  left: number | string | undefined,
  right: number | string | undefined,
): number | undefined {
  if (op === '&&') return left === 0 || right === 0 ? 0 : undefined;
  if (op !== '||') return undefined;
  const isTrue = (side: number | string | undefined): boolean => typeof side === 'number' && side !== 0;
  return isTrue(left) || isTrue(right) ? 1 : undefined;
}

function binaryValue(expr: Extract<Expr, { type: 'binary' }>): number | string | undefined {
  const left = constantValue(expr.left);
  if (expr.op === '&&' || expr.op === '||') {
    const result = decided(expr.op, left, constantValue(expr.right));
    if (result !== undefined) return result;
  }
  const right = left === undefined ? undefined : constantValue(expr.right);
  if (left === undefined || right === undefined) return undefined;
  const onIntegers = INTEGER_OPS[expr.op];
  if (onIntegers !== undefined) return onIntegers(asInt(left), asInt(right));
  switch (expr.op) {
    case '+':
      return add(left, right) ?? undefined;
    case '.':
      return toStr(left) + toStr(right);
    case '==':
      return equals(left, right) ? 1 : 0;
    case '!=':
      return equals(left, right) ? 0 : 1;
    case 'eq':
      return toStr(left) === toStr(right) ? 1 : 0;
    case 'ne':
      return toStr(left) === toStr(right) ? 0 : 1;
    case '/':
      return asInt(right) === 0 ? undefined : (asInt(left) / asInt(right)) | 0;
    case 'mod':
      return asInt(right) === 0 ? undefined : (asInt(left) % asInt(right)) | 0;
    case '!~':
    case '&':
    case '&&':
    case '*':
    case '-':
    case '<':
    case '<<':
    case '<=':
    case '=^':
    case '=~':
    case '>':
    case '>=':
    case '>>':
    case '^':
    case 'ieq':
    case 'ine':
    case '|':
    case '||':
    default:
      return undefined;
  }
}

function asInt(value: number | string): number {
  return typeof value === 'number' ? value : textToInt(value);
}
