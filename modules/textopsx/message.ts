/** msg_apply_changes, msg_set_buffer, change_reply_status, remove_body, keep_hf, fnmatch. */

import { applyChanges, HDR, type PosixRegex, type Run, removeHeaderRow, replaceSpan, type SipMsg } from 'strowger';

export function msgApplyChanges(run: Run): number {
  return applyChanges(run) ? 1 : -1;
}

/** msg_set_buffer: the text must be a message of the same kind. */
export function msgSetBuffer(run: Run, text: string): number {
  return text !== '' && run.msg.replaceText(text) ? 1 : -1;
}

/** `SIP/2.0 ` is this long: the status comes behind it. */
const STATUS_AT = 8;

/**
 * change_reply_status: a provisional or positive reply stays in its class. The new code is seen at once, also by tm.
 */
export function changeReplyStatus(run: Run, code: number, reason: string | null): number {
  const { msg } = run;
  if (msg.isRequest || code < 100 || code > 699 || reason === '') return -1;
  const classOf = (status: number): number => Math.floor(status / 100);
  if ((code < 300 || msg.status < 300) && classOf(code) !== classOf(msg.status)) return -1;
  replaceSpan(msg, STATUS_AT, STATUS_AT + 3, String(code));
  if (reason !== null) replaceSpan(msg, msg.uriStart, msg.uriEnd, reason);
  (msg as { -readonly [K in keyof SipMsg]: SipMsg[K] }).status = code;
  return 1;
}

/** remove_body: Content-Type stays, as in Kamailio. */
export function removeBody(run: Run): number {
  const { msg } = run;
  if (msg.bodyEnd > msg.bodyStart) msg.lumps.del(msg.bodyStart, msg.buf.length - msg.bodyStart);
  return 1;
}

/** Headers that keep_hf never removes. */
const KEPT = new Set<number>([
  HDR.VIA,
  HDR.FROM,
  HDR.TO,
  HDR.CALLID,
  HDR.CSEQ,
  HDR.ROUTE,
  HDR.RECORDROUTE,
  HDR.CONTENTTYPE,
  HDR.CONTENTLENGTH,
  HDR.MAXFORWARDS,
  HDR.CONTACT,
]);

/** keep_hf: -1 always, as Kamailio's. */
export function keepHf(run: Run, regex: PosixRegex | null): number {
  const { msg } = run;
  for (let row = 0; row < msg.hdrCount; row++) {
    if (!KEPT.has(msg.hdrKind(row)) && regex?.test(msg.hdrName(row)) !== true) removeHeaderRow(msg, row);
  }
  return -1;
}

/** Steps one match may take: `*` can be tried at every place. */
const MAX_STEPS = 1_000_000;

/** fnmatch(3) without flags but case: `*`, `?`, `[…]`, `\`. Iterative; one star is remembered. */
export function fnmatch(text: string, pattern: string, ignoreCase: boolean): boolean {
  const value = ignoreCase ? text.toLowerCase() : text;
  const items = globItems(ignoreCase ? pattern.toLowerCase() : pattern);
  let at = 0;
  let item = 0;
  let starItem = -1;
  let starAt = 0;
  for (let steps = 0; steps < MAX_STEPS; steps++) {
    const want = items[item];
    if (want === '*') {
      starItem = item++;
      starAt = at;
    } else if (at < value.length && want !== undefined && want(value.charCodeAt(at))) {
      at++;
      item++;
    } else if (at === value.length && want === undefined) return true;
    else if (starItem >= 0 && starAt < value.length) {
      item = starItem + 1;
      at = ++starAt;
    } else return false;
  }
  return false;
}

type GlobItem = '*' | ((code: number) => boolean);

function globItems(pattern: string): GlobItem[] {
  const items: GlobItem[] = [];
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern.charAt(i);
    const close = c === '[' ? bracketEnd(pattern, i) : -1;
    if (c === '*') items.push('*');
    else if (c === '?') items.push(() => true);
    else if (close > 0) {
      items.push(bracketTest(pattern.slice(i + 1, close)));
      i = close;
    } else {
      const wanted = (c === '\\' && i + 1 < pattern.length ? pattern.charCodeAt(++i) : c.charCodeAt(0)) | 0;
      items.push((code) => code === wanted);
    }
  }
  return items;
}

/** Index of the bracket that closes the one at `at`; -1 when none does. A `]` first is a member. */
function bracketEnd(pattern: string, at: number): number {
  let from = at + 1;
  if (pattern.charAt(from) === '!' || pattern.charAt(from) === '^') from++;
  return pattern.indexOf(']', from + 1);
}

function bracketTest(content: string): (code: number) => boolean {
  const negated = content.startsWith('!') || content.startsWith('^');
  const members = negated ? content.slice(1) : content;
  const ranges: [number, number][] = [];
  for (let i = 0; i < members.length; i++) {
    const low = members.charCodeAt(i);
    if (members.charAt(i + 1) === '-' && i + 2 < members.length) {
      ranges.push([low, members.charCodeAt(i + 2)]);
      i += 2;
    } else ranges.push([low, low]);
  }
  return (code) => ranges.some(([low, high]) => code >= low && code <= high) !== negated;
}
