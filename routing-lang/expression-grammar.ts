import type { IOrAlt, IToken, TokenType } from 'chevrotain';
import type { BinaryOp, Expr, Span, UnaryOp } from './ast.ts';
import { endOf, spanOf } from './ast-builder.ts';
import {
  BARE_COMMANDS,
  BOOLEAN_WORDS,
  KEYWORD_OPERANDS,
  type KeywordOperand,
  RESERVED_WORDS,
  WORD_ARGUMENT_COMMANDS,
} from './core-keywords.ts';
import { LiteralGrammar } from './literal-grammar.ts';
import * as t from './tokens.ts';

const COMPARISONS: Readonly<Record<KeywordOperand, readonly string[]>> = {
  uri: ['==', '!=', '=~', 'eq', 'ne'],
  method: ['==', '!=', '=~', 'eq', 'ne'],
  number: ['==', '!=', '<', '>', '<=', '>=', 'ieq', 'ine'],
  address: ['==', '!=', '=~', 'eq', 'ne'],
  protocol: ['==', '!=', 'ieq', 'ine'],
  family: ['==', '!=', 'ieq', 'ine'],
};

/** Words that begin a statement or join operands: never the name of a command or a bare word. */
const NO_NAMES: ReadonlySet<TokenType> = new Set([
  t.If,
  t.Else,
  t.While,
  t.Switch,
  t.Case,
  t.Default,
  t.Break,
  t.Leave,
  t.WordOperator,
]);

/** Spellings that Kamailio does not know, and what stands for them. */
const OTHER_SPELLINGS: Readonly<Record<string, string>> = { '!~': '!(a =~ b)', '%': 'mod' };

/**
 * The grammar of expressions, calls and what they are made of. Rules build nodes at once. Mistakes that do not hinder
 * reading on are reported and passed over; others end the rule with Chevrotain's exception, and the statement's list
 * goes on behind it.
 */
export class ExpressionGrammar extends LiteralGrammar {
  /** An expression, or where Kamailio takes one for a value too, an assignment: conditions and parentheses. */
  protected readonly condition = this.RULE(
    'condition',
    (): Expr =>
      this.OR([
        {
          GATE: () => this.is(t.Equal, 2) && (this.is(t.Pv) || this.is(t.Attribute)),
          ALT: (): Expr => {
            const target = this.SUBRULE(this.variable);
            this.CONSUME(t.Equal);
            const value = this.SUBRULE(this.expression);
            return this.ACTION(() => ({ type: 'assignExpr', span: this.span(target.span.start), target, value }));
          },
        },
        { ALT: () => this.SUBRULE2(this.expression) },
      ]),
  );

  readonly expression: (idx?: number) => Expr = this.RULE('expression', (): Expr => {
    const operands: Expr[] = [this.SUBRULE(this.unary)];
    const operators: BinaryOp[] = [];
    this.MANY(() => {
      operators.push(this.SUBRULE(this.binaryOperator));
      operands.push(this.SUBRULE2(this.unary));
    });
    return this.ACTION(() => this.builder.binary(operands, operators));
  });

  protected readonly binaryOperator = this.RULE('binaryOperator', (): BinaryOp => {
    const token = this.OR(this.#binaryOperators);
    return this.ACTION(() => {
      const other = OTHER_SPELLINGS[token.image];
      if (other !== undefined) {
        this.builder.report('syntax', spanOf(token), `there is no operator "${token.image}"`, {
          hint: `write ${other}`,
        });
      }
      if (token.image === '=^')
        this.builder.report('lax-syntax', spanOf(token), 'Kamailio 5.6.3 has no operator =^', {
          hint: 'it asks whether a text begins with another; Kamailio has starts_with() in textops, or =~ "^…"',
        });
      return binaryOp(token.image);
    });
  });

  readonly #binaryOperators: IOrAlt<IToken>[] = [
    { ALT: () => this.CONSUME(t.Operator) },
    { ALT: () => this.CONSUME(t.Minus) },
    { ALT: () => this.CONSUME(t.Slash) },
    { ALT: () => this.CONSUME(t.Star) },
    { ALT: () => this.CONSUME(t.WordOperator) },
  ];

