import { intParam, type ModuleContext, type ParamDef, strParam } from 'strowger';
import { parseReplyCodes } from './reply-codes.ts';

/** Bits of the parameter `flags`. */
const FLAG_USER_ONLY = 1;
const FLAG_FAILOVER = 2;

/** Bits of `xavp_dst_mode`. */
export const XAVP_MODE = { NO_ATTRS: 1, SOCKET: 2, SOCKNAME: 4 } as const;
/** Bit of `xavp_ctx_mode`. */
export const CTX_MODE_NO_CNT = 1;

/** Bits of `ds_dns_mode`. */
export const DNS_MODE = { AT_LOAD: 1, ALWAYS: 2, TIMER: 4, SRV: 8 } as const;

const seconds = (value: number, doc: string): ParamDef => intParam({ default: value, min: 0, max: 0x1fffff, doc });
const column = (name: string, what: string): ParamDef => strParam({ default: name, doc: `Column with ${what}.` });
const bit = (doc: string): ParamDef => intParam({ default: 0, min: 0, max: 1, doc });

const IN_XAVP = 'the destinations and what belongs to them are in the XAVP that xavp_dst names';

/** Of dispatcher before Kamailio 5.5, where AVPs held the destinations. */
export const OLDER_PARAMS: Readonly<Record<string, string>> = {
  dst_avp: IN_XAVP,
  grp_avp: IN_XAVP,
  sock_avp: IN_XAVP,
  attrs_avp: IN_XAVP,
  dstid_avp: IN_XAVP,
  cnt_avp: 'the number of destinations is in the XAVP that xavp_ctx names, as cnt',
};

