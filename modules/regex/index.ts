import { readFileSync } from 'node:fs';
import {
  BRANCH_ROUTE,
  command,
  defineModule,
  FAILURE_ROUTE,
  intParam,
  LOCAL_ROUTE,
  type ModuleContext,
  ONREPLY_ROUTE,
  REQUEST_ROUTE,
  RpcFault,
  StrowgerError,
  strParam,
} from 'strowger';
import { compileGroups } from './groups.ts';
import { compilePcre, type PcreFlags, type PcreTest } from './pcre.ts';

const ROUTES = REQUEST_ROUTE | FAILURE_ROUTE | ONREPLY_ROUTE | BRANCH_ROUTE | LOCAL_ROUTE;
/** Expressions from variables kept compiled. */
const CACHE_SIZE = 256;

class Regexes {
  readonly #ctx: ModuleContext;
  readonly #flags: PcreFlags;
  readonly #cache = new Map<string, PcreTest | string>();
  /** Null where no file is set. */
  #groups: readonly PcreTest[] | null = null;

  constructor(ctx: ModuleContext) {
    this.#ctx = ctx;
    this.#flags = {
      caseless: ctx.int('pcre_caseless') !== 0,
      multiline: ctx.int('pcre_multiline') !== 0,
      dotall: ctx.int('pcre_dotall') !== 0,
      extended: ctx.int('pcre_extended') !== 0,
    };
    if (ctx.str('file') !== '') this.#groups = this.#read();
  }

  #read(): readonly PcreTest[] {
    const file = this.#ctx.str('file');
    let text: string;
    try {
      text = readFileSync(file, 'latin1');
    } catch (error) {
      throw new StrowgerError('REGEX_FILE', `regex: the file ${file} can not be read`, error);
    }
    const limits = { maxGroups: this.#ctx.int('max_groups'), maxSize: this.#ctx.int('group_max_size') };
    const groups = compileGroups(text, this.#flags, limits);
    if (typeof groups === 'string') throw new StrowgerError('REGEX_FILE', `regex: ${file}: ${groups}`);
    return groups;
  }

  /** Reads the file again; what was compiled before stays when that fails. */
  reload(): void {
    if (this.#groups === null) throw new RpcFault(500, 'Group matching not enabled');
    try {
      this.#groups = this.#read();
    } catch (error) {
      this.#ctx.log.error(error instanceof Error ? error.message : String(error));
      throw new RpcFault(500, 'Failed to reload');
    }
  }

  /** pcre_match: -4 when the expression can not be compiled. */
  match(text: string, expression: string): number {
    let regex = this.#cache.get(expression);
    if (regex === undefined) {
      regex = compilePcre(expression, this.#flags);
      if (this.#cache.size >= CACHE_SIZE) this.#cache.clear();
      this.#cache.set(expression, regex);
    }
    if (typeof regex !== 'string') return regex(text) ? 1 : -1;
    this.#ctx.log.error(`regex: '${expression}' can not be compiled: ${regex}`);
    return -4;
  }

  /** pcre_match_group: -2 no file is set, -4 no such group. */
  matchGroup(text: string, number: number): number {
    if (this.#groups === null) {
      this.#ctx.log.error('regex: group matching is disabled: no file is set');
      return -2;
    }
    if (number < 0) return -1;
    const group = this.#groups[number];
    if (group === undefined) {
      this.#ctx.log.error(`regex: there is no group ${number}, but ${this.#groups.length}`);
      return -4;
    }
    return group(text) ? 1 : -1;
  }
}

export default defineModule<Regexes>({
  name: 'regex',
  summary: 'Matches with Perl-compatible regular expressions, alone or in groups from a file.',
  params: {
    file: strParam({ default: null, doc: 'File with groups of expressions.' }),
    max_groups: intParam({ default: 20, min: 1, doc: 'Groups the file may have.' }),
    group_max_size: intParam({ default: 8192, min: 1, max: 262_144, doc: 'Chars a group may have.' }),
    pcre_caseless: intParam({ default: 0, min: 0, max: 1, doc: 'Case is ignored.' }),
    pcre_multiline: intParam({ default: 0, min: 0, max: 1, doc: '^ and $ match at line feeds.' }),
    pcre_dotall: intParam({ default: 0, min: 0, max: 1, doc: '. matches line feeds.' }),
    pcre_extended: intParam({
      default: 0,
      min: 0,
      max: 1,
      doc: 'White space and comments in expressions are ignored.',
    }),
  },
  commands: {
    pcre_match: command({
      doc: 'True when the text matches the expression.',
      args: ['str', 'str'],
      argNames: ['string', 'pcre_regex'],
      routes: ROUTES,
      run: (_run, regexes: Regexes, text, expression) => regexes.match(text, expression),
    }),
    pcre_match_group: command({
      doc: 'True when the text matches an expression of the group; the first where none is named.',
      args: ['str', 'int?'],
      argNames: ['string', 'group'],
      routes: ROUTES,
      run: (_run, regexes: Regexes, text, group) => regexes.matchGroup(text, group ?? 0),
    }),
  },
  rpc: {
    'regex.reload': {
      doc: 'Reads the file of groups again.',
      scope: 'all',
      run: (_args, regexes: Regexes) => {
        regexes.reload();
        return undefined;
      },
    },
  },
  init: (ctx) => new Regexes(ctx),
});
