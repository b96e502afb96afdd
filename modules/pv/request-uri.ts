import {
  type PvDef,
  type PvValue,
  parseUri,
  type Run,
  readOnly,
  readWrite,
  rewriteUri,
  rewriteUriParts,
  type SipUri,
  URI_SCHEME,
} from 'strowger';
import type { PvState } from './state.ts';
import { attributeOf, URI_ATTRIBUTES, type UriAttribute } from './uri-attributes.ts';

/** $ru, $rU …: the Request-URI as it is now; $ou, $oU …: as it was received. Null on replies. */
export const REQUEST_URI_PVS: Readonly<Record<string, PvDef<PvState>>> = {
  ru: readWrite('Request-URI.', requestUri, setRequestUri),
  ruri: readWrite('Request-URI.', requestUri, setRequestUri),
  rU: readWrite('User of the Request-URI.', ofRequestUri(URI_ATTRIBUTES.user), setUser),
  'ruri.user': readWrite('User of the Request-URI.', ofRequestUri(URI_ATTRIBUTES.user), setUser),
  rul: readOnly('Length of the Request-URI.', (run) => (run.msg.isRequest ? run.msg.uri.length : null)),
  rUl: readOnly('Length of the user of the Request-URI.', ofRequestUri(URI_ATTRIBUTES.userLength)),
  rd: readWrite('Host of the Request-URI.', ofRequestUri(URI_ATTRIBUTES.host), setHost),
  'ruri.domain': readWrite('Host of the Request-URI.', ofRequestUri(URI_ATTRIBUTES.host), setHost),
  rp: readWrite('Port of the Request-URI.', ofRequestUri(URI_ATTRIBUTES.port), setPort),
  rP: readOnly('Transport of the Request-URI.', ofRequestUri(URI_ATTRIBUTES.transport)),
  rz: readOnly('Scheme of the Request-URI: sip, sips, tel, tels, urn or none.', requestUriScheme),
  ou: readOnly('Request-URI as received.', originalUri),
  ouri: readOnly('Request-URI as received.', originalUri),
  oU: readOnly('User of the received Request-URI.', ofOriginalUri(URI_ATTRIBUTES.user)),
  oUl: readOnly('Length of the user of the received Request-URI.', ofOriginalUri(URI_ATTRIBUTES.userLength)),
  od: readOnly('Host of the received Request-URI.', ofOriginalUri(URI_ATTRIBUTES.host)),
  op: readOnly('Port of the received Request-URI.', ofOriginalUri(URI_ATTRIBUTES.port)),
  oP: readOnly('Transport of the received Request-URI.', ofOriginalUri(URI_ATTRIBUTES.transport)),
};

/** Null while it is no valid URI, as in Kamailio. */
function requestUri(run: Run): PvValue {
  const msg = run.msg;
  return msg.isRequest && msg.ruri !== null ? msg.uri : null;
}

function ofRequestUri(attribute: UriAttribute): (run: Run) => PvValue {
  return (run) => {
    const uri = run.msg.isRequest ? run.msg.ruri : null;
    return uri === null ? null : attribute(uri);
  };
}

function originalUri(run: Run): PvValue {
  const msg = run.msg;
  return msg.isRequest && parseUri(msg.originalUri) !== null ? msg.originalUri : null;
}

function ofOriginalUri(attribute: UriAttribute): (run: Run) => PvValue {
  return (run) => {
    const msg = run.msg;
    if (!msg.isRequest) return null;
    if (msg.newUri !== null) return attributeOf(msg.originalUri, attribute);
    return msg.ruri === null ? null : attribute(msg.ruri);
  };
}

function setRequestUri(run: Run, value: PvValue): boolean {
  if (typeof value !== 'string' || value === '' || !run.msg.isRequest) return false;
  rewriteUri(run.msg, value);
  return true;
}

/** Null or '' takes the user (and its password) away. */
function setUser(run: Run, value: PvValue): boolean {
  return typeof value !== 'number' && run.msg.isRequest && rewriteUriParts(run.msg, { user: value ?? '' });
}

function setHost(run: Run, value: PvValue): boolean {
  return typeof value === 'string' && value !== '' && run.msg.isRequest && rewriteUriParts(run.msg, { host: value });
}

/** Null or '' takes the port away; a number or text of digits sets it. */
function setPort(run: Run, value: PvValue): boolean {
  const port = value === null ? '' : String(value);
  return /^\d{0,5}$/.test(port) && Number(port) < 65536 && run.msg.isRequest && rewriteUriParts(run.msg, { port });
}

function requestUriScheme(run: Run): PvValue {
  if (!run.msg.isRequest) return null;
  const uri = run.msg.ruri;
  if (uri === null || uri.scheme === URI_SCHEME.OTHER) return 'none';
  return isPhoneUri(uri, run) ? `tel${uri.scheme === URI_SCHEME.SIPS ? 's' : ''}` : uri.schemeText.toLowerCase();
}

/** A SIP URI with user=phone counts as a tel URI while the core parameter phone2tel is on, as it is by default. */
function isPhoneUri(uri: SipUri, run: Run): boolean {
  if (uri.scheme !== URI_SCHEME.SIP && uri.scheme !== URI_SCHEME.SIPS) return false;
  if (uri.param('user') !== 'phone') return false;
  const settings = run.server.settings;
  return !settings.has('phone2tel') || settings.bool('phone2tel');
}