  readonly #prefixes: IOrAlt<IToken>[] = [
    { ALT: () => this.CONSUME(t.Bang) },
    { ALT: () => this.CONSUME(t.Not) },
    { ALT: () => this.CONSUME(t.Minus) },
    { ALT: () => this.CONSUME(t.Tilde) },
    { ALT: () => this.CONSUME(t.Defined) },
    { ALT: () => this.CONSUME(t.Cast) },
  ];

  protected readonly unary = this.RULE('unary', (): Expr => {
    const prefixes: { op: UnaryOp; start: number }[] = [];
    this.MANY(() => {
      const token = this.OR(this.#prefixes);
      this.ACTION(() => prefixes.push({ op: unaryOp(token.image), start: token.startOffset }));
    });
    const operand = this.SUBRULE(this.primary);
    return this.ACTION(() => this.builder.unary(prefixes, operand));
  });

  protected readonly primary = this.RULE('primary', (): Expr => this.OR(this.#primaries));

  // Alternatives are made once, not at every call: they are most of what parsing would allocate.
  readonly #primaries: { DEF: IOrAlt<Expr>[]; ERR_MSG: string } = {
    DEF: [
      { ALT: () => this.SUBRULE(this.textPrimary) },
      { ALT: () => this.SUBRULE(this.variable) },
      { ALT: () => this.SUBRULE(this.numberPrimary) },
      { ALT: () => this.SUBRULE(this.select) },
      { ALT: () => this.SUBRULE(this.parenthesized) },
      { ALT: () => this.SUBRULE(this.textFunction) },
      { ALT: () => this.SUBRULE(this.wordPrimary) },
      { ALT: () => this.SUBRULE(this.strayHost) },
    ],
    ERR_MSG: 'a value',
  };

  protected readonly textPrimary = this.RULE('textPrimary', (): Expr => {
    const { value, span } = this.SUBRULE(this.strings);
    return { type: 'string', span, value };
  });

  protected readonly numberPrimary = this.RULE('numberPrimary', (): Expr => {
    const token = this.CONSUME(t.NumberToken);
    this.OPTION({ GATE: () => this.isGlued(), DEF: () => this.SUBRULE(this.gluedTail) });
    return this.ACTION(() => this.#number(token));
  });

  /** What begins with a word: an old-style comparison, a call, a word alone. */
  protected readonly wordPrimary = this.RULE('wordPrimary', (): Expr => this.OR(this.#wordPrimaries));

  readonly #wordPrimaries: { DEF: IOrAlt<Expr>[]; ERR_MSG: string } = {
    DEF: [
      { GATE: () => this.is(t.LParen, 2) && this.isNameLike(), ALT: () => this.SUBRULE(this.call) },
      { GATE: () => this.#isKeyword(), ALT: () => this.SUBRULE(this.comparison) },
      { GATE: () => this.LA(1).image === 'myself', ALT: () => this.SUBRULE(this.myselfComparison) },
      { GATE: () => this.isNameLike(), ALT: () => this.SUBRULE(this.bareWord) },
    ],
    ERR_MSG: 'a value',
  };

  /** An address or host name without quotes, where it is no operand of src_ip and the like. */
  protected readonly strayHost = this.RULE('strayHost', (): Expr => {
    const span = this.SUBRULE(this.hostText);
    return this.ACTION((): Expr => {
      const value = this.builder.source.text.slice(span.start, span.end);
      this.builder.report('bad-address', span, `${value} can not stand here`, {
        hint: `write it in quotes: "${value}"`,
      });
      return { type: 'word', span, value };
    });
  });

  /** True before a word that may be a name, as no statement or operator begins with it. */
  protected isNameLike(): boolean {
    return this.is(t.Word) && !NO_NAMES.has(this.LA(1).tokenType);
  }

  #number(token: IToken): Expr {
    const span = this.span(token.startOffset);
    if (span.end === endOf(token)) return { type: 'number', span, value: this.builder.number(token) };
    const text = this.builder.source.text.slice(span.start, span.end);
    this.builder.report('bad-number', span, `${text} is no integer`, { hint: `write it in quotes: "${text}"` });
    return { type: 'string', span, value: text };
  }

  /** What makes of a number an address or fraction: `.5`. */
  protected readonly gluedTail = this.RULE('gluedTail', () => {
    this.CONSUME(t.Dot);
    this.MANY({ GATE: () => this.isGlued(), DEF: () => this.SUBRULE(this.hostPart) });
  });

  protected readonly parenthesized = this.RULE('parenthesized', (): Expr => {
    const open = this.CONSUME(t.LParen);
    const inner = this.nested(() => this.SUBRULE(this.condition));
    this.CONSUME(t.RParen);
    return this.ACTION(() => ({ ...inner, span: this.span(open.startOffset) }));
  });

  protected readonly textFunction = this.RULE('textFunction', (): Expr => {
    const name = this.CONSUME(t.TextFunction);
    this.CONSUME(t.LParen);
    const operand = this.nested(() => this.SUBRULE(this.expression));
    this.CONSUME(t.RParen);
    return this.ACTION(() => ({ type: 'unary', span: this.span(name.startOffset), op: unaryOp(name.image), operand }));
  });

  /** A word alone: a boolean, a command that needs no parentheses, or a mistake. */
  protected readonly bareWord = this.RULE('bareWord', (): Expr => {
    const token = this.CONSUME(t.Word);
    return this.ACTION((): Expr => {
      const span = spanOf(token);
      const value = BOOLEAN_WORDS.get(token.image);
      if (value !== undefined) return { type: 'number', span, value };
      if (BARE_COMMANDS.has(token.image))
        return { type: 'call', span, name: token.image, nameSpan: span, args: [], isBare: true };
      this.builder.report('bare-word', span, `${token.image} is neither a call nor a value`, {
        hint: `write ${token.image}() to call it, "${token.image}" for a text; a macro of this name has no value here`,
      });
      return { type: 'word', span, value: token.image };
    });
  });

  // ---- calls ---------------------------------------------------------------------------------------------------

  readonly call = this.RULE('call', (): Expr => {
    const name = this.CONSUME(t.Word);
    this.CONSUME(t.LParen);
    this.ACTION(() => {
      const outer = this.calls.at(-1);
      if (outer !== undefined && outer !== 'route' && outer !== 'selval') {
        this.builder.report('syntax', spanOf(name), `a call can not be an argument of ${outer}`, {
          hint: 'assign its result to a variable first',
        });
      }
      this.calls.push(name.image);
    });
    const args = this.nested(() => this.SUBRULE(this.callArguments, { ARGS: [name.image] }));
    this.ACTION(() => this.calls.pop());
    this.CONSUME(t.RParen);
    return this.ACTION(
      (): Expr => ({
        type: 'call',
        span: this.span(name.startOffset),
        name: name.image,
        nameSpan: spanOf(name),
        args,
        isBare: false,
      }),
    );
  });

  protected readonly callArguments = this.RULE('callArguments', (name: string): Expr[] => {
    const args: Expr[] = [];
    this.OPTION(() => {
      const comma = this.CONSUME(t.Comma);
      this.ACTION(() => this.builder.report('empty-argument', spanOf(comma), 'the empty first argument is left out'));
    });
    this.OPTION2({
      GATE: () => !this.is(t.RParen),
      DEF: () => {
        args.push(this.SUBRULE(this.argument, { ARGS: [name] }));
        this.MANY(() => {
          this.CONSUME2(t.Comma);
          args.push(this.SUBRULE2(this.argument, { ARGS: [name] }));
        });
      },
    });
    return args;
  });

  protected readonly argument = this.RULE(
    'argument',
    (name: string): Expr =>
      this.OR([
        {
          GATE: () => WORD_ARGUMENT_COMMANDS.has(name) && this.#isWordArgument(),
          ALT: (): Expr => {
            const span = this.SUBRULE(this.socketText);
            return this.ACTION(() => this.#wordArgument(name, span));
          },
        },
        { ALT: () => this.SUBRULE(this.expression) },
      ]),
  );

  /** A word, address or socket that ends the argument, not the beginning of an expression. */
  #isWordArgument(): boolean {
    if (this.is(t.Word)) return !this.is(t.LParen, 2) && !BOOLEAN_WORDS.has(this.LA(1).image);
    return this.is(t.Ip4) || this.is(t.Ip6) || this.is(t.DigitWord) || this.is(t.LBracket) || this.is(t.ColonKeyword);
  }

  #wordArgument(name: string, span: Span): Expr {
    const value = this.builder.source.text.slice(span.start, span.end);
    if (name === 'route' && (!/^\w+$/.test(value) || RESERVED_WORDS.has(value))) {
      this.builder.report('lax-syntax', span, `Kamailio 5.6.3 refuses the name ${value} without quotes`, {
        hint: `write route("${value}")`,
      });
    }
    return { type: 'word', span, value };
  }

  // ---- old-style comparisons -----------------------------------------------------------------------------------

  #isKeyword(): boolean {
    return KEYWORD_OPERANDS.has(this.LA(1).image) && !this.is(t.LParen, 2);
  }

  /** `src_ip == 10.0.0.0/8`, `method == INVITE`, `uri == myself`: keyword, operator and operand are one unit. */
  protected readonly comparison = this.RULE('comparison', (): Expr => {
    const token = this.OR([{ ALT: () => this.CONSUME(t.Word) }, { ALT: () => this.CONSUME(t.ColonKeyword) }]);
    const kind = KEYWORD_OPERANDS.get(token.image) ?? 'uri';
    const left = this.ACTION((): Expr => ({ type: 'keyword', span: spanOf(token), name: token.image }));
    let result: Expr = left;
    this.OPTION({
      GATE: () => this.RECORDING_PHASE || COMPARISONS[kind].includes(this.LA(1).image),
      DEF: () => {
        const op = this.SUBRULE(this.binaryOperator);
        const right = this.SUBRULE(this.operand, { ARGS: [kind] });
        this.ACTION(() => {
          result = { type: 'binary', span: { start: left.span.start, end: right.span.end }, op, left, right };
        });
      },
    });
    this.ACTION(() => {
      if (result === left) this.#keywordAlone(token, kind);
    });
    return result;
  });

  #keywordAlone(token: IToken, kind: KeywordOperand): void {
    const operators = COMPARISONS[kind].filter((op) => /\W/.test(op)).join(', ');
    this.builder.report('syntax', spanOf(token), `${token.image} can only be compared, by ${operators}`);
  }

  /** `myself == uri`. */
  protected readonly myselfComparison = this.RULE('myselfComparison', (): Expr => {
    const token = this.CONSUME(t.Word);
    const left: Expr = { type: 'word', span: spanOf(token), value: 'myself' };
    let result: Expr = left;
    this.OPTION({
      GATE: () => this.RECORDING_PHASE || KEYWORD_OPERANDS.has(this.LA(2).image),
      DEF: () => {
        const op = this.SUBRULE(this.binaryOperator);
        const name = this.CONSUME2(t.Word);
        const right: Expr = { type: 'keyword', span: spanOf(name), name: name.image };
        result = { type: 'binary', span: { start: left.span.start, end: right.span.end }, op, left, right };
      },
    });
    this.ACTION(() => {
      if (result === left) {
        this.builder.report(
          'syntax',
          spanOf(token),
          'myself can only be compared with uri, from_uri, to_uri, src_ip or dst_ip',
          {
            hint: 'is_myself("$var") of corex tests any text',
          },
        );
      }
    });
    return result;
  });

  protected readonly operand = this.RULE(
    'operand',
    (kind: KeywordOperand): Expr =>
      this.OR([
        { GATE: () => kind === 'address' && this.#isAddress(), ALT: () => this.SUBRULE(this.network) },
        {
          GATE: () => this.RECORDING_PHASE || this.#isOperandWord(kind),
          ALT: (): Expr => {
            const token = this.CONSUME(t.Word);
            this.ACTION(() => {
              if (token.image !== 'max_len') return;
              this.builder.report('older-syntax', spanOf(token), 'max_len is no longer known to Kamailio', {
                hint: 'write a number',
              });
            });
            return { type: 'word', span: spanOf(token), value: token.image };
          },
        },
        { ALT: () => this.SUBRULE(this.arithmetic) },
      ]),
  );

  #isAddress(): boolean {
    if (this.is(t.Ip4) || this.is(t.Ip6) || this.is(t.LBracket) || this.is(t.DigitWord)) return true;
    return this.is(t.Word) && !this.is(t.LParen, 2) && !BOOLEAN_WORDS.has(this.LA(1).image);
  }

  #isOperandWord(kind: KeywordOperand): boolean {
    if (!this.is(t.Word) || this.is(t.LParen, 2) || this.is(t.TextFunction) || this.is(t.Defined) || this.is(t.Not))
      return false;
    const word = this.LA(1).image;
    if (kind === 'number') return word === 'max_len';
    if (kind === 'uri') return word === 'myself';
    if (kind === 'protocol') return /^(?:udp|tcp|tls|sctp|ws|wss)$/i.test(word);
    if (kind === 'family') return /^(?:inet6?|ipv[46]|v[46])$/i.test(word);
    return !RESERVED_WORDS.has(word);
  }

  /** An address, host or network: `10.0.0.0/8`, `10.0.0.0/255.0.0.0`, `[2001:db8::]/32`. */
  protected readonly network = this.RULE('network', (): Expr => {
    const host = this.SUBRULE(this.hostText);
    this.OPTION(() => {
      this.CONSUME(t.Slash);
      this.OR([
        { ALT: () => this.CONSUME(t.NumberToken) },
        { ALT: () => this.CONSUME(t.Ip4) },
        { ALT: () => this.CONSUME(t.Ip6) },
      ]);
    });
    return this.ACTION((): Expr => {
      const span = this.span(host.start);
      const value = this.builder.source.text.slice(span.start, span.end).replaceAll(/\s+/g, '');
      const wrong = addressError(value);
      if (wrong !== null) this.builder.report('bad-address', span, wrong);
      return { type: 'word', span, value };
    });
  });

  /** An operand of a comparison: what binds tighter than comparisons do. */
  protected readonly arithmetic = this.RULE('arithmetic', (): Expr => {
    const operands: Expr[] = [this.SUBRULE(this.unary)];
    const operators: BinaryOp[] = [];
    this.MANY({
      GATE: () => /^(?:[-+*/]|mod)$/.test(this.LA(1).image),
      DEF: () => {
        operators.push(this.SUBRULE(this.binaryOperator));
        operands.push(this.SUBRULE2(this.unary));
      },
    });
    return this.ACTION(() => this.builder.binary(operands, operators));
  });
}

