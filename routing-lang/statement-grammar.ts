import { EOF, type IOrAlt, type ParserMethod } from 'chevrotain';
import type { Expr, PvExpr, Statement, SwitchCase } from './ast.ts';
import { endOf, nothing, spanOf } from './ast-builder.ts';
import { GiveUp } from './literal-grammar.ts';
import { describe, RecoveryGrammar, Reported } from './recovery-grammar.ts';
import * as t from './tokens.ts';

/**
 * Statements and blocks. An error inside a statement is reported once; reading goes on behind the next `;`, at a block
 * that follows, or at the end of the block it stands in, so that one mistake gives one message.
 */
export class StatementGrammar extends RecoveryGrammar {
  // ---- lists and blocks ----------------------------------------------------------------------------------------

  /** Statements up to the `}`, `case` or `default` that ends the list. */
  readonly statements: ParserMethod<[], Statement[]> = this.RULE('statements', (): Statement[] => {
    const body: Statement[] = [];
    while (this.RECORDING_PHASE || !this.#isListEnd()) {
      if (this.builder.diagnostics.isFull) throw new GiveUp();
      const start = this.LA(1).startOffset;
      const { depth } = this;
      const switches = this.#switches;
      try {
        const found = this.SUBRULE(this.statement);
        if (Array.isArray(found)) body.push(...found);
        else body.push(found);
      } catch (error) {
        if (error instanceof GiveUp) throw error;
        if (!(error instanceof Reported)) this.reportError(error);
        this.leaveRules(depth);
        this.#switches = switches;
        const stop = this.skipStatement(start);
        if (stop === 'block') body.push(...this.#blockAfterError());
        if (stop === 'end' && this.LA(1).startOffset === start && !this.#isListEnd()) this.SKIP_TOKEN();
      }
      if (this.RECORDING_PHASE) break;
    }
    return body;
  });

  #isListEnd(): boolean {
    const { tokenType } = this.LA(1);
    if (tokenType === EOF || tokenType === t.RBrace || this.isItemStart()) return true;
    return (tokenType === t.Case || tokenType === t.Default) && this.#switches > 0;
  }

  /** How many switch bodies are open directly around (blocks inside a case count none). */
  #switches = 0;

  /** The block behind a statement's head that could not be read, and its else branches: read for their own errors. */
  #blockAfterError(): Statement[] {
    const body = this.block('the statement');
    while (this.is(t.Else)) {
      this.SKIP_TOKEN();
      if (this.is(t.If)) return [...body, ...asArray(this.statement())];
      if (!this.is(t.LBrace)) return body;
      body.push(...this.block('else'));
    }
    return body;
  }

  /** `{ … }` with at least one statement. */
  protected readonly block: ParserMethod<[what?: string], Statement[]> = this.RULE(
    'block',
    (what = 'a block'): Statement[] => {
      const open = this.CONSUME(t.LBrace);
      const switches = this.#switches;
      this.#switches = 0;
      const body = this.nested(() => this.SUBRULE(this.statements));
      this.#switches = switches;
      this.ACTION(() => {
        if (body.length === 0 && this.is(t.RBrace) && endOf(this.LA(0)) === endOf(open)) {
          this.builder.report('empty-block', spanOf(open), `the braces of ${what} are empty`, {
            hint: 'write { ; } for nothing',
          });
        }
        if (!this.is(t.RBrace)) {
          const next = this.LA(1);
          const isEnd = next.tokenType === EOF;
          const where = isEnd ? 'the end of the script' : `line ${this.builder.source.locate(next.startOffset).line}`;
          this.builder.report('syntax', spanOf(open), `this "{" is not closed before ${where}`);
        }
      });
      this.OPTION(() => this.CONSUME(t.RBrace));
      return body;
    },
  );

  /** What an if, else or while governs: a block or one statement. */
  protected readonly body: ParserMethod<[what?: string], Statement[]> = this.RULE(
    'body',
    (what = 'a block'): Statement[] =>
      this.OR([
        { ALT: () => this.SUBRULE(this.block, { ARGS: [what] }) },
        { ALT: () => asArray(this.nested(() => this.SUBRULE(this.statement))) },
      ]),
  );

  // ---- statements ----------------------------------------------------------------------------------------------

