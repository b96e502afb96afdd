import {
  firstNameAddr,
  flatCopy,
  HDR,
  hostPort,
  listValues,
  PROTO_NAMES,
  parseUri,
  type Run,
  type SipMsg,
  type SipUri,
  type SocketInfo,
} from 'strowger';
import { addressOf } from './notifier.ts';

/** The URI that state is kept by: scheme sip, user and host. Null where the text is no URI. */
export function presentityUri(
  text: string,
): { readonly uri: string; readonly user: string; readonly domain: string } | null {
  const uri = parseUri(text);
  if (uri === null) return null;
  const { user, domain } = userAndDomain(uri);
  return { uri: addressOf(user, domain), user, domain };
}

export function userAndDomain(uri: SipUri): { readonly user: string; readonly domain: string } {
  return { user: flatCopy(uri.user), domain: flatCopy(uri.host) };
}

/** Seconds of the Expires header; `fallback` where there is none, 0 where it is no number. */
export function expiresOf(msg: SipMsg, fallback: number): number {
  const text = msg.header(HDR.EXPIRES);
  if (text === null) return fallback;
  const match = /^\s*(\d+)/.exec(text);
  return match === null ? 0 : Math.min(Number(match[1]), 0x7fff_ffff);
}

/** Record-Route as the table has it. */
export function recordRouteOf(msg: SipMsg): string {
  return listValues(msg, HDR.RECORDROUTE)
    .map(({ start, end }) => msg.buf.slice(start, end))
    .join(',');
}

/** URI of the first Contact; null where there is none. */
export function contactOf(msg: SipMsg): string | null {
  const contact = firstNameAddr(msg, HDR.CONTACT);
  return contact === null || contact.uri === null ? null : flatCopy(contact.uriText);
}

/** The Contact of ours in a dialog that came to this socket. */
export function contactOfSocket(socket: SocketInfo): string {
  const host = socket.isAdvertised ? socket.advertisedHost : socket.address;
  const port = socket.isAdvertised ? socket.advertisedPort : socket.port;
  return `sip:${hostPort(host, port)};transport=${PROTO_NAMES[socket.proto]}`;
}

/** What is needed of tm to answer a request. */
interface Replier {
  hasTransaction(msg: SipMsg): boolean;
  reply(msg: SipMsg, code: number, reason: string, extraHeaders?: string): number;
  localTag(msg: SipMsg): string | null;
}

/** Answers through the transaction where there is one, else without. */
export function answer(run: Run, tm: Replier, code: number, reason: string, headers: string): void {
  const { msg, server } = run;
  if (tm.hasTransaction(msg)) tm.reply(msg, code, reason, headers);
  else server.replies.send(msg, code, reason, headers);
}

/** The tag that our replies to this request carry. */
export function ourTag(run: Run, tm: Replier): string {
  return tm.localTag(run.msg) ?? run.server.replies.tagFor(run.msg);
}
