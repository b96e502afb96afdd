/**
 * Expressions of `#!ifexp` and `#!defexp` (core cookbook): numbers and strings, names of macros. An operator converts
 * its right operand to the type of the left one. Numbers are doubles; what a script sees of them is the integer part.
 */

export type ExpValue = number | string;

interface Token {
  readonly kind: 'number' | 'string' | 'name' | 'op' | 'end';
  readonly text: string;
}

const TOKEN =
  /\s*(?:(0x[0-9a-fA-F]+|\d+(?:\.\d+)?)|"([^"]*)"|'([^']*)'|([A-Za-z_]\w*)|(\*\*|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^<>!=(),~]))/y;

/** Operators by how tight they bind; `=` and `,` are handled apart. */
const LEVELS: readonly (readonly string[])[] = [
  ['||'],
  ['&&'],
  ['|'],
  ['^'],
  ['&'],
  ['==', '!='],
  ['<', '>', '<=', '>='],
  ['<<', '>>'],
  ['+', '-'],
  ['*', '/', '%'],
];

const MAX_DEPTH = 100;

/** Evaluates an expression; `lookup` gives a macro's value. Throws an Error that says what is wrong with the text. */
export function evaluateExpression(text: string, lookup: (name: string) => ExpValue): ExpValue {
  return new Evaluator(tokenize(text), lookup).all();
}

/** What counts as true: a number that is not 0, a text that is not empty. */
export function isTrue(value: ExpValue): boolean {
  return typeof value === 'number' ? value !== 0 : value.length > 0;
}

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  const source = text.trimEnd();
  while (TOKEN.lastIndex < source.length) {
    const at = TOKEN.lastIndex;
    const m = TOKEN.exec(source);
    if (m === null) throw new Error(`unexpected "${source.slice(at).trim().charAt(0)}"`);
    if (m[1] !== undefined) tokens.push({ kind: 'number', text: m[1] });
    else if (m[2] !== undefined || m[3] !== undefined) tokens.push({ kind: 'string', text: m[2] ?? m[3] ?? '' });
    else if (m[4] !== undefined) tokens.push({ kind: 'name', text: m[4] });
    else tokens.push({ kind: 'op', text: m[5] ?? '' });
  }
  return tokens;
}

class Evaluator {
  readonly #tokens: readonly Token[];
  readonly #lookup: (name: string) => ExpValue;
  readonly #assigned = new Map<string, ExpValue>();
  #at = 0;
  #depth = 0;

  constructor(tokens: readonly Token[], lookup: (name: string) => ExpValue) {
    this.#tokens = tokens;
    this.#lookup = lookup;
  }

  all(): ExpValue {
    const value = this.#list();
    if (this.#at < this.#tokens.length) throw new Error(`unexpected "${this.#peek().text}"`);
    return value;
  }

  #peek(ahead = 0): Token {
    return this.#tokens[this.#at + ahead] ?? { kind: 'end', text: 'end of the line' };
  }

  #isOp(text: string): boolean {
    const token = this.#peek();
    return token.kind === 'op' && token.text === text;
  }

  #list(): ExpValue {
    let value = this.#assignment();
    while (this.#isOp(',')) {
      this.#at++;
      value = this.#assignment();
    }
    return value;
  }

  #assignment(): ExpValue {
    const name = this.#peek();
    if (name.kind === 'name' && this.#peek(1).kind === 'op' && this.#peek(1).text === '=') {
      this.#at += 2;
      const value = this.#assignment();
      this.#assigned.set(name.text, value);
      return value;
    }
    return this.#binary(0);
  }

  #binary(level: number): ExpValue {
    const ops = LEVELS[level];
    if (ops === undefined) return this.#power();
    let left = this.#binary(level + 1);
    for (let token = this.#peek(); token.kind === 'op' && ops.includes(token.text); token = this.#peek()) {
      this.#at++;
      left = operate(token.text, left, this.#binary(level + 1));
    }
    return left;
  }

  #power(): ExpValue {
    const left = this.#unary();
    if (!this.#isOp('**')) return left;
    this.#at++;
    return toNumber(left) ** toNumber(this.#power());
  }

  #unary(): ExpValue {
    if (++this.#depth > MAX_DEPTH) throw new Error('the expression is nested too deep');
    try {
      for (const op of ['!', '-', '^', '~', '+']) {
        if (!this.#isOp(op)) continue;
        this.#at++;
        const value = this.#unary();
        if (op === '!') return isTrue(value) ? 0 : 1;
        if (op === '-') return -toNumber(value);
        return op === '+' ? toNumber(value) : ~toNumber(value);
      }
      return this.#primary();
    } finally {
      this.#depth--;
    }
  }

  #primary(): ExpValue {
    const token = this.#peek();
    this.#at++;
    if (token.kind === 'number') return Number(token.text);
    if (token.kind === 'string') return token.text;
    if (token.kind === 'name') return this.#assigned.get(token.text) ?? this.#lookup(token.text);
    if (token.kind === 'op' && token.text === '(') {
      const value = this.#list();
      if (!this.#isOp(')')) throw new Error(`")" expected before "${this.#peek().text}"`);
      this.#at++;
      return value;
    }
    throw new Error(`a value expected before "${token.text}"`);
  }
}

function operate(op: string, left: ExpValue, right: ExpValue): ExpValue {
  if (op === '&&') return isTrue(left) && isTrue(right) ? 1 : 0;
  if (op === '||') return isTrue(left) || isTrue(right) ? 1 : 0;
  if (typeof left === 'string') {
    const other = String(right);
    if (op === '+') return left + other;
    const comparison = compare(op, left < other ? -1 : left > other ? 1 : 0);
    if (comparison !== null) return comparison;
  }
  return arithmetic(op, toNumber(left), toNumber(right));
}

function arithmetic(op: string, a: number, b: number): number {
  const comparison = compare(op, a - b);
  if (comparison !== null) return comparison;
  if (op === '+') return a + b;
  if (op === '-') return a - b;
  if (op === '*') return a * b;
  if (op === '<<') return a << b;
  if (op === '>>') return a >> b;
  if (op === '&') return a & b;
  if (op === '|') return a | b;
  if (op === '^') return a ^ b;
  if (b === 0) throw new Error('division by zero');
  return op === '/' ? a / b : a % b;
}

function compare(op: string, difference: number): number | null {
  if (op === '==') return difference === 0 ? 1 : 0;
  if (op === '!=') return difference !== 0 ? 1 : 0;
  if (op === '<') return difference < 0 ? 1 : 0;
  if (op === '>') return difference > 0 ? 1 : 0;
  if (op === '<=') return difference <= 0 ? 1 : 0;
  if (op === '>=') return difference >= 0 ? 1 : 0;
  return null;
}

function toNumber(value: ExpValue): number {
  if (typeof value === 'number') return value;
  const number = Number.parseFloat(value);
  return Number.isNaN(number) ? 0 : number;
}
