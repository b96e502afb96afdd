import type { Expr, Statement } from './ast.ts';

/** What a script does: it calls, or it assigns. */
export type Effect =
  | Extract<Expr, { type: 'call' }>
  | Extract<Expr, { type: 'assignExpr' }>
  | Extract<Statement, { type: 'assign' }>;

/** All calls and assignments in statements, at any depth; what an expression contains comes before it. */
export function* effectsIn(body: readonly Statement[]): Generator<Effect> {
  for (const statement of body) {
    switch (statement.type) {
      case 'if':
        yield* effectsOf(statement.test);
        yield* effectsIn(statement.then);
        if (statement.otherwise !== null) yield* effectsIn(statement.otherwise);
        break;
      case 'while':
        yield* effectsOf(statement.test);
        yield* effectsIn(statement.body);
        break;
      case 'switch':
        yield* effectsOf(statement.subject);
        for (const { body: inner } of statement.cases) yield* effectsIn(inner);
        break;
      case 'assign':
        yield* effectsOf(statement.value);
        yield statement;
        break;
      case 'expr':
        yield* effectsOf(statement.expr);
        break;
      case 'return':
        if (statement.value !== null) yield* effectsOf(statement.value);
        break;
      case 'break':
      case 'continue':
      case 'drop':
      case 'empty':
      case 'exit':
      default:
        break;
    }
  }
}

/** The same of an expression. */
export function* effectsOf(expr: Expr): Generator<Effect> {
  switch (expr.type) {
    case 'call':
      for (const arg of expr.args) yield* effectsOf(arg);
      yield expr;
      break;
    case 'unary':
      yield* effectsOf(expr.operand);
      break;
    case 'binary':
      yield* effectsOf(expr.left);
      yield* effectsOf(expr.right);
      break;
    case 'assignExpr':
      yield* effectsOf(expr.value);
      yield expr;
      break;
    case 'keyword':
    case 'number':
    case 'pv':
    case 'regex':
    case 'select':
    case 'string':
    case 'word':
    default:
      break;
  }
}
