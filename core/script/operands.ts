import { METHOD } from '../parser/methods.ts';
import { parseUri, URI_SCHEME } from '../parser/uri.ts';
import { PROTO } from '../transport/socket-info.ts';
import type { PvValue } from '../values.ts';
import type { Run } from './run.ts';

/** Largest SIP message a datagram can carry: the keyword `max_len`. */
const MAX_LEN = 65535;
/** AF_INET and AF_INET6 by their numbers on Linux, as `$K(IPv4)` and `$snd(af)` give them. */
const AF_INET = 2;
const AF_INET6 = 10;

/** Old-style operands (core cookbook, "Core Keywords"): what each reads. */
export const KEYWORDS: ReadonlyMap<string, (run: Run) => PvValue> = new Map<string, (run: Run) => PvValue>([
  ['method', (run) => run.msg.methodName],
  ['uri', uriOrStatus],
  ['status', uriOrStatus],
  ['uri:host', (run) => (run.msg.isRequest ? (run.msg.ruri?.host ?? null) : null)],
  ['uri:port', (run) => (run.msg.isRequest ? (run.msg.ruri?.port ?? null) : null)],
  ['from_uri', (run) => run.msg.from?.uriText ?? null],
  ['to_uri', (run) => run.msg.to?.uriText ?? null],
  ['src_ip', (run) => run.msg.rcv.srcIp],
  ['src_port', (run) => run.msg.rcv.srcPort],
  ['dst_ip', (run) => run.msg.rcv.dstIp],
  ['dst_port', (run) => run.msg.rcv.dstPort],
  ['proto', (run) => run.msg.rcv.proto],
  ['af', (run) => familyOf(run.msg.rcv.srcIp)],
  ['msg:len', (run) => run.msg.buf.length],
  ['max_len', () => MAX_LEN],
  ['retcode', (run) => run.rc],
  ['rc', (run) => run.rc],
  ['snd_ip', (run) => sendingSocket(run)?.address ?? null],
  ['snd_port', (run) => sendingSocket(run)?.port ?? null],
  ['snd_proto', (run) => run.sending?.proto ?? null],
  ['snd_af', (run) => (run.sending === null ? null : familyOf(run.sending.ip))],
  ['to_ip', (run) => run.sending?.ip ?? null],
  ['to_port', (run) => run.sending?.port ?? null],
  ['to_proto', (run) => run.sending?.proto ?? null],
  ['to_af', (run) => (run.sending === null ? null : familyOf(run.sending.ip))],
]);

/** The URI of a request and the status of a reply are one operand with two names, as in Kamailio. */
function uriOrStatus(run: Run): PvValue {
  return run.msg.isRequest ? run.msg.uri : String(run.msg.status);
}

function familyOf(ip: string): number {
  return ip.includes(':') ? AF_INET6 : AF_INET;
}

/** The socket the message is being sent from, in an onsend_route. */
function sendingSocket(run: Run) {
  const { sending } = run;
  if (sending === null) return null;
  return run.server.transport.socketFor(sending.proto as typeof PROTO.UDP, sending.ip, run.msg.forceSocket);
}

const WORDS: ReadonlyMap<string, PvValue> = new Map<string, PvValue>([
  ...Object.entries(PROTO)
    .filter(([name]) => name !== 'NONE')
    .flatMap(([name, id]): [string, PvValue][] => [
      [name, id],
      [name.toLowerCase(), id],
    ]),
  ...['INET', 'inet', 'IPv4', 'IPV4', 'ipv4'].map((name): [string, PvValue] => [name, AF_INET]),
  ...['INET6', 'inet6', 'IPv6', 'IPV6', 'ipv6'].map((name): [string, PvValue] => [name, AF_INET6]),
  ...Object.keys(METHOD)
    .filter((name) => name !== 'UNDEF' && name !== 'OTHER')
    .map((name): [string, PvValue] => [name, name]),
  ['max_len', MAX_LEN],
  ['myself', 'myself'],
]);

/** Value of a bare word where an expression stands; undefined for a word that means nothing by itself. */
export function wordValue(word: string): PvValue | undefined {
  return WORDS.get(word);
}

/**
 * True when a URI (`uri`, `from_uri`, `to_uri`) or an address (the other keywords) is one of ours. A URI without a port
 * means the default port of its scheme, as in Kamailio: `sip:10.0.0.1` is not a socket on port 5070.
 */
export function isMyself(run: Run, text: string, keyword: string): boolean {
  if (keyword !== 'uri' && keyword !== 'from_uri' && keyword !== 'to_uri') return run.server.isMyself(text, 0, 0);
  const uri = parseUri(text);
  if (uri === null || uri.host === '') return false;
  const isTls = uri.scheme === URI_SCHEME.SIPS || uri.transport === PROTO.TLS;
  return run.server.isMyself(uri.host, uri.port || (isTls ? 5061 : 5060), 0);
}
