import {
  EmbeddedActionsParser,
  EOF,
  type IParserErrorMessageProvider,
  type IToken,
  type TokenType,
  tokenLabel,
  tokenMatcher,
} from 'chevrotain';
import type { BinaryOp, Expr, PvExpr, SelectPart, Span, UnaryOp } from './ast.ts';
import { type AstBuilder, endOf, nothing, spanOf } from './ast-builder.ts';
import {
  BARE_COMMANDS,
  BOOLEAN_WORDS,
  KEYWORD_OPERANDS,
  type KeywordOperand,
  WORD_ARGUMENT_COMMANDS,
} from './core-keywords.ts';
import * as t from './tokens.ts';

const MAX_DEPTH = 250;

const COMPARISONS: Readonly<Record<KeywordOperand, readonly string[]>> = {
  uri: ['==', '!=', '=~', 'eq', 'ne'],
  method: ['==', '!=', '=~', 'eq', 'ne'],
  number: ['==', '!=', '<', '>', '<=', '>=', 'ieq', 'ine'],
  address: ['==', '!=', '=~', 'eq', 'ne'],
  protocol: ['==', '!=', 'ieq', 'ine'],
  family: ['==', '!=', 'ieq', 'ine'],
};

/** Spellings that Kamailio does not know, and what stands for them. */
const OTHER_SPELLINGS: Readonly<Record<string, string>> = { '!~': '!(a =~ b)', '%': 'mod' };

/** Messages are what was expected, as a noun; `reportError` makes a sentence of them. */
const EXPECTED: IParserErrorMessageProvider = {
  buildMismatchTokenMessage: ({ expected }) => tokenLabel(expected),
  buildNotAllInputParsedMessage: () => 'the end of the script',
  buildNoViableAltMessage: ({ customUserDescription }) => customUserDescription ?? 'something else',
  buildEarlyExitMessage: ({ customUserDescription }) => customUserDescription ?? 'something else',
};

/**
 * The grammar of expressions, calls and what they are made of. Rules build nodes at once. Mistakes that do not hinder
 * reading on are reported and passed over; others end the rule with Chevrotain's exception, and the statement's list
 * goes on behind it.
 */
export class ExpressionGrammar extends EmbeddedActionsParser {
  protected builder: AstBuilder;
  #depth = 0;
  /** Names of the calls whose arguments are being read, innermost last. */
  readonly #calls: string[] = [];

  constructor(builder: AstBuilder) {
    super(t.ALL_TOKENS, {
      maxLookahead: 1,
      recoveryEnabled: false,
      skipValidations: true,
      errorMessageProvider: EXPECTED,
    });
    this.builder = builder;
  }

  // ---- helpers -------------------------------------------------------------------------------------------------

  /** Forgets the rules that an error left. */
  protected leaveRules(depth: number): void {
    this.#depth = depth;
    this.#calls.length = 0;
  }

  protected is(type: TokenType, ahead = 1): boolean {
    return tokenMatcher(this.LA(ahead), type);
  }

  /** True when the next token follows the last without a gap. */
  protected isGlued(): boolean {
    return this.LA(1).startOffset === endOf(this.LA(0));
  }

  /** From the token that began a node to the last one consumed. */
  protected span(start: number): Span {
    return { start, end: endOf(this.LA(0)) };
  }

  protected here(): Span {
    const token = this.LA(1);
    if (token.tokenType !== EOF) return spanOf(token);
    const end = this.builder.source.text.trimEnd().length;
    return { start: Math.max(0, end - 1), end };
  }

  /** Runs a nested rule unless it is nested too deep: recursion is bounded. */
  protected nested<T>(run: () => T): T {
    if (++this.#depth > MAX_DEPTH && !this.RECORDING_PHASE) {
      this.#depth = 0;
      this.builder.report('too-deep', this.here(), `nested more than ${MAX_DEPTH} deep`);
      throw new TooDeep();
    }
    const result = run();
    this.#depth--;
    return result;
  }

  protected get depth(): number {
    return this.#depth;
  }

  // ---- literals and names --------------------------------------------------------------------------------------

  /** One or more string literals, joined. */
  protected readonly strings = this.RULE('strings', (): { value: string; span: Span } => {
    const tokens: IToken[] = [this.CONSUME(t.Text)];
    this.MANY(() => {
      tokens.push(this.CONSUME2(t.Text));
    });
    return this.ACTION(() => ({ value: this.builder.text(tokens), span: this.span(tokens[0]?.startOffset ?? 0) }));
  });

