import { parseDeltaSeconds } from './contact.ts';
import { findParam } from './params.ts';

/** Retry-After (RFC 3261 §20.33): `18000;duration=3600 (maintenance)`. */
export interface RetryAfter {
  readonly seconds: number;
  /** How long the callee is reachable from then on; null where not said. */
  readonly durationSec: number | null;
}

/** Null when it does not begin with a number. Comments are passed over; seconds never wrap. */
export function parseRetryAfter(text: string): RetryAfter | null {
  const digits = /^\d+(?=[\s;(]|$)/.exec(text);
  const seconds = digits === null ? null : parseDeltaSeconds(digits[0]);
  if (seconds === null) return null;
  const semi = text.lastIndexOf(';');
  const duration = semi < 0 ? null : findParam(text, semi, text.length, 'duration');
  return { seconds, durationSec: duration === null ? null : parseDeltaSeconds(duration) };
}
