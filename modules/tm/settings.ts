import {
  type AvpName,
  avpNameOf,
  intParam,
  listParam,
  type ModuleContext,
  type ParamDef,
  type ParamSetting,
  parseAvpParam,
  strParam,
} from 'strowger';
import { parseAppend } from './external.ts';

const flag = (value: 0 | 1, doc: string): ParamDef => intParam({ default: value, min: 0, max: 1, runtime: true, doc });
const ms = (value: number, min: number, doc: string): ParamDef =>
  intParam({ default: value, min, max: 0x7fffffff, runtime: true, doc });
const KEMI = 'scripts are written in the native language, which has the event route';

/** tm's parameters (Kamailio: tm, Parameters). Times in milliseconds unless they say otherwise. */
export const TM_PARAMS: Readonly<Record<string, ParamDef>> = {
  fr_timer: ms(30_000, 1, 'ms without any reply before a branch fails, and without an ACK (timers B, F, H).'),
  fr_inv_timer: ms(120_000, 1, 'ms without a final reply to an INVITE after a provisional one (timer C).'),
  max_inv_lifetime: ms(180_000, 1, 'ms an INVITE transaction may wait for its final reply in all.'),
  max_noninv_lifetime: ms(32_000, 1, 'ms any other transaction may wait for its final reply in all.'),
  wt_timer: ms(5000, 0, 'ms a finished transaction is kept for late messages (timers D, I, J, K, L, M).'),
  retr_timer1: ms(500, 1, 'First retransmission interval in ms (T1).'),
  retr_timer2: ms(4000, 1, 'Largest retransmission interval in ms (T2).'),
  noisy_ctimer: flag(1, '0: an INVITE with one branch that nobody ever answered ends without a 408.'),
  restart_fr_on_each_reply: flag(
    1,
    '0: only the first provisional reply and rising ones from 180 on restart fr_inv_timer.',
  ),
  auto_inv_100: flag(1, 'Send 100 by itself when an INVITE is relayed.'),
  auto_inv_100_reason: strParam({
    default: 'trying -- your call is important to us',
    runtime: true,
    doc: 'Reason phrase of that 100.',
  }),
  unix_tx_timeout: intParam({
    default: 500,
    doc: 'ms a write to a Unix socket may take.',
    noEffect: 'datagrams to Unix sockets are written without waiting',
  }),
  aggregate_challenges: flag(1, 'A 401 or 407 passed on carries the challenges of all branches (RFC 3261 §16.7).'),
  reparse_invite: flag(1, 'CANCEL and ACK are made from the INVITE as sent; 0: from the one received.'),
  ac_extra_hdrs: strParam({
    default: null,
    runtime: true,
    doc: 'Header rows of the INVITE whose names begin so are repeated in CANCEL and ACK.',
  }),
  blst_503: flag(0, 'A 503 puts its source on the destination blocklist.'),
  blst_503_def_timeout: intParam({
    default: 0,
    min: 0,
    runtime: true,
    doc: 'Seconds for a 503 without Retry-After; 0: not listed.',
  }),
  blst_503_min_timeout: intParam({
    default: 0,
    min: 0,
    runtime: true,
    doc: 'Fewest seconds for a 503 with Retry-After.',
  }),
  blst_503_max_timeout: intParam({
    default: 3600,
    min: 0,
    runtime: true,
    doc: 'Most seconds for a 503 with Retry-After.',
  }),
  blst_methods_add: intParam({
    default: 1,
    runtime: true,
    doc: 'Methods (bits) whose timeouts put a destination on the blocklist.',
  }),
  blst_methods_lookup: intParam({
    default: -9,
    runtime: true,
    doc: 'Methods (bits) that are not sent to listed destinations.',
  }),
  cancel_b_method: intParam({
    default: 1,
    min: 0,
    max: 2,
    runtime: true,
    doc: 'Cancelling a branch without a reply: 0 as if it had answered 487, 1 once a provisional reply comes, 2 at once.',
  }),
  reparse_on_dns_failover: flag(
    1,
    'The request for the next address is the failed one with another Via; 0: made anew.',
  ),
  on_sl_reply: strParam({
    default: null,
    doc: 'onreply_route for replies without a transaction; drop keeps them back.',
  }),
  contacts_avp: strParam({ default: null, doc: 'XAVP in which t_load_contacts() keeps contacts.' }),
  contact_flows_avp: strParam({ default: null, doc: 'XAVP for further flows of one instance.' }),
  fr_timer_avp: strParam({ default: null, doc: 'AVP with fr_timer in seconds for a transaction (old; see t_set_fr).' }),
  fr_inv_timer_avp: strParam({
    default: null,
    doc: 'AVP with fr_inv_timer in seconds for a transaction (old; see t_set_fr).',
  }),
  unmatched_cancel: intParam({
    default: 0,
    min: 0,
    max: 2,
    runtime: true,
    doc: 'CANCEL nobody knows: 0 relayed statefully, 1 statelessly, 2 dropped.',
  }),
  ruri_matching: flag(1, 'The Request-URI counts when matching requests without the branch cookie (RFC 2543).'),
  via1_matching: flag(1, 'The top Via counts when matching requests without the branch cookie.'),
  callid_matching: flag(0, 'The Call-ID must be the same for a message to belong to a transaction.'),
  callid_cseq_matching: flag(0, 'Match by Call-ID and CSeq instead of the Via branch (against the RFC).'),
  pass_provisional_replies: flag(0, 'Other modules are told of provisional replies made here, too.'),
  default_code: intParam({
    default: 500,
    min: 400,
    max: 699,
    runtime: true,
    doc: 'Status for t_reply() with a bad one.',
  }),
  default_reason: strParam({
    default: 'Server Internal Error',
    runtime: true,
    doc: 'Reason for t_reply() with an empty one.',
  }),
  disable_6xx_block: flag(0, 'A 6xx neither cancels other branches nor stops forking.'),
  local_ack_mode: intParam({
    default: 0,
    min: 0,
    max: 2,
    runtime: true,
    doc: "ACK for a 2xx to our own INVITE: 0 by RFC 3261, 1 to the INVITE's address, 2 to the reply's source.",
  }),
  failure_reply_mode: intParam({
    default: 3,
    min: 0,
    max: 3,
    doc: 'Replies a new leg of serial forking forgets: 0 none, 2 those of the last leg, 1 and 3 all.',
  }),
  faked_reply_prio: intParam({
    default: 0,
    min: -32_000,
    max: 32_000,
    doc: 'Added to the rank of final replies made here (408 …); lower wins.',
  }),
  remap_503_500: intParam({ default: 1, min: 0, max: 1, doc: 'A 503 is passed on as 500 (RFC 3261 §16.7).' }),
  failure_exec_mode: intParam({
    default: 0,
    min: 0,
    max: 1,
    doc: '1: a branch that could not be sent runs the failure route.',
  }),
  dns_reuse_rcv_socket: intParam({
    default: 0,
    min: 0,
    max: 1,
    doc: 'The next address after a failure is tried from the socket the request came in on.',
  }),
  local_cancel_reason: flag(1, 'Reason in CANCELs sent because a final reply came (RFC 3326).'),
  e2e_cancel_reason: flag(1, 'Reason headers of a received CANCEL are passed on.'),
  xavp_contact: strParam({
    default: null,
    doc: "XAVP with attributes of contacts, usrloc's xavp_contact: t_load_contacts() and t_next_contacts() move them along.",
  }),
  reply_408_code: intParam({
    default: 408,
    min: 400,
    max: 699,
    doc: 'Status of a branch that timed out and of the answer then (Kamailio 6.0).',
  }),
  reply_408_reason: strParam({ default: 'Request Timeout', doc: 'Reason phrase of that answer (Kamailio 6.0).' }),
  event_callback: strParam({ default: null, doc: 'KEMI function for local requests.', noEffect: KEMI }),
  relay_100: flag(0, 'Pass 100 on upstream.'),
  rich_redirect: intParam({
    default: 0,
    min: 0,
    max: 3,
    doc: 'Contacts of a 3xx made here: 1 with branch flags, 2 with Path as Route.',
  }),
  event_callback_lres_sent: strParam({ default: null, doc: 'KEMI function for local replies.', noEffect: KEMI }),
  exec_time_check: intParam({
    default: 5000,
    min: 0,
    doc: 'ms after which a failure route is checked for a transaction that ended meanwhile.',
    noEffect: 'this is checked always',
  }),
  reply_relay_mode: intParam({
    default: 1,
    doc: 'What happens to a suspended 200 when another final reply went first.',
    noEffect: 'a later 2xx is passed on and never takes the place of the reply kept for retransmission',
  }),
  enable_uac_fr: flag(0, 'Requests made here run the failure route that event_route[tm:local-request] armed.'),
  tw_append: listParam({
    doc: 'Lines for t_write_req() and t_write_unix(), name:item;item: [label=]hdr[name], avp[name] or msg[body].',
    check: (value) => {
      const parsed = parseAppend(String(value));
      return typeof parsed === 'string' ? parsed : null;
    },
  }),
};

