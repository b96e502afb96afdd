import type { X509Certificate } from 'node:crypto';
import { constants, createHash } from 'node:crypto';
import type { SecureContextOptions, TLSSocket } from 'node:tls';
import { nodeTls } from './node-tls.ts';
import type { TlsProfile } from './tls-profiles.ts';

/** What is known of a TLS connection once its handshake is done. */
export interface TlsPeerFacts {
  /** `TLSv1.3`. */
  readonly version: string;
  /** Name of the cipher suite as OpenSSL has it. */
  readonly cipher: string;
  /** Name that the client asked for (SNI), empty where it asked for none. */
  readonly serverName: string;
  readonly peerCertificate: X509Certificate | null;
  readonly ownCertificate: X509Certificate | null;
  /** OpenSSL's name of what verification found (`CERT_HAS_EXPIRED` …), empty when the certificate is good or absent. */
  readonly verifyError: string;
}

/** The same with the profile it was made by: `StreamConnection.tls`. */
export interface TlsFacts extends TlsPeerFacts {
  readonly profile: TlsProfile;
}

/** What all profiles of a server share (Kamailio: `session_cache`, `session_id`, `renegotiation`, `ssl_max_send_fragment`). */
export interface TlsSessionOptions {
  /** Resume sessions of clients; the id tells ours from other servers'. Null: never. */
  readonly sessionId: string | null;
  readonly allowRenegotiation: boolean;
  /** Bytes of a TLS record, 512 … 16384; 0 leaves OpenSSL's. */
  readonly maxSendFragment: number;
}

export const DEFAULT_SESSION: TlsSessionOptions = { sessionId: null, allowRenegotiation: false, maxSendFragment: 0 };

/** Applies them to a connection whose handshake is done. */
export function applySession(socket: TLSSocket, session: TlsSessionOptions): void {
  if (!session.allowRenegotiation) socket.disableRenegotiation();
  if (session.maxSendFragment > 0) socket.setMaxSendFragment(session.maxSendFragment);
}

/** True for what `StreamConnection.tls` holds on a TLS connection. */
export function isTlsFacts(value: unknown): value is TlsPeerFacts {
  return typeof value === 'object' && value !== null && 'cipher' in value && 'verifyError' in value;
}

/** Options of a TLS context made from a profile. */
export function secureOptions(profile: TlsProfile, session: TlsSessionOptions): SecureContextOptions {
  const { certificate, privateKey, crl, cipherList, minVersion, maxVersion } = profile;
  const ciphers = cipherList === '' ? nodeTls().DEFAULT_CIPHERS : cipherList;
  const isOld = minVersion === 'TLSv1' || minVersion === 'TLSv1.1';
  return {
    minVersion,
    maxVersion,
    // OpenSSL 3 refuses TLS before 1.2 above this level, as asking for it would otherwise do nothing.
    ciphers: isOld && !ciphers.includes('@SECLEVEL') ? `${ciphers}:@SECLEVEL=0` : ciphers,
    // Without this an empty list would mean the authorities that come with Node.js.
    ca: [...profile.ca],
    ...(session.sessionId === null
      ? { secureOptions: constants.SSL_OP_NO_TICKET }
      : { sessionIdContext: createHash('sha256').update(session.sessionId).digest('hex').slice(0, 32) }),
    ...(certificate === null ? {} : { cert: certificate }),
    ...(privateKey === null ? {} : { key: privateKey }),
    ...(crl === null ? {} : { crl }),
  };
}

/** Reads what a finished handshake found. */
export function readFacts(socket: TLSSocket, profile: TlsProfile): TlsFacts {
  const peerCertificate = socket.getPeerX509Certificate() ?? null;
  const servername: unknown = socket.servername;
  let verifyError = '';
  if (peerCertificate !== null && !socket.authorized) {
    const error: unknown = socket.authorizationError;
    verifyError = error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? error.message) : String(error);
  } else if (chainLength(peerCertificate) > profile.verifyDepth) {
    verifyError = 'CERT_CHAIN_TOO_LONG';
  }
  return {
    profile,
    version: socket.getProtocol() ?? '',
    cipher: socket.getCipher().name,
    serverName: typeof servername === 'string' ? servername : '',
    peerCertificate,
    ownCertificate: socket.getX509Certificate() ?? null,
    verifyError,
  };
}

/** Certificates between the given one and the trusted one, which is not counted (OpenSSL's depth). */
function chainLength(certificate: X509Certificate | null): number {
  let length = 0;
  let at = certificate?.issuerCertificate;
  while (at !== undefined && length < 32) {
    length++;
    at = at.issuerCertificate;
  }
  return Math.max(0, length - 1);
}

/** Why the profile does not allow the connection, or null. */
export function judge(facts: TlsFacts): string | null {
  const { verify, role } = facts.profile;
  if (verify === 'off' || verify === 'optional_no_ca') return null;
  if (facts.verifyError !== '') return facts.verifyError;
  // A server always has a certificate; a client that gives none is refused where one is required.
  return verify === 'on' && role === 'server' && facts.peerCertificate === null
    ? 'no certificate from the client'
    : null;
}
