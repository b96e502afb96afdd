/** What happens to text at the edge where it leaves for a log: encoding, control characters, secrets. */

/**
 * Latin1 text from the wire or the script as Unicode: runs of bytes that are UTF-8 are decoded, others stand for
 * themselves. Text that is Unicode already (chars above 255, from our own messages) stays.
 */
export function toUnicode(text: string): string {
  return /[\x80-\xff]/.test(text) ? text.replace(/[\x80-\xff]+/g, decodeRun) : text;
}

function decodeRun(run: string): string {
  const decoded = Buffer.from(run, 'latin1').toString('utf8');
  return decoded.includes('\ufffd') ? run : decoded;
}

/**
 * Makes text fit for one entry of a line-wise log: a line end indents what follows, so that no text can look like an
 * entry of its own; other control characters (also C1, the line separators and what turns the direction of text) become
 * `\xNN`. Tabs stay.
 */
export function escapeControls(text: string): string {
  if (!/[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/.test(text)) return text;
  return text
    .replace(/\r?\n/g, '\n    ')
    .replace(
      /[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g,
      (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`,
    );
}

/** What a script writes with `$C(xy)`: SGR with brightness, foreground and background. */
const COLORS = /\x1b\[([01]);3([0-79]);4([0-79])m/g;
const RESET = '\x1b[0m';

/**
 * `escapeControls` for text that may have a script's colours in it: they stay when they are shown, and end with the text.
 * Otherwise they go; so do those that would hide text (black on black), wherever they come from.
 */
export function escapeButColors(text: string, showsColors: boolean): string {
  if (!text.includes('\x1b[')) return escapeControls(text);
  let out = '';
  let at = 0;
  let isColored = false;
  for (const found of text.matchAll(COLORS)) {
    out += escapeControls(text.slice(at, found.index));
    at = found.index + found[0].length;
    if (!showsColors || (found[2] === found[3] && found[2] !== '9')) continue;
    out += found[0];
    isColored = true;
  }
  return out + escapeControls(text.slice(at)) + (isColored ? RESET : '');
}

// Spelled out: the first use of a regular expression without case loads V8's case tables, 20 ms of a start.
const ANY_CASE = /[uU][tT][hH][oO][rR][iI][zZ][aA][tT][iI][oO][nN]/;

/** Hides the credentials of Authorization and Proxy-Authorization headers in any text; folded lines are part of them. */
export function redactCredentials(text: string): string {
  if (!ANY_CASE.test(text)) return text;
  return text.replace(
    /((?:proxy-)?authorization[ \t]*:[ \t]*[\w-]*)((?:[^\r\n]|\r?\n[ \t])*)/gi,
    (_all, head: string) => `${head} [redacted]`,
  );
}
