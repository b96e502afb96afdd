import { intParam, type ModuleContext, type ParamDef, strParam } from 'strowger';

const GROWS = 'tables grow by themselves';

/** Parameters of presence. */
export const PRES_PARAMS: Readonly<Record<string, ParamDef>> = {
  db_url: strParam({ default: null, doc: 'Database of the three tables. Without it everything is kept in memory.' }),
  presentity_table: strParam({ default: 'presentity', doc: 'Table of publications.' }),
  active_watchers_table: strParam({ default: 'active_watchers', doc: 'Table of subscriptions.' }),
  watchers_table: strParam({ default: 'watchers', doc: 'Table of what was decided about watchers.' }),
  clean_period: intParam({ default: 100, doc: 'Seconds between looks for expired publications; 0 or less: none.' }),
  db_update_period: intParam({
    default: 100,
    doc: 'Seconds between looks for expired subscriptions, and writes of changed ones; 0 or less: none.',
  }),
  waitn_time: intParam({
    default: 5,
    min: 1,
    doc: 'Seconds over which NOTIFYs are spread, with notifier_processes in mode 3.',
  }),
  notifier_poll_rate: intParam({ default: 10, min: 1, doc: 'How often a second waiting NOTIFYs are sent.' }),
  notifier_processes: intParam({
    default: 1,
    doc: 'In mode 3: 0 or less sends NOTIFYs of a PUBLISH at once, else they wait for waitn_time and are put together.',
  }),
  force_delete: intParam({ default: 0, min: 0, max: 1, doc: 'Expired publications go without NOTIFY.' }),
  startup_mode: intParam({
    default: 1,
    min: 0,
    max: 1,
    doc: 'How presentities with a low expiry are treated at start.',
    noEffect: 'a publication counts until its time, at start as later',
  }),
  expires_offset: intParam({
    default: 0,
    min: 0,
    doc: 'Seconds that the 200 to a PUBLISH says less than are kept.',
  }),
  max_expires: intParam({ default: 3600, min: 1, doc: 'Highest Expires, in seconds.' }),
  min_expires: intParam({ default: 0, min: 0, doc: 'Lowest Expires of a SUBSCRIBE, in seconds; 0: any.' }),
  min_expires_action: intParam({ default: 1, min: 1, max: 2, doc: '1: answer 423; 2: take min_expires.' }),
  server_address: strParam({
    default: null,
    doc: 'URI in Contact of replies and NOTIFYs; the socket that the SUBSCRIBE came to where it is not set.',
  }),
  subs_htable_size: intParam({ default: 9, doc: 'Size of a hash table.', noEffect: GROWS }),
  pres_htable_size: intParam({ default: 9, doc: 'Size of a hash table.', noEffect: GROWS }),
  subs_db_mode: intParam({
    default: 2,
    min: 0,
    max: 3,
    doc: 'Subscriptions: 0 memory, 1 memory and database at once, 2 memory and database later, 3 database only.',
  }),
  publ_cache: intParam({
    default: 1,
    min: 0,
    max: 2,
    doc: 'Publications: 0 database, 1 database and in memory who has any, 2 memory.',
  }),
  enable_sphere_check: intParam({ default: 0, min: 0, max: 1, doc: 'Rules may ask for the published sphere.' }),
  timeout_rm_subs: intParam({ default: 1, min: 0, max: 1, doc: 'A NOTIFY without an answer ends the subscription.' }),
  send_fast_notify: intParam({
    default: 1,
    min: 0,
    max: 1,
    doc: '0: no NOTIFY for a SUBSCRIBE while there is nothing to tell.',
  }),
  fetch_rows: intParam({ default: 500, min: 1, doc: 'Rows read at a time.' }),
  db_table_lock_type: intParam({
    default: 1,
    min: 0,
    max: 1,
    doc: 'Locks tables.',
    noEffect: 'what belongs to one presentity is done in order by one worker; no table is locked',
  }),
  local_log_level: intParam({ default: 2, doc: 'Level of the lines about single NOTIFYs: 2 info, 3 debug.' }),
  local_log_facility: strParam({
    default: null,
    doc: 'Facility of these lines.',
    noEffect: 'the log has one facility',
  }),
  subs_remove_match: intParam({
    default: 0,
    min: 0,
    max: 1,
    doc: 'What a removed subscription is found by.',
    noEffect: 'it is found by Call-ID and both tags',
  }),
  xavp_cfg: strParam({ default: null, doc: 'Name of the XAVP with priority and delete_subscription.' }),
  retrieve_order: intParam({ default: 0, min: 0, max: 1, doc: '1: publications in the order of retrieve_order_by.' }),
  retrieve_order_by: strParam({
    default: 'priority',
    doc: 'Columns of the presentity table, with commas; `desc` behind one turns it round.',
    check: (value) =>
      parseOrder(String(value)) === null ? `"${value}" is no list of columns: ${ORDER_COLUMNS.join(', ')}` : null,
  }),
  sip_uri_match: intParam({ default: 0, min: 0, max: 1, doc: '1: URIs of presentities without regard to case.' }),
  cseq_offset: intParam({ default: 0, min: 0, doc: 'How far a CSeq may be behind the last one.' }),
  enable_dmq: intParam({
    default: 0,
    min: 0,
    max: 1,
    doc: 'Replicates publications to other servers.',
    noEffect: 'there is no dmq; servers can share a database (subs_db_mode 3, publ_cache 0)',
  }),
  pres_subs_mode: intParam({ default: 1, min: 0, max: 1, doc: '0: $subs(…) is always null.' }),
  delete_same_subs: intParam({
    default: 0,
    min: 0,
    max: 1,
    doc: 'A new subscription ends older ones with its presentity and Call-ID.',
  }),
  timer_mode: intParam({ default: 1, min: 0, max: 1, doc: 'Which timer process.', noEffect: 'there is one timer' }),
  subs_respond_200: intParam({ default: 1, min: 0, max: 1, doc: 'A SUBSCRIBE is accepted with 200; 0: with 202.' }),
};