/** dispatcher's parameters (Kamailio: dispatcher, Parameters). Times in seconds. */
export const DS_PARAMS: Readonly<Record<string, ParamDef>> = {
  list_file: strParam({ default: '/etc/kamailio/dispatcher.list', doc: 'File with the destination sets.' }),
  db_url: strParam({ default: null, doc: 'Database with the destination sets; the file is not read then.' }),
  table_name: strParam({ default: 'dispatcher', doc: 'Table with the destinations.' }),
  setid_col: column('setid', 'the set id'),
  destination_col: column('destination', 'the URI'),
  flags_col: column('flags', 'the flags'),
  priority_col: column('priority', 'the priority'),
  attrs_col: column('attrs', 'the attributes'),
  force_dst: intParam({ default: 1, min: 0, max: 1, doc: '0: select nothing where $du is set already.' }),
  flags: intParam({
    default: 0,
    min: 0,
    max: 3,
    doc: '1: hash the user of URIs only; 2: keep the other destinations for failover.',
  }),
  use_default: bit('1: the last destination of a set is what is left when all others failed.'),
  xavp_dst: strParam({ default: '_dsdst_', doc: 'XAVP with the destinations left, the present one first.' }),
  xavp_dst_mode: intParam({ default: 0, min: 0, max: 7, doc: '1: without attrs; 2: with socket; 4: with sockname.' }),
  xavp_ctx: strParam({ default: '_dsctx_', doc: 'XAVP with facts about the selection: cnt.' }),
  xavp_ctx_mode: intParam({ default: 0, min: 0, max: 1, doc: '1: without cnt.' }),
  hash_pvar: strParam({ default: null, doc: 'Text with variables that algorithm 7 hashes.' }),
  setid_pvname: strParam({ default: null, doc: 'Variable that ds_is_from_list() sets to the set found.' }),
  attrs_pvname: strParam({ default: null, doc: 'Variable that ds_is_from_list() sets to the attributes found.' }),
  ds_probing_threshold: intParam({
    default: 1,
    min: 1,
    runtime: true,
    doc: 'Failures after which a destination being tried is inactive.',
  }),
  ds_inactive_threshold: intParam({
    default: 1,
    min: 1,
    runtime: true,
    doc: 'Successes after which an inactive destination is active.',
  }),
  ds_ping_method: strParam({ default: 'OPTIONS', doc: 'Method of the requests that ask whether a destination lives.' }),
  ds_ping_from: strParam({ default: 'sip:dispatcher@localhost', doc: 'From URI of those requests.' }),
  ds_ping_interval: seconds(0, 'Seconds between those requests; 0: none are sent.'),
  ds_ping_fr_timer: intParam({ default: 0, min: 0, doc: 'Ms they wait for an answer; 0: as tm says.' }),
  ds_ping_fr_timeout: intParam({ default: 0, min: 0, doc: 'Another name of ds_ping_fr_timer.' }),
  ds_ping_socket: strParam({
    default: null,
    doc: 'Socket they are sent from where a destination names none for them.',
  }),
  ds_retain_latency_stats: intParam({
    default: 0,
    doc: 'Keep measured latencies over a reload.',
    noEffect: 'a reload always keeps them',
  }),
  ds_ping_latency_stats: bit('1: measure how long destinations take to answer.'),
  ds_latency_estimator_alpha: intParam({
    default: 900,
    min: 0,
    max: 1000,
    doc: 'How much of the estimate of the latency stays at each measurement, in thousandths.',
  }),
  ds_ping_reply_codes: strParam({
    default: '',
    runtime: true,
    doc: 'Replies beside 200 that mean the destination lives: `class=2;code=404`.',
    check: (value) => {
      const codes = parseReplyCodes(String(value));
      return typeof codes === 'string' ? codes : null;
    },
  }),
  ds_probing_mode: intParam({
    default: 0,
    min: 0,
    max: 3,
    doc: 'Who is asked: 0 those marked probing, 1 all, 2 inactive ones marked probing, 3 as 0 and the mark stays.',
  }),
  ds_hash_size: intParam({
    default: 0,
    min: 0,
    max: 24,
    doc: 'Above 0: calls are counted for algorithm 10. The table grows as it needs.',
  }),
  ds_hash_expire: seconds(7200, 'Seconds after which an answered call is taken as over.'),
  ds_hash_initexpire: seconds(7200, 'Seconds after which a call that nobody answered is taken as over.'),
  ds_hash_check_interval: intParam({
    default: 30,
    min: 1,
    max: 0x1fffff,
    doc: 'Seconds between looks for calls that have expired.',
  }),
  outbound_proxy: strParam({ default: null, doc: 'URI that pings are sent to instead of the destination.' }),
  ds_default_socket: strParam({ default: null, doc: 'Socket for destinations that have none.' }),
  ds_default_sockname: strParam({ default: null, doc: 'Name of that socket; stands in front of ds_default_socket.' }),
  ds_timer_mode: intParam({
    default: 0,
    min: 0,
    max: 1,
    doc: 'Timer process to use.',
    noEffect: 'there is one timer wheel, which no process shares',
  }),
  event_callback: strParam({
    default: null,
    doc: 'Function of an embedded language to call for events.',
    noEffect: 'scripts are written in the native language, which has the event routes',
  }),
  event_callback_mode: bit('1: the event routes run for what pings find alone, not for what the script marks.'),
  ds_attrs_none: bit('1: a destination without attributes has the attributes none=yes.'),
  ds_db_extra_attrs: strParam({
    default: null,
    doc: 'Further columns as attributes: `attribute=column;…`.',
    check: (value) =>
      parseExtraAttrs(String(value)) === null ? 'expected attribute=column, several separated by ;' : null,
  }),
  ds_load_mode: bit('1: a destination that can not be used is an error of the whole list.'),
  reload_delta: seconds(5, 'Seconds that must pass between two reloads; 0: any number.'),
  ds_dns_mode: intParam({
    default: 1,
    min: 0,
    max: 15,
    doc: '1: look names up when the list is loaded; 2: when ds_is_from_list() compares; 4: every ds_dns_interval; 8: by SRV.',
  }),
  ds_dns_interval: intParam({ default: 600, min: 1, max: 0x1fffff, doc: 'Seconds between look-ups of names.' }),
  ds_dns_match_all: intParam({
    default: 0,
    doc: 'Compare all addresses of a name.',
    noEffect: 'ds_is_from_list() always does',
  }),
  ds_dns_ttl: seconds(0, "Seconds a looked-up address holds; 0: as long as the record's own TTL says."),
};

