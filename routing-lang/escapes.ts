/**
 * The value of a string literal. In `"…"` Kamailio knows `\n \r \t \a \\ \"`, `\xHH` (one or two digits), `\OOO`
 * (two or three octal digits, cut to a byte) and backslash-newline, which joins lines; before anything else the
 * backslash stays. `'…'` knows no escapes.
 */
export function stringValue(literal: string): string {
  const inner = literal.slice(1, -1);
  if (literal.charCodeAt(0) === 39 || !inner.includes('\\')) return inner;
  return inner.replace(ESCAPE, decode);
}

const ESCAPE = /\\(?:x([0-9a-fA-F]{1,2})|([0-7]{2,3})|(\n)|([nrta\\"]))/g;

const SIMPLE: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', a: '\x07', '\\': '\\', '"': '"' };

function decode(
  whole: string,
  hex: string | undefined,
  octal: string | undefined,
  newline: string | undefined,
  simple: string,
): string {
  if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
  if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8) & 255);
  if (newline !== undefined) return '';
  return SIMPLE[simple] ?? whole;
}