type Params = Readonly<Record<string, ParamSetting>>;

/** The parameters as tm reads them: at the time of use, so that `cfg.set_now_int tm …` holds at once. */
export class TmSettings {
  readonly #params: Params;
  contactsAvp = '';
  flowsAvp = '';
  xavpContact = '';
  appends: readonly string[] = [];
  onSlReply = '';
  frAvp: string | number | null = null;
  frInvAvp: string | number | null = null;
  failureReplyMode = 0;
  fakedReplyPrio = 0;
  remap503 = true;
  failureExec = false;
  reuseRcvSocket = false;
  richRedirect = 0;
  timeoutCode = 408;
  timeoutReason = '';

  constructor(params: Params = DEFAULTS) {
    this.#params = params;
    this.refresh();
  }

  /** Reads again what only a reload of the script can change. */
  refresh(): void {
    this.contactsAvp = this.#str('contacts_avp');
    this.flowsAvp = this.#str('contact_flows_avp');
    this.xavpContact = this.#str('xavp_contact');
    this.onSlReply = this.#str('on_sl_reply');
    this.appends = this.#list('tw_append');
    this.frAvp = this.#avp('fr_timer_avp');
    this.frInvAvp = this.#avp('fr_inv_timer_avp');
    this.failureReplyMode = this.#int('failure_reply_mode');
    this.fakedReplyPrio = this.#int('faked_reply_prio');
    this.remap503 = this.#int('remap_503_500') !== 0;
    this.failureExec = this.#int('failure_exec_mode') !== 0;
    this.reuseRcvSocket = this.#int('dns_reuse_rcv_socket') !== 0;
    this.richRedirect = this.#int('rich_redirect');
    this.timeoutCode = this.#int('reply_408_code');
    this.timeoutReason = this.#str('reply_408_reason');
  }

