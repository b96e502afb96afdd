import {
  findParam,
  HDR,
  listValueEnd,
  type NameAddr,
  parseNameAddr,
  protoByName,
  type Run,
  type Server,
  type SipMsg,
  type SipUri,
  URI_SCHEME,
} from 'strowger';
import type { OutboundApi } from '../outbound/api.ts';

/** One Route value of the request, in order. */
interface RouteValue {
  readonly row: number;
  readonly start: number;
  readonly end: number;
  readonly addr: NameAddr;
}

/** What loose_route found, kept for check_route_param, is_direction and $route_uri. */
interface RoutingResult {
  /** The next hop came from a Route header that is left (`rr_next_hop_route`). */
  readonly isNextHopRoute: boolean;
  /** Parameters of the route that was ours (`;lr;ftag=x`), '' where none was. */
  readonly params: string;
  readonly uri: string;
}

/** Bits of the mode: never take the request for one of a strict router before us; pass over flow tokens. */
const ROUTE_MODE = { LOOSE: 1, NO_FLOW: 2 } as const;

/** Switches of the module that routing looks at. */
interface LooseRouteOptions {
  readonly outbound: OutboundApi | undefined;
  readonly enableDoubleRr: boolean;
  readonly forceSendSocket: boolean;
  readonly warnSocketMismatch: boolean;
  /** sockname_mode */
  readonly isSocketNamed: boolean;
}

const RESULT = { name: 'rr routing result' };
/** More Route values than this are not looked at. */
const MAX_ROUTES = 64;

/** The result of the last loose_route on this message. */
export function resultOf(msg: SipMsg): RoutingResult | undefined {
  return msg.note<RoutingResult>(RESULT);
}

/** All Route values; null when one of them can not be read. */
function routesOf(msg: SipMsg): RouteValue[] | null {
  const routes: RouteValue[] = [];
  for (let row = msg.findHdr(HDR.ROUTE); row >= 0; row = msg.findHdr(HDR.ROUTE, row + 1)) {
    const end = msg.hdrValueEnd(row);
    let start = msg.hdrValueStart(row);
    while (start < end && routes.length < MAX_ROUTES) {
      const stop = listValueEnd(msg.buf, start, end);
      const addr = parseNameAddr(msg.buf, start, stop);
      if (addr === null) return null;
      routes.push({ row, start: addr.start, end: stop, addr });
      start = stop + 1;
    }
  }
  return routes;
}

/**
 * `loose_route()` (RFC 3261 §16.4, §16.12; Kamailio: rr). Removes the routes that are ours, sets the next hop.
 * 1 the request was routed by its Route set, 2 by the flow token of our Route (RFC 5626 §5.3), -1 it has no Route set (or
 * it can not be read), -2 the token is not ours, -3 a preloaded set that names nobody but us.
 */
export function looseRoute(run: Run, options: LooseRouteOptions, mode: number): number {
  const msg = run.msg;
  if (msg.findHdr(HDR.ROUTE) < 0) return -1;
  const routes = routesOf(msg);
  if (routes === null || routes.length === 0) return -1;
  // Outside a dialog the Route set was given to the caller beforehand (RFC 3261 §8.1.1.1, "preloaded").
  const isLoose = (mode & ROUTE_MODE.LOOSE) !== 0;
  const isPreloaded = msg.toTag === '';
  if (!isPreloaded && !isLoose && isStrictlyRouted(run.server, msg)) return afterStrict(run, routes);
  return afterLoose(run, routes, options, isPreloaded, (mode & ROUTE_MODE.NO_FLOW) === 0);
}

function isOurs(server: Server, uri: SipUri | null): boolean {
  if (uri === null) return false;
  return server.isMyself(
    uri.host,
    uri.port === 0 ? (uri.scheme === URI_SCHEME.SIPS ? 5061 : 5060) : uri.port,
    uri.transport,
  );
}