  /** A host, name or address of tokens that follow each other without a gap: `sip-1.example.org`, `10.0.0.1`, `[::1]`. */
  protected readonly hostText = this.RULE('hostText', (): Span => {
    const start = this.LA(1).startOffset;
    this.OR([
      {
        ALT: () => {
          this.CONSUME(t.LBracket);
          this.CONSUME(t.Ip6);
          this.CONSUME(t.RBracket);
        },
      },
      { ALT: () => this.CONSUME2(t.Ip6) },
      {
        ALT: () => {
          this.SUBRULE(this.hostPart);
          this.MANY({ GATE: () => this.isGlued(), DEF: () => this.SUBRULE2(this.hostPart) });
        },
      },
    ]);
    return this.ACTION(() => this.span(start));
  });

  protected readonly hostPart = this.RULE('hostPart', () => {
    this.OR([
      { ALT: () => this.CONSUME(t.Word) },
      { ALT: () => this.CONSUME(t.DigitWord) },
      { ALT: () => this.CONSUME(t.NumberToken) },
      { ALT: () => this.CONSUME(t.Ip4) },
      { ALT: () => this.CONSUME(t.Dot) },
      { ALT: () => this.CONSUME(t.Minus) },
      { ALT: () => this.CONSUME(t.Star) },
    ]);
  });

  protected readonly variable = this.RULE('variable', (): PvExpr => {
    const token = this.OR([{ ALT: () => this.CONSUME(t.Pv) }, { ALT: () => this.CONSUME(t.Attribute) }]);
    const pv = this.ACTION(() => this.builder.pv(token));
    let result = pv;
    this.OPTION({
      GATE: () => this.isGlued() && token.image.endsWith(')') && !token.image.startsWith('$('),
      DEF: () => {
        const open = this.CONSUME(t.LBracket);
        this.OPTION2(() => this.CONSUME(t.Minus));
        this.OR2([
          { ALT: () => this.CONSUME(t.NumberToken) },
          { ALT: () => this.CONSUME(t.Star) },
          { ALT: () => this.CONSUME2(t.Pv) },
        ]);
        const close = this.CONSUME(t.RBracket);
        this.ACTION(() => {
          result = this.builder.oldIndex(
            pv,
            this.builder.source.text.slice(open.startOffset + 1, close.startOffset),
            endOf(close),
          );
        });
      },
    });
    return result;
  });

  /** `@to.tag`, `@hf_value["x"]`. */
  protected readonly select = this.RULE('select', (): Expr => {
    const at = this.CONSUME(t.At);
    const parts: SelectPart[] = [this.SUBRULE(this.selectPart)];
    this.MANY(() => {
      this.CONSUME(t.Dot);
      parts.push(this.SUBRULE2(this.selectPart));
    });
    return this.ACTION(() => {
      const span = this.span(at.startOffset);
      return { type: 'select', span, parts, text: this.builder.source.text.slice(span.start + 1, span.end) };
    });
  });

  protected readonly selectPart = this.RULE('selectPart', (): SelectPart => {
    const name = this.OR([{ ALT: () => this.CONSUME(t.Word) }, { ALT: () => this.CONSUME(t.DigitWord) }]);
    let index: string | number | null = null;
    this.OPTION(() => {
      this.CONSUME(t.LBracket);
      index = this.OR2([
        { ALT: () => this.SUBRULE(this.strings).value },
        { ALT: () => this.SUBRULE(this.signedNumber).value },
        { ALT: () => this.CONSUME(t.Star).image },
      ]);
      this.CONSUME(t.RBracket);
    });
    return { name: name.image, index };
  });

  protected readonly signedNumber = this.RULE('signedNumber', (): { value: number; span: Span } => {
    const start = this.LA(1).startOffset;
    let isNegative = false;
    this.OPTION(() => {
      this.CONSUME(t.Minus);
      isNegative = true;
    });
    const token = this.CONSUME(t.NumberToken);
    return this.ACTION(() => {
      const value = this.builder.number(token);
      return { value: isNegative ? -value | 0 : value, span: this.span(start) };
    });
  });

