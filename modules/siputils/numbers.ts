/** Telephone numbers and plain strings. */

import { type PvAccessor, parseUri, type Run, URI_SCHEME, valueToString } from 'strowger';

/** E.164: `+` and 2 to `max` digits. */
export function isE164Number(text: string, max: number): boolean {
  return text.length <= max + 1 && /^\+\d{2,}$/.test(text);
}

export function isE164(run: Run, pv: PvAccessor, max: number): number {
  return isE164Number(valueToString(pv.get(run)), max) ? 1 : -1;
}

/** is_uri_user_e164: of sip and sips URIs only. */
export function isUriUserE164(run: Run, pv: PvAccessor, max: number): number {
  const uri = parseUri(valueToString(pv.get(run)));
  if (uri === null || (uri.scheme !== URI_SCHEME.SIP && uri.scheme !== URI_SCHEME.SIPS)) return -1;
  return isE164Number(uri.user, max) ? 1 : -1;
}

export const isUri = (text: string): number => {
  const uri = parseUri(text);
  return uri !== null && uri.scheme !== URI_SCHEME.OTHER ? 1 : -1;
};
export const isTelNumber = (text: string): number => (/^\+?\d+$/.test(text) ? 1 : -2);
export const isNumeric = (text: string): number => (/^\d+$/.test(text) ? 1 : -2);
export const isAlphanum = (text: string): number => (text === '' ? -2 : /^[A-Za-z0-9]+$/.test(text) ? 1 : -3);

/** is_alphanumex: the chars of `extra` are allowed too. */
export function isAlphanumex(text: string, extra: string): number {
  if (text === '') return -2;
  for (const char of text) if (!/[A-Za-z0-9]/.test(char) && !extra.includes(char)) return -3;
  return 1;
}
