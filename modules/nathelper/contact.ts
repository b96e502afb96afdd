/** Contacts rewritten to where a message came from, or marked with it. */

import {
  bracketed,
  contactUri,
  eachParam,
  HDR,
  ipFamily,
  isContactRewritten,
  type Log,
  listValueEnd,
  type NameAddr,
  noteContactUri,
  PROTO,
  type PvAccessor,
  parseContacts,
  parseNameAddr,
  parseUri,
  protoByName,
  type Run,
  replaceSpan,
  type SipMsg,
  type SipUri,
  URI_SCHEME,
  unbracketed,
  writeUri,
} from 'strowger';
import { aliasOf, aliasUri, parseAlias, receivedUri } from './addresses.ts';

/** A contact that is a SIP URI, with that URI. */
interface SipContact {
  readonly contact: NameAddr;
  readonly uri: SipUri;
}

/**
 * The contact that these functions are about: the last value of the first Contact row (Kamailio's order). Null where there
 * is none, or it is `*`, can not be read, is no SIP URI or has been rewritten before.
 */
export function theContact(msg: SipMsg): SipContact | null {
  const row = msg.findHdr(HDR.CONTACT);
  if (row < 0) return null;
  const end = msg.hdrValueEnd(row);
  let start = msg.hdrValueStart(row);
  for (let stop = listValueEnd(msg.buf, start, end); stop < end; stop = listValueEnd(msg.buf, start, end))
    start = stop + 1;
  const contact = parseNameAddr(msg.buf, start, end);
  const uri = contact?.uri ?? null;
  if (contact === null || uri === null || isContactRewritten(msg, contact)) return null;
  return uri.scheme === URI_SCHEME.SIP || uri.scheme === URI_SCHEME.SIPS ? { contact, uri } : null;
}

/** True where the URI stands between `<` and `>`. */
function isBracketed({ buf, uriEnd }: NameAddr): boolean {
  return buf.charCodeAt(uriEnd) === 62;
}

/** fix_nated_contact: host and port become those the message came from; `maddr`, which would lead elsewhere, goes. */
export function fixNatedContact({ msg }: Run): number {
  const found = theContact(msg);
  if (found === null) return -1;
  const { contact, uri } = found;
  const { srcIp, srcPort } = msg.rcv;
  const text = writeUri(uri, {
    host: bracketed(srcIp),
    port: String(srcPort),
    params: withoutParams(uri.params, (name) => name === 'maddr'),
  });
  return rewrite(msg, contact, text, text);
}

/** add_contact_alias without arguments: 2 where the contact is where the message came from. */
export function addContactAlias({ msg }: Run, name: string): number {
  if (msg.findHdr(HDR.CONTACT) < 0) return 2;
  const found = theContact(msg);
  if (found === null) return -1;
  const { uri } = found;
  const { srcIp, srcPort, proto } = msg.rcv;
  const isSips = uri.scheme === URI_SCHEME.SIPS;
  const named = uri.transport === PROTO.NONE ? (isSips ? PROTO.TLS : PROTO.UDP) : uri.transport;
  const port = uri.port || (named === PROTO.TLS || named === PROTO.WSS ? 5061 : 5060);
  if (uri.bareHost === srcIp && port === srcPort && named === proto) return 2;
  return insertAlias(msg, found, `${name}=${aliasOf(srcIp, srcPort, proto)}`);
}

/** add_contact_alias with an address; -1 where it is none. */
export function addContactAliasOf(
  { msg }: Run,
  log: Log,
  name: string,
  ip: string,
  port: string,
  proto: string,
): number {
  if (msg.findHdr(HDR.CONTACT) < 0) return 2;
  const found = theContact(msg);
  if (found === null) return -1;
  const bare = unbracketed(ip);
  const protocol = protoByName(proto);
  const isPort = /^\d{1,5}$/.test(port) && Number(port) > 0 && Number(port) <= 65_535;
  if (ipFamily(bare) === 0 || !isPort || protocol === PROTO.NONE) {
    log.error(`add_contact_alias: "${ip}", "${port}", "${proto}" are not an IP address, a port and a protocol`);
    return -1;
  }
  return insertAlias(msg, found, `${name}=${aliasOf(bare, Number(port), protocol)}`);
}