/** `attribute=column;…` as pairs; null when it has another form. */
export function parseExtraAttrs(text: string): readonly (readonly [attribute: string, column: string])[] | null {
  const pairs: [string, string][] = [];
  for (const part of text.split(';')) {
    if (part.trim() === '') continue;
    const match = /^\s*([^=\s]+)\s*=\s*(\w+)\s*$/.exec(part);
    if (match?.[1] === undefined || match[2] === undefined) return null;
    pairs.push([match[1], match[2]]);
  }
  return pairs;
}

/** The parameters that are read for messages, as fields. */
export class DsSettings {
  readonly forceDst: boolean;
  readonly hashesUserOnly: boolean;
  readonly hasFailover: boolean;
  readonly usesDefault: boolean;
  readonly xavpDst: string;
  readonly xavpDstMode: number;
  readonly xavpCtx: string;
  readonly xavpCtxMode: number;
  readonly hashPvar: string;
  readonly setidPvname: string;
  readonly attrsPvname: string;
  readonly probingMode: number;
  readonly countsCalls: boolean;
  readonly callExpireMs: number;
  readonly callInitExpireMs: number;
  readonly measuresLatency: boolean;
  readonly latencyAlpha: number;
  readonly dnsMode: number;
  readonly dnsTtlMs: number;
  readonly attrsNone: boolean;
  readonly isStrict: boolean;
  readonly onlyPingEvents: boolean;
  /** Of pings, ms; 0 where tm's own holds. */
  readonly pingTimeoutMs: number;
  readonly #ctx: ModuleContext;
  #replyCodesText = '';
  #replyCodes: ReadonlySet<number> = new Set();

  constructor(ctx: ModuleContext) {
    const flags = ctx.int('flags');
    this.#ctx = ctx;
    this.forceDst = ctx.int('force_dst') !== 0;
    this.hashesUserOnly = (flags & FLAG_USER_ONLY) !== 0;
    this.hasFailover = (flags & FLAG_FAILOVER) !== 0 && ctx.str('xavp_dst') !== '';
    this.usesDefault = ctx.int('use_default') !== 0;
    this.xavpDst = ctx.str('xavp_dst');
    this.xavpDstMode = ctx.int('xavp_dst_mode');
    this.xavpCtx = ctx.str('xavp_ctx');
    this.xavpCtxMode = ctx.int('xavp_ctx_mode');
    this.hashPvar = ctx.str('hash_pvar');
    this.setidPvname = ctx.str('setid_pvname');
    this.attrsPvname = ctx.str('attrs_pvname');
    this.probingMode = ctx.int('ds_probing_mode');
    this.countsCalls = ctx.int('ds_hash_size') > 0;
    this.callExpireMs = ctx.int('ds_hash_expire') * 1000;
    this.callInitExpireMs = ctx.int('ds_hash_initexpire') * 1000;
    this.measuresLatency = ctx.int('ds_ping_latency_stats') !== 0;
    this.latencyAlpha = ctx.int('ds_latency_estimator_alpha') / 1000;
    this.dnsMode = ctx.int('ds_dns_mode');
    this.dnsTtlMs = ctx.int('ds_dns_ttl') * 1000;
    this.attrsNone = ctx.int('ds_attrs_none') !== 0;
    this.isStrict = ctx.int('ds_load_mode') !== 0;
    this.onlyPingEvents = ctx.int('event_callback_mode') !== 0;
    this.pingTimeoutMs = ctx.int('ds_ping_fr_timeout') || ctx.int('ds_ping_fr_timer');
  }

  get probingThreshold(): number {
    return this.#ctx.int('ds_probing_threshold');
  }

  get inactiveThreshold(): number {
    return this.#ctx.int('ds_inactive_threshold');
  }

  /** Does a reply to a ping mean that the destination lives? */
  isGoodReply(code: number): boolean {
    const text = this.#ctx.str('ds_ping_reply_codes');
    if (text !== this.#replyCodesText) {
      this.#replyCodesText = text;
      const codes = parseReplyCodes(text);
      this.#replyCodes = typeof codes === 'string' ? new Set() : codes;
    }
    return code === 200 || this.#replyCodes.has(code) || this.#replyCodes.has(Math.floor(code / 100));
  }
}
