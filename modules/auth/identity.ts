import { METHOD, type SipMsg, type SipUri } from 'strowger';
import { AUTH, type FoundCredentials } from './api.ts';

/**
 * Whether the user of the credentials is the one the request is about (Kamailio: auth_check, flag 1): From, for REGISTER and
 * PUBLISH From and To, for PUBLISH the Request-URI too. `usesDomain`: these must agree in their domains as well.
 */
export function checkIdentity(msg: SipMsg, { credentials }: FoundCredentials, usesDomain: boolean): number {
  const from = msg.from?.uri ?? null;
  if (from === null) return AUTH.ERROR;
  if (from.user !== credentials.user) return AUTH.USER_MISMATCH;
  if (msg.method !== METHOD.REGISTER && msg.method !== METHOD.PUBLISH) return AUTH.OK;
  const to = msg.to?.uri ?? null;
  if (to === null) return AUTH.ERROR;
  if (!isSameUser(from, to, usesDomain)) return AUTH.USER_MISMATCH;
  if (msg.method === METHOD.REGISTER) return AUTH.OK;
  const uri = msg.ruri;
  if (uri === null) return AUTH.ERROR;
  return isSameUser(from, uri, usesDomain) ? AUTH.OK : AUTH.USER_MISMATCH;
}

function isSameUser(a: SipUri, b: SipUri, usesDomain: boolean): boolean {
  return a.user === b.user && (!usesDomain || a.host.toLowerCase() === b.host.toLowerCase());
}
