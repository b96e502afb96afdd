import { HDR, intParam, listParam, type ModuleContext, type ParamDef, type SipMsg, strParam } from 'strowger';
import { type Credential, parseCredential } from './credentials.ts';
import { HeaderPolicy, optionTags } from './headers.ts';
import { parsePeer } from './peer-def.ts';
import { isDatabase, peersSourceError, sourceError } from './peer-source.ts';
import { parsePickupGroups } from './pickup.ts';
import type { ReasonMode } from './reason-header.ts';
import type { Rel100 } from './reliable.ts';
import { parseReplyMap } from './reply-map.ts';
import type { TimerPolicy } from './session-timer.ts';

/** Which sides have session timers of ours. */
export type TimerMode = 'both' | 'a' | 'b' | 'off';
/** What becomes of a REFER. */
export type ReferMode = 'local' | 'pass' | 'reject';

export const B2BUA_PARAMS: Readonly<Record<string, ParamDef>> = {
  contact_user: strParam({ default: '', doc: 'User part of the Contact of both sides of a call.' }),
  callid_mode: strParam({
    default: 'new',
    doc: "Call-ID of the legs we make: `new`, `keep` the caller's, or `suffix` to add to it.",
    check: (value) => (['new', 'keep', 'suffix'].includes(String(value)) ? null : 'new, keep or suffix'),
  }),
  advertise: strParam({
    default: '',
    doc: "Host, or host:port, of the Contact of both sides; empty: the socket's, with what it advertises.",
    check: (value) =>
      /^(?:|(?:\[[0-9A-Fa-f:.]+\]|[\w.-]+)(?::\d{1,5})?)$/.test(String(value)) ? null : 'host or host:port',
  }),
  tag_mode: strParam({
    default: 'new',
    doc: "From tag of the legs we make: `new`, or `keep` the caller's where that can be told apart.",
    check: (value) => (['new', 'keep'].includes(String(value)) ? null : 'new or keep'),
  }),
  progress_timeout: intParam({
    default: 0,
    min: 0,
    doc: 'Seconds in which a leg has to say something (101 to 199, or a final reply), else it is given up with 408; 0: no such limit.',
  }),
  max_duration: intParam({
    default: 0,
    min: 0,
    doc: 'Seconds from its answer that a call may last, where b2b_max_duration says nothing else; 0: no limit.',
  }),
  dialog_linger: intParam({
    default: 32,
    min: 1,
    doc: 'Seconds that an ended call still answers what comes late in its dialogs.',
  }),
  glare_retry: intParam({
    default: 3,
    min: 0,
    doc: 'How often a re-INVITE of ours is sent again that crosses one of the other side (491).',
  }),
  allow_update: intParam({
    default: 1,
    min: 0,
    max: 1,
    doc: '0: UPDATE is neither sent nor taken, and taken out of Allow.',
  }),
  reason_header: strParam({
    default: 'sip',
    doc: 'Reason in CANCEL and BYE: `sip`: ours, and what came; `q850`: with a Q.850 cause beside it; `off`: none.',
    check: (value) => (['sip', 'q850', 'off'].includes(String(value)) ? null : 'sip, q850 or off'),
  }),
  loop_detect: intParam({
    default: 1,
    min: 0,
    max: 1,
    doc: '1: an INVITE of ours that comes back for whom it was for before gets 482.',
  }),
  unknown_method: intParam({
    default: 501,
    min: 405,
    max: 501,
    doc: 'What methods get that do not pass: 501, or 405.',
    check: (value) => (value === 405 || value === 501 ? null : '405 or 501'),
  }),
  answer_timeout: intParam({ default: 0, min: 0, doc: "Seconds a leg may ring; 0: tm's fr_inv_timer." }),
  max_calls: intParam({
    default: 0,
    min: 0,
    doc: 'Calls at once, over all workers; 0: no limit. Who is beyond it gets 480 and b2b_call, b2b_dial give -5.',
  }),
  peer: listParam({
    doc: 'A peer: `name=…;uri=<sip:…>`, further proxy, user, password, realm, group, limit, qualify, register (client, server), aor, expires, match.',
    check: (value) => errorOf(parsePeer(String(value))),
  }),
  peers_source: strParam({
    default: '',
    doc: 'Further peers: a file with one in each line, its URL (http, https), or that of a database with the table b2b_peer.',
    check: (value) => peersSourceError(String(value)),
  }),
  qualify_interval: intParam({ default: 60, min: 0, doc: 'Seconds between two OPTIONS to a peer; 0: none.' }),
  qualify_timeout: intParam({ default: 2000, min: 1, doc: 'How long a peer may take to answer OPTIONS, in ms.' }),
  qualify_threshold: intParam({
    default: 3,
    min: 1,
    doc: 'Results in a row after which a peer is down, or up again.',
  }),
  store: strParam({
    default: 'memory',
    doc: 'Where calls in progress are kept: `memory`, or the URL of a database with the table b2b_call: then they survive a restart.',
    check: (value) =>
      String(value) === 'memory'
        ? null
        : isDatabase(String(value))
          ? sourceError(String(value))
          : 'memory, or the URL of a database',
  }),
  store_interval: intParam({
    default: 1000,
    min: 0,
    doc: 'How long after a change a call is written to the store, in ms: what is lost at most when the process is killed.',
  }),
  cdr_sink: strParam({
    default: '',
    doc: 'Where each call is written down when it has ended: `log`, a file, or the URL of a database with the table b2b_cdr.',
    check: (value) => (String(value) === 'log' ? null : sourceError(String(value))),
  }),
  history_size: intParam({ default: 200, min: 0, doc: 'Events kept of each call for b2bua.history.' }),
  header_pass: strParam({
    default: '',
    doc: 'Names of further headers that pass from one side to the other, with commas.',
  }),
  header_drop: strParam({ default: '', doc: 'Names of headers that do not pass, with commas; `*`: all.' }),
  header_pass_regexp: strParam({
    default: '',
    doc: 'Headers whose names match pass, too (JavaScript syntax, any case).',
    check: (value) => regexpError(String(value)),
  }),
  credentials: listParam({
    doc: 'What answers challenges of other servers: `user:realm:password`, realm `*` for any.',
    check: (value) => (parseCredential(String(value)) === null ? 'user:realm:password' : null),
  }),
  auth_source: strParam({
    default: 'peer,credentials',
    doc: 'Where credentials are looked for, in this order: `peer` (those of the peer that is called), `credentials`.',
    check: (value) =>
      words(String(value)).every((word) => word === 'peer' || word === 'credentials') ? null : 'peer, credentials',
  }),
  park_timeout: intParam({
    default: 60,
    min: 0,
    doc: 'Seconds that a call stays parked before who parked it is called back; 0: for ever.',
  }),
  pickup_groups: strParam({
    default: '',
    doc: "Groups whose members' calls b2b_pickup finds: `sales=anna,ben;support=carl`. Groups of peers count, too.",
    check: (value) => (parsePickupGroups(String(value)) === null ? 'group=user,user;group=user' : null),
  }),
  reply_map: strParam({
    default: '',
    doc: 'Refusals that the caller gets as another: `503=480,600=486`. 401 and 407 are 403 unless named here.',
    check: (value) => (parseReplyMap(String(value)) === null ? '503=480,600=486' : null),
  }),
  rel100: strParam({
    default: 'pass',
    doc: 'Reliable provisional replies (RFC 3262): `pass` from end to end, `leg`: on each side by us, or `off`.',
    check: (value) => (['off', 'pass', 'leg'].includes(String(value)) ? null : 'off, pass or leg'),
  }),
  redirects: intParam({
    default: 0,
    min: 0,
    doc: 'How many 3xx are followed for one call; the caller gets those beyond. Nobody is called twice.',
  }),
  topology_hiding: intParam({
    default: 0,
    min: 0,
    max: 1,
    doc: "1: no side of a call sees the other's hosts, addresses and Call-IDs, as with the flag topoh.",
  }),
  media_module: strParam({
    default: '',
    doc: 'The module that media go through: `rtpengine`, or another with the same api; none where empty.',
  }),
  media_flags: strParam({
    default: '',
    doc: 'Flags of offers and answers to the media engine, as of rtpengine_offer().',
  }),
  rtp_timeout: intParam({
    default: 0,
    min: 0,
    doc: 'Seconds without media from a side after which the call ends; 0: never. Needs media_module.',
  }),
  rtp_timeout_hold: intParam({ default: 0, min: 0, doc: 'The same while a side is on hold.' }),
  refer_mode: strParam({
    default: 'local',
    doc: 'REFER: `local` transfers here, `pass` sends it to the other side, `reject` refuses it with 603.',
    check: (value) => (['local', 'pass', 'reject'].includes(String(value)) ? null : 'local, pass or reject'),
  }),
  replaces_auth: intParam({
    default: 1,
    min: 0,
    max: 1,
    doc: '1: an INVITE with Replaces gets 403 unless its credentials were verified, it comes from a peer, or b2b_replaces() allows it; 0: whoever knows the dialog takes its place.',
  }),
  default_timer: strParam({
    default: 'off',
    doc: 'Session timers (RFC 4028) of our own: `both` sides, `a` (caller), `b` (callee), or `off`: they pass through.',
    check: (value) => (['both', 'a', 'b', 'off'].includes(String(value)) ? null : 'both, a, b or off'),
  }),
  session_expires: intParam({ default: 1800, min: 90, doc: 'Session-Expires of our session timers, in seconds.' }),
  min_se: intParam({
    default: 90,
    min: 90,
    doc: 'Smallest Session-Expires taken, in seconds; a smaller one gets 422.',
  }),
  refresher: strParam({
    default: 'us',
    doc: 'Who refreshes where we may choose: `us` or `them`.',
    check: (value) => (['us', 'them'].includes(String(value)) ? null : 'us or them'),
  }),
  relayed_methods: strParam({
    default: 'INFO,MESSAGE,UPDATE,PRACK,NOTIFY,SUBSCRIBE,OPTIONS,REFER,PUBLISH',
    doc: 'Methods that pass in a call, with commas; others get 501.',
  }),
};