  /** One statement; several where a block stands that governs nothing. */
  readonly statement: ParserMethod<[], Statement | Statement[]> = this.RULE('statement', () =>
    this.OR(this.#alternatives),
  );

  readonly #alternatives: { DEF: IOrAlt<Statement | Statement[]>[]; ERR_MSG: string } = {
    DEF: [
      { ALT: () => this.SUBRULE(this.assignment) },
      { ALT: () => this.SUBRULE(this.ifStatement) },
      { ALT: () => this.SUBRULE(this.leaveStatement) },
      { ALT: () => this.SUBRULE(this.whileStatement) },
      { ALT: () => this.SUBRULE(this.switchStatement) },
      { ALT: () => this.SUBRULE(this.breakStatement) },
      { ALT: () => this.SUBRULE(this.emptyStatement) },
      { ALT: () => this.SUBRULE(this.strayBlock) },
      { ALT: () => this.SUBRULE(this.wordStatement) },
    ],
    ERR_MSG: 'a statement',
  };

  protected readonly wordStatement = this.RULE(
    'wordStatement',
    (): Statement =>
      this.OR({
        DEF: [
          { GATE: () => this.is(t.Continue) && !this.is(t.LParen, 2), ALT: () => this.SUBRULE(this.continueStatement) },
          { GATE: () => this.isNameLike(), ALT: () => this.SUBRULE(this.callStatement) },
        ],
        ERR_MSG: 'a statement',
      }),
  );

  protected readonly emptyStatement = this.RULE('emptyStatement', (): Statement => {
    const token = this.CONSUME(t.Semicolon);
    return { type: 'empty', span: spanOf(token) };
  });

  protected readonly strayBlock = this.RULE('strayBlock', (): Statement[] => {
    this.ACTION(() => {
      this.builder.report('syntax', spanOf(this.LA(1)), 'a block can only stand behind if, else, while or a route', {
        hint: 'leave the braces away',
      });
    });
    return this.SUBRULE(this.block);
  });

  protected readonly callStatement = this.RULE('callStatement', (): Statement => {
    const start = this.LA(1).startOffset;
    const expr = this.OR([
      { GATE: () => this.is(t.LParen, 2), ALT: () => this.SUBRULE(this.call) },
      {
        GATE: () => this.is(t.LBracket, 2) && this.LA(1).image === 'route',
        ALT: () => this.SUBRULE(this.routeInBrackets),
      },
      { ALT: () => this.SUBRULE(this.bareWord) },
    ]);
    this.ACTION(() => {
      if (expr.type === 'call' && expr.name === 'selval') {
        this.builder.report('syntax', expr.nameSpan, 'selval() is a value, not a statement');
      }
    });
    this.endStatement(expr?.type === 'call' ? `${expr.name}()` : 'the statement');
    return this.ACTION(() => ({ type: 'expr', span: this.span(start), expr }));
  });

  /** `route[NAME];` for `route(NAME);` */
  protected readonly routeInBrackets = this.RULE('routeInBrackets', (): Expr => {
    const name = this.CONSUME(t.RouteWord);
    this.CONSUME(t.LBracket);
    const argument = this.SUBRULE(this.hostText);
    this.CONSUME(t.RBracket);
    return this.ACTION((): Expr => {
      const value = this.builder.source.text.slice(argument.start, argument.end);
      const span = this.span(name.startOffset);
      this.builder.report('syntax', span, 'a route is called with parentheses', { hint: `write route(${value})` });
      return {
        type: 'call',
        span,
        name: 'route',
        nameSpan: spanOf(name),
        args: [{ type: 'word', span: argument, value }],
        isBare: false,
      };
    });
  });

  protected readonly assignment = this.RULE('assignment', (): Statement => {
    const target: PvExpr = this.SUBRULE(this.variable);
    const op = this.OR({
      DEF: [{ ALT: () => this.CONSUME(t.Equal) }, { ALT: () => this.CONSUME(t.ColonEqual) }],
      ERR_MSG: `"=" of an assignment`,
    });
    const value = this.SUBRULE(this.expression);
    this.ACTION(() => {
      if (op.tokenType === t.ColonEqual) {
        this.builder.report('older-syntax', spanOf(op), 'Kamailio since 3.0 has no ":="', {
          hint: `write $(${target.pv.text.slice(1)}[*]) = … to replace all values`,
        });
      }
    });
    this.endStatement('the assignment');
    return this.ACTION(() => ({
      type: 'assign',
      span: this.span(target.span.start),
      target,
      op: op.tokenType === t.ColonEqual ? ':=' : '=',
      value,
    }));
  });