function binaryOp(image: string): BinaryOp {
  if (image === 'and') return '&&';
  if (image === 'or') return '||';
  if (image === '%') return 'mod';
  return image as BinaryOp;
}

function unaryOp(image: string): UnaryOp {
  if (image === 'not') return '!';
  if (image.startsWith('(')) return image.includes('int') ? '(int)' : '(str)';
  return image as UnaryOp;
}

/** What is wrong with the digits of an address or network; null for nothing. */
function addressError(value: string): string | null {
  const m = /^(\d+)\.(\d+)\.(\d+)\.(\d+)(?:\/(\d+))?$/.exec(value);
  if (m !== null) {
    if (m.slice(1, 5).some((part) => Number(part) > 255)) return `${value} is no IPv4 address`;
    return m[5] !== undefined && Number(m[5]) > 32 ? 'a mask has at most 32 bits' : null;
  }
  const bits = /:.*\/(\d+)$/.exec(value)?.[1];
  if (bits !== undefined && Number(bits) > 128) return 'a mask has at most 128 bits';
  if (/^\d+(?:\.\d+){3}\/\d+(?:\.\d+){3}$/.test(value)) return null;
  return /^\d+(?:\.\d+)*(?:\/|$)/.test(value) ? `${value} is no IPv4 address` : null;
}
