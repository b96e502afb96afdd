import { EOF, type IToken, type ParserMethod } from 'chevrotain';
import type {
  CoreParam,
  Item,
  ListenItem,
  LoadModule,
  LoadPath,
  ModParam,
  ParamValue,
  RouteBlock,
  RouteKind,
  Script,
  Span,
  Statement,
} from './ast.ts';
import { AstBuilder, endOf, spanOf } from './ast-builder.ts';
import { BOOLEAN_WORDS, PROTOCOLS, RESERVED_WORDS } from './core-keywords.ts';
import { type Diagnostics, suggest } from './diagnostics.ts';
import { tokenize } from './lexer.ts';
import type { Preprocessed } from './preprocessor.ts';
import { describe, Reported, StatementGrammar } from './statement-grammar.ts';
import * as t from './tokens.ts';

/** Parameters that take a list of values on one or several lines. */
const LIST_PARAMS: ReadonlySet<string> = new Set(['alias', 'domain']);

const ROUTE_KINDS: Readonly<Record<string, RouteKind>> = {
  request_route: 'request',
  reply_route: 'reply',
  onreply_route: 'onreply',
  failure_route: 'failure',
  branch_route: 'branch',
  onsend_route: 'onsend',
  event_route: 'event',
  route: 'route',
};

/** Route types of other versions and of OpenSIPS, with what does the same here. */
const OTHER_ROUTES: Readonly<Record<string, string>> = {
  error_route: 'event_route[core:receive-parse-error]',
  local_route: 'event_route[tm:local-request]',
  startup_route: 'event_route[htable:mod-init] or event_route[core:worker-one-init]',
  timer_route: 'the rtimer module',
};

type Socket = ListenItem['sockets'][number];
interface Address {
  readonly host: string;
  readonly port: number | null;
}

/** The whole grammar: global parameters, modules and routes. */
export class ScriptGrammar extends StatementGrammar {
  constructor(builder: AstBuilder) {
    super(builder);
    this.performSelfAnalysis();
  }

  parse(source: Preprocessed, diagnostics: Diagnostics): Script {
    this.builder = new AstBuilder(source, diagnostics);
    this.input = tokenize(source, diagnostics);
    this.leaveRules(0);
    return this.script();
  }

  readonly script: ParserMethod<[], Script> = this.RULE('script', (): Script => {
    const items: Item[] = [];
    while (this.RECORDING_PHASE || this.LA(1).tokenType !== EOF) {
      const before = this.LA(1);
      try {
        const item = this.SUBRULE(this.item);
        if (item !== null) items.push(item);
      } catch (error) {
        if (!(error instanceof Reported)) this.reportError(error);
        this.leaveRules(0);
        this.#skipItem(before);
      }
      if (this.RECORDING_PHASE) break;
    }
    return { items };
  });

  /** Skips to a token that begins a line and may begin an item, over whole blocks. */
  #skipItem(before: IToken): void {
    let depth = 0;
    if (this.LA(1) === before) this.SKIP_TOKEN();
    while (this.LA(1).tokenType !== EOF) {
      const token = this.LA(1);
      if (this.isItemStart()) return;
      if (depth === 0 && this.#beginsItem(token) && this.isLineStart(token)) return;
      if (token.tokenType === t.LBrace) depth++;
      if (token.tokenType === t.RBrace) depth = Math.max(0, depth - 1);
      this.SKIP_TOKEN();
      if (depth === 0 && (token.tokenType === t.RBrace || token.tokenType === t.Semicolon)) return;
    }
  }