/** Option tags that mean the same to both ends when the request passes through. */
const PASSED_TAGS = new Set([
  '100rel',
  'timer',
  'replaces',
  'norefersub',
  'histinfo',
  'tdialog',
  'precondition',
  'privacy',
]);

/** The module's parameters, read once; what may change while running is read anew by `refresh`. */
export class B2buaSettings {
  readonly contactUser: string;
  readonly callIdMode: 'new' | 'keep' | 'suffix';
  readonly advertise: string;
  readonly tagMode: 'new' | 'keep';
  readonly progressMs: number;
  readonly maxDurationS: number;
  readonly lingerMs: number;
  readonly glareRetries: number;
  readonly allowsUpdate: boolean;
  readonly reasonMode: ReasonMode;
  readonly detectsLoops: boolean;
  readonly unknownMethod: number;
  readonly ringMs: number;
  readonly maxCalls: number;
  readonly historySize: number;
  readonly policy: HeaderPolicy;
  readonly referMode: ReferMode;
  readonly rel100: Rel100;
  readonly needsAuthToReplace: boolean;
  readonly mediaModule: string;
  readonly mediaFlags: string;
  readonly rtpMs: number;
  readonly rtpHoldMs: number;
  readonly redirects: number;
  readonly hidesTopology: boolean;
  readonly parkMs: number;
  readonly pickupGroups: ReadonlyMap<string, ReadonlySet<string>>;
  readonly timerMode: TimerMode;
  readonly timerPolicy: TimerPolicy;
  readonly relayedMethods: ReadonlySet<string>;
  readonly credentials: readonly Credential[];
  readonly authSource: readonly string[];
  readonly replyMap: ReadonlyMap<number, number>;

