import { type ModuleContext, parseUri, type Run } from 'strowger';
import type { RrApi } from '../rr/api.ts';
import type { TmApi } from '../tm/api.ts';
import { REG_FLAG, type RegistrationParts, type RegistrationSettings } from './client-registration.ts';
import { CredentialStore } from './credentials.ts';
import { dialogVariables } from './dialog-variables.ts';
import { registrationSettings, restoreMode } from './params.ts';
import { RegDatabase } from './reg-database.ts';
import { type RegEntry, Registrations, registrationParts } from './registrations.ts';
import { Replacements } from './replace.ts';
import { AuthVariables, addCredentials, ChallengedRequests } from './uac-auth.ts';
import { RequestSender } from './uac-req.ts';

/** Results of uac_reg_status. */
const STATUS = { REGISTERED: 1, UNKNOWN: -1, ONGOING: -2, DISABLED: -3, WAITING: -99 } as const;
/** Bits of uac_reg_request_to's mode. */
const REQUEST_TO = { BY_USER: 1, HA1: 2 } as const;

/** The module's state in one server. */
export class Uac {
  readonly ctx: ModuleContext;
  readonly tm: TmApi;
  readonly credentials = new CredentialStore();
  readonly replacements: Replacements;
  readonly challenged: ChallengedRequests;
  readonly requests: RequestSender;
  readonly parts: RegistrationParts;
  readonly settings: RegistrationSettings;
  readonly registrations: Registrations;
  readonly database: RegDatabase;
  readonly #variables: AuthVariables;

  constructor(ctx: ModuleContext) {
    this.ctx = ctx;
    this.tm = ctx.api<TmApi>('tm');
    addCredentials(this.credentials, ctx.list('credential'));
    this.#variables = new AuthVariables(ctx);
    this.challenged = new ChallengedRequests(ctx, this.tm, this.credentials, this.#variables);
    this.replacements = makeReplacements(ctx, this.tm);
    this.requests = new RequestSender(ctx, this.tm);
    this.settings = registrationSettings(ctx);
    this.parts = registrationParts(ctx, this.tm, () => this.registrations.active !== 0);
    this.registrations = new Registrations(ctx, this.parts, this.settings);
    this.database = new RegDatabase(ctx, this.registrations);
    if (this.database.isNamed && ctx.str('reg_contact_addr') === '')
      throw new Error('uac: reg_db_url needs reg_contact_addr');
  }

  /** Checks what could not be looked at before sockets are open and the script is compiled. Throws with what is wrong. */
  check(): void {
    const { server } = this.ctx;
    this.#variables.check(server.program);
    this.replacements.check(server.program);
    const socket = this.ctx.str('default_socket');
    if (socket !== '' && server.transport.findSocket(socket) === null)
      throw new Error(`uac: default_socket: ${socket} is none of our sockets`);
  }

  /** uac_reg_status */
  status(uuid: string): number {
    const entry = this.registrations.get(uuid);
    if (entry === undefined) return STATUS.UNKNOWN;
    const { flags, timerExpires } = entry.state;
    if ((flags & REG_FLAG.DISABLED) !== 0) return STATUS.DISABLED;
    if ((flags & REG_FLAG.ONLINE) !== 0 && timerExpires * 1000 > this.ctx.server.clock.wall()) return STATUS.REGISTERED;
    return (flags & REG_FLAG.ONGOING) !== 0 ? STATUS.ONGOING : STATUS.WAITING;
  }

  /** uac_reg_lookup_uri: the record of a local URI; null for what is no URI, undefined where there is none. */
  byUri(text: string): RegEntry | null | undefined {
    const uri = parseUri(text);
    if (uri === null) return null;
    return this.registrations.byLocalUser(uri.user, this.ctx.int('reg_use_domain') === 0 ? '' : uri.host);
  }

  /** uac_reg_request_to: 1; -1 there is no such record, -2 the user is no URI (reg_use_domain). */
  requestTo(run: Run, user: string, mode: number): number {
    const { ctx, registrations } = this;
    if (!this.#variables.areNamed) {
      ctx.log.error('uac_reg_request_to() needs auth_realm_avp, auth_username_avp and auth_password_avp');
      return -1;
    }
    if (mode < 0 || mode > (REQUEST_TO.BY_USER | REQUEST_TO.HA1)) return -1;
    const isByUser = (mode & REQUEST_TO.BY_USER) !== 0;
    const usesDomain = ctx.int('reg_use_domain') !== 0;
    const entry = !isByUser
      ? registrations.get(user)
      : usesDomain
        ? this.byUri(user)
        : registrations.byLocalUser(user, '');
    if (entry === null) return -2;
    if (entry === undefined) return -1;
    const { record } = entry;
    run.msg.newUri = `sip:${record.remoteUser}@${record.remoteDomain}`;
    run.msg.dstUri = record.authProxy;
    const password = (mode & REQUEST_TO.HA1) !== 0 ? record.authHa1 : record.authPassword;
    this.#variables.set(run, record.realm, record.authUser, password);
    return 1;
  }

  async close(): Promise<void> {
    this.registrations.close();
    this.parts.pace.close();
    await this.database.close();
  }
}

function makeReplacements(ctx: ModuleContext, tm: TmApi): Replacements {
  const mode = restoreMode(ctx);
  const rr = ctx.optionalApi<RrApi>('rr') ?? null;
  if (mode !== 'none') {
    if (rr === null) throw new Error(`uac: restore_mode ${mode} needs the module rr`);
    if (ctx.str('rr_from_store_param') === '' || ctx.str('rr_to_store_param') === '')
      throw new Error('uac: rr_from_store_param and rr_to_store_param can not be empty');
    if (mode === 'auto' && ctx.server.modules.param('rr', 'append_fromtag') === 0)
      throw new Error('uac: restore_mode auto needs append_fromtag of rr');
  }
  const usesDialog = mode === 'auto' && ctx.int('restore_dlg') !== 0;
  return new Replacements({ ctx, tm, rr, dialogs: usesDialog ? dialogVariables(ctx) : null, mode });
}
