import { holdsSdp, SDP } from './body.ts';
import type { Call } from './call.ts';
import type { Leg } from './leg.ts';
import type { Outgoing, Shaped } from './outbox.ts';
import { withReasons } from './reason-header.ts';
import { hideBody, hideHeaders } from './topology.ts';

/**
 * Gives a message of a leg's its final form: rows that the script added, a description that the media engine has seen,
 * with the o= line of its dialog, and nothing of the other side's network where topology is hidden.
 */
export function shape(call: Call, leg: Leg, out: Outgoing): Shaped | null | Promise<Shaped | null> {
  const headers = hideHeaders(call, leg, rowsOf(call, out)) + addedRows(call, leg, out);
  if (!holdsSdp(out.body, out.contentType)) return { headers, body: hideBody(call, leg, out.body, out.contentType) };
  const finish = (sdp: string): Shaped => ({ headers, body: leg.origin.apply(hideBody(call, leg, sdp, SDP)) });
  if (call.media === null) return finish(out.body);
  return call.media.pass(leg, out).then((sdp) => {
    if (sdp !== null) return finish(sdp);
    // A refused offer is its sender's to know; without an answer there is no call.
    if (out.isReply || !out.isOffer) call.post(() => call.mediaFailed());
    return null;
  });
}

/** The rows as the parameters reason_header and allow_update have them. */
function rowsOf({ settings }: Call, { method, isReply, headers }: Outgoing): string {
  if (!isReply && (method === 'BYE' || method === 'CANCEL')) return withReasons(headers, settings.reasonMode);
  return settings.allowsUpdate ? headers : withoutUpdate(headers);
}

/** Allow without UPDATE: nobody is to send us one. */
function withoutUpdate(headers: string): string {
  return headers.replace(/^Allow[ \t]*:([^\r]*)\r\n/gim, (_row, value: string) => {
    const methods = value.split(',').map((method) => method.trim());
    return `Allow: ${methods.filter((method) => method !== 'UPDATE').join(', ')}\r\n`;
  });
}

/** Rows of b2b_hdr_set. */
function addedRows({ addedRows: rows }: Call, leg: Leg, { method }: Outgoing): string {
  if (rows.length === 0 || (method !== 'INVITE' && method !== 'UPDATE')) return '';
  const side = leg.role === 'uas' ? 'a' : 'b';
  let out = '';
  for (const { leg: who, row } of rows) if (who === side || who === leg.id) out += row;
  return out;
}
