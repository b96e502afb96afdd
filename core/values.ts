/**
 * A value as the script sees it: null, a 32-bit integer, or a latin1 string (one char, one byte).
 * A JavaScript number is Kamailio's PV_TYPE_INT; everything else that prints is a string.
 */
export type PvValue = string | number | null;

/** Kamailio's way to print a value inside text: null joins as the empty string where `nullText` is not given. */
export function valueToString(value: PvValue, nullText = ''): string {
  if (typeof value === 'string') return value;
  return value === null ? nullText : String(value);
}

/** Copies a string out of the message it was sliced from, so that it does not keep the whole message alive. */
export function flatCopy(text: string): string {
  // Buffer round trip is the one copy V8 can not turn back into a slice; 13 chars and fewer are never slices.
  if (text.length < 13) return text;
  if (text.length > scratch.length) return Buffer.from(text, 'latin1').toString('latin1');
  return scratch.latin1Slice(0, scratch.latin1Write(text, 0));
}

/** Most texts that are kept fit in here: a Buffer of their own would cost as much again. */
const scratch = Buffer.allocUnsafeSlow(256);
