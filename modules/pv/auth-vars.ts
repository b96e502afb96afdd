import {
  type DigestCredentials,
  digestCredentials,
  HDR,
  type PvDef,
  type PvValue,
  parseAuth,
  type Run,
  readOnly,
  type SipMsg,
  VERIFIED_CREDENTIALS,
  type VerifiedCredentials,
} from 'strowger';
import type { PvState } from './state.ts';

/**
 * Digest credentials: those that were verified, else as the client sent them in Proxy-Authorization or else Authorization.
 * Only $Au and $AU are sure to be verified.
 */
export const AUTH_PVS: Readonly<Record<string, PvDef<PvState>>> = {
  au: credentialPv('User part of the username in the credentials.', (c) => c.user || c.username),
  ad: credentialPv('Domain part of the username in the credentials.', (c) => c.domain),
  aU: credentialPv('Whole username in the credentials.', (c) => c.username),
  ar: credentialPv('Realm of the credentials.', (c) => c.realm),
  adu: credentialPv('URI of the credentials.', (c) => c.uri || null),
  aa: credentialPv('Algorithm of the credentials.', (c) => c.algorithm),
  adn: credentialPv('Nonce of the credentials.', (c) => c.nonce),
  adc: credentialPv('Client nonce of the credentials.', (c) => c.cnonce),
  adr: credentialPv('Response of the credentials.', (c) => c.response),
  ado: credentialPv('Opaque value of the credentials.', (c) => c.opaque),
  Au: readOnly('Verified username with its realm, or user and host of the From URI.', (run) => {
    const verified = verifiedOf(run.msg);
    if (verified !== undefined) return `${verified.username}@${verified.realm}`;
    const uri = run.msg.from?.uri;
    return uri == null ? null : `${uri.user}@${uri.host}`;
  }),
  AU: readOnly('Verified username, or the user of the From URI.', (run) => {
    const verified = verifiedOf(run.msg);
    return verified === undefined ? (run.msg.from?.uri?.user ?? null) : verified.username;
  }),
};

function verifiedOf(msg: SipMsg): VerifiedCredentials | undefined {
  return msg.extension<VerifiedCredentials>(VERIFIED_CREDENTIALS);
}

function credentialPv(doc: string, get: (credentials: DigestCredentials) => string | null): PvDef<PvState> {
  return readOnly(doc, (run): PvValue => {
    const credentials = credentialsOf(run);
    return credentials === null ? null : get(credentials);
  });
}

const PARSED = {};

/** Parsed once for each message text. */
function credentialsOf(run: Run): DigestCredentials | null {
  const { msg } = run;
  // A request may carry others beside the verified ones: they must not speak for its user.
  const verified = verifiedOf(msg);
  if (verified?.credentials !== undefined && verified.buf === msg.buf) return verified.credentials;
  const known = msg.extension<{ readonly buf: string; readonly credentials: DigestCredentials | null }>(PARSED);
  if (known !== undefined && known.buf === msg.buf) return known.credentials;
  const text = msg.header(HDR.PROXYAUTH) ?? msg.header(HDR.AUTHORIZATION);
  const auth = text === null ? null : parseAuth(text);
  const credentials = auth === null ? null : digestCredentials(auth);
  msg.setExtension(PARSED, { buf: msg.buf, credentials });
  return credentials;
}
