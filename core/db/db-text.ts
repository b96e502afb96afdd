/** Between the script's text (UTF-8 bytes, one char each) and a database library's strings. */

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** For the library: bytes that are no UTF-8 are taken as Latin-1, so that nothing is lost. */
export function toDbText(text: string): string {
  if (isAscii(text)) return text;
  try {
    return utf8.decode(Buffer.from(text, 'latin1'));
  } catch {
    return text;
  }
}

/** From the library. */
export function fromDbText(text: string): string {
  return isAscii(text) ? text : Buffer.from(text, 'utf8').toString('latin1');
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 127) return false;
  return true;
}
