import type { Call } from './call.ts';
import { reasonOf } from './status.ts';

/** `503=480,600=486`: what a status of one side becomes on the other; null where it can not be read. */
export function parseReplyMap(text: string): Map<number, number> | null {
  const map = new Map<number, number>();
  for (const part of text.split(',')) {
    if (part.trim() === '') continue;
    const [, from = '', to = ''] = /^\s*([1-6]\d\d)\s*=\s*([1-6]\d\d)\s*$/.exec(part) ?? [];
    if (from === '' || !canBecome(Number(from), Number(to))) return null;
    map.set(Number(from), Number(to));
  }
  return map;
}

/** Provisional replies stay provisional and refusals refusals; a 2xx stays what it is. */
export function canBecome(from: number, to: number): boolean {
  if (from > 100 && from < 200) return to > 100 && to < 200;
  return from >= 300 && from < 700 && to >= 300 && to < 700;
}

/**
 * What a status of one side is on the other: as the call's map and then the module's says. A challenge that was for us is
 * 403: the other side could not answer it.
 */
export function outward(call: Call, code: number, reason: string): { readonly code: number; readonly reason: string } {
  const mapped = call.replyMap.get(code) ?? call.calls.settings.replyMap.get(code) ?? unanswerable(code);
  return mapped === code ? { code, reason } : { code: mapped, reason: reasonOf(mapped) };
}

function unanswerable(code: number): number {
  return code === 401 || code === 407 ? 403 : code;
}
