/** Remote-Party-ID made from an AVP. */

import { appendHeader, HDR, parseUri, type Run, valueToString } from 'strowger';
import { isE164Number } from './numbers.ts';

/** Name of an AVP written `$avp(s:x)`, `$avp(i:5)`, `$avp(x)`; null for anything else. */
export function rpidAvpName(text: string): string | number | null {
  const name = /^\$(?:avp\(|\(avp\()([^()]+)\)\)?$/.exec(text.trim())?.[1];
  if (name === undefined) return null;
  if (/^s:./i.test(name)) return name.slice(2);
  return /^i:\d{1,5}$/i.test(name) ? Number(name.slice(2)) : name;
}

function rpid(run: Run, avp: string | number | null): string {
  return avp === null ? '' : valueToString(run.msg.vars?.avps.get(avp)?.[0] ?? null);
}

/** append_rpid_hf: -1 when the AVP is not set. */
export function appendRpidHf(run: Run, avp: string | number | null, prefix: string, suffix: string): number {
  const value = rpid(run, avp);
  if (value === '') return -1;
  appendHeader(run.msg, `Remote-Party-ID: ${prefix}${value}${suffix}\r\n`, HDR.RPID);
  return 1;
}

export function isRpidUserE164(run: Run, avp: string | number | null): number {
  const text = rpid(run, avp);
  const user = parseUri(text)?.user ?? text;
  return isE164Number(user) ? 1 : -1;
}
