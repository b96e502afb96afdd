/**
 * How a Record-Route parameter tells an original URI to whom knows the one it was replaced by: both XORed, the longer
 * one's end as it is; XORed again with a repeated password, where there is one; in Base64 with `-` for `=` (Kamailio: uac,
 * rr_from_store_param). Neither hides anything from somebody who sees both sides.
 */

/** The value for a parameter, from the original URI and the one in its place. */
export function encodeUri(original: string, replacement: string, password: string): string {
  return Buffer.from(xorCycle(xorLonger(original, replacement), password), 'latin1')
    .toString('base64')
    .replaceAll('=', '-');
}

/**
 * The other URI of the pair, from a parameter's value and one of the two. Null where the value is none, or gives what can
 * not stand in a URI: an end point may have changed its URI, or the parameter.
 */
export function decodeUri(value: string, known: string, password: string): string | null {
  if (!/^[A-Za-z0-9+/]+-{0,2}$/.test(value) || value.length % 4 !== 0) return null;
  const secret = Buffer.from(value.replaceAll('-', '='), 'base64').toString('latin1');
  if (secret.length < known.length) return null;
  const uri = xorLonger(xorCycle(secret, password), known).replace(/\0+$/, '');
  return uri === '' || BAD_CHARACTER.test(uri) ? null : uri;
}

/** White space, control characters and what ends a URI in a header. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const BAD_CHARACTER = /[\x00-\x20"<>\x7f]/;

function xorLonger(a: string, b: string): string {
  const common = Math.min(a.length, b.length);
  let out = '';
  for (let i = 0; i < common; i++) out += String.fromCharCode(a.charCodeAt(i) ^ b.charCodeAt(i));
  return out + a.slice(common) + b.slice(common);
}

function xorCycle(text: string, password: string): string {
  if (password === '') return text;
  let out = '';
  for (let i = 0; i < text.length; i++)
    out += String.fromCharCode(text.charCodeAt(i) ^ password.charCodeAt(i % password.length));
  return out;
}
