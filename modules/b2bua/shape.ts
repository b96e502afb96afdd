import { SDP } from './body.ts';
import type { Call } from './call.ts';
import type { Leg } from './leg.ts';
import type { Outgoing, Shaped } from './outbox.ts';

/** Gives a message of a leg's its final form: rows that the script added, the o= line of its dialog. */
export function shape(call: Call, leg: Leg, out: Outgoing): Shaped | null | Promise<Shaped | null> {
  const headers = out.headers + addedRows(call, leg, out);
  const body = isSdp(out) ? leg.origin.apply(out.body) : out.body;
  return { headers, body };
}

function isSdp({ body, contentType }: Outgoing): boolean {
  return body !== '' && contentType.toLowerCase().startsWith(SDP);
}

/** Rows of b2b_hdr_set. */
function addedRows({ addedRows: rows }: Call, leg: Leg, { method }: Outgoing): string {
  if (rows.length === 0 || (method !== 'INVITE' && method !== 'UPDATE')) return '';
  const side = leg.role === 'uas' ? 'a' : 'b';
  let out = '';
  for (const { leg: who, row } of rows) if (who === side || who === leg.id) out += row;
  return out;
}