/** Puts a parameter in front of the others; an address without brackets gets them. */
function insertAlias(msg: SipMsg, { contact, uri }: SipContact, param: string): number {
  const params = uri.params === '' ? param : `${param};${uri.params}`;
  const text = writeUri(uri, { params });
  return rewrite(msg, contact, text, isBracketed(contact) ? text : `<${text}>`, false);
}

/** set_contact_alias: 1, or -1 where there is no contact that could have one. */
export function setContactAlias({ msg }: Run, name: string, trims: boolean): number {
  const found = theContact(msg);
  if (found === null) return -1;
  const { contact, uri } = found;
  const { srcIp, srcPort, proto } = msg.rcv;
  const kept = trims ? withoutLast(uri.params, name) : uri.params;
  const param = `${name}=${aliasOf(srcIp, srcPort, proto)}`;
  const text = writeUri(uri, { params: kept === '' ? param : `${kept};${param}` });
  return rewrite(msg, contact, text, isBracketed(contact) ? text : `<${text}>`);
}

function rewrite(msg: SipMsg, contact: NameAddr, uri: string, text: string, isNoted = true): number {
  replaceSpan(msg, contact.uriStart, contact.uriEnd, text, HDR.CONTACT);
  if (isNoted) noteContactUri(msg, contact, uri);
  return 1;
}

/** add_rcv_param: to every contact; in the URI only for what came over UDP. */
export function addRcvParam({ msg }: Run, log: Log, isInUri: boolean): number {
  if (isInUri && msg.rcv.proto !== PROTO.UDP) {
    log.error('add_rcv_param: a parameter of the Contact URI works for UDP only');
    return -1;
  }
  const received = receivedUri(msg.rcv);
  for (const contact of parseContacts(msg).values) {
    if (!isInUri) replaceSpan(msg, contact.end, contact.end, `;received="${received}"`, HDR.CONTACT);
    else replaceSpan(msg, endOfParams(contact), endOfParams(contact), `;received=${received}`, HDR.CONTACT);
  }
  return 1;
}

/** Where a parameter is added to a contact's URI: behind the others, in front of headers. */
function endOfParams({ uriText, uriStart, uriEnd }: NameAddr): number {
  const question = uriText.indexOf('?');
  return question < 0 ? uriEnd : uriStart + question;
}

/** set_alias_to_pv: the first alias of the contact, as a URI. */
export function setAliasToPv(run: Run, log: Log, name: string, target: PvAccessor): number {
  const row = run.msg.findHdr(HDR.CONTACT);
  const first = row < 0 ? null : parseContacts(run.msg).values[0];
  const uri = first === undefined || first === null ? null : parseUri(contactUri(run.msg, first));
  const alias = parseAlias(uri?.param(name.toLowerCase()) ?? '');
  if (alias === null) {
    log.error(`set_alias_to_pv: the contact has no ${name} parameter`);
    return -1;
  }
  const text = alias.proto === PROTO.UDP ? `${aliasUri(alias)};transport=udp` : aliasUri(alias);
  return target.set?.(run, text) === false ? -1 : 1;
}

/** @nathelper.rewrite_contact[n]: the n-th contact with host and port of the source; '' where there is none. */
export function rewrittenContact(msg: SipMsg, n: number): string {
  const contact = parseContacts(msg).values[n - 1];
  const uri = contact?.uri ?? null;
  if (contact === undefined || uri === null) return '';
  const { srcIp, srcPort } = msg.rcv;
  const host = bracketed(srcIp);
  const text = writeUri(uri, { host, port: String(srcPort) });
  return msg.buf.slice(contact.start, contact.uriStart) + text + msg.buf.slice(contact.uriEnd, contact.end);
}

/** URI parameters without those whose name (in lower case) is taken out. */
export function withoutParams(params: string, isTaken: (lower: string, at: number) => boolean): string {
  const kept: string[] = [];
  const text = `;${params}`;
  eachParam(text, 0, text.length, (name, _value, start, end) => {
    if (!isTaken(name.toLowerCase(), start)) kept.push(text.slice(start, end));
  });
  return kept.join(';');
}

/** URI parameters without the last of this name. */
function withoutLast(params: string, name: string): string {
  const lower = name.toLowerCase();
  const text = `;${params}`;
  let last = -1;
  eachParam(text, 0, text.length, (found, _value, start) => {
    if (found.toLowerCase() === lower) last = start;
  });
  return last < 0 ? params : withoutParams(params, (_name, at) => at === last);
}
