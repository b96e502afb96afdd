import type { SipMsg } from '../parser/sip-msg.ts';
import { type SipUri, URI_SCHEME } from '../parser/uri.ts';

/** The parts of a URI that a script replaces; what is not given stays, '' removes it. */
export interface UriParts {
  readonly user?: string;
  readonly password?: string;
  readonly host?: string;
  /** Text after the colon. */
  readonly port?: string;
  /** Replaces all parameters, without the first `;`. */
  readonly params?: string;
}

/**
 * Writes a URI with some of its parts replaced. Removing the user removes the password with it (RFC 3261 §19.1.1: no
 * password without a user). A host makes a SIP URI of a tel URI (RFC 3261 §19.1.6); ports and passwords it has none.
 */
export function writeUri(uri: SipUri, parts: UriParts): string {
  const user = parts.user ?? uri.user;
  const params = parts.params ?? uri.params;
  if ((uri.scheme === URI_SCHEME.TEL || uri.scheme === URI_SCHEME.TELS) && parts.host !== undefined)
    return `sip:${user}${params === '' ? '' : `;${params}`}@${parts.host};user=phone`;
  if (uri.scheme !== URI_SCHEME.SIP && uri.scheme !== URI_SCHEME.SIPS)
    return `${uri.schemeText}:${user}${params === '' ? '' : `;${params}`}`;
  const password = parts.password ?? uri.password;
  const userInfo = user === '' ? '' : password === '' ? `${user}@` : `${user}:${password}@`;
  const port = parts.port ?? (uri.port === 0 ? '' : String(uri.port));
  return (
    `${uri.schemeText}:${userInfo}${parts.host ?? uri.host}` +
    `${port === '' ? '' : `:${port}`}${params === '' ? '' : `;${params}`}${uri.headers === '' ? '' : `?${uri.headers}`}`
  );
}

/** Replaces parts of the Request-URI. False, and nothing changed, when the present one can not be parsed. */
export function rewriteUriParts(msg: SipMsg, parts: UriParts): boolean {
  const uri = msg.ruri;
  if (uri === null) return false;
  msg.newUri = writeUri(uri, parts);
  return true;
}

/** Replaces the whole Request-URI, as `$ru = …` and `rewriteuri()` do: the text is taken as it is. */
export function rewriteUri(msg: SipMsg, text: string): void {
  msg.newUri = text;
}
