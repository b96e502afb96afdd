import { HDR, HookList, type ModuleContext, type PosixRegex, type PvValue, type Run, type SipMsg } from 'strowger';
import { looseRoute, resultOf, routeParam } from './loose-route.ts';
import { addRrParam, type RecordRouteOptions, recordRoute, stateOf } from './record-route.ts';

/** What other modules use of rr (dialog, nathelper, outbound …). */
export interface RrApi {
  addParam(run: Run, text: string): number;
  recordRoute(run: Run, params: string): number;
  /** Value of a parameter of our Route; null when absent. */
  routeParam(msg: SipMsg, name: string): string | null;
  isDirection(run: Run, direction: string): number;
  /** Calls `fn` after each loose_route() that found a Route of ours; `params` are those of its URI, with the first `;`. */
  onRouted(fn: (run: Run, params: string) => void): void;
}

export class RrModule {
  readonly enableDoubleRr: boolean;
  readonly #options: RecordRouteOptions;
  readonly #routed = new HookList<[run: Run, params: string]>();

  constructor(ctx: ModuleContext) {
    const avp = ctx.str('custom_user_avp');
    const name = /^\$avp\((?:s:)?(.+)\)$/.exec(avp)?.[1];
    if (avp !== '' && name === undefined)
      throw new Error(`rr: custom_user_avp must be an AVP such as "$avp(user)", not "${avp}"`);
    this.enableDoubleRr = ctx.int('enable_double_rr') !== 0;
    this.#options = {
      appendFromTag: ctx.int('append_fromtag') !== 0,
      fullLr: ctx.int('enable_full_lr') !== 0,
      doubleRr: ctx.int('enable_double_rr'),
      addUsername: ctx.int('add_username') !== 0,
      ignoreSips: ctx.int('ignore_sips') !== 0,
      customUser: name === undefined ? null : (run) => avpText(run, name),
      forceSendSocket: ctx.int('force_send_socket') !== 0,
    };
  }

  /** loose_route and loose_route_preloaded, and those who wait for them. */
  route(run: Run, preloaded: boolean): number {
    const result = looseRoute(run, this, preloaded);
    if (result > 0 && !this.#routed.isEmpty) this.#routed.run(run, resultOf(run.msg)?.params ?? '');
    return result;
  }

  optionsFor(_run: Run): RecordRouteOptions {
    return this.#options;
  }

  removeRecordRoute(run: Run): number {
    const state = stateOf(run.msg);
    if (!state.isAdded) return 1;
    for (const lump of run.msg.lumpList?.items ?? [])
      if (lump.kind === HDR.RECORDROUTE && lump.deleted === 0) lump.isCancelled = true;
    state.isAdded = false;
    return 1;
  }

  checkRouteParam(run: Run, re: PosixRegex): number {
    const params = resultOf(run.msg)?.params ?? '';
    return params !== '' && re.test(params) ? 1 : -1;
  }

  /** Upstream: towards the caller, when the request's From tag is not the one in ftag. */
  isDirection(run: Run, direction: string): number {
    const actual = RrModule.#upstream(run);
    if (actual === null) return -1;
    const wanted = direction.toLowerCase();
    return wanted === (actual ? 'upstream' : 'downstream') ? 1 : -1;
  }

  /** Null where it can not be told: no ftag, no From tag. */
  static #upstream(run: Run): boolean | null {
    const ftag = routeParam(run.msg, 'ftag');
    if (ftag === null || ftag === '') return null;
    return ftag !== run.msg.fromTag;
  }

  static direction(run: Run, form: string | null): PvValue {
    const upstream = RrModule.#upstream(run) === true;
    return form === 'id' ? (upstream ? 2 : 1) : upstream ? 'upstream' : 'downstream';
  }

  static otherTag(run: Run): PvValue {
    const ftag = routeParam(run.msg, 'ftag') ?? (run.msg.toTag === '' ? run.msg.fromTag : null);
    if (ftag === null) return null;
    return ftag === run.msg.fromTag ? run.msg.toTag : run.msg.fromTag;
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

function avpText(run: Run, name: string): string | null {
  const value = run.msg.vars?.avps.get(name)?.[0];
  return value === undefined || value === null ? null : String(value);
}
