import type { VarSlot } from '../core/pv/spec.ts';
import type { BinaryOp, CallExpr, Expr, PvExpr } from './ast.ts';
import type { BoundFormat, BoundUse } from './bound.ts';
import { StatementGen } from './codegen-base.ts';
import { BOOLEAN_WORDS } from './core-keywords.ts';
import { constantValue } from './fold.ts';

/**
 * Generates expressions. What has no call in it becomes one JavaScript expression; a call becomes statements before it
 * (it may end the run, or wait), and what was computed before a call is kept in a temporary. Each `gen…` returns text that
 * must be evaluated before anything else is generated.
 *
 * Kamailio has three readings of a value: as a condition of `if` it is true when greater than 0; operands of `!`, `&&`,
 * `||` and `while` are true when not 0; a call inside an expression is 1 when it returned more than 0, else 0, but alone
 * on the right of an assignment it is its code.
 */
export abstract class ExprGen extends StatementGen {
  // ---- readings

  /** As a condition of `if`. */
  cond(expr: Expr): string {
    const constant = constantValue(expr);
    if (constant !== undefined) return String(typeof constant === 'number' ? constant > 0 : false);
    if (this.isBoolean(expr)) return this.bool(expr);
    if (expr.type === 'call' && !this.isSelval(expr)) return this.#isTrue(expr);
    return `${this.int(expr)} > 0`;
  }

  /** As an operand of `!`, `&&`, `||`, or the condition of `while`. */
  bool(expr: Expr): string {
    const constant = constantValue(expr);
    if (typeof constant === 'number') return String(constant !== 0);
    switch (expr.type) {
      case 'call':
        return this.isSelval(expr) ? `${this.int(expr)} !== 0` : this.#isTrue(expr);
      case 'unary':
        return this.#boolUnary(expr);
      case 'binary':
        return this.#boolBinary(expr);
      case 'assignExpr':
        return this.#assignExpr(expr);
      case 'keyword':
      case 'number':
      case 'pv':
      case 'regex':
      case 'select':
      case 'string':
      case 'word':
      default:
        return `${this.int(expr)} !== 0`;
    }
  }

