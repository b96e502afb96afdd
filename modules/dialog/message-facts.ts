import { firstNameAddr, HDR, listValues, parseNameAddr, type Server, type SipMsg } from 'strowger';

/** Record-Route values that one message may have before they are left alone. */
const MAX_ROUTES = 64;

const NONE: readonly string[] = [];

/** URI of the first Contact; '' where there is none. */
export function contactUri(msg: SipMsg): string {
  return firstNameAddr(msg, HDR.CONTACT)?.uriText ?? '';
}

/** Record-Route values from the top, each as written. */
export function recordRoutes(msg: SipMsg): readonly string[] {
  if (msg.findHdr(HDR.RECORDROUTE) < 0) return NONE;
  return listValues(msg, HDR.RECORDROUTE)
    .slice(0, MAX_ROUTES)
    .map(({ start, end }) => msg.buf.slice(start, end).trim());
}

/**
 * Parts the Record-Route values of an answer: those of proxies behind us, ours (one, or two of a double Record-Route), and as
 * many as the request came with.
 */
export function partRoutes(
  server: Server,
  answer: readonly string[],
  inRequest: number,
): { readonly behind: readonly string[]; readonly own: readonly string[] } {
  const ours = Math.max(0, answer.length - inRequest);
  let first = ours;
  if (ours > 0 && isOwn(server, answer[ours - 1])) {
    first = ours - 1;
    if (first > 0 && /;r2=/i.test(answer[first] ?? '') && /;r2=/i.test(answer[first - 1] ?? '')) first--;
  }
  return { behind: answer.slice(0, first), own: answer.slice(first, ours) };
}

function isOwn(server: Server, value: string | undefined): boolean {
  if (value === undefined) return false;
  const uri = parseNameAddr(value, 0, value.length)?.uri;
  return uri !== null && uri !== undefined && server.isMyself(uri.bareHost, uri.port, 0);
}
