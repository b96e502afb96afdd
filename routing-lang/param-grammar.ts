import type { IToken } from 'chevrotain';
import type { CoreParam, Item, ParamValue, Span } from './ast.ts';
import { endOf, spanOf } from './ast-builder.ts';
import { BOOLEAN_WORDS, RESERVED_WORDS } from './core-keywords.ts';
import { StatementGrammar } from './statement-grammar.ts';
import * as t from './tokens.ts';

/** Parameters that take a list of values on one or several lines. */
const LIST_PARAMS: ReadonlySet<string> = new Set(['alias', 'domain']);

/** Global parameters of the core and of the script, flag declarations. */
export class ParamGrammar extends StatementGrammar {
  /** True for a token that may begin an item, whatever follows. */
  protected beginsItem(token: IToken): boolean {
    if (
      [t.RouteWord, t.LoadModuleWord, t.LoadPathWord, t.ModParamWord, t.Listen, t.FlagsWord, t.CfgEngine].includes(
        token.tokenType,
      )
    )
      return true;
    return this.is(t.Word) && (this.is(t.Equal, 2) || (this.is(t.Dot, 2) && this.is(t.Equal, 4)));
  }

  /** A name or path where a string must stand: reported, and used. */
  protected readonly unquoted = this.RULE('unquoted', (what: string): { value: string; span: Span } => {
    const span = this.SUBRULE(this.hostText);
    return this.ACTION(() => {
      const value = this.builder.source.text.slice(span.start, span.end);
      this.builder.report('syntax', span, `${what} needs a string`, { hint: `write "${value}"` });
      return { value, span };
    });
  });

  /** A string, an integer with or without a minus, a boolean word; other words are reported. */
  protected readonly scalar = this.RULE('scalar', (what: string): { value: string | number; span: Span } =>
    this.OR({
      DEF: [
        { ALT: () => this.SUBRULE(this.strings) },
        { ALT: () => this.SUBRULE(this.signedNumber) },
        {
          ALT: () => {
            const token = this.CONSUME(t.Word);
            return this.ACTION(() => {
              const value = BOOLEAN_WORDS.get(token.image);
              if (value !== undefined) return { value, span: spanOf(token) };
              this.builder.report(
                'bare-word',
                spanOf(token),
                `${what} needs a number or a string, ${token.image} is neither`,
                {
                  hint: `write "${token.image}", or #!define ${token.image}`,
                },
              );
              return { value: token.image, span: spanOf(token) };
            });
          },
        },
      ],
      ERR_MSG: 'a string or number',
    }),
  );

  protected readonly customParam = this.RULE('customParam', (): Item => {
    const group = this.CONSUME(t.Word);
    let groupId: number | null = null;
    this.OPTION(() => {
      this.CONSUME(t.LBracket);
      groupId = this.SUBRULE(this.signedNumber).value;
      this.CONSUME(t.RBracket);
    });
    this.CONSUME(t.Dot);
    const name = this.CONSUME2(t.Word);
    this.CONSUME(t.Equal);
    const value = this.SUBRULE(this.scalar, { ARGS: ['a custom parameter'] });
    let description: string | null = null;
    this.OPTION2({
      GATE: () => /^desc(?:r|ription)?$/.test(this.LA(1).image) && this.is(t.Text, 2),
      DEF: () => {
        this.CONSUME3(t.Word);
        description = this.SUBRULE(this.strings).value;
      },
    });
    return this.ACTION((): Item => {
      for (const token of [group, name]) this.checkReserved(spanOf(token), token.image, 'a parameter');
      if (typeof value.value === 'number' && this.builder.source.text.charAt(value.span.start) === '-') {
        this.builder.report('lax-syntax', value.span, 'Kamailio 5.6.3 refuses a negative number here');
      }
      if (groupId !== null && description !== null) {
        this.builder.report(
          'lax-syntax',
          spanOf(group),
          'Kamailio 5.6.3 refuses a description of a parameter with [id]',
        );
      }
      return {
        type: 'customParam',
        span: this.span(group.startOffset),
        group: group.image,
        groupId,
        name: name.image,
        value: { span: value.span, value: value.value, kind: typeof value.value === 'number' ? 'number' : 'string' },
        description,
      };
    });
  });

  protected checkReserved(span: Span, name: string, what: string): void {
    if (!RESERVED_WORDS.has(name)) return;
    this.builder.report('lax-syntax', span, `Kamailio 5.6.3 refuses the keyword ${name} as the name of ${what}`);
  }

  protected readonly coreParam = this.RULE('coreParam', (): CoreParam => {
    const name = this.CONSUME(t.Word);
    let index = '';
    this.OPTION(() => {
      this.CONSUME(t.LBracket);
      index = this.OR([{ ALT: () => this.CONSUME2(t.Word).image }, { ALT: () => this.SUBRULE(this.strings).value }]);
      this.CONSUME(t.RBracket);
    });
    this.CONSUME(t.Equal);
    const values = this.SUBRULE(this.paramValues, { ARGS: [name.image] });
    return this.ACTION((): CoreParam => {
      const nameSpan = {
        start: name.startOffset,
        end: index === '' ? endOf(name) : name.startOffset + name.image.length,
      };
      const full = index === '' ? name.image : `${name.image}[${index}]`;
      return { type: 'coreParam', span: this.span(name.startOffset), name: full, nameSpan, values };
    });
  });

  protected readonly paramValues = this.RULE('paramValues', (name: string): ParamValue[] => {
    const values: ParamValue[] = [this.SUBRULE(this.paramValue, { ARGS: [name] })];
    this.MANY({
      GATE: () => LIST_PARAMS.has(name) && this.continuesList(),
      DEF: () => {
        values.push(this.SUBRULE2(this.paramValue, { ARGS: [name] }));
      },
    });
    return values;
  });