  constructor(ctx: ModuleContext) {
    this.contactUser = ctx.str('contact_user');
    this.advertise = ctx.str('advertise');
    this.tagMode = ctx.str('tag_mode') as 'new' | 'keep';
    this.progressMs = ctx.int('progress_timeout') * 1000;
    this.maxDurationS = ctx.int('max_duration');
    this.lingerMs = ctx.int('dialog_linger') * 1000;
    this.glareRetries = ctx.int('glare_retry');
    this.allowsUpdate = ctx.int('allow_update') !== 0;
    this.reasonMode = ctx.str('reason_header') as ReasonMode;
    this.detectsLoops = ctx.int('loop_detect') !== 0;
    this.unknownMethod = ctx.int('unknown_method');
    this.callIdMode = ctx.str('callid_mode') as 'new' | 'keep' | 'suffix';
    this.ringMs = ctx.int('answer_timeout') * 1000;
    this.maxCalls = ctx.int('max_calls');
    this.historySize = ctx.int('history_size');
    this.timerMode = ctx.str('default_timer') as TimerMode;
    const pattern = ctx.str('header_pass_regexp');
    this.policy = new HeaderPolicy(
      [...words(ctx.str('header_pass')), ...(this.timerMode === 'off' ? ['session-expires', 'min-se'] : [])],
      words(ctx.str('header_drop')),
      pattern === '' ? null : new RegExp(pattern, 'i'),
    );
    this.referMode = ctx.str('refer_mode') as ReferMode;
    this.needsAuthToReplace = ctx.int('replaces_auth') !== 0;
    this.mediaFlags = ctx.str('media_flags');
    this.rtpMs = ctx.int('rtp_timeout') * 1000;
    this.rtpHoldMs = ctx.int('rtp_timeout_hold') * 1000;
    this.mediaModule = ctx.str('media_module');
    this.rel100 = ctx.str('rel100') as Rel100;
    this.redirects = ctx.int('redirects');
    this.hidesTopology = ctx.int('topology_hiding') !== 0;
    this.parkMs = ctx.int('park_timeout') * 1000;
    this.pickupGroups = parsePickupGroups(ctx.str('pickup_groups')) ?? new Map<string, ReadonlySet<string>>();
    this.timerPolicy = {
      expiresS: ctx.int('session_expires'),
      minS: ctx.int('min_se'),
      refresher: ctx.str('refresher') as 'us' | 'them',
    };
    this.credentials = ctx.list('credentials').flatMap((text) => parseCredential(text) ?? []);
    this.authSource = words(ctx.str('auth_source'));
    this.replyMap = parseReplyMap(ctx.str('reply_map')) ?? new Map<number, number>();
    const relayed = words(ctx.str('relayed_methods'));
    this.relayedMethods = new Set(relayed.filter((method) => method !== 'UPDATE' || this.allowsUpdate));
  }