  /** A call as a condition. */
  #isTrue(call: CallExpr): string {
    return `${this.code(call)} ${this.program.keepsCodes ? '!== 0' : '> 0'}`;
  }

  /** True for what gives 1 or 0. */
  isBoolean(expr: Expr): boolean {
    if (expr.type === 'unary') return expr.op === '!' || expr.op === 'defined' || expr.op === 'strempty';
    if (expr.type === 'assignExpr') return true;
    return expr.type === 'binary' && BOOLEAN_OPS.has(expr.op) && this.#neutral(expr) === null;
  }

  int(expr: Expr): string {
    const constant = constantValue(expr);
    if (typeof constant === 'number') return literalInt(constant);
    if (typeof constant === 'string') return `textToInt(${JSON.stringify(constant)})`;
    if (this.isBoolean(expr)) return `(${this.bool(expr)} ? 1 : 0)`;
    switch (expr.type) {
      case 'unary':
        return this.#intUnary(expr);
      case 'binary':
        return this.#intBinary(expr);
      case 'call':
        if (this.isSelval(expr)) return `toInt(${this.value(expr)})`;
        return this.program.keepsCodes ? this.code(expr) : `(${this.code(expr)} > 0 ? 1 : 0)`;
      case 'pv':
        return this.sureType(expr) === 'int' ? this.value(expr) : `toInt(${this.value(expr)})`;
      case 'assignExpr':
      case 'keyword':
      case 'number':
      case 'regex':
      case 'select':
      case 'string':
      case 'word':
      default:
        return `toInt(${this.value(expr)})`;
    }
  }

  str(expr: Expr): string {
    const constant = constantValue(expr);
    if (constant !== undefined) return JSON.stringify(String(constant));
    if (expr.type === 'unary' && expr.op === '(str)') return this.str(expr.operand);
    const sure = this.sureType(expr);
    if (sure === 'int' || this.type(expr) === 'int') return `\`\${${this.int(expr)}}\``;
    return sure === 'str' ? this.operand(expr) : `toStr(${this.operand(expr)})`;
  }

  /** The value as it is; of a call its code. */
  value(expr: Expr): string {
    const constant = constantValue(expr);
    if (constant !== undefined) return typeof constant === 'number' ? literalInt(constant) : JSON.stringify(constant);
    switch (expr.type) {
      case 'pv':
        return this.use(this.program.bindings.pvs.get(expr));
      case 'select':
        return `${this.program.constant(this.program.bindings.selects.get(expr))}(run)`;
      case 'keyword':
        return `${this.program.constant(this.program.bindings.keywords.get(expr))}(run)`;
      case 'word':
        return JSON.stringify(BOOLEAN_WORDS.get(expr.value) ?? this.program.symbols.word(expr.value) ?? null);
      case 'call':
        return this.isSelval(expr) ? this.selval(expr) : this.code(expr);
      case 'binary':
        return this.#valueBinary(expr);
      case 'unary':
        return expr.op === '(str)' ? this.str(expr.operand) : this.int(expr);
      case 'regex':
        return JSON.stringify(expr.pattern);
      case 'assignExpr':
      case 'number':
      case 'string':
      default:
        return this.int(expr);
    }
  }

  /** A value as an operand: a call counts as 1 or 0. */
  operand(expr: Expr): string {
    return expr.type === 'call' && !this.isSelval(expr) ? this.int(expr) : this.value(expr);
  }

  use(use: BoundUse | undefined): string {
    if (use === undefined) return 'null';
    const { slot } = use.base;
    const base = slot === undefined ? `${this.program.constant(use.base)}.get(run)` : this.vars.read(slot);
    return use.transforms.reduce((text, fn) => `${this.program.constant(fn)}(run, ${text})`, base);
  }

  format(format: BoundFormat): string {
    const parts = format.parts.map((part) => (typeof part === 'string' ? JSON.stringify(part) : this.#printed(part)));
    return parts.length === 0 ? '""' : parts.join(' + ');
  }

  #printed(part: BoundUse): string {
    const text = this.use(part);
    const sure = this.sureTypeOfUse(part);
    if (sure !== 'any') return sure === 'str' ? text : `\`\${${text}}\``;
    // Nothing, not `<null>`, is printed where a transformation gives null (Kamailio 5.6.3, asked).
    return `toText(${text}${part.transforms.length === 0 ? '' : " ?? ''"})`;
  }

  // ---- operators

  #boolUnary(expr: Extract<Expr, { type: 'unary' }>): string {
    const { op, operand } = expr;
    if (op === '!') return `!(${this.bool(operand)})`;
    if (op === 'strempty') return `${this.str(operand)} === ""`;
    if (op !== 'defined') return `${this.int(expr)} !== 0`;
    if (operand.type === 'pv') return `${this.value(operand)} !== null`;
    if (this.hasStatements(operand)) this.line(`${this.value(operand)};`);
    return 'true';
  }

  #intUnary(expr: Extract<Expr, { type: 'unary' }>): string {
    const { op, operand } = expr;
    switch (op) {
      case '-':
        return `(-${this.int(operand)} | 0)`;
      case '~':
        return `~${this.int(operand)}`;
      case 'strlen':
        return `${this.str(operand)}.length`;
      case '(str)':
        return `textToInt(${this.str(operand)})`;
      case '!':
      case '(int)':
      case 'defined':
      case 'strempty':
      default:
        return this.int(operand);
    }
  }

  /** Both operands by the given readings, in order: what comes before statements of the right one is kept. */
  #pair(
    expr: Extract<Expr, { type: 'binary' }>,
    left: (e: Expr) => string,
    right: (e: Expr) => string,
  ): [string, string] {
    let first = left(expr.left);
    if (this.hasStatements(expr.right) && constantValue(expr.left) === undefined) first = this.keep(first);
    return [first, right(expr.right)];
  }

  #ints(expr: Extract<Expr, { type: 'binary' }>): [string, string] {
    return this.#pair(
      expr,
      (e) => this.int(e),
      (e) => this.int(e),
    );
  }

  #intBinary(expr: Extract<Expr, { type: 'binary' }>): string {
    const neutral = this.#neutral(expr);
    if (neutral !== null) return this.int(neutral);
    switch (expr.op) {
      case '-':
        return infix('-', this.#ints(expr), ' | 0');
      case '*': {
        const [left, right] = this.#ints(expr);
        return `Math.imul(${left}, ${right})`;
      }
      case '/':
      case 'mod':
        return this.#division(expr);
      case '&':
      case '|':
      case '^':
      case '<<':
      case '>>':
        return infix(expr.op, this.#ints(expr), '');
      case '+':
        // Where an integer is wanted both sides are taken as integers, unless the left one is known to be text.
        if (this.type(expr.left) !== 'str') return infix('+', this.#ints(expr), ' | 0');
        return `toInt(${this.value(expr)})`;
      case '!=':
      case '!~':
      case '&&':
      case '.':
      case '<':
      case '<=':
      case '==':
      case '=^':
      case '=~':
      case '>':
      case '>=':
      case 'eq':
      case 'ieq':
      case 'ine':
      case 'ne':
      case '||':
      default:
        return `toInt(${this.value(expr)})`;
    }
  }

  #division(expr: Extract<Expr, { type: 'binary' }>): string {
    const js = expr.op === '/' ? '/' : '%';
    if (!this.canFail(expr)) return infix(js, this.#ints(expr), ' | 0');
    const [left, right] = this.#ints(expr);
    const [dividend, divisor] = [this.keep(left), this.keep(right)];
    this.line(`if (${divisor} === 0) { divisionByZero(run); ${this.fail()} }`);
    return `(${dividend} ${js} ${divisor} | 0)`;
  }

  #valueBinary(expr: Extract<Expr, { type: 'binary' }>): string {
    const neutral = this.#neutral(expr);
    if (neutral !== null) return neutral.type === 'call' ? this.value(neutral) : this.int(neutral);
    if (expr.op === '.') return this.#concat(expr);
    if (expr.op !== '+') return this.int(expr);
    const type = this.leftType(expr);
    if (type === 'int') return infix('+', this.#ints(expr), ' | 0');
    if (type === 'str') return this.#concat(expr);
    const [left, right] = this.#pair(
      expr,
      (e) => this.operand(e),
      (e) => this.operand(e),
    );
    return `add(${left}, ${right})`;
  }

  #concat(expr: Extract<Expr, { type: 'binary' }>): string {
    return infix(
      '+',
      this.#pair(
        expr,
        (e) => this.str(e),
        (e) => this.str(e),
      ),
      '',
    );
  }

  /** `x && 1`, `x || 0` and their mirrors are x itself, as Kamailio's optimiser has it: a code or number shows through. */
  #neutral(expr: Extract<Expr, { type: 'binary' }>): Expr | null {
    if (expr.op !== '&&' && expr.op !== '||') return null;
    const unit = expr.op === '&&' ? 1 : 0;
    if (isConstantInt(expr.right, unit) && constantValue(expr.left) === undefined) return expr.left;
    if (isConstantInt(expr.left, unit) && constantValue(expr.right) === undefined) return expr.right;
    return null;
  }

  #boolBinary(expr: Extract<Expr, { type: 'binary' }>): string {
    const { op, left, right } = expr;
    const neutral = this.#neutral(expr);
    if (neutral !== null) return this.bool(neutral);
    if (this.program.bindings.keywordTests.has(expr)) return this.#keywordTest(expr);
    switch (op) {
      case '&&':
      case '||':
        return this.#logical(op, left, right);
      case '==':
        return this.#equality(expr, '===');
      case '!=':
        return this.#equality(expr, '!==');
      case 'ieq':
        return infix('===', this.#ints(expr), '');
      case 'ine':
        return infix('!==', this.#ints(expr), '');
      case '<':
      case '<=':
      case '>':
      case '>=':
        return infix(op, this.#ints(expr), '');
      case 'eq':
      case 'ne': {
        const pair = this.#pair(
          expr,
          (e) => this.str(e),
          (e) => this.str(e),
        );
        return infix(op === 'eq' ? '===' : '!==', pair, '');
      }
      case '=^': {
        const pair = this.#pair(
          expr,
          (e) => this.str(e),
          (e) => this.str(e),
        );
        return `${pair[0]}.startsWith(${pair[1]})`;
      }
      case '=~':
        return this.#match(expr);
      case '!~':
        return `!(${this.#match(expr)})`;
      case '&':
      case '*':
      case '+':
      case '-':
      case '.':
      case '/':
      case '<<':
      case '>>':
      case '^':
      case 'mod':
      case '|':
      default:
        return `${this.int(expr)} !== 0`;
    }
  }

  #logical(op: '&&' | '||', left: Expr, right: Expr): string {
    const first = this.bool(left);
    if (!this.hasStatements(right)) return `(${first} ${op} ${this.bool(right)})`;
    const result = this.keep(first);
    const then = this.collectOptional(() => this.line(`${result} = ${this.bool(right)};`));
    this.nodes.push({ kind: 'if', test: op === '&&' ? result : `!${result}`, yes: then, no: null, at: this.at });
    return result;
  }

  #equality(expr: Extract<Expr, { type: 'binary' }>, js: '===' | '!=='): string {
    const { left, right } = expr;
    const not = js === '===' ? '' : '!';
    if (this.isNull(right)) return this.#nullTest(left, js);
    // Kamailio makes `strempty` of `== ""`, but nothing of `!= ""`.
    if (js === '===' && isEmptyText(left)) return `${this.str(right)} === ""`;
    if (js === '===' && isEmptyText(right)) return `${this.str(left)} === ""`;
    const [leftType, rightType] = [this.leftType(expr), this.type(right)];
    if (leftType === 'int') return infix(js, this.#ints(expr), '');
    if (leftType === 'str') {
      const pair = this.#pair(
        expr,
        (e) => this.str(e),
        (e) => this.str(e),
      );
      return infix(js, pair, '');
    }
    const constant = constantValue(right);
    if (typeof constant === 'string') return `${not}equalsText(${this.operand(left)}, ${JSON.stringify(constant)})`;
    if (typeof constant === 'number') {
      return `${not}equalsInt(${this.operand(left)}, ${literalInt(constant)}, "${constant}")`;
    }
    const [first, second] = this.#pair(
      expr,
      (e) => this.operand(e),
      (e) => (rightType === 'int' ? this.int(e) : this.operand(e)),
    );
    return `${not}equals(${first}, ${second})`;
  }

  /** `== $null` asks whether the left side is defined: only a variable may not be. */
  #nullTest(left: Expr, js: '===' | '!=='): string {
    if (left.type === 'pv') return `${this.value(left)} ${js} null`;
    if (this.hasStatements(left)) this.line(`${this.value(left)};`);
    return String(js === '!==');
  }

  isNull(expr: Expr): boolean {
    return expr.type === 'pv' && this.program.bindings.pvs.get(expr)?.isNull === true;
  }

  #match(expr: Extract<Expr, { type: 'binary' }>): string {
    const regex = this.program.bindings.regexes.get(expr.right);
    if (regex !== undefined) return `${this.program.constant(regex.native ?? regex)}.test(${this.str(expr.left)})`;
    const [text, source] = this.#pair(
      expr,
      (e) => this.str(e),
      (e) => this.str(e),
    );
    const result = this.keep(`matches(run, ${text}, ${source})`);
    this.line(`if (${result} < 0) ${this.fail()}`);
    return `${result} === 1`;
  }

  #keywordTest(expr: Extract<Expr, { type: 'binary' }>): string {
    const test = this.program.constant(this.program.bindings.keywordTests.get(expr));
    const { right } = expr;
    const isDynamic = right.type === 'pv' || right.type === 'select';
    return `${test}(run, ${isDynamic ? this.value(right) : 'null'})`;
  }

  #assignExpr(expr: Extract<Expr, { type: 'assignExpr' }>): string {
    const done = this.assignment(expr.target, expr.value);
    return done === null ? 'true' : this.keep(`${done} !== false`);
  }

  /** The call that assigns, false where it failed; null for an assignment that can not fail: it is generated. */
  assignment(target: PvExpr, value: Expr): string | null {
    const base = this.program.bindings.pvs.get(target)?.base;
    if (base?.slot !== undefined) {
      this.#assignSlot(base.slot, value);
      return null;
    }
    const call = `${this.program.constant(base)}.set(run, ${this.value(value)})`;
    this.vars.forget();
    return call;
  }

  #assignSlot(slot: VarSlot, value: Expr): void {
    const type = this.sureType(value);
    let text = this.value(value);
    const isCut = this.program.bindings.cutSlots.has(slot.index);
    if (isCut && type === 'str' && value.type === 'binary') text = `flat(${text})`;
    if (type === 'any' && slot.ofNull !== null) text = `(${text}) ?? ${JSON.stringify(slot.ofNull)}`;
    this.line(`${this.vars.write(slot, text, type)};`);
  }

  // ---- calls, see codegen-call.ts

  /** Makes a call; its code is in `r` until the next one. */
  protected abstract code(expr: CallExpr): string;
  protected abstract selval(expr: CallExpr): string;
}

const BOOLEAN_OPS: ReadonlySet<BinaryOp> = new Set([
  '==',
  '!=',
  '<',
  '<=',
  '>',
  '>=',
  '=~',
  '=^',
  '!~',
  '&&',
  '||',
  'eq',
  'ne',
  'ieq',
  'ine',
]);

function isEmptyText(expr: Expr): boolean {
  return expr.type === 'string' && expr.value === '';
}

function isConstantInt(expr: Expr, value: number): boolean {
  return constantValue(expr) === value;
}

function infix(op: string, [left, right]: readonly [string, string], suffix: string): string {
  return `(${left} ${op} ${right}${suffix})`;
}

/** An integer as JavaScript. */
export function literalInt(value: number): string {
  return value < 0 || Object.is(value, -0) ? `(${value})` : String(value);
}
