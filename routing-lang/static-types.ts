import type { BinaryOp, Expr } from './ast.ts';
import type { StaticType } from './bound.ts';

/**
 * Types that Kamailio knows before the script runs, and the mixes it refuses then: a text where an integer must stand.
 * Variables have none, so that mistakes with them show at run time only (text that is no number counts as 0).
 */

/** What is wrong with an operand, and which. */
interface TypeFault {
  readonly operand: Expr;
  readonly message: string;
}

const INT_OPS: ReadonlySet<BinaryOp> = new Set([
  '-',
  '*',
  '/',
  'mod',
  '&',
  '|',
  '^',
  '<<',
  '>>',
  '<',
  '<=',
  '>',
  '>=',
  '&&',
  '||',
  'ieq',
  'ine',
]);

/** Type of a binary expression from those of its operands; faults are told. */
export function binaryType(
  op: BinaryOp,
  left: { readonly expr: Expr; readonly type: StaticType },
  right: { readonly expr: Expr; readonly type: StaticType },
  fault: (fault: TypeFault) => void,
): StaticType {
  const want = (side: { readonly expr: Expr; readonly type: StaticType }, type: 'int' | 'str'): void => {
    if (side.type === 'any' || side.type === type) return;
    const [is, must] = type === 'int' ? ['text', 'an integer'] : ['an integer', 'text'];
    fault({ operand: side.expr, message: `"${op}" needs ${must} here, this is ${is}` });
  };
  if (INT_OPS.has(op)) {
    want(left, 'int');
    want(right, 'int');
    return 'int';
  }
  switch (op) {
    case '+':
      if (left.type === 'int') want(right, 'int');
      return left.type;
    case '.':
      return 'str';
    case '==':
    case '!=':
      if (left.type === 'int') want(right, 'int');
      return 'int';
    case 'eq':
    case 'ne':
      want(left, 'str');
      return 'int';
    case '!~':
    case '&':
    case '&&':
    case '*':
    case '-':
    case '/':
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
    case 'mod':
    case '|':
    case '||':
    default:
      // =~, !~ and =^
      want(left, 'str');
      return 'int';
  }
}