/** True when the Request-URI is a Record-Route of ours: the previous hop routes strictly (RFC 3261 §16.4). */
function isStrictlyRouted(server: Server, msg: SipMsg): boolean {
  const uri = msg.ruri;
  return uri !== null && uri.user === '' && uri.params !== '' && uri.param('lr') !== null && isOurs(server, uri);
}

function afterLoose(
  run: Run,
  routes: RouteValue[],
  options: LooseRouteOptions,
  isPreloaded: boolean,
  hasFlows: boolean,
): number {
  const msg = run.msg;
  const first = routes[0] as RouteValue;
  const uri = first.addr.uri;
  if (uri === null) return -1;
  // Not for us: the request goes where its first Route says.
  if (!isOurs(run.server, uri)) {
    keep(msg, '', '');
    return toNextHop(msg, routes, 0);
  }
  keep(msg, `;${uri.params}`, first.addr.uriText);
  const token =
    uri.user === '' || !hasFlows || options.outbound === undefined ? NO_TOKEN : options.outbound.decode(uri.user);
  if (token.kind === 'forged') return TAMPERED;
  const result = afterOurs(run, routes, options, isPreloaded);
  if (token.kind !== 'flow' || options.outbound?.isFrom(msg, token.flow) === true) return result;
  options.outbound?.follow(msg, token.flow);
  return BY_FLOW;
}

const NO_TOKEN = { kind: 'none' } as const;
const TAMPERED = -2;
const BY_FLOW = 2;
/** loose_route() of a Route set outside a dialog that named nobody but us. */
export const PRELOADED_ONLY_US = -3;

/** The first Route is ours: it goes, with the second where both were written for one hop. */
function afterOurs(run: Run, routes: RouteValue[], options: LooseRouteOptions, isPreloaded: boolean): number {
  const msg = run.msg;
  const first = routes[0] as RouteValue;
  const uri = first.addr.uri as SipUri;
  if (options.isSocketNamed) useNamedSocket(run, uri);
  let used = 1;
  const second = routes[1];
  if (
    options.enableDoubleRr &&
    uri.param('r2') !== null &&
    second !== undefined &&
    isOurs(run.server, second.addr.uri) &&
    second.addr.uri?.param('r2') !== null
  ) {
    used = 2;
    useSocketOf(run, second.addr.uri as SipUri, options);
  }
  if (routes[used] !== undefined) return toNextHop(msg, routes, used);
  removeRoutes(msg, routes, used);
  // A preloaded Route set that named nobody but us says nothing of where to go.
  return isPreloaded ? PRELOADED_ONLY_US : 1;
}

/** The request goes to `routes[used]`, those before it are done (RFC 3261 §16.6 step 6). */
function toNextHop(msg: SipMsg, routes: RouteValue[], used: number): number {
  const result = resultOf(msg);
  if (result !== undefined) msg.setNote(RESULT, { ...result, isNextHopRoute: true });
  const next = routes[used] as RouteValue;
  if (next.addr.uri === null) return -1;
  if (next.addr.uri.param('lr') !== null) {
    msg.dstUri = next.addr.uriText;
    removeRoutes(msg, routes, used);
    return 1;
  }
  // A strict router: it becomes the Request-URI, and the Request-URI goes to the end of the Route set.
  const target = msg.uri;
  msg.newUri = next.addr.uriText;
  msg.dstUri = '';
  removeRoutes(msg, routes, used + 1);
  msg.lumps.anchor(msg.headersEnd, HDR.ROUTE).insertAfter(`Route: <${target}>\r\n`);
  return 1;
}

