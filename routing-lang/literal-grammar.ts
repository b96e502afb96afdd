import { isIPv6 } from 'node:net';
import {
  EmbeddedActionsParser,
  EOF,
  type IParserErrorMessageProvider,
  type IToken,
  type TokenType,
  tokenLabel,
  tokenMatcher,
} from 'chevrotain';
import type { Expr, PvExpr, SelectPart, Span } from './ast.ts';
import { type AstBuilder, BAD_PV, endOf, spanOf } from './ast-builder.ts';
import { endOfPv } from './scan.ts';
import * as t from './tokens.ts';

/** Blocks, parentheses and calls in each other: as many as the stack holds before V8 has optimised anything. */
const MAX_DEPTH = 100;

/** Messages are what was expected, as a noun; `reportError` makes a sentence of them. */
const EXPECTED: IParserErrorMessageProvider = {
  buildMismatchTokenMessage: ({ expected }) => tokenLabel(expected),
  buildNotAllInputParsedMessage: () => 'the end of the script',
  buildNoViableAltMessage: ({ customUserDescription }) => customUserDescription ?? 'something else',
  buildEarlyExitMessage: ({ customUserDescription }) => customUserDescription ?? 'something else',
};

/** What all rules share, and the rules of what is not an expression by itself: strings, variables, selects, hosts. */
export class LiteralGrammar extends EmbeddedActionsParser {
  protected builder: AstBuilder;
  #depth = 0;
  /** Names of the calls whose arguments are being read, innermost last. */
  protected readonly calls: string[] = [];

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
    this.calls.length = 0;
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
      throw new GiveUp();
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
      {
        ALT: () => {
          const token = this.CONSUME2(t.Ip6);
          this.ACTION(() => {
            if (isIPv6(token.image)) return;
            this.builder.report('bad-address', spanOf(token), `${token.image} is no IPv6 address`);
          });
        },
      },
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

  /** After a variable that is broken in its braces, the rest of them is no code. */
  #skipBroken(image: string): void {
    const isOpen = image.split('{').length > image.split('}').length;
    if (isOpen && !this.#isUnclosed(image)) this.#skipBraces();
  }

  /** Goes behind the next closing brace, and the parenthesis behind it, of this statement. */
  #skipBraces(): void {
    while (this.LA(1).tokenType !== EOF && !this.is(t.Semicolon)) {
      const isEnd = this.is(t.RBrace);
      this.SKIP_TOKEN();
      if (isEnd) break;
    }
    if (this.is(t.RParen) && this.isGlued()) this.SKIP_TOKEN();
  }

  /** True for a variable whose parenthesis does not close: the lexer has reported it. */
  #isUnclosed(image: string): boolean {
    return endOfPv(image, 0) < 0;
  }

  /** `$ru{uri.user}`: read as `$(ru{uri.user})`, and reported. */
  #outerTransformation(pv: PvExpr): void {
    const { text } = this.builder.source;
    const m = /^(?:\{[a-z]+\.[^{}\n]*\})+/.exec(text.slice(pv.span.end, pv.span.end + 200));
    if (m === null || !this.is(t.LBrace) || !this.isGlued()) return;
    const span = { start: pv.span.start, end: pv.span.end + m[0].length };
    this.builder.report('bad-variable', span, 'transformations stand inside of $(…)', {
      hint: `write $(${pv.pv.text.slice(1)}${m[0]})`,
    });
    while (this.LA(1).startOffset < span.end && this.LA(1).tokenType !== EOF) this.SKIP_TOKEN();
  }

  protected readonly variable = this.RULE('variable', (): PvExpr => {
    const token = this.OR([{ ALT: () => this.CONSUME(t.Pv) }, { ALT: () => this.CONSUME(t.Attribute) }]);
    const pv = this.ACTION(() => this.builder.pv(token));
    this.ACTION(() => {
      if (pv.pv.className === BAD_PV) this.#skipBroken(token.image);
      else if (!token.image.startsWith('$(')) this.#outerTransformation(pv);
    });
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
}

/** Thrown to end the parse: it is nested too deep, or has too many errors to keep. Reported where it is thrown. */
export class GiveUp extends Error {}
