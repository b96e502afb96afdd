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

/** `YYYY-MM-DD hh:mm:ss`, local time; milliseconds where there are some. */
export function localTimeText(date: Date): string {
  const two = (number: number): string => String(number).padStart(2, '0');
  const day = `${String(date.getFullYear()).padStart(4, '0')}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  const ms = date.getMilliseconds();
  return `${day} ${time}${ms === 0 ? '' : `.${String(ms).padStart(3, '0')}`}`;
}

/** What a database library says went wrong; `code` where it has no words for it. */
export function dbErrorText(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(dbErrorText).join('; ');
  const { message, code } = error as { readonly message?: string; readonly code?: string };
  return fromDbText(message || (code ?? 'unknown error'));
}