/** A column and its direction. */
export interface OrderColumn {
  readonly column: string;
  readonly isDescending: boolean;
}

const ORDER_COLUMNS: readonly string[] = ['id', 'received_time', 'priority', 'expires', 'etag', 'sender', 'ruid'];

/** `a, b desc`; null where it is no such list. */
function parseOrder(text: string): readonly OrderColumn[] | null {
  const columns: OrderColumn[] = [];
  for (const part of text.split(',')) {
    const match = /^\s*(\w+)(?:\s+(asc|desc))?\s*$/i.exec(part);
    const column = match?.[1]?.toLowerCase() ?? '';
    if (!ORDER_COLUMNS.includes(column)) return null;
    columns.push({ column, isDescending: match?.[2]?.toLowerCase() === 'desc' });
  }
  return columns;
}

const OLDEST_FIRST: readonly OrderColumn[] = [{ column: 'received_time', isDescending: false }];

/** Where subscriptions are kept. */
type SubsMode = 'memory' | 'write-through' | 'write-back' | 'database';
const SUBS_MODES: readonly SubsMode[] = ['memory', 'write-through', 'write-back', 'database'];

/** The parameters, read once. */
export class PresSettings {
  readonly subsMode: SubsMode;
  /** Publications are in memory only. */
  readonly keepsPublications: boolean;
  /** Memory knows who has publications in the database. */
  readonly indexesPublications: boolean;
  readonly order: readonly OrderColumn[];
  readonly ignoresCase: boolean;
  readonly maxExpires: number;
  readonly minExpires: number;
  readonly forcesMinExpires: boolean;
  readonly expiresOffset: number;
  readonly serverAddress: string;
  readonly acceptCode: number;
  readonly sendsEmpty: boolean;
  readonly removesOnTimeout: boolean;
  readonly cseqOffset: number;
  readonly checksSphere: boolean;
  readonly deletesSame: boolean;
  readonly xavp: string;
  readonly logLevel: number;
  readonly fetchRows: number;
  /** ms over which NOTIFYs of a PUBLISH are spread; 0: they are sent at once. */
  readonly spreadMs: number;
  readonly pollMs: number;

  constructor(ctx: ModuleContext) {
    const isOn = (name: string): boolean => ctx.int(name) !== 0;
    const hasDb = ctx.str('db_url') !== '';
    this.subsMode = hasDb ? (SUBS_MODES[ctx.int('subs_db_mode')] ?? 'write-back') : 'memory';
    this.keepsPublications = !hasDb || ctx.int('publ_cache') === 2;
    this.indexesPublications = ctx.int('publ_cache') === 1;
    this.order = isOn('retrieve_order') ? (parseOrder(ctx.str('retrieve_order_by')) ?? OLDEST_FIRST) : OLDEST_FIRST;
    this.ignoresCase = isOn('sip_uri_match');
    this.maxExpires = ctx.int('max_expires');
    this.minExpires = Math.min(ctx.int('min_expires'), this.maxExpires);
    this.forcesMinExpires = ctx.int('min_expires_action') === 2;
    this.expiresOffset = ctx.int('expires_offset');
    this.serverAddress = ctx.str('server_address');
    this.acceptCode = isOn('subs_respond_200') ? 200 : 202;
    this.sendsEmpty = isOn('send_fast_notify');
    this.removesOnTimeout = isOn('timeout_rm_subs');
    this.cseqOffset = ctx.int('cseq_offset');
    this.checksSphere = isOn('enable_sphere_check');
    this.deletesSame = isOn('delete_same_subs');
    this.xavp = ctx.str('xavp_cfg');
    this.logLevel = ctx.int('local_log_level');
    this.fetchRows = ctx.int('fetch_rows');
    const isSpread = this.subsMode === 'database' && ctx.int('notifier_processes') > 0;
    this.spreadMs = isSpread ? ctx.int('waitn_time') * 1000 : 0;
    this.pollMs = Math.max(1, Math.trunc(1000 / ctx.int('notifier_poll_rate')));
  }

  /** The key of a presentity. */
  keyOf(uri: string): string {
    return this.ignoresCase ? uri.toLowerCase() : uri;
  }
}
