/**
 * Kamailio's conversion of text to an integer (`str2sint`): an optional sign and digits, nothing else; the empty text is 0.
 * Null when it is no number or does not fit 32 bits.
 */
export function stringToInt(text: string): number | null {
  const length = text.length;
  if (length === 0) return 0;
  const first = text.charCodeAt(0);
  const start = first === 45 || first === 43 ? 1 : 0;
  if (length === start || length - start > 10) return null;
  let value = 0;
  for (let i = start; i < length; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return null;
    value = value * 10 + digit;
  }
  if (value > 0x7fffffff) return null;
  return first === 45 ? -value : value;
}
