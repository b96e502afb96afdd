import {
  findParam,
  HDR,
  listValueEnd,
  nameAddrs,
  parseNameAddr,
  parseUri,
  type Server,
  type SipMsg,
  URI_SCHEME,
  unescapePercent,
} from 'strowger';

/** Longest Path that is stored: what the column `path` of Kamailio's tables holds. */
const MAX_PATH_LENGTH = 512;

/** The Path of a REGISTER (RFC 3327), its rows joined. */
interface PathVector {
  readonly text: string;
  /** `received` of its first URI, escapes undone; '' where it has none. */
  readonly received: string;
}

/** Null where a value can not be read, or all are longer than can be stored. */
export function pathOf(msg: SipMsg): PathVector | null {
  const values: string[] = [];
  for (let row = msg.findHdr(HDR.PATH); row >= 0; row = msg.findHdr(HDR.PATH, row + 1))
    values.push(msg.hdrValue(row).replace(/\r?\n[ \t]+/g, ' '));
  const text = values.join(',');
  if (text.length > MAX_PATH_LENGTH) return null;
  const addrs = nameAddrs(msg, HDR.PATH);
  const first = addrs[0];
  if (first === undefined || first === null) return null;
  for (const addr of addrs) if (addr === null || addr.uri === null) return null;
  const received = first.uri?.param('received') ?? '';
  return { text, received: received === '' ? '' : unescapePercent(received) };
}

/** What a request to a binding with a Path gets: its Route and next hop. */
interface PathRoute {
  readonly path: string;
  /** '' where no hop is left. */
  readonly dstUri: string;
}

/** The Path of a binding as a Route set; with `skipLocal` a first hop that is this server is left out (path_check_local). */
export function routeOf(path: string, server: Server, skipLocal: boolean): PathRoute {
  const end = listValueEnd(path, 0, path.length);
  const first = parseNameAddr(path, 0, end);
  if (first === null) return { path: '', dstUri: '' };
  if (!skipLocal || !isLocal(server, first.uriText)) return { path, dstUri: first.uriText };
  const rest = path.slice(end + 1).trim();
  const next = rest === '' ? null : parseNameAddr(rest, 0, listValueEnd(rest, 0, rest.length));
  return next === null ? { path: '', dstUri: '' } : { path: rest, dstUri: next.uriText };
}

function isLocal(server: Server, text: string): boolean {
  const uri = parseUri(text);
  if (uri === null) return false;
  const port = uri.port === 0 ? (uri.scheme === URI_SCHEME.SIPS ? 5061 : 5060) : uri.port;
  return server.isMyself(uri.host, port, uri.transport);
}

/** True where the first URI of a Path has the parameter `ob` (RFC 5626 §6). */
export function hasOutboundEdge(msg: SipMsg): boolean {
  const first = nameAddrs(msg, HDR.PATH)[0];
  if (first === undefined || first === null) return false;
  const text = first.uriText;
  return findParam(text, 0, text.length, 'ob') !== null;
}
