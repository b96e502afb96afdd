import { parseDeltaSeconds } from './contact.ts';
import { findParam } from './params.ts';
import { trimLws } from './quoted.ts';

/** Session-Expires (RFC 4028 §4). */
export interface SessionExpires {
  readonly intervalSec: number;
  readonly refresher: 'uac' | 'uas' | null;
}

/** Null when it does not begin with a number or names an unknown refresher. */
export function parseSessionExpires(text: string): SessionExpires | null {
  const semi = text.indexOf(';');
  const intervalSec = parseDeltaSeconds(trimLws(semi < 0 ? text : text.slice(0, semi)));
  if (intervalSec === null) return null;
  const refresher = semi < 0 ? null : (findParam(text, semi, text.length, 'refresher')?.toLowerCase() ?? null);
  if (refresher !== null && refresher !== 'uac' && refresher !== 'uas') return null;
  return { intervalSec, refresher };
}

/** Min-SE (RFC 4028 §5): seconds, null when it is not a number. Parameters are passed over. */
export function parseMinSe(text: string): number | null {
  const semi = text.indexOf(';');
  return parseDeltaSeconds(trimLws(semi < 0 ? text : text.slice(0, semi)));
}
