import { EOF, type IToken } from 'chevrotain';
import type { Span } from './ast.ts';
import { endOf, spanOf } from './ast-builder.ts';
import { ExpressionGrammar } from './expression-grammar.ts';
import { endOfPv } from './scan.ts';
import * as t from './tokens.ts';

/** Where a skip after an error stopped. */
type Resync = 'statement' | 'block' | 'end';

/** How errors are reported, and where reading goes on behind them. */
export class RecoveryGrammar extends ExpressionGrammar {
  /** Reports an exception of Chevrotain's, once. Anything else is a fault of ours and goes on. */
  protected reportError(error: unknown): void {
    if (!(error instanceof Error) || !('token' in error)) throw error;
    const token = error.token as IToken;
    const span: Span = token.tokenType === EOF ? this.here() : spanOf(token);
    const found = token.tokenType === EOF ? 'the end of the script' : describe(token);
    this.builder.report('syntax', span, `${error.message} expected before ${found}`);
  }

  /** Skips to where reading can go on: see `Resync`. `start` is where the broken statement began. */
  protected skipStatement(start: number): Resync {
    let parens = 0;
    for (;;) {
      const token = this.LA(1);
      if (token.tokenType === EOF || token.tokenType === t.RBrace || this.isItemStart()) return 'end';
      if (token.tokenType === t.LBrace) return 'block';
      if (token.tokenType === t.LParen) parens++;
      if (token.tokenType === t.RParen) parens--;
      // A statement's word at the beginning of a line: the `;` before it is what is missing.
      if (parens <= 0 && token.startOffset > start && this.startsStatementLine()) return 'statement';
      this.SKIP_TOKEN();
      if (token.tokenType === t.Semicolon) return 'statement';
    }
  }

  /** A statement's word at the beginning of a line. */
  protected startsStatementLine(): boolean {
    const token = this.LA(1);
    if (![t.If, t.While, t.Switch, t.Leave, t.Break, t.Case, t.Default].includes(token.tokenType)) return false;
    return this.isLineStart(token);
  }

  protected isLineStart(token: IToken): boolean {
    const { text } = this.builder.source;
    let at = token.startOffset - 1;
    while (at >= 0 && (text.charCodeAt(at) === 32 || text.charCodeAt(at) === 9)) at--;
    return at < 0 || text.charCodeAt(at) === 10;
  }

  /** A route, or a module's line, at the beginning of a line: the brace before it is missing. */
  protected isItemStart(): boolean {
    const token = this.LA(1);
    if (token.tokenType === t.RouteWord) {
      return this.#isRouteHead() && this.isLineStart(token);
    }
    return (token.tokenType === t.LoadModuleWord || token.tokenType === t.ModParamWord) && this.isLineStart(token);
  }

  /** `route {`, `route[NAME] {`: a name has few tokens. */
  #isRouteHead(): boolean {
    if (this.is(t.LBrace, 2)) return true;
    if (!this.is(t.LBracket, 2)) return false;
    for (let i = 3; i < 24; i++) {
      if (this.is(t.RBracket, i)) return this.is(t.LBrace, i + 1);
      if (this.is(t.Semicolon, i) || this.LA(i).tokenType === EOF) return false;
    }
    return false;
  }

  /** The `;` that ends a statement. Where it is forgotten at the end of a line or block, reading goes on. */
  protected endStatement(what: string): void {
    this.ACTION(() => {
      if (this.is(t.Semicolon)) return;
      const last = endOf(this.LA(0));
      const next = this.LA(1);
      const isFollowedByLine = next.tokenType === EOF || next.tokenType === t.RBrace || this.isLineStart(next);
      const span = { start: last - 1, end: last };
      if (!isFollowedByLine) {
        this.builder.report('syntax', spanOf(next), `unexpected ${describe(next)} behind ${what}: ";" expected`);
        throw new Reported();
      }
      if (this.LA(0).tokenType === t.Pv && endOfPv(this.LA(0).image, 0) < 0) return;
      this.builder.report('missing-semicolon', span, `";" expected behind ${what}`);
    });
    this.OPTION9(() => this.CONSUME9(t.Semicolon));
  }
}

/** Thrown to leave a statement whose error is reported already. */
export class Reported extends Error {}

/** A token as a message quotes it, cut to 40 chars. */
export function describe(token: IToken): string {
  const image = token.image.length > 40 ? `${token.image.slice(0, 37)}...` : token.image;
  return image.startsWith('"') ? image : `"${image}"`;
}
