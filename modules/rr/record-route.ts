import {
  HDR,
  type Lump,
  type LumpList,
  MSG_FLAG,
  ROUTE,
  type Run,
  type SendContext,
  type SipMsg,
  type SocketInfo,
} from 'strowger';
import type { RouteSignature } from './route-signature.ts';

/** What the module's parameters say about the Record-Route we write. */
export interface RecordRouteOptions {
  readonly appendFromTag: boolean;
  readonly fullLr: boolean;
  readonly doubleRr: number;
  readonly addUsername: boolean;
  readonly ignoreSips: boolean;
  /** sockname_mode */
  readonly isSocketNamed: boolean;
  /** Null where Record-Routes are not signed. */
  readonly signature: RouteSignature | null;
  /** The flow token that becomes the user part (RFC 5626 §5.2); null where outbound is not loaded. */
  readonly flowToken: ((msg: SipMsg) => string | null) | null;
  /** set_socket of a custom Record-Route user: `custom_user_avp` reads it per message. */
  readonly customUser: ((run: Run) => string | null) | null;
}

/** Parameters and user that one message's Record-Route gets beyond the defaults. */
class RecordRouteState {
  /** `;x=y` texts of add_rr_param, in order. */
  params = '';
  isAdded = false;
  addFirst = false;
  /** The same of branch routes, by edits that stand for them among those of their branch. */
  ofBranches: Map<Lump, string> | null = null;

  /** What the branch that is written gets. */
  paramsOf(branch: LumpList | null): string {
    if (this.ofBranches === null || branch === null) return this.params;
    let text = this.params;
    for (const lump of branch.items) text += this.ofBranches.get(lump) ?? '';
    return text;
  }
}

const STATE = { name: 'rr state' };

/** The Record-Route state of a message, made on first use. */
export function stateOf(msg: SipMsg): RecordRouteState {
  let state = msg.note<RecordRouteState>(STATE);
  if (state === undefined) msg.setNote(STATE, (state = new RecordRouteState()));
  return state;
}

/**
 * Notes that there is a Record-Route now; false where there is one already. What a branch route adds is in its branch alone.
 */
function begins(run: Run): boolean {
  const { msg } = run;
  const state = stateOf(msg);
  if (state.isAdded) return false;
  if (run.routeType === ROUTE.BRANCH)
    return msg.lumpList?.items.some((lump) => isRow(lump) && state.ofBranches?.has(lump) !== true) !== true;
  state.isAdded = true;
  msg.msgFlags |= MSG_FLAG.RR_ADDED;
  return true;
}

function isRow({ kind, deleted, isCancelled }: Lump): boolean {
  return kind === HDR.RECORDROUTE && deleted === 0 && !isCancelled;
}

/** Where Record-Route rows go: before the first header, as Kamailio puts them. */
function anchorOffset(msg: SipMsg): number {
  return msg.firstLineEnd;
}

/**
 * `record_route()`: one row, or two where the request leaves by another socket than it came in on (double Record-Route,
 * with `r2=on`). Written when the outgoing socket is known. 1 done; -1 there is one already.
 */
export function recordRoute(run: Run, options: RecordRouteOptions, extra: string): number {
  const msg = run.msg;
  if (!begins(run)) return -1;
  const state = stateOf(msg);
  const user = userPart(run, options);
  const tail = `${options.fullLr ? ';lr=on' : ';lr'}${fromTagParam(msg, options)}${signatureParam(msg, options)}`;
  const scheme = !options.ignoreSips && msg.uri.startsWith('sips:') ? 'sips' : 'sip';
  msg.lumps
    .anchor(anchorOffset(msg), HDR.RECORDROUTE)
    .insertAfter((ctx) => rows(ctx, options, scheme, user, tail, extra + state.paramsOf(ctx.branchLumps)));
  return 1;
}

