/** URI parameters, comparisons of URIs, tel2sip, set_uri_user, set_uri_host. */

import {
  aorsEqual,
  HDR,
  headerKindOf,
  type PvAccessor,
  parseUri,
  type Run,
  type SipUri,
  URI_SCHEME,
  urisEqual,
  valueToString,
  writeUri,
} from 'strowger';

type Target = PvAccessor & Required<Pick<PvAccessor, 'set'>>;

/** uri_param: without value, or with this one. */
export function uriParam(run: Run, name: string, value: string | undefined): number {
  const found = run.msg.ruri?.param(name.toLowerCase()) ?? null;
  return found !== null && found === (value ?? '') ? 1 : -1;
}

export function uriParamAny(run: Run, name: string): number {
  return (run.msg.ruri?.param(name.toLowerCase()) ?? null) === null ? -1 : 1;
}

/** add_uri_param: behind the parameters, in front of headers. */
export function addUriParam(run: Run, param: string): number {
  const uri = run.msg.ruri;
  if (uri === null) return -1;
  if (param !== '') run.msg.newUri = writeUri(uri, { params: uri.params === '' ? param : `${uri.params};${param}` });
  return 1;
}

export function getUriParam(run: Run, name: string, target: Target): number {
  const value = run.msg.ruri?.param(name.toLowerCase()) ?? null;
  return value !== null && target.set(run, value) !== false ? 1 : -1;
}

/** A parameter list without the parameters of this name. */
export function withoutParam(params: string, name: string): string {
  const lower = name.toLowerCase();
  return params
    .split(';')
    .filter((param) => (param.split('=', 1)[0] ?? '').trim().toLowerCase() !== lower)
    .join(';');
}

/** uri_param_rm: 1 also when there was none. */
export function uriParamRm(run: Run, name: string): number {
  const uri = run.msg.ruri;
  if (uri === null) return -1;
  const params = withoutParam(uri.params, name);
  if (params !== uri.params) run.msg.newUri = writeUri(uri, { params });
  return 1;
}

/** tel2sip (RFC 3261 §19.1.6): 1 converted, 2 it was no tel URI, -1 it can not be assigned. */
export function tel2sip(run: Run, text: string, host: string, target: Target): number {
  const uri = parseUri(text);
  if (uri === null || (uri.scheme !== URI_SCHEME.TEL && uri.scheme !== URI_SCHEME.TELS)) return 2;
  const number = uri.user.replace(/[-.()]/g, '');
  const params = uri.params === '' ? '' : `;${uri.params.toLowerCase()}`;
  const scheme = uri.scheme === URI_SCHEME.TELS ? 'sips' : 'sip';
  return target.set(run, `${scheme}:${number}${params}@${host};user=phone`) === false ? -1 : 1;
}

/** cmp_uri (RFC 3261 §19.1.4): -2 when one of them is no URI. */
export function cmpUri(a: string, b: string): number {
  const left = parseUri(a);
  const right = parseUri(b);
  if (left === null || right === null) return -2;
  return urisEqual(left, right) ? 1 : -1;
}

const DEFAULT_PORT = 5060;

/** cmp_aor: user, host and port; no port is 5060. -2 when one of them is no URI. */
export function cmpAor(a: string, b: string): number {
  const left = parseUri(a);
  const right = parseUri(b);
  if (left === null || right === null) return -2;
  return aorsEqual(left, right) && (left.port || DEFAULT_PORT) === (right.port || DEFAULT_PORT) ? 1 : -1;
}

/** cmp_hdr_name: long and compact forms are one name. -2 when names that the server does not know differ. */
export function cmpHdrName(a: string, b: string): number {
  const left = headerKindOf(a.trim());
  const right = headerKindOf(b.trim());
  if (left !== HDR.OTHER || right !== HDR.OTHER) return left === right ? 1 : -1;
  if (a.trim().length !== b.trim().length) return -1;
  return a.trim().toLowerCase() === b.trim().toLowerCase() ? 1 : -2;
}

/** is_gruu: 1 public (`gr=…`), 2 temporary (`gr`). */
export function isGruu(run: Run, text: string | undefined): number {
  const uri = text === undefined ? run.msg.ruri : parseUri(text);
  const gr = uri?.param('gr') ?? null;
  if (gr === null) return -1;
  return gr === '' ? 2 : 1;
}

export function isSip(uri: SipUri | null): uri is SipUri {
  return uri !== null && (uri.scheme === URI_SCHEME.SIP || uri.scheme === URI_SCHEME.SIPS);
}

/** set_uri_user: an empty user is taken out. The password goes with the old user. */
export function setUriUser(run: Run, target: Target, user: string): number {
  const uri = parseUri(valueToString(target.get(run)));
  if (!isSip(uri)) return -1;
  return target.set(run, writeUri(uri, { user, password: '' })) === false ? -1 : 1;
}

export function setUriHost(run: Run, target: Target, host: string): number {
  const uri = parseUri(valueToString(target.get(run)));
  if (!isSip(uri) || host === '') return -1;
  return target.set(run, writeUri(uri, { host })) === false ? -1 : 1;
}
