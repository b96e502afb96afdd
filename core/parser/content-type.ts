import { findParam, isLws } from './params.ts';
import { trimLws, unquote } from './quoted.ts';

/** A media type with its parameters (RFC 3261 §20.15): Content-Type, a value of Accept. */
export interface ContentType {
  /** In lower case. */
  readonly type: string;
  readonly subtype: string;
  /** `type/subtype`, in lower case. */
  readonly mime: string;
  /** From the first `;` on, '' where there are none. */
  readonly params: string;
}

/** Null when the text does not begin with `type/subtype`. White space around the slash is allowed. */
export function parseContentType(text: string): ContentType | null {
  const semi = text.indexOf(';');
  const media = semi < 0 ? text : text.slice(0, semi);
  const slash = media.indexOf('/');
  if (slash < 1) return null;
  const type = trimLws(media.slice(0, slash)).toLowerCase();
  const subtype = trimLws(media.slice(slash + 1)).toLowerCase();
  if (type === '' || subtype === '' || hasLws(type) || hasLws(subtype)) return null;
  return { type, subtype, mime: `${type}/${subtype}`, params: semi < 0 ? '' : text.slice(semi) };
}

function hasLws(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (isLws(text.charCodeAt(i))) return true;
  return false;
}

/** A parameter's value, quotes off; null when absent. */
export function contentTypeParam(contentType: ContentType, lower: string): string | null {
  const value = findParam(contentType.params, 0, contentType.params.length, lower);
  return value === null ? null : unquote(value);
}