  #beginsItem(token: IToken): boolean {
    if (
      [t.RouteWord, t.LoadModuleWord, t.LoadPathWord, t.ModParamWord, t.Listen, t.FlagsWord, t.CfgEngine].includes(
        token.tokenType,
      )
    )
      return true;
    return this.is(t.Word) && (this.is(t.Equal, 2) || (this.is(t.Dot, 2) && this.is(t.Equal, 4)));
  }

  protected readonly item = this.RULE('item', (): Item | null =>
    this.OR({
      DEF: [
        {
          ALT: () => {
            this.CONSUME(t.Semicolon);
            return null;
          },
        },
        { ALT: (): Item => this.SUBRULE(this.loadModule) },
        { ALT: (): Item => this.SUBRULE(this.modParam) },
        { ALT: (): Item => this.SUBRULE(this.loadPath) },
        { GATE: () => !this.is(t.Dot, 2), ALT: (): Item => this.SUBRULE(this.route) },
        { GATE: () => this.is(t.Equal, 2), ALT: (): Item => this.SUBRULE(this.listen) },
        { GATE: () => this.LA(2).tokenType !== t.Dot, ALT: (): Item => this.SUBRULE(this.flags) },
        { GATE: () => !this.is(t.Equal, 2), ALT: (): Item => this.SUBRULE(this.cfgEngine) },
        {
          GATE: () => this.is(t.Dot, 2) || (this.is(t.LBracket, 2) && this.is(t.Dot, 5)),
          ALT: (): Item => this.SUBRULE(this.customParam),
        },
        {
          GATE: () => this.is(t.Equal, 2) || this.LA(1).image === 'coreparam',
          ALT: (): Item => this.SUBRULE(this.coreParam),
        },
        {
          ALT: (): null => {
            this.SUBRULE(this.unknownItem);
            return null;
          },
        },
      ],
      ERR_MSG: 'a parameter, module or route',
    }),
  );

  /** A word that begins nothing: reported with what may be meant. */
  protected readonly unknownItem = this.RULE('unknownItem', (): void => {
    const token = this.CONSUME(t.Word);
    this.ACTION(() => {
      const { image } = token;
      const next = this.LA(1);
      const isRoute = next.tokenType === t.LBrace || next.tokenType === t.LBracket;
      const known = isRoute
        ? Object.keys(ROUTE_KINDS)
        : [...Object.keys(ROUTE_KINDS), 'loadmodule', 'modparam', 'listen', 'alias'];
      const other = OTHER_ROUTES[image];
      const meant = suggest(image, known);
      const hint = other !== undefined ? `use ${other}` : meant !== null ? `did you mean ${meant}?` : null;
      const message =
        next.tokenType === t.LParen
          ? `the call of ${image} stands outside of a route`
          : isRoute
            ? `there is no route type ${image}`
            : `"=" expected behind ${image}`;
      this.builder.report('syntax', spanOf(token), message, hint === null ? {} : { hint });
      throw new Reported();
    });
  });

  // ---- modules -------------------------------------------------------------------------------------------------

  protected readonly loadModule = this.RULE('loadModule', (): LoadModule => {
    const word = this.CONSUME(t.LoadModuleWord);
    let options: string | null = null;
    const name = this.OR([
      { ALT: () => this.SUBRULE(this.strings) },
      {
        ALT: () => {
          const open = this.CONSUME(t.LParen);
          const first = this.SUBRULE2(this.strings);
          this.OPTION(() => {
            this.CONSUME(t.Comma);
            options = this.SUBRULE3(this.strings).value;
          });
          this.CONSUME(t.RParen);
          this.ACTION(() =>
            this.builder.report(
              'newer-syntax',
              spanOf(open),
              'loadmodule with parentheses is of Kamailio 5.7; 5.6.3 refuses it',
            ),
          );
          return first;
        },
      },
      { ALT: () => this.SUBRULE(this.unquoted, { ARGS: ['loadmodule'] }) },
    ]);
    return this.ACTION(() => ({
      type: 'loadModule',
      span: this.span(word.startOffset),
      name: name.value,
      nameSpan: name.span,
      isDynamic: word.image === 'loadmodulex',
      options,
    }));
  });

  /** A name or path where a string must stand: reported, and used. */
  protected readonly unquoted = this.RULE('unquoted', (what: string): { value: string; span: Span } => {
    const span = this.SUBRULE(this.hostText);
    return this.ACTION(() => {
      const value = this.builder.source.text.slice(span.start, span.end);
      this.builder.report('syntax', span, `${what} needs a string`, { hint: `write "${value}"` });
      return { value, span };
    });
  });

  protected readonly loadPath = this.RULE('loadPath', (): LoadPath => {
    const word = this.CONSUME(t.LoadPathWord);
    this.OPTION(() => this.CONSUME(t.Equal));
    const path = this.SUBRULE(this.strings);
    return this.ACTION(() => ({ type: 'loadPath', span: this.span(word.startOffset), path: path.value }));
  });

  protected readonly modParam = this.RULE('modParam', (): ModParam => {
    const word = this.CONSUME(t.ModParamWord);
    this.CONSUME(t.LParen);
    const modules = this.OR([
      { ALT: () => this.SUBRULE(this.strings) },
      { ALT: () => this.SUBRULE(this.unquoted, { ARGS: ['the module'] }) },
    ]);
    this.CONSUME(t.Comma);
    const name = this.OR2([
      { ALT: () => this.SUBRULE2(this.strings) },
      { ALT: () => this.SUBRULE2(this.unquoted, { ARGS: ['the parameter'] }) },
    ]);
    this.CONSUME2(t.Comma);
    const value = this.SUBRULE(this.scalar, { ARGS: ['modparam'] });
    this.CONSUME(t.RParen);
    return this.ACTION(() => ({
      type: 'modParam',
      span: this.span(word.startOffset),
      modules: modules.value,
      modulesSpan: modules.span,
      name: name.value,
      nameSpan: name.span,
      value: value.value,
      valueSpan: value.span,
      isDynamic: word.image === 'modparamx',
    }));
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

  // ---- parameters ----------------------------------------------------------------------------------------------

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
      for (const token of [group, name]) this.#checkReserved(spanOf(token), token.image, 'a parameter');
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

  #checkReserved(span: Span, name: string, what: string): void {
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
      GATE: () => LIST_PARAMS.has(name) && this.#continuesList(),
      DEF: () => {
        values.push(this.SUBRULE2(this.paramValue, { ARGS: [name] }));
      },
    });
    return values;
  });

  /** True where a list goes on: the next token is a value, not the beginning of the next item. */
  #continuesList(): boolean {
    const token = this.LA(1);
    if (this.#beginsItem(token) || this.isItemStart()) return false;
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
          {
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

  // ---- listen --------------------------------------------------------------------------------------------------

  protected readonly listen = this.RULE('listen', (): ListenItem => {
    const word = this.CONSUME(t.Listen);
    this.CONSUME(t.Equal);
    const sockets: Socket[] = [];
    this.SUBRULE(this.endpoints, { ARGS: [sockets] });
    this.MANY({
      GATE: () => this.#continuesList() && !['advertise', 'name', 'virtual', 'agname'].includes(this.LA(1).image),
      DEF: () => {
        this.SUBRULE2(this.endpoints, { ARGS: [sockets] });
      },
    });
    let advertise: Address | null = null;
    let name: string | null = null;
    let isVirtual = false;
    const option = (image: string): boolean => this.LA(1).image === image && !this.is(t.Equal, 2);
    this.OPTION({
      GATE: () => option('advertise'),
      DEF: () => {
        this.CONSUME(t.Word);
        advertise = this.SUBRULE(this.address);
      },
    });
    this.OPTION2({
      GATE: () => option('name'),
      DEF: () => {
        this.CONSUME2(t.Word);
        name = this.SUBRULE(this.strings).value;
      },
    });
    this.OPTION3({
      GATE: () => option('virtual'),
      DEF: () => {
        this.CONSUME3(t.Word);
        isVirtual = true;
      },
    });
    return this.ACTION(
      (): ListenItem => ({ type: 'listen', span: this.span(word.startOffset), sockets, advertise, name, isVirtual }),
    );
  });

  /** `[proto:]host[:port]`, or several hosts in parentheses that share protocol and port. */
  protected readonly endpoints = this.RULE('endpoints', (sockets: Socket[]): void => {
    const start = this.LA(1).startOffset;
    let protos: (string | null)[] = [null];
    const hosts: string[] = [];
    this.OPTION({
      GATE: () => this.is(t.Colon, 2) && PROTOCOLS.has(this.LA(1).image.toLowerCase()),
      DEF: () => {
        const proto = this.CONSUME(t.Word);
        protos = [this.ACTION(() => proto.image.toLowerCase())];
        this.CONSUME(t.Colon);
      },
    });
    this.OR([
      {
        ALT: () => {
          this.CONSUME(t.LParen);
          hosts.push(this.SUBRULE(this.hostName));
          this.MANY(() => {
            this.OPTION2(() => this.CONSUME(t.Comma));
            hosts.push(this.SUBRULE2(this.hostName));
          });
          this.CONSUME(t.RParen);
        },
      },
      { ALT: () => hosts.push(this.SUBRULE3(this.hostName)) },
    ]);
    const areProtocols = this.ACTION(
      () => hosts.length > 0 && hosts.every((h) => PROTOCOLS.has(h.toLowerCase())) && protos[0] === null,
    );
    this.OPTION3({
      GATE: () => areProtocols,
      DEF: () => {
        this.CONSUME2(t.Colon);
        this.ACTION(() => {
          protos = hosts.splice(0).map((h) => h.toLowerCase());
        });
        hosts.push(this.SUBRULE4(this.hostName));
      },
    });
    let port: number | null = null;
    this.OPTION4(() => {
      this.CONSUME3(t.Colon);
      const token = this.CONSUME(t.NumberToken);
      this.ACTION(() => {
        port = this.builder.number(token);
      });
    });
    this.ACTION(() => {
      const span = this.span(start);
      for (const proto of protos) for (const host of hosts) sockets.push({ proto, host, port, span });
    });
  });

  protected readonly hostName = this.RULE('hostName', (): string =>
    this.OR([
      { ALT: () => this.SUBRULE(this.strings).value },
      {
        ALT: () => {
          const span = this.SUBRULE(this.hostText);
          return this.ACTION(() => this.builder.source.text.slice(span.start, span.end));
        },
      },
    ]),
  );

  protected readonly address = this.RULE('address', (): Address => {
    const host = this.SUBRULE(this.hostName);
    let port: number | null = null;
    this.OPTION(() => {
      this.CONSUME(t.Colon);
      const token = this.CONSUME(t.NumberToken);
      this.ACTION(() => {
        port = this.builder.number(token);
      });
    });
    return { host, port };
  });

  // ---- routes --------------------------------------------------------------------------------------------------

  protected readonly route = this.RULE('route', (): RouteBlock => {
    const word = this.CONSUME(t.RouteWord);
    let written: { text: string; span: Span; isQuoted: boolean } | null = null;
    this.OPTION(() => {
      written = this.SUBRULE(this.routeName);
    });
    const head = this.ACTION(() => this.#routeHead(word, written));
    const body: Statement[] = this.SUBRULE(this.block, { ARGS: [word.image] });
    return this.ACTION((): RouteBlock => ({ type: 'route', span: this.span(word.startOffset), ...head, body }));
  });

  /** `[NAME]`, `["name"]`, `[group:event]`: everything between the brackets. */
  protected readonly routeName = this.RULE('routeName', (): { text: string; span: Span; isQuoted: boolean } => {
    const open = this.CONSUME(t.LBracket);
    const tokens = this.ACTION(() => {
      const found: IToken[] = [];
      while (!this.is(t.RBracket) && !this.is(t.LBrace) && this.LA(1).tokenType !== EOF) found.push(this.SKIP_TOKEN());
      return found;
    });
    const close = this.CONSUME(t.RBracket);
    return this.ACTION(() => {
      const span = { start: endOf(open), end: close.startOffset };
      const isQuoted = tokens.length > 0 && tokens.every((token) => token.tokenType === t.Text);
      return {
        text: isQuoted ? this.builder.text(tokens) : this.builder.source.text.slice(span.start, span.end).trim(),
        span,
        isQuoted,
      };
    });
  });

  #routeHead(
    word: IToken,
    written: { text: string; span: Span; isQuoted: boolean } | null,
  ): { kind: RouteKind; name: string | null; nameSpan: Span } {
    const kind = ROUTE_KINDS[word.image] ?? 'route';
    const nameSpan = written?.span ?? spanOf(word);
    const name = written === null ? null : this.#routeNumber(written);
    if (written !== null && name !== null) this.#checkRouteName(kind, name, written);
    if (kind === 'route' && (name === null || name === '0')) return { kind: 'request', name: null, nameSpan };
    if (kind === 'onreply' && (name === null || name === '0')) return { kind: 'reply', name: null, nameSpan };
    if (kind === 'request' || kind === 'reply') {
      if (name !== null)
        this.builder.report('syntax', nameSpan, `${word.image} has no name`, {
          hint: kind === 'reply' ? 'a named one is onreply_route[NAME]' : 'a named one is route[NAME]',
        });
      return { kind, name: null, nameSpan };
    }
    if (kind === 'onsend') return { kind, name: null, nameSpan };
    if (kind === 'event' && name === null) {
      this.builder.report('syntax', nameSpan, 'event_route needs a name', { hint: 'write event_route[module:event]' });
    }
    return { kind, name: name ?? '0', nameSpan };
  }

  /** `route[0x10]` is route 16: numbers are numbers, as text. */
  #routeNumber(written: { text: string; isQuoted: boolean }): string {
    if (written.isQuoted || !/^(?:0x[0-9a-fA-F]+|\d+)$/.test(written.text)) return written.text;
    const isOctal = /^0[0-7]+$/.test(written.text);
    return String(isOctal ? Number.parseInt(written.text, 8) : Number(written.text));
  }

  #checkRouteName(kind: RouteKind, name: string, written: { text: string; span: Span; isQuoted: boolean }): void {
    const { span } = written;
    if (name === '') this.builder.report('syntax', span, 'the name is empty');
    else if (kind === 'event') {
      if (!/^[A-Za-z][\w.-]*(?::[\w.=>-]+)+$/.test(name)) {
        this.builder.report('syntax', span, `${name} is no event`, {
          hint: 'an event is written module:event, without spaces',
        });
      }
    } else if (written.isQuoted) return;
    else if (!/^[\w.:-]+$/.test(name))
      this.builder.report('syntax', span, `${name} is no name of a route`, { hint: 'write it in quotes' });
    else if (!/^(?:\d+|[A-Za-z_]\w*)$/.test(name)) {
      this.builder.report('lax-syntax', span, `Kamailio 5.6.3 refuses the name ${name} without quotes`, {
        hint: `write ["${name}"]`,
      });
    } else this.#checkReserved(span, name, 'a route');
  }

  protected override reportError(error: unknown): void {
    super.reportError(error);
  }
}

export { describe };
