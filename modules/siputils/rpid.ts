/** Remote-Party-ID made from an AVP. */

import { appendHeader, HDR, parseUri, type Run, valueToString } from 'strowger';
import { isE164Number } from './numbers.ts';

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

export function isRpidUserE164(run: Run, avp: string | number | null, maxDigits: number): number {
  const text = rpid(run, avp);
  const user = parseUri(text)?.user ?? text;
  return isE164Number(user, maxDigits) ? 1 : -1;
}