/** The previous hop put our Record-Route into the Request-URI: the last Route is the real target. */
function afterStrict(run: Run, routes: RouteValue[]): number {
  const msg = run.msg;
  const ruri = msg.ruri as SipUri;
  keep(msg, `;${ruri.params}`, msg.uri);
  let from = 0;
  const first = routes[0] as RouteValue;
  if (isOurs(run.server, first.addr.uri) && first.addr.uri?.param('r2') !== null && routes.length > 1) from = 1;
  const last = routes[routes.length - 1] as RouteValue;
  const next = routes[from] as RouteValue;
  if (next.addr.uri?.param('lr') !== null) {
    if (next !== last) msg.dstUri = next.addr.uriText;
    msg.newUri = last.addr.uriText;
    deleteValues(msg, routes, [...routes.slice(0, from), last]);
  } else {
    msg.newUri = next.addr.uriText;
    deleteValues(msg, routes, routes.slice(0, from + 1));
  }
  return 1;
}

/** sockname_mode: the socket of the name that our Record-Route carries as `sn`. */
function useNamedSocket(run: Run, uri: SipUri): void {
  const name = uri.param('sn');
  const socket = name === null || name === '' ? null : run.server.transport.findSocket(name);
  if (socket !== null) run.msg.forceSocket = socket;
}

/** Double Record-Route names the socket of the other side: the request leaves there. */
function useSocketOf(run: Run, uri: SipUri, options: LooseRouteOptions): void {
  const transport = uri.param('transport');
  const proto = transport === null || transport === '' ? 1 : protoByName(transport);
  const socket = run.server.transport.findSocketBy(uri.bareHost, uri.port === 0 ? 5060 : uri.port, proto);
  if (socket === null) {
    if (options.warnSocketMismatch)
      run.server.log.warn('rr: the second Route names no socket of ours', { uri: uri.text });
  } else if (options.forceSendSocket) run.msg.forceSocket = socket;
}

function keep(msg: SipMsg, params: string, uri: string): void {
  msg.setNote(RESULT, { params, uri, isNextHopRoute: false });
}

function removeRoutes(msg: SipMsg, routes: RouteValue[], count: number): void {
  const [first, second] = routes;
  // Nearly always: ours is the only value of its row.
  if (count === 1 && first !== undefined && first.row !== second?.row) deleteRow(msg, first.row);
  else deleteValues(msg, routes, routes.slice(0, count));
}

/** Deletes Route values, and whole rows where nothing of them is left. */
function deleteValues(msg: SipMsg, all: RouteValue[], gone: readonly RouteValue[]): void {
  const rows = new Set(gone.map((value) => value.row));
  for (const row of rows) {
    const inRow = all.filter((value) => value.row === row);
    const goneHere = inRow.filter((value) => gone.includes(value));
    if (goneHere.length === inRow.length) {
      deleteRow(msg, row);
      continue;
    }
    for (const value of goneHere) {
      const following = inRow[inRow.indexOf(value) + 1];
      // A last value takes the comma before it along.
      if (following !== undefined) msg.lumps.del(value.start, following.start - value.start, HDR.ROUTE);
      else {
        const previous = inRow.filter((other) => !gone.includes(other)).at(-1) as RouteValue;
        msg.lumps.del(previous.end, value.end - previous.end, HDR.ROUTE);
      }
    }
  }
}

function deleteRow(msg: SipMsg, row: number): void {
  msg.lumps.del(msg.hdrStart(row), msg.hdrEnd(row) - msg.hdrStart(row), HDR.ROUTE);
}

/** URI of the first Route value as received; '' where there is none. */
export function firstRouteUri(msg: SipMsg): string {
  const row = msg.findHdr(HDR.ROUTE);
  if (row < 0) return '';
  const start = msg.hdrValueStart(row);
  return parseNameAddr(msg.buf, start, listValueEnd(msg.buf, start, msg.hdrValueEnd(row)))?.uriText ?? '';
}

/** `check_route_param(re)`: 1 when the parameters of our Route match. */
export function routeParam(msg: SipMsg, name: string): string | null {
  const result = resultOf(msg);
  return result === undefined || result.params === '' ? null : findParam(result.params, 0, result.params.length, name);
}
