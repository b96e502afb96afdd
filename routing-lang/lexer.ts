import { type IToken, Lexer } from 'chevrotain';
import type { Diagnostics } from './diagnostics.ts';
import type { Preprocessed } from './preprocessor.ts';
import { endOfBlockComment, endOfPv, endOfString } from './scan.ts';
import { ALL_TOKENS, Pv, Text } from './tokens.ts';

let lexer: Lexer | null = null;

/** Built at first use: a program that reads no script does not pay for it. It holds no state of a run. */
function scriptLexer(): Lexer {
  lexer ??= new Lexer(ALL_TOKENS, {
    positionTracking: 'onlyOffset',
    ensureOptimizations: true,
    skipValidations: true,
  });
  return lexer;
}

/**
 * The tokens of a preprocessed script. Strings, variables and comments that do not end are reported, and characters
 * that begin nothing, which Kamailio passes over too; the tokens around them are there.
 */
export function tokenize(source: Preprocessed, diagnostics: Diagnostics): IToken[] {
  const { text } = source;
  const { tokens, errors, groups } = scriptLexer().tokenize(text);
  const report = (code: string, from: number, to: number, message: string): void => {
    diagnostics.report(code, source.locate(from), source.locate(to), message);
  };
  for (const comment of groups['comments'] ?? []) {
    if (endOfBlockComment(text, comment.startOffset) < 0) {
      report('unclosed-comment', comment.startOffset, comment.startOffset + 2, 'this comment has no */');
    }
  }
  for (const token of tokens) {
    if (token.tokenType === Text) {
      if (endOfString(text, token.startOffset) < 0) {
        report('unclosed-string', token.startOffset, token.startOffset + 1, 'this string has no end');
      }
    } else if (token.tokenType === Pv && endOfPv(text, token.startOffset) < 0) {
      report(
        'unclosed-variable',
        token.startOffset,
        token.startOffset + token.image.length,
        `a parenthesis of ${token.image.trimEnd()} is not closed`,
      );
    }
  }
  for (const error of errors) {
    const found = text.slice(error.offset, error.offset + error.length);
    const shown = /^[!-~]+$/.test(found) ? `"${found}"` : `char code ${found.charCodeAt(0)}`;
    report('bad-character', error.offset, error.offset + error.length, `${shown} is left out, as Kamailio does`);
  }
  return tokens;
}
