import { type ModuleContext, ParamPv } from 'strowger';

/** `dlg_match_mode` */
export const MATCH = { COOKIE: 0, COOKIE_OR_SIP: 1, SIP: 2 } as const;
/** `dlg_filter_mode` */
export const FILTER_LOCAL = 1;
/** `keep_proxy_rr` */
export const KEEP_RR = { CALLEE: 1, CALLER: 2 } as const;

/** Shortest interval of keepalives, seconds (Kamailio: dialog, ka_interval). */
const MIN_KA_SEC = 30;

/** The module's parameters, read once. */
export class DialogSettings {
  readonly hasStats: boolean;
  readonly hashSize: number;
  readonly rrParam: string;
  /** Bit of `dlg_flag`, 0 for none. */
  readonly flagBit: number;
  readonly timeoutAvp: ParamPv;
  readonly ruriPvar: ParamPv;
  readonly defaultTimeoutSec: number;
  readonly earlyTimeoutSec: number;
  readonly noAckTimeoutSec: number;
  readonly endTimeoutSec: number;
  readonly extraHeaders: string;
  readonly calleeHeaders: string;
  readonly matchMode: number;
  readonly detectsSpirals: boolean;
  readonly initialInScript: boolean;
  readonly sendsBye: boolean;
  readonly filterMode: number;
  readonly waitsForAck: boolean;
  readonly kaTimerSec: number;
  readonly kaIntervalSec: number;
  readonly kaFailedLimit: number;
  readonly timeoutNoReset: boolean;
  readonly tracksCseq: boolean;
  readonly keepProxyRr: number;
  readonly hIdStart: number;
  readonly hIdStep: number;
  readonly bridgeController: string;
  readonly bridgeContact: string;

  constructor(ctx: ModuleContext) {
    const isOn = (name: string): boolean => ctx.int(name) !== 0;
    const flag = ctx.int('dlg_flag');
    const hIdStart = ctx.int('h_id_start');
    this.hasStats = isOn('enable_stats');
    this.hashSize = powerOfTwo(ctx.int('hash_size'));
    this.rrParam = ctx.str('rr_param').toLowerCase();
    this.flagBit = flag < 0 ? 0 : 1 << flag;
    this.timeoutAvp = new ParamPv(ctx.str('timeout_avp'));
    this.ruriPvar = new ParamPv(ctx.str('ruri_pvar'));
    this.defaultTimeoutSec = ctx.int('default_timeout');
    this.earlyTimeoutSec = ctx.int('early_timeout');
    this.noAckTimeoutSec = ctx.int('noack_timeout');
    this.endTimeoutSec = ctx.int('end_timeout');
    this.extraHeaders = ctx.str('dlg_extra_hdrs');
    this.calleeHeaders = ctx.str('lreq_callee_headers');
    this.matchMode = ctx.int('dlg_match_mode');
    this.detectsSpirals = isOn('detect_spirals');
    this.initialInScript = isOn('initial_cbs_inscript');
    this.sendsBye = isOn('send_bye');
    this.filterMode = ctx.int('dlg_filter_mode');
    this.waitsForAck = isOn('wait_ack');
    this.kaTimerSec = ctx.int('ka_timer');
    this.kaIntervalSec = isOn('ka_interval') ? Math.max(MIN_KA_SEC, ctx.int('ka_interval')) : 0;
    this.kaFailedLimit = ctx.int('ka_failed_limit');
    this.timeoutNoReset = isOn('timeout_noreset');
    this.tracksCseq = isOn('track_cseq_updates');
    this.keepProxyRr = ctx.int('keep_proxy_rr');
    this.hIdStart = hIdStart < 0 ? ctx.server.settings.int('server_id') : hIdStart;
    this.hIdStep = ctx.int('h_id_step');
    this.bridgeController = ctx.str('bridge_controller');
    this.bridgeContact = ctx.str('bridge_contact');
  }
}

function powerOfTwo(size: number): number {
  return 2 ** Math.ceil(Math.log2(size));
}