function rows(
  ctx: SendContext,
  options: RecordRouteOptions,
  scheme: string,
  user: string,
  tail: string,
  params: string,
): string {
  const out = ctx.outgoing;
  const incoming = ctx.incoming;
  const named = (socket: SocketInfo): string =>
    options.isSocketNamed && socket.name !== '' ? `;sn=${socket.name}` : '';
  if (options.doubleRr === 0 || (out === incoming && options.doubleRr !== 2))
    return `Record-Route: <${scheme}:${user}${out.sentBy}${transportParam(out)}${tail}${named(out)}${params}>\r\n`;
  const second = `Record-Route: <${scheme}:${user}${incoming.sentBy}${transportParam(incoming)};r2=on${tail}${named(incoming)}${params}>\r\n`;
  return `Record-Route: <${scheme}:${user}${out.sentBy}${transportParam(out)};r2=on${tail}${named(out)}${params}>\r\n${second}`;
}

function transportParam(socket: SocketInfo): string {
  return TRANSPORTS[socket.proto] ?? '';
}

const TRANSPORTS = ['', '', ';transport=tcp', ';transport=tls', ';transport=sctp', ';transport=ws', ';transport=ws'];

function userPart(run: Run, options: RecordRouteOptions): string {
  const token = options.flowToken?.(run.msg) ?? null;
  if (token !== null) return `${token}@`;
  const custom = options.customUser?.(run) ?? null;
  if (custom !== null && custom !== '') return `${custom}@`;
  if (!options.addUsername) return '';
  const uri = run.msg.ruri;
  return uri === null || uri.user === '' ? '' : `${uri.user}@`;
}

function fromTagParam(msg: SipMsg, options: RecordRouteOptions): string {
  if (!options.appendFromTag) return '';
  const tag = msg.fromTag;
  return tag === '' ? '' : `;ftag=${tag}`;
}

function signatureParam(msg: SipMsg, { signature }: RecordRouteOptions): string {
  return signature === null ? '' : `;sig=${signature.of(msg)}`;
}

/**
 * `record_route_preset(addr [, addr2])`: the addresses as given, in that order from the top. Preset rows have `lr` last
 * and no `r2`, as Kamailio's.
 */
export function recordRoutePreset(
  run: Run,
  options: RecordRouteOptions,
  first: string,
  second: string | undefined,
): number {
  return preset(run, options, () => (second === undefined ? [first] : [first, second]));
}

/** `record_route_advertised_address(addr)`: our sockets' transport, another address. */
export function recordRouteAdvertised(run: Run, options: RecordRouteOptions, address: string): number {
  return preset(run, options, ({ outgoing, incoming }) => {
    const at = (socket: SocketInfo): string => `${address}${transportParam(socket)}`;
    return options.doubleRr !== 0 && outgoing !== incoming
      ? [`${at(outgoing)};r2=on`, `${at(incoming)};r2=on`]
      : [at(outgoing)];
  });
}

/** Rows for addresses that are known, or known once the outgoing socket is. -1 where there is a Record-Route already. */
function preset(run: Run, options: RecordRouteOptions, addresses: (ctx: SendContext) => string[]): number {
  const msg = run.msg;
  if (!begins(run)) return -1;
  const state = stateOf(msg);
  const user = userPart(run, options);
  const tag = fromTagParam(msg, options) + signatureParam(msg, options);
  const lr = options.fullLr ? ';lr=on' : ';lr';
  msg.lumps.anchor(anchorOffset(msg), HDR.RECORDROUTE).insertAfter((ctx) => {
    const params = state.paramsOf(ctx.branchLumps);
    return addresses(ctx)
      .map((address) => `Record-Route: <sip:${user}${address}${tag}${lr}${params}>\r\n`)
      .join('');
  });
  return 1;
}

/** `add_rr_param(";x=y")`: also to a Record-Route already asked for; in a branch route, of that branch. */
export function addRrParam(run: Run, text: string): number {
  const { msg } = run;
  const state = stateOf(msg);
  if (run.routeType === ROUTE.BRANCH)
    (state.ofBranches ??= new Map()).set(msg.lumps.anchor(anchorOffset(msg), HDR.RECORDROUTE), text);
  else state.params += text;
  return 1;
}