  // ---- expressions ---------------------------------------------------------------------------------------------

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
    const token = this.OR([
      { ALT: () => this.CONSUME(t.Operator) },
      { ALT: () => this.CONSUME(t.Minus) },
      { ALT: () => this.CONSUME(t.Slash) },
      { ALT: () => this.CONSUME(t.Star) },
      { ALT: () => this.CONSUME(t.WordOperator) },
    ]);
    return this.ACTION(() => {
      const other = OTHER_SPELLINGS[token.image];
      if (other !== undefined) {
        this.builder.report('syntax', spanOf(token), `there is no operator "${token.image}"`, {
          hint: `write ${other}`,
        });
      }
      return binaryOp(token.image);
    });
  });

  protected readonly unary = this.RULE('unary', (): Expr => {
    const prefixes: { op: UnaryOp; start: number }[] = [];
    this.MANY(() => {
      const token = this.OR([
        { ALT: () => this.CONSUME(t.Bang) },
        { ALT: () => this.CONSUME(t.Not) },
        { ALT: () => this.CONSUME(t.Minus) },
        { ALT: () => this.CONSUME(t.Tilde) },
        { ALT: () => this.CONSUME(t.Defined) },
        { ALT: () => this.CONSUME(t.Cast) },
      ]);
      this.ACTION(() => prefixes.push({ op: unaryOp(token.image), start: token.startOffset }));
    });
    const operand = this.SUBRULE(this.primary);
    return this.ACTION(() => this.builder.unary(prefixes, operand));
  });

  protected readonly primary = this.RULE(
    'primary',
    (): Expr =>
      this.OR({
        DEF: [
          {
            ALT: (): Expr => {
              const { value, span } = this.SUBRULE(this.strings);
              return { type: 'string', span, value };
            },
          },
          { ALT: () => this.SUBRULE(this.variable) },
          {
            ALT: (): Expr => {
              const token = this.CONSUME(t.NumberToken);
              this.OPTION({ GATE: () => this.isGlued(), DEF: () => this.SUBRULE(this.gluedTail) });
              return this.ACTION(() => this.#number(token));
            },
          },
          { ALT: () => this.SUBRULE(this.select) },
          { ALT: () => this.SUBRULE(this.parenthesized) },
          { ALT: () => this.SUBRULE(this.textFunction) },
          { GATE: () => this.#isKeyword(), ALT: () => this.SUBRULE(this.comparison) },
          { GATE: () => this.LA(1).image === 'myself', ALT: () => this.SUBRULE(this.myselfComparison) },
          { GATE: () => this.is(t.LParen, 2), ALT: () => this.SUBRULE(this.call) },
          { GATE: () => !this.is(t.Leave) && this.isNameLike(), ALT: () => this.SUBRULE(this.bareWord) },
          {
            ALT: (): Expr => {
              const span = this.SUBRULE(this.hostText);
              this.ACTION(() => {
                const text = this.builder.source.text.slice(span.start, span.end);
                this.builder.report('bad-address', span, `${text} can not stand here`, {
                  hint: `write it in quotes: "${text}"`,
                });
              });
              return { type: 'word', span, value: this.builder.source.text.slice(span.start, span.end) };
            },
          },
        ],
        ERR_MSG: 'a value',
      }),
  );

  protected isNameLike(): boolean {
    return (
      this.is(t.Word) &&
      !this.is(t.If) &&
      !this.is(t.Else) &&
      !this.is(t.While) &&
      !this.is(t.Switch) &&
      !this.is(t.Case) &&
      !this.is(t.Default) &&
      !this.is(t.WordOperator) &&
      !this.is(t.Break)
    );
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
      const outer = this.#calls.at(-1);
      if (outer !== undefined && outer !== 'route') {
        this.builder.report('syntax', spanOf(name), `a call can not be an argument of ${outer}`, {
          hint: 'assign its result to a variable first',
        });
      }
      this.#calls.push(name.image);
    });
    const args = this.nested(() => this.SUBRULE(this.callArguments, { ARGS: [name.image] }));
    this.ACTION(() => this.#calls.pop());
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
      this.ACTION(() =>
        this.builder.report('lax-syntax', spanOf(comma), 'the empty first argument is left out', {
          severity: 'warning',
        }),
      );
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
    if (name === 'route' && !/^\w+$/.test(value)) {
      this.builder.report('lax-syntax', span, `Kamailio 5.6.3 refuses the name ${value} without quotes`, {
        hint: `write route("${value}")`,
      });
    }
    return { type: 'word', span, value };
  }

  /** `udp:10.0.0.1:5060`, `a.example.org`, `uri:host`, `FLAG`. */
  protected readonly socketText = this.RULE('socketText', (): Span => {
    const start = this.LA(1).startOffset;
    this.OR([
      { ALT: () => this.CONSUME(t.ColonKeyword) },
      {
        ALT: () => {
          this.SUBRULE(this.hostText);
          this.MANY(() => {
            this.CONSUME(t.Colon);
            this.SUBRULE2(this.hostText);
          });
        },
      },
    ]);
    return this.ACTION(() => this.span(start));
  });

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
    return !KEYWORD_OPERANDS.has(word) && !BOOLEAN_WORDS.has(word);
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

  protected missing(): Expr {
    return nothing(endOf(this.LA(0)));
  }
}

/** Thrown to leave rules that are nested too deep; reported where it is thrown. */
export class TooDeep extends Error {}

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
  return /^\d+(?:\.\d+)*(?:\/|$)/.test(value) ? `${value} is no IPv4 address` : null;
}