  /** `return`, `exit`, `drop`, with a value or without, `()` for none. */
  protected readonly leaveStatement = this.RULE('leaveStatement', (): Statement => {
    const token = this.CONSUME(t.Leave);
    let value: Expr | null = null;
    this.OR([
      {
        GATE: () => this.is(t.RParen, 2),
        ALT: () => {
          this.CONSUME(t.LParen);
          this.CONSUME(t.RParen);
        },
      },
      {
        GATE: () =>
          !this.is(t.Semicolon) && !this.is(t.RBrace) && !(this.isLineStart(this.LA(1)) && !this.is(t.LParen)),
        ALT: () => {
          value = this.SUBRULE(this.expression);
        },
      },
      { ALT: () => undefined },
    ]);
    this.endStatement(token.image);
    return this.ACTION(
      (): Statement => ({ type: token.image as 'return' | 'exit' | 'drop', span: this.span(token.startOffset), value }),
    );
  });

  protected readonly breakStatement = this.RULE('breakStatement', (): Statement => {
    const token = this.CONSUME(t.Break);
    this.endStatement('break');
    return { type: 'break', span: spanOf(token) };
  });

  protected readonly continueStatement = this.RULE('continueStatement', (): Statement => {
    const token = this.CONSUME(t.Continue);
    this.ACTION(() =>
      this.builder.report('newer-syntax', spanOf(token), 'continue is of Kamailio 6.0; 5.6.3 refuses it'),
    );
    this.endStatement('continue');
    return { type: 'continue', span: spanOf(token) };
  });

  protected readonly ifStatement = this.RULE('ifStatement', (): Statement => {
    const heads: { start: number; test: Expr; body: Statement[] }[] = [this.SUBRULE(this.ifHead)];
    let otherwise: Statement[] | null = null;
    this.MANY({
      GATE: () => this.is(t.If, 2),
      DEF: () => {
        this.CONSUME(t.Else);
        heads.push(this.SUBRULE2(this.ifHead));
      },
    });
    this.OPTION(() => {
      this.CONSUME2(t.Else);
      otherwise = this.SUBRULE(this.body, { ARGS: ['else'] });
    });
    return this.ACTION((): Statement => {
      let result: Statement | null = null;
      for (const head of heads.reverse()) {
        const tail: Statement[] | null = result === null ? otherwise : [result];
        // oxlint-disable-next-line unicorn/no-thenable -- the tree's name for it; an array is no thenable
        result = { type: 'if', span: this.span(head.start), test: head.test, then: head.body, otherwise: tail };
      }
      return result ?? { type: 'empty', span: this.here() };
    });
  });

  protected readonly ifHead = this.RULE('ifHead', () => {
    const token = this.CONSUME(t.If);
    const test = this.SUBRULE(this.headExpression);
    const then = this.SUBRULE(this.body, { ARGS: ['if'] });
    return { start: token.startOffset, test, body: then };
  });

  /** The condition of an if or while. After an error in it, the block that it governs is still read as its own. */
  protected readonly headExpression = this.RULE('headExpression', (): Expr => {
    const start = this.LA(1).startOffset;
    const { depth } = this;
    try {
      return this.SUBRULE(this.condition);
    } catch (error) {
      if (error instanceof Reported || error instanceof GiveUp) throw error;
      this.reportError(error);
      this.leaveRules(depth);
      if (this.#skipToBlock()) return nothing(start);
      throw new Reported();
    }
  });

  /** Skips to a `{` on this statement's lines. */
  #skipToBlock(): boolean {
    while (!this.is(t.LBrace)) {
      const { tokenType } = this.LA(1);
      if (tokenType === EOF || tokenType === t.Semicolon || tokenType === t.RBrace || this.startsStatementLine())
        return false;
      this.SKIP_TOKEN();
    }
    return true;
  }