  /** True where a list goes on: the next token is a value, not the beginning of the next item. */
  protected continuesList(): boolean {
    const token = this.LA(1);
    if (this.beginsItem(token) || this.isItemStart()) return false;
    if (this.is(t.Word)) return !this.is(t.LBrace, 2) && !(this.is(t.LBracket, 2) && this.isLineStart(token));
    return [t.Text, t.Ip4, t.Ip6, t.LBracket, t.LParen, t.DigitWord].includes(token.tokenType);
  }

  protected readonly paramValue = this.RULE(
    'paramValue',
    (name: string): ParamValue =>
      this.OR({
        DEF: [
          { ALT: () => this.SUBRULE(this.paramText, { ARGS: [name] }) },
          {
            GATE: () => this.RECORDING_PHASE || this.#isPlainNumber(),
            ALT: (): ParamValue => {
              const { value, span } = this.SUBRULE(this.signedNumber);
              return { span, value, kind: 'number' };
            },
          },
          {
            GATE: () => BOOLEAN_WORDS.has(this.LA(1).image),
            ALT: (): ParamValue => {
              const token = this.CONSUME(t.Word);
              return { span: spanOf(token), value: BOOLEAN_WORDS.get(token.image) ?? 0, kind: 'number' };
            },
          },
          { ALT: () => this.SUBRULE(this.path, { ARGS: [name] }) },
          {
            GATE: () => !this.isItemStart(),
            ALT: () => {
              const span = this.SUBRULE(this.socketText);
              return this.ACTION(() => this.builder.wordValue(span));
            },
          },
        ],
        ERR_MSG: `a value for ${name}`,
      }),
  );

  #isPlainNumber(): boolean {
    const at = this.is(t.Minus) ? 2 : 1;
    const after = this.LA(at + 1);
    return this.is(t.NumberToken, at) && !(after.startOffset === endOf(this.LA(at)) && after.tokenType === t.Dot);
  }

  /** `wdir=/var/run/x`, as the cookbook writes it. */
  protected readonly path = this.RULE('path', (name: string): ParamValue => {
    const start = this.LA(1).startOffset;
    this.CONSUME(t.Slash);
    this.MANY({
      GATE: () => this.isGlued(),
      DEF: () => {
        this.OR([{ ALT: () => this.SUBRULE(this.hostPart) }, { ALT: () => this.CONSUME2(t.Slash) }]);
      },
    });
    return this.ACTION((): ParamValue => {
      const span = this.span(start);
      const value = this.builder.source.text.slice(span.start, span.end);
      this.builder.report('lax-syntax', span, 'Kamailio 5.6.3 refuses a path without quotes', {
        hint: `write ${name}="${value}"`,
      });
      return { span, value, kind: 'string' };
    });
  });

  /** A string; in a list each literal is a value, with `:port` behind it where one is. */
  protected readonly paramText = this.RULE('paramText', (name: string): ParamValue => {
    const tokens: IToken[] = [this.CONSUME(t.Text)];
    this.MANY({
      GATE: () => !LIST_PARAMS.has(name),
      DEF: () => {
        tokens.push(this.CONSUME2(t.Text));
      },
    });
    let port = '';
    this.OPTION({
      GATE: () => LIST_PARAMS.has(name),
      DEF: () => {
        this.CONSUME(t.Colon);
        port = `:${this.CONSUME(t.NumberToken).image}`;
      },
    });
    return this.ACTION(
      (): ParamValue => ({
        span: this.span(tokens[0]?.startOffset ?? 0),
        value: this.builder.text(tokens) + port,
        kind: 'string',
      }),
    );
  });

  /** `flags FLT_ACC:1, FLT_NAT`, `avpflags …`: a parameter whose values are `NAME` or `NAME:NUMBER`. */
  protected readonly flags = this.RULE('flags', (): CoreParam => {
    const word = this.CONSUME(t.FlagsWord);
    const values: ParamValue[] = [this.SUBRULE(this.flag)];
    this.MANY(() => {
      this.CONSUME(t.Comma);
      values.push(this.SUBRULE2(this.flag));
    });
    return this.ACTION(
      (): CoreParam => ({
        type: 'coreParam',
        span: this.span(word.startOffset),
        name: word.image,
        nameSpan: spanOf(word),
        values,
      }),
    );
  });

  protected readonly flag = this.RULE('flag', (): ParamValue => {
    const start = this.LA(1).startOffset;
    const name = this.OR([{ ALT: () => this.CONSUME(t.Word).image }, { ALT: () => this.SUBRULE(this.strings).value }]);
    let position = '';
    this.OPTION(() => {
      this.CONSUME(t.Colon);
      const number = this.CONSUME(t.NumberToken);
      this.ACTION(() => {
        position = `:${this.builder.number(number)}`;
      });
    });
    return this.ACTION((): ParamValue => ({ span: this.span(start), value: name + position, kind: 'word' }));
  });

  protected readonly cfgEngine = this.RULE('cfgEngine', (): CoreParam => {
    const word = this.CONSUME(t.CfgEngine);
    this.OPTION(() => this.CONSUME(t.Equal));
    const { value, span } = this.SUBRULE(this.strings);
    return this.ACTION(
      (): CoreParam => ({
        type: 'coreParam',
        span: this.span(word.startOffset),
        name: word.image,
        nameSpan: spanOf(word),
        values: [{ span, value, kind: 'string' }],
      }),
    );
  });
}
