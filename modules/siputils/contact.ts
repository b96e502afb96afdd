/** Contacts hidden in a user part or in a URI parameter, and brought back. */

import {
  type NameAddr,
  PROTO_NAMES,
  parseContacts,
  parseUri,
  type Run,
  replaceSpan,
  type SipUri,
  writeUri,
} from 'strowger';
import { isSip, withoutParam } from './uri-params.ts';

/** Fields of an encoded contact that make up a user part: `prefix*user*password*host*port*protocol`. */
const FIELDS = 6;
const BAD_ENCODING = -26;

/** Rewrites the URI of each contact: 1 done, -1 no contact or one that can not be read, else what `rewrite` returned. */
function eachContact(run: Run, rewrite: (uri: SipUri, contact: NameAddr) => string | number): number {
  const contacts = parseContacts(run.msg);
  if (contacts.errorAt >= 0 || contacts.values.length === 0) return -1;
  const edits: [NameAddr, string][] = [];
  for (const contact of contacts.values) {
    const { uri } = contact;
    if (!isSip(uri)) return -1;
    const text = rewrite(uri, contact);
    if (typeof text === 'number') return text;
    edits.push([contact, text]);
  }
  for (const [contact, text] of edits) {
    if (text !== contact.uriText) replaceSpan(run.msg, contact.uriStart, contact.uriEnd, text);
  }
  return 1;
}

/** encode_contact: every parameter but transport is lost. */
export function encodeContact(run: Run, prefix: string, host: string, separator: string): number {
  return eachContact(run, (uri) => {
    const proto = uri.transport === 0 ? '' : PROTO_NAMES[uri.transport];
    const port = uri.port === 0 ? '' : String(uri.port);
    const user = [prefix, uri.user, uri.password, uri.host, port, proto].join(separator);
    return `${uri.schemeText}:${user}@${host}`;
  });
}

/** The URI that an encoded one hides; null when it is none. */
function decoded(uri: SipUri, separator: string): string | null {
  const fields = uri.user.split(separator, FIELDS + 1);
  if (fields.length !== FIELDS) return null;
  const [, user = '', password = '', host = '', port = '', proto = ''] = fields;
  const userInfo = user === '' ? '' : password === '' ? `${user}@` : `${user}:${password}@`;
  const text = `${uri.schemeText}:${userInfo}${host}${port === '' ? '' : `:${port}`}${proto === '' ? '' : `;transport=${proto}`}`;
  return parseUri(text) === null ? null : text;
}

/** decode_contact: the Request-URI. -26 when it is no encoded one. */
export function decodeContact(run: Run, separator: string): number {
  const uri = run.msg.ruri;
  if (!isSip(uri)) return -1;
  const text = decoded(uri, separator);
  if (text === null) return BAD_ENCODING;
  run.msg.newUri = text;
  return 1;
}

export function decodeContactHeader(run: Run, separator: string): number {
  return eachContact(run, (uri) => decoded(uri, separator) ?? BAD_ENCODING);
}

/** contact_param_encode: the contact's URI as a parameter of ours, in base64url. */
export function contactParamEncode(run: Run, name: string, address: string): number {
  return eachContact(run, (_uri, contact) => {
    const hidden = Buffer.from(contact.uriText, 'latin1').toString('base64url');
    return `${address};${name}=${hidden}`;
  });
}

/** What the parameter hides; null when it is absent or hides no URI. */
function revealed(uri: SipUri, name: string): string | null {
  const hidden = uri.param(name.toLowerCase());
  if (hidden === null || hidden === '') return null;
  const text = Buffer.from(hidden, 'base64url').toString('latin1');
  return parseUri(text) === null ? null : text;
}

/** contact_param_decode: contacts without the parameter stay as they are. */
export function contactParamDecode(run: Run, name: string): number {
  return eachContact(run, (uri, contact) => revealed(uri, name) ?? contact.uriText);
}

/** contact_param_decode_ruri: 1 also when the parameter is absent. */
export function contactParamDecodeRuri(run: Run, name: string): number {
  const uri = run.msg.ruri;
  if (!isSip(uri)) return -1;
  const text = revealed(uri, name);
  if (text !== null) run.msg.newUri = text;
  return 1;
}

export function contactParamRm(run: Run, name: string): number {
  return eachContact(run, (uri, contact) => {
    const params = withoutParam(uri.params, name);
    return params === uri.params ? contact.uriText : writeUri(uri, { params });
  });
}

/** contact_param_check: 1 when one of the contacts has the parameter, with a value or without. */
export function contactParamCheck(run: Run, name: string): number {
  const contacts = parseContacts(run.msg);
  const wanted = name.toLowerCase();
  return contacts.values.some(({ uri }) => (uri?.param(wanted) ?? null) !== null) ? 1 : -1;
}
