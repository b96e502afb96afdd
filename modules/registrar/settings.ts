import { type AvpName, type ModuleContext, parseAvpParam } from 'strowger';

/** `path_mode` */
export const PATH_MODE = { OFF: 0, LAZY: 1, STRICT: 2 } as const;
/** `outbound_mode` */
export const OUTBOUND_MODE = { NONE: 0, SUPPORTED: 1, REQUIRED: 2 } as const;
/** Bits of `lookup_filter_mode`. */
export const LOOKUP_FILTER = { BFLAGS: 1, CONNECTION: 2 } as const;
/** Bits of `xavp_rcd_mask`: what is left out. */
export const RCD_SKIP = { RUID: 1, CONTACT: 2, EXPIRES: 4, RECEIVED: 8, PATH: 16 } as const;

/** The module's parameters, as they are now: those that change while running are read each time. */
export class RegistrarSettings {
  readonly receivedAvp: AvpName | null;
  readonly receivedParam: string;
  readonly sockMode: boolean;
  readonly sockFlag: number;
  readonly sockHeader: string;
  readonly xavpCfg: string;
  readonly xavpRcd: string;
  readonly xavpRcdMask: number;
  readonly isGruuEnabled: boolean;
  readonly outboundMode: number;
  readonly flowTimerSec: number;
  readonly contactMaxSize: number;
  readonly minExpiresMode: number;
  readonly isMethodFiltered: boolean;
  readonly usesReceivedOfPath: boolean;
  readonly #params: ModuleContext['params'];

  constructor(ctx: ModuleContext) {
    this.#params = ctx.params;
    this.receivedAvp = receivedAvp(ctx.str('received_avp'));
    this.receivedParam = ctx.str('received_param');
    this.sockMode = ctx.int('sock_mode') !== 0;
    this.sockFlag = ctx.int('sock_flag');
    this.sockHeader = ctx.str('sock_hdr_name').replace(/\s*:\s*$/, '');
    this.xavpCfg = ctx.str('xavp_cfg');
    this.xavpRcd = ctx.str('xavp_rcd');
    this.xavpRcdMask = ctx.int('xavp_rcd_mask');
    this.isGruuEnabled = ctx.int('gruu_enabled') !== 0;
    this.outboundMode = ctx.int('outbound_mode');
    this.flowTimerSec = ctx.int('flow_timer');
    this.contactMaxSize = ctx.int('contact_max_size');
    this.minExpiresMode = ctx.int('min_expires_mode');
    this.isMethodFiltered = ctx.int('method_filtering') !== 0;
    this.usesReceivedOfPath = ctx.int('path_use_received') !== 0;
    if (this.flowTimerSec > 0 && this.outboundMode === OUTBOUND_MODE.NONE)
      throw new Error('registrar: flow_timer needs outbound_mode 1 or 2');
    if (this.sockFlag >= 0 && this.sockHeader === '') ctx.log.warn('sock_flag has no effect without sock_hdr_name');
  }

  // Each is asked for by a constant name: one way through here for all names costs 20 ns each.

  get defaultExpiresSec(): number {
    return this.#params['default_expires'] as number;
  }
  get defaultExpiresRange(): number {
    return this.#params['default_expires_range'] as number;
  }
  get expiresRange(): number {
    return this.#params['expires_range'] as number;
  }
  get minExpiresSec(): number {
    return this.#params['min_expires'] as number;
  }
  get maxExpiresSec(): number {
    return this.#params['max_expires'] as number;
  }
  /** Thousandths; -1 for none. */
  get defaultQ(): number {
    return this.#params['default_q'] as number;
  }
  get maxContacts(): number {
    return this.#params['max_contacts'] as number;
  }
  get retryAfterSec(): number {
    return this.#params['retry_after'] as number;
  }
  get isCaseSensitive(): boolean {
    return this.#params['case_sensitive'] !== 0;
  }
  get appendsBranches(): boolean {
    return this.#params['append_branches'] !== 0;
  }
  get usesPath(): boolean {
    return this.#params['use_path'] !== 0;
  }
  get pathMode(): number {
    return this.#params['path_mode'] as number;
  }
  get checksLocalPath(): boolean {
    return this.#params['path_check_local'] !== 0;
  }
  get lookupFilter(): number {
    return this.#params['lookup_filter_mode'] as number;
  }
  get usesExpired(): boolean {
    return this.#params['use_expired_contacts'] !== 0;
  }
  get realmPrefix(): string {
    return String(this.#params['realm_prefix'] ?? '');
  }
}

/** The name of the AVP that a parameter names: `$avp(s:rcv)`, `$avp(i:42)`, `$avp(rcv)`. */

function receivedAvp(text: string): AvpName | null {
  const name = parseAvpParam(text);
  if (name === null && text !== '')
    throw new Error(`registrar: received_avp must be an AVP such as "$avp(rcv)", not "${text}"`);
  return name;
}
