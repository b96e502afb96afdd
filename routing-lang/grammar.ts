import { EOF, type IToken, type ParserMethod } from 'chevrotain';
import type { Item, LoadModule, LoadPath, ModParam, RouteBlock, RouteKind, Script, Span, Statement } from './ast.ts';
import { AstBuilder, endOf, spanOf } from './ast-builder.ts';
import { Diagnostics, suggest } from './diagnostics.ts';
import { tokenize } from './lexer.ts';
import { ListenGrammar } from './listen-grammar.ts';
import { GiveUp } from './literal-grammar.ts';
import { type Preprocessed, preprocess } from './preprocessor.ts';
import { Reported } from './recovery-grammar.ts';
import * as t from './tokens.ts';

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

/** The whole grammar: global parameters, modules and routes. */
export class ScriptGrammar extends ListenGrammar {
  constructor() {
    const diagnostics = new Diagnostics();
    super(new AstBuilder(preprocess('', '', { readFile: () => null, diagnostics }), diagnostics));
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
        if (Array.isArray(item)) items.push(...item);
        else if (item !== null) items.push(item as Item);
      } catch (error) {
        if (error instanceof GiveUp || this.builder.diagnostics.isFull) break;
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
      if (depth === 0 && this.beginsItem(token) && this.isLineStart(token)) return;
      if (token.tokenType === t.LBrace) depth++;
      if (token.tokenType === t.RBrace) depth = Math.max(0, depth - 1);
      this.SKIP_TOKEN();
      if (depth === 0 && (token.tokenType === t.RBrace || token.tokenType === t.Semicolon)) return;
    }
  }

  protected readonly item = this.RULE('item', (): Item | readonly Item[] | null =>
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
        { GATE: () => this.is(t.LBrace, 3), ALT: (): Item[] => this.SUBRULE(this.socketBlock) },
        { GATE: () => this.LA(2).tokenType !== t.Dot, ALT: (): Item => this.SUBRULE(this.flags) },
        { GATE: () => this.LA(2).tokenType !== t.Dot, ALT: (): Item => this.SUBRULE(this.cfgEngine) },
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
      while (!this.is(t.RBracket) && !this.is(t.LBrace) && this.LA(1).tokenType !== EOF) {
        found.push(this.LA(1));
        this.SKIP_TOKEN();
      }
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
    } else this.checkReserved(span, name, 'a route');
  }
}
