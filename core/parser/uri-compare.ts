/** Comparison of URIs (RFC 3261 §19.1.4, RFC 3966 §4). */

import { unescapePercent } from './quoted.ts';
import { type SipUri, URI_SCHEME } from './uri.ts';

/** Parameters that make two URIs differ when only one has them. */
const SIGNIFICANT = ['user', 'ttl', 'method', 'maddr', 'transport'] as const;
/** More parameters than this and the URIs count as different: comparing stays bounded. */
const MAX_PARAMS = 128;

/** True when both name the same resource by the rules of RFC 3261 §19.1.4. */
export function urisEqual(a: SipUri, b: SipUri): boolean {
  if (a.scheme !== b.scheme) return false;
  if (a.scheme === URI_SCHEME.SIP || a.scheme === URI_SCHEME.SIPS) {
    return addressesEqual(a, b) && a.port === b.port && sipParamsEqual(a, b) && headersEqual(a.headers, b.headers);
  }
  if (a.scheme === URI_SCHEME.TEL || a.scheme === URI_SCHEME.TELS) {
    return telNumber(a.user) === telNumber(b.user) && allParamsEqual(a.params, b.params);
  }
  return a.text.toLowerCase() === b.text.toLowerCase();
}

/** User with case, password with case, host without; escapes undone. */
function addressesEqual(a: SipUri, b: SipUri): boolean {
  return (
    a.hasUser === b.hasUser &&
    unescapePercent(a.user) === unescapePercent(b.user) &&
    unescapePercent(a.password) === unescapePercent(b.password) &&
    a.host.toLowerCase() === b.host.toLowerCase()
  );
}

/** True when both mean the same address of record: user and host, whatever port and parameters (Kamailio: cmp_aor). */
export function aorsEqual(a: SipUri, b: SipUri): boolean {
  return unescapePercent(a.user) === unescapePercent(b.user) && a.host.toLowerCase() === b.host.toLowerCase();
}

/** Name in lower case to value, escapes undone; null when there are too many. */
function paramMap(params: string): Map<string, string> | null {
  const map = new Map<string, string>();
  if (params === '') return map;
  const parts = params.split(';', MAX_PARAMS + 1);
  if (parts.length > MAX_PARAMS) return null;
  for (const part of parts) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    const name = unescapePercent(equals < 0 ? part : part.slice(0, equals)).toLowerCase();
    if (!map.has(name)) map.set(name, equals < 0 ? '' : unescapePercent(part.slice(equals + 1)).toLowerCase());
  }
  return map;
}

function sipParamsEqual(a: SipUri, b: SipUri): boolean {
  if (a.params === b.params) return true;
  const left = paramMap(a.params);
  const right = paramMap(b.params);
  if (left === null || right === null) return false;
  for (const name of SIGNIFICANT) if (left.get(name) !== right.get(name)) return false;
  for (const [name, value] of left) {
    const other = right.get(name);
    if (other !== undefined && other !== value) return false;
  }
  return true;
}

function allParamsEqual(a: string, b: string): boolean {
  const left = paramMap(a);
  const right = paramMap(b);
  if (left === null || right === null || left.size !== right.size) return false;
  for (const [name, value] of left) if (right.get(name) !== value) return false;
  return true;
}

/** Headers are never ignored: both have the same ones with the same values, in any order. */
function headersEqual(a: string, b: string): boolean {
  if (a === b) return true;
  const left = headerKeys(a);
  const right = headerKeys(b);
  return left.length === right.length && left.every((key, i) => key === right[i]);
}

function headerKeys(headers: string): string[] {
  if (headers === '') return [];
  const keys = headers.split('&', MAX_PARAMS).map((part) => {
    const equals = part.indexOf('=');
    return equals < 0
      ? unescapePercent(part).toLowerCase()
      : `${unescapePercent(part.slice(0, equals)).toLowerCase()}=${unescapePercent(part.slice(equals + 1))}`;
  });
  return keys.sort();
}

/** A telephone number without its visual separators, in lower case. */
function telNumber(user: string): string {
  return unescapePercent(user)
    .replace(/[-.()]/g, '')
    .toLowerCase();
}
