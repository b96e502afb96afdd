import type { AvpName } from './msg-vars.ts';

/** The name that stands inside `$avp(…)`: `i:5` is the number 5, `s:x` and `x` are the text. */
export function avpNameOf(text: string): AvpName {
  if (/^i:\d{1,10}$/i.test(text)) return Number(text.slice(2));
  return /^s:./i.test(text) ? text.slice(2) : text;
}

/** The AVP that a parameter names as `$avp(x)` or `$(avp(x))`; null for anything else. */
export function parseAvpParam(text: string): AvpName | null {
  const match = /^\$(?:avp\(([^()]+)\)|\(avp\(([^()]+)\)\))$/.exec(text.trim());
  const name = match?.[1] ?? match?.[2];
  return name === undefined ? null : avpNameOf(name.trim());
}
