import type { IToken } from 'chevrotain';
import type { BinaryOp, Expr, ParamValue, PvExpr, Span, UnaryOp } from './ast.ts';
import { RESERVED_WORDS } from './core-keywords.ts';
import type { DiagnosticCode, DiagnosticExtra, Diagnostics } from './diagnostics.ts';
import { stringValue } from './escapes.ts';
import type { Preprocessed } from './preprocessor.ts';
import { parsePv } from './pv-parser.ts';
import { endOfPv } from './scan.ts';

/** Makes nodes of tokens: values of literals, precedence, spans. One per run of the parser. */
export class AstBuilder {
  readonly source: Preprocessed;
  readonly diagnostics: Diagnostics;

  constructor(source: Preprocessed, diagnostics: Diagnostics) {
    this.source = source;
    this.diagnostics = diagnostics;
  }

  report(code: DiagnosticCode, span: Span, message: string, extra: DiagnosticExtra = {}): void {
    this.diagnostics.report(code, this.source.locate(span.start), this.source.locate(span.end), message, extra);
  }

  /** The value of adjacent string literals, joined, with `#!subst`s applied. */
  text(tokens: readonly IToken[]): string {
    const first = tokens[0];
    if (first === undefined) return '';
    const value = tokens.length === 1 ? stringValue(first.image) : tokens.map((t) => stringValue(t.image)).join('');
    this.#checkJoin(tokens);
    return this.source.substitute(value, first.startOffset);
  }