  /** Supported and Require rows for the other side: of the caller's option tags those that pass. */
  supportedRows(msg: SipMsg, rel100: Rel100): string {
    const isFirst = msg.toTag === '';
    const passes = isFirst && rel100 === 'pass';
    // Who has not offered can not answer a reliable offer of the other side's.
    const own = isFirst && rel100 === 'leg' && msg.body !== '' ? 'Supported: 100rel\r\n' : '';
    return (
      own + this.#tagRow(msg, HDR.SUPPORTED, 'Supported', passes) + this.#tagRow(msg, HDR.REQUIRE, 'Require', passes)
    );
  }

  #tagRow(msg: SipMsg, kind: number, name: string, passes100rel: boolean): string {
    const passes = (tag: string): boolean =>
      PASSED_TAGS.has(tag) && (tag !== 'timer' || this.timerMode === 'off') && (tag !== '100rel' || passes100rel);
    const tags = optionTags(msg, kind).filter(passes);
    return tags.length === 0 ? '' : `${name}: ${tags.join(', ')}\r\n`;
  }

  /** Option tags of Require that nobody here understands (RFC 3261 §8.2.2.3). */
  unsupported(msg: SipMsg): string[] {
    return optionTags(msg, HDR.REQUIRE).filter(
      (tag) => !PASSED_TAGS.has(tag) || (tag === '100rel' && this.rel100 === 'off'),
    );
  }
}

function regexpError(text: string): string | null {
  try {
    ''.search(new RegExp(text, 'i'));
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

function errorOf(parsed: object | string): string | null {
  return typeof parsed === 'string' ? parsed : null;
}

function words(text: string): string[] {
  return text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
}