  protected readonly whileStatement = this.RULE('whileStatement', (): Statement => {
    const token = this.CONSUME(t.While);
    const test = this.SUBRULE(this.headExpression);
    const body = this.SUBRULE(this.body, { ARGS: ['while'] });
    return this.ACTION(() => ({ type: 'while', span: this.span(token.startOffset), test, body }));
  });

  // ---- switch --------------------------------------------------------------------------------------------------

  protected readonly switchStatement = this.RULE('switchStatement', (): Statement => {
    const token = this.CONSUME(t.Switch);
    const subject = this.SUBRULE(this.headExpression);
    this.CONSUME(t.LBrace);
    this.ACTION(() => this.#skipToCase());
    const cases: SwitchCase[] = [];
    this.#switches++;
    this.nested(() => {
      this.MANY({
        GATE: () => !this.is(t.RBrace),
        DEF: () => {
          const found = this.SUBRULE(this.switchCase);
          cases.push(found);
        },
      });
    });
    this.#switches--;
    this.CONSUME(t.RBrace);
    return this.ACTION((): Statement => {
      if (cases.filter((c) => c.label === null).length > 1) {
        this.builder.report('syntax', spanOf(token), 'a switch has at most one default');
      }
      return { type: 'switch', span: this.span(token.startOffset), subject, cases };
    });
  });

  /** Statements before the first case are reported and passed over. */
  #skipToCase(): void {
    const isCase = (): boolean => this.is(t.Case) || this.is(t.Default) || this.is(t.RBrace);
    if (isCase() || this.LA(1).tokenType === EOF) return;
    this.builder.report('syntax', spanOf(this.LA(1)), `"case" or "default" expected before ${describe(this.LA(1))}`);
    for (let depth = 0; this.LA(1).tokenType !== EOF && !(depth === 0 && isCase()); ) {
      if (this.is(t.LBrace)) depth++;
      if (this.is(t.RBrace)) depth--;
      this.SKIP_TOKEN();
    }
  }

  protected readonly switchCase = this.RULE('switchCase', (): SwitchCase => {
    const start = this.LA(1).startOffset;
    let label: Expr | null = null;
    this.OR({
      DEF: [
        {
          ALT: () => {
            this.CONSUME(t.Case);
            label = this.OR2([
              { ALT: () => this.SUBRULE(this.regexLabel) },
              { ALT: () => this.SUBRULE(this.expression) },
            ]);
          },
        },
        { ALT: () => this.CONSUME(t.Default) },
      ],
      ERR_MSG: '"case" or "default"',
    });
    this.CONSUME(t.Colon);
    this.ACTION(() => {
      if (this.is(t.LBrace)) {
        this.builder.report('syntax', spanOf(this.LA(1)), 'the statements of a case stand without braces', {
          hint: 'end them with break;',
        });
      }
    });
    const body: Statement[] = [];
    this.OR3([
      { GATE: () => this.is(t.LBrace), ALT: () => body.push(...asArray(this.SUBRULE(this.block))) },
      { ALT: () => undefined },
    ]);
    const rest = this.SUBRULE(this.statements);
    return this.ACTION((): SwitchCase => ({ span: this.span(start), label, body: [...body, ...rest] }));
  });

  /** `/"regex"`, as Kamailio writes it; a closing slash and `/regex/` without quotes are read, and reported. */
  protected readonly regexLabel = this.RULE('regexLabel', (): Expr => {
    const slash = this.CONSUME(t.Slash);
    const pattern = this.SUBRULE(this.strings);
    let flags = '';
    this.OPTION(() => {
      const close = this.CONSUME2(t.Slash);
      this.OPTION2({
        GATE: () => this.isGlued(),
        DEF: () => {
          flags = this.CONSUME(t.Word).image;
        },
      });
      this.ACTION(() =>
        this.builder.report('syntax', spanOf(close), 'a regular expression label has one slash', {
          hint: 'write case /"regex":',
        }),
      );
    });
    return this.ACTION(
      (): Expr => ({ type: 'regex', span: this.span(slash.startOffset), pattern: pattern.value, flags }),
    );
  });
}

function asArray<T>(value: T | T[]): T[] {
  return Array.isArray(value) ? value : [value];
}