  static of(ctx: ModuleContext): TmSettings {
    return new TmSettings(ctx.params);
  }

  /** With some values other than the defaults, for tests. */
  static with(values: Readonly<Record<string, string | number>>): TmSettings {
    return new TmSettings({ ...DEFAULTS, ...values });
  }

  get frMs(): number {
    return this.#params['fr_timer'] as number;
  }
  get frInvMs(): number {
    return this.#params['fr_inv_timer'] as number;
  }
  get maxInvLifeMs(): number {
    return this.#params['max_inv_lifetime'] as number;
  }
  get maxNoninvLifeMs(): number {
    return this.#params['max_noninv_lifetime'] as number;
  }
  get waitMs(): number {
    return this.#params['wt_timer'] as number;
  }
  get retrT1Ms(): number {
    return this.#params['retr_timer1'] as number;
  }
  get retrT2Ms(): number {
    return this.#params['retr_timer2'] as number;
  }
  get noisyCtimer(): boolean {
    return this.#params['noisy_ctimer'] !== 0;
  }
  get restartFr(): boolean {
    return this.#params['restart_fr_on_each_reply'] !== 0;
  }
  get auto100(): boolean {
    return this.#params['auto_inv_100'] !== 0;
  }
  get auto100Reason(): string {
    return this.#str('auto_inv_100_reason');
  }
  get aggregateChallenges(): boolean {
    return this.#params['aggregate_challenges'] !== 0;
  }
  get reparseInvite(): boolean {
    return this.#params['reparse_invite'] !== 0;
  }
  get acExtraHdrs(): string {
    return this.#str('ac_extra_hdrs');
  }
  get blst503(): boolean {
    return this.#params['blst_503'] !== 0;
  }
  /** Seconds a 503 lists its source for; 0 not at all. -1: it had no Retry-After. */
  blst503Seconds(retryAfterSec: number): number {
    if (retryAfterSec < 0) return this.#int('blst_503_def_timeout');
    return Math.min(Math.max(retryAfterSec, this.#int('blst_503_min_timeout')), this.#int('blst_503_max_timeout'));
  }
  get blstMethodsAdd(): number {
    return this.#int('blst_methods_add');
  }
  get blstMethodsLookup(): number {
    return this.#int('blst_methods_lookup');
  }
  get cancelMethod(): number {
    return this.#params['cancel_b_method'] as number;
  }
  get reparseOnFailover(): boolean {
    return this.#params['reparse_on_dns_failover'] !== 0;
  }
  get unmatchedCancel(): number {
    return this.#params['unmatched_cancel'] as number;
  }
  get ruriMatching(): boolean {
    return this.#params['ruri_matching'] !== 0;
  }
  get via1Matching(): boolean {
    return this.#params['via1_matching'] !== 0;
  }
  get callidMatching(): boolean {
    return this.#params['callid_matching'] !== 0;
  }
  get callidCseqMatching(): boolean {
    return this.#params['callid_cseq_matching'] !== 0;
  }
  get passProvisional(): boolean {
    return this.#params['pass_provisional_replies'] !== 0;
  }
  get defaultCode(): number {
    return this.#int('default_code');
  }
  get defaultReason(): string {
    return this.#str('default_reason');
  }
  get disable6xxBlock(): boolean {
    return this.#params['disable_6xx_block'] !== 0;
  }
  get localAckMode(): number {
    return this.#int('local_ack_mode');
  }
  get localCancelReason(): boolean {
    return this.#params['local_cancel_reason'] !== 0;
  }
  get e2eCancelReason(): boolean {
    return this.#params['e2e_cancel_reason'] !== 0;
  }
  get relay100(): boolean {
    return this.#params['relay_100'] !== 0;
  }
  get enableUacFr(): boolean {
    return this.#params['enable_uac_fr'] !== 0;
  }

  #int(name: string): number {
    const value = this.#params[name];
    return typeof value === 'number' ? value : 0;
  }

  /** An AVP, by its name alone too; null where the parameter is empty. */
  #avp(name: string): AvpName | null {
    const text = this.#str(name);
    return text === '' ? null : (parseAvpParam(text) ?? avpNameOf(text));
  }

  #str(name: string): string {
    const value = this.#params[name];
    return typeof value === 'string' ? value : '';
  }

  #list(name: string): readonly string[] {
    const value = this.#params[name];
    return typeof value === 'object' && value !== null ? value : [];
  }
}

const DEFAULTS: Params = Object.fromEntries(Object.entries(TM_PARAMS).map(([name, def]) => [name, def.default]));

/** `$avp(x)`, `$avp(i:5)`, `s:x` or `x` as the name of an AVP. Null for ''. */
