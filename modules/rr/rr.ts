import {
  type AvpName,
  HDR,
  HookList,
  type ModuleContext,
  MSG_FLAG,
  type PosixRegex,
  type PvValue,
  parseAvpParam,
  ROUTE,
  type Run,
  resolveFile,
  type SipMsg,
} from 'strowger';
import type { OutboundApi } from '../outbound/api.ts';
import type { RrApi } from './api.ts';
import { looseRoute, resultOf, routeParam } from './loose-route.ts';
import { addRrParam, type RecordRouteOptions, recordRoute, stateOf } from './record-route.ts';
import { RouteSignature } from './route-signature.ts';

export class RrModule {
  readonly enableDoubleRr: boolean;
  readonly forceSendSocket: boolean;
  readonly warnSocketMismatch: boolean;
  readonly isSocketNamed: boolean;
  /** Of loose_route(): bits, as loose_route_mode() takes them. */
  readonly routeMode: number;
  readonly outbound: OutboundApi | undefined;
  readonly #options: RecordRouteOptions;
  /** Null where `signature_key` is not set. */
  readonly #signature: RouteSignature | null;
  readonly #routed = new HookList<[run: Run, params: string]>();

  constructor(ctx: ModuleContext) {
    const avp = ctx.str('custom_user_avp');
    const name = parseAvpParam(avp);
    if (avp !== '' && name === null)
      throw new Error(`rr: custom_user_avp must be an AVP such as "$avp(user)", not "${avp}"`);
    this.enableDoubleRr = ctx.int('enable_double_rr') !== 0;
    this.forceSendSocket = ctx.int('force_send_socket') !== 0;
    this.warnSocketMismatch = ctx.int('enable_socket_mismatch_warning') !== 0;
    this.routeMode = ctx.int('loose_route_mode');
    this.isSocketNamed = ctx.int('sockname_mode') !== 0;
    this.#signature = signatureOf(ctx);
    this.outbound = ctx.optionalApi<OutboundApi>('outbound');
    this.#options = {
      flowToken: this.outbound === undefined ? null : (msg) => this.#flowToken(msg),
      isSocketNamed: this.isSocketNamed,
      appendFromTag: ctx.int('append_fromtag') !== 0,
      fullLr: ctx.int('enable_full_lr') !== 0,
      doubleRr: ctx.int('enable_double_rr'),
      addUsername: ctx.int('add_username') !== 0,
      ignoreSips: ctx.int('ignore_sips') !== 0,
      signature: this.#signature,
      customUser: name === null ? null : (run) => avpText(run, name),
    };
  }

  /** loose_route and loose_route_preloaded, and those who wait for them. */
  route(run: Run, mode: number): number {
    const result = looseRoute(run, this, mode);
    if (result > 0 && !this.#routed.isEmpty) this.#routed.run(run, resultOf(run.msg)?.params ?? '');
    return result;
  }

  /** The user part of Record-Route for a client whose flow is to be used; null for others. */
  #flowToken(msg: SipMsg): string | null {
    return this.outbound?.usesOutbound(msg) === true ? this.outbound.tokenOf(msg) : null;
  }

  optionsFor(_run: Run): RecordRouteOptions {
    return this.#options;
  }

  removeRecordRoute(run: Run): number {
    const state = stateOf(run.msg);
    const isBranch = run.routeType === ROUTE.BRANCH;
    if (!state.isAdded && !isBranch) return 1;
    for (const lump of run.msg.lumpList?.items ?? [])
      if (lump.kind === HDR.RECORDROUTE && lump.deleted === 0) lump.isCancelled = true;
    // What the request route added stays in all other branches, so a branch route can not take it away.
    if (isBranch) return 1;
    state.isAdded = false;
    run.msg.msgFlags &= ~MSG_FLAG.RR_ADDED;
    return 1;
  }

  checkRouteParam(run: Run, re: PosixRegex): number {
    const params = resultOf(run.msg)?.params ?? '';
    return params !== '' && re.test(params) ? 1 : -1;
  }

  /** `check_route_signature()`: 1 our Route was written here for this dialog, -1 it was not or there is none. */
  checkRouteSignature(run: Run): number {
    const signature = routeParam(run.msg, 'sig');
    return signature !== null && this.#signature?.isOf(run.msg, signature) === true ? 1 : -1;
  }

  /** `upstream` when the request comes from the callee: its From tag is not the one in our Route's ftag. */
  isDirection(run: Run, direction: string): number {
    return direction.toLowerCase() === (RrModule.#isUpstream(run) ? 'upstream' : 'downstream') ? 1 : -1;
  }

  /** Without an ftag to compare, a request goes downstream (Kamailio: rr, is_direction). */
  static #isUpstream(run: Run): boolean {
    const ftag = routeParam(run.msg, 'ftag');
    return ftag !== null && ftag !== '' && ftag !== run.msg.fromTag;
  }

  /** `$rdir(id)`, `$rdir(name)`. */
  static direction(run: Run, form: string | null): PvValue {
    const upstream = RrModule.#isUpstream(run);
    return form === 'id' ? (upstream ? 2 : 1) : upstream ? 'upstream' : 'downstream';
  }

  /** `$fti`: the From tag of the dialog's first request; null where this request does not have it. */
  static fromTagInitial(run: Run): PvValue {
    return (RrModule.#isUpstream(run) ? run.msg.toTag : run.msg.fromTag) || null;
  }

  /** `$tti`: the To tag as seen from the dialog's first request. */
  static toTagInitial(run: Run): PvValue {
    return (RrModule.#isUpstream(run) ? run.msg.fromTag : run.msg.toTag) || null;
  }

  api(): RrApi {
    return {
      addParam: addRrParam,
      recordRoute: (run, params) => recordRoute(run, this.#options, params),
      routeParam,
      isDirection: (run, direction) => this.isDirection(run, direction),
      onRouted: (fn) => void this.#routed.add(fn),
    };
  }
}

function signatureOf(ctx: ModuleContext): RouteSignature | null {
  const name = ctx.str('signature_key');
  if (name === '') return null;
  const { random, scriptFolder } = ctx.server;
  const path = resolveFile(name, scriptFolder);
  try {
    return RouteSignature.ofFile(path, random);
  } catch (error) {
    throw new Error(`rr: signature_key: ${path}: ${(error as Error).message}`, { cause: error });
  }
}

function avpText(run: Run, name: AvpName): string | null {
  const value = run.msg.vars?.avps.get(name)?.[0];
  return value === undefined || value === null ? null : String(value);
}