  /** Kamailio joins double-quoted literals with nothing but white space between. */
  #checkJoin(tokens: readonly IToken[]): void {
    for (let i = 1; i < tokens.length; i++) {
      const before = tokens[i - 1];
      const token = tokens[i];
      if (before === undefined || token === undefined) continue;
      const gap = this.source.text.slice(endOf(before), token.startOffset);
      const isSingle = before.image.startsWith("'") || token.image.startsWith("'");
      if (!isSingle && gap.trim() === '') continue;
      const why = isSingle ? "strings in '…'" : 'strings with a comment between';
      this.report('lax-syntax', spanOf(token), `Kamailio 5.6.3 does not join ${why}`, { hint: 'join with "+"' });
    }
  }

  /** A 32-bit integer: decimal, `0x…` or, with a leading 0, octal; larger ones wrap. */
  number(token: IToken): number {
    const { image } = token;
    if (/^0\d*[89]/.test(image)) {
      this.report('bad-number', spanOf(token), `${image} is no octal number`, {
        hint: 'write it without the leading 0',
      });
      return 0;
    }
    if (image.length < 10)
      return image.startsWith('0') && !image.startsWith('0x') ? Number.parseInt(image, 8) : Number(image);
    const isOctal = /^0\d/.test(image);
    return Number(BigInt.asIntN(32, BigInt(isOctal ? `0o${image.slice(1)}` : image)));
  }

  pv(token: IToken): PvExpr {
    const span = spanOf(token);
    const { image } = token;
    const attribute = /^(?:\$((?:f|t|fr|tr|fu|tu|fd|td|g)\.)|%)(\w+)$/.exec(image);
    if (attribute !== null) {
      const name = `${attribute[1] ?? ''}${attribute[2] ?? ''}`;
      return {
        type: 'pv',
        span,
        pv: { text: image, className: 'avp', name, index: null, transformations: [], offset: 0 },
      };
    }
    const parsed = parsePv(image);
    if (endOfPv(image, 0) < 0) return badPv(span, image);
    if (parsed.error === null && parsed.end === image.length) return { type: 'pv', span, pv: parsed.pv };
    const error = parsed.error ?? { message: 'unexpected text behind the variable', offset: parsed.end };
    const at = span.start + Math.min(error.offset, image.length - 1);
    this.report('bad-variable', { start: at, end: span.end }, error.message);
    return badPv(span, image);
  }

  /** `$avp(x)[1]`, as OpenSER wrote `$(avp(x)[1])`. */
  oldIndex(pv: PvExpr, indexText: string, end: number): PvExpr {
    const text = `$(${pv.pv.text.slice(1)}[${indexText}])`;
    const span = { start: pv.span.start, end };
    this.report('older-syntax', span, `Kamailio 5.6.3 refuses an index outside of $(…)`, { hint: `write ${text}` });
    const parsed = parsePv(text);
    if (parsed.error === null) return { type: 'pv', span, pv: parsed.pv };
    this.report('bad-variable', span, parsed.error.message);
    return { ...pv, span };
  }

  /** Operands and the operators between them as a tree: by precedence, left to right. */
  binary(operands: readonly Expr[], operators: readonly BinaryOp[]): Expr {
    const first = operands[0] ?? nothing(0);
    if (operators.length === 0) return first;
    const values: Expr[] = [first];
    const pending: BinaryOp[] = [];
    const reduce = (): void => {
      const op = pending.pop();
      const right = values.pop();
      const left = values.pop();
      if (op === undefined || left === undefined || right === undefined) return;
      values.push({ type: 'binary', span: { start: left.span.start, end: right.span.end }, op, left, right });
    };
    operators.forEach((op, i) => {
      for (let top = pending.at(-1); top !== undefined && PRECEDENCE[top] >= PRECEDENCE[op]; top = pending.at(-1))
        reduce();
      pending.push(op);
      values.push(operands[i + 1] ?? nothing(first.span.end));
    });
    while (pending.length > 0) reduce();
    return values[0] ?? first;
  }

  /** Prefix operators, outermost first, around an operand. A minus before a number literal becomes part of it. */
  unary(prefixes: readonly { readonly op: UnaryOp; readonly start: number }[], operand: Expr): Expr {
    let value = operand;
    for (let i = prefixes.length - 1; i >= 0; i--) {
      const prefix = prefixes[i];
      if (prefix === undefined) continue;
      const span = { start: prefix.start, end: operand.span.end };
      if (prefix.op === '-' && value.type === 'number') value = { type: 'number', span, value: -value.value | 0 };
      else value = { type: 'unary', span, op: prefix.op, operand: value };
    }
    return value;
  }

  /** A host, address or other word as the value of a parameter; keywords in it are reported. */
  wordValue(span: Span): ParamValue {
    const value = this.source.text.slice(span.start, span.end);
    this.checkHost(span, value);
    return { span, value, kind: 'word' };
  }

  /** Kamailio's grammar takes hosts apart into words, which must not be keywords. */
  checkHost(span: Span, host: string): void {
    const parts = host.replace(/^(?:udp|tcp|tls|sctp):/i, '').split(/[.:-]/);
    const part = parts.find((p) => p === '*' || RESERVED_WORDS.has(p));
    if (part === undefined) return;
    this.report(
      'lax-syntax',
      span,
      `Kamailio 5.6.3 refuses "${part}" in a host name`,
      part === '*' ? {} : { hint: `write "${host}"` },
    );
  }
}

function badPv(span: Span, text: string): PvExpr {
  return { type: 'pv', span, pv: { text, className: BAD_PV, name: null, index: null, transformations: [], offset: 0 } };
}

/** The class of a variable that could not be parsed: it is reported already, later phases pass over it. */
export const BAD_PV = '<bad>';

/** How tight operators bind, as Kamailio 5.6.3 does; note that shifts bind looser than comparisons. All associate left. */
const PRECEDENCE: Readonly<Record<BinaryOp, number>> = {
  '||': 1,
  '&&': 2,
  '|': 3,
  '&': 4,
  '^': 5,
  '<<': 6,
  '>>': 6,
  '==': 7,
  '!=': 7,
  '=~': 7,
  '=^': 7,
  '!~': 7,
  eq: 7,
  ne: 7,
  ieq: 7,
  ine: 7,
  '<': 8,
  '<=': 8,
  '>': 8,
  '>=': 8,
  '+': 9,
  '-': 9,
  '.': 9,
  '*': 10,
  '/': 10,
  mod: 10,
};

export function endOf(token: IToken): number {
  return token.startOffset + token.image.length;
}

export function spanOf(token: IToken): Span {
  return { start: token.startOffset, end: endOf(token) };
}

/** Stands where an expression is missing after an error. */
export function nothing(at: number): Expr {
  return { type: 'number', span: { start: at, end: at }, value: 0 };
}
