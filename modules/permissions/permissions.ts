import { type ModuleContext, ParamPv } from 'strowger';
import { Addresses } from './addresses.ts';
import { BACKEND } from './params.ts';
import { RuleFiles, type RulePair } from './rule-files.ts';
import { Trusted } from './trusted.ts';

/** The module's state in one server. */
export class Permissions {
  readonly ctx: ModuleContext;
  readonly addresses: Addresses;
  readonly trusted: Trusted;
  readonly files: RuleFiles;
  readonly #tag: ParamPv;
  readonly #backends: number;
  #reloadedMs = -Infinity;

  constructor(ctx: ModuleContext) {
    this.ctx = ctx;
    this.#backends = ctx.int('load_backends');
    this.#tag = new ParamPv(ctx.str('peer_tag_avp'));
    this.addresses = new Addresses(ctx, this.#tag, this.#has(BACKEND.ADDRESS));
    this.trusted = new Trusted(ctx, this.#tag, this.#has(BACKEND.TRUSTED));
    this.files = new RuleFiles(ctx.server.scriptFolder, ctx.log);
  }

  /** Reads what load_backends asks for; throws with what is wrong. */
  async start(): Promise<void> {
    const { ctx } = this;
    if (this.#has(BACKEND.ALLOW_FILE)) this.files.load(ctx.str('default_allow_file'));
    if (this.#has(BACKEND.DENY_FILE)) this.files.load(ctx.str('default_deny_file'));
    const hasAddresses = ctx.str('address_file') !== '' || ctx.str('db_url') !== '';
    if (this.#has(BACKEND.ADDRESS) && hasAddresses) await this.addresses.load();
    await this.trusted.start();
  }

  /** Throws where peer_tag_avp is no variable. */
  checkVariables(): void {
    const error = this.#tag.check(this.ctx.server.program, true);
    if (error !== null) throw new Error(`peer_tag_avp: ${error}`);
  }

  async close(): Promise<void> {
    await this.addresses.close();
    await this.trusted.close();
  }

  /** The files of a basename. */
  pairOf(basename: string): readonly [allow: string, deny: string] {
    return [`${basename}${this.ctx.str('allow_suffix')}`, `${basename}${this.ctx.str('deny_suffix')}`];
  }

  /** The rules of two files that the script names. */
  rules(allow: string, deny: string): RulePair {
    return { allow: this.files.need(allow), deny: this.files.need(deny) };
  }

  /** The default files; empty where load_backends leaves them out. */
  get defaultRules(): RulePair {
    const { ctx, files } = this;
    return {
      allow: files.get(ctx.str('default_allow_file')) ?? [],
      deny: files.get(ctx.str('default_deny_file')) ?? [],
    };
  }

  /** May a reload by RPC be done now? It is counted. */
  mayReload(): boolean {
    const now = this.ctx.server.clock.now();
    if (now - this.#reloadedMs < this.ctx.int('reload_delta') * 1000) return false;
    this.#reloadedMs = now;
    return true;
  }

  #has(bit: number): boolean {
    return (this.#backends & bit) !== 0;
  }
}
