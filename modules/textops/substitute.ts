/** subst* */

import { type PvAccessor, type Run, replaceSpan, rewriteUriParts, type Subst } from 'strowger';
import { flaggedRows } from './search.ts';

/** Replaces in a part of the message: 1 when something was, else -1. */
function substSpan(run: Run, subst: Subst, start: number, end: number): number {
  if (end <= start) return -1;
  const edits = subst.edits(run, run.msg.buf.slice(start, end));
  for (const edit of edits) replaceSpan(run.msg, start + edit.start, start + edit.end, edit.text);
  return edits.length > 0 ? 1 : -1;
}

/** subst: headers and body. */
export function substMessage(run: Run, subst: Subst): number {
  return substSpan(run, subst, run.msg.firstLineEnd, run.msg.bodyEnd);
}

export function substBody(run: Run, subst: Subst): number {
  return substSpan(run, subst, run.msg.bodyStart, run.msg.bodyEnd);
}

export function substHf(run: Run, name: string, subst: Subst, flag: string): number {
  const { msg } = run;
  let result = -1;
  for (const row of flaggedRows(msg, name, flag)) {
    if (substSpan(run, subst, msg.hdrValueStart(row), msg.hdrValueEnd(row)) > 0) result = 1;
  }
  return result;
}

/** subst_uri: the Request-URI as it is now. */
export function substUri(run: Run, subst: Subst): number {
  const { msg } = run;
  const text = msg.isRequest ? subst.apply(run, msg.uri) : null;
  if (text === null) return -1;
  msg.newUri = text;
  return 1;
}

export function substUser(run: Run, subst: Subst): number {
  const { msg } = run;
  const uri = msg.isRequest ? msg.ruri : null;
  const user = uri === null ? null : subst.apply(run, uri.user);
  return user !== null && rewriteUriParts(msg, { user }) ? 1 : -1;
}

/** subst_v: -1 when nothing matched; the variable stays as it is then. */
export function substText(
  run: Run,
  text: string,
  subst: Subst,
  target: PvAccessor & Required<Pick<PvAccessor, 'set'>>,
): number {
  const result = subst.apply(run, text);
  return result !== null && target.set(run, result) !== false ? 1 : -1;
}
