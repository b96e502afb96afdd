import type { PvValue, Run } from 'strowger';

/** What is accounted: the fixed values, and the run in which the further ones are read. */
export interface AccRecord {
  readonly run: Run;
  readonly method: string;
  readonly fromTag: string;
  readonly toTag: string;
  readonly callId: string;
  /** Three digits, or '' where a comment has none. */
  readonly code: string;
  readonly reason: string;
  readonly at: AccTime;
}

/** When: ms and the microseconds of the second. */
interface AccTime {
  readonly wallMs: number;
  readonly seconds: number;
  readonly micros: number;
}

export function accTime(wallMs: number): AccTime {
  const seconds = Math.floor(wallMs / 1000);
  return { wallMs, seconds, micros: Math.round((wallMs - seconds * 1000) * 1000) };
}

/** `404 Not found` of acc_log_request() and its kin: code and reason. Without a code all is the reason. */
export function parseComment(text: string): { readonly code: string; readonly reason: string } {
  const match = /^([1-6]\d\d)(?:\s+(.*))?$/s.exec(text);
  return match?.[1] === undefined ? { code: '', reason: text } : { code: match[1], reason: match[2] ?? '' };
}

/** A value in a line of the log: null is empty. */
export function logValue(value: PvValue): string {
  return value === null ? '' : String(value);
}
