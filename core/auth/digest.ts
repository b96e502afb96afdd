import { hash } from 'node:crypto';

/** A hash of RFC 7616 §3.2 and RFC 8760 §2.1. */
export interface DigestAlgorithm {
  /** As `algorithm=` writes it. */
  readonly name: 'MD5' | 'SHA-256' | 'SHA-512-256';
  /** What node:crypto calls it. */
  readonly hash: string;
  /** Digits of what it makes. */
  readonly hexLength: number;
}

export const MD5: DigestAlgorithm = { name: 'MD5', hash: 'md5', hexLength: 32 };
const ALGORITHMS: readonly DigestAlgorithm[] = [
  MD5,
  { name: 'SHA-256', hash: 'sha256', hexLength: 64 },
  { name: 'SHA-512-256', hash: 'sha512-256', hexLength: 64 },
];

/** By its name in any case; '' is MD5. Null for one that is not known, the `-sess` forms among them. */
export function digestAlgorithm(name: string): DigestAlgorithm | null {
  if (name === '' || name === 'MD5') return MD5;
  const upper = name.toUpperCase();
  return ALGORITHMS.find((algorithm) => algorithm.name === upper) ?? null;
}

/** Hash of a latin1 text, in lower-case hex digits. */
export function digest(algorithm: DigestAlgorithm, text: string): string {
  return hash(algorithm.hash, Buffer.byteLength(text) === text.length ? text : Buffer.from(text, 'latin1'), 'hex');
}

/** H(A1) from a password (RFC 7616 §3.4.2). */
export function ha1Of(algorithm: DigestAlgorithm, username: string, realm: string, password: string): string {
  return digest(algorithm, `${username}:${realm}:${password}`);
}

/** What a response is computed from, beside H(A1). Texts are unquoted. */
export interface DigestInput {
  readonly method: string;
  readonly uri: string;
  readonly nonce: string;
  /** '' for none: then neither `nc` nor `cnonce` counts (RFC 7616 §3.4.1). */
  readonly qop: string;
  readonly nc: string;
  readonly cnonce: string;
  /** Hashed with qop=auth-int. */
  readonly body: string;
  /** True for the `-sess` forms (RFC 7616 §3.4.2). */
  readonly isSession: boolean;
}

/** H(A2): of the method and URI, and with auth-int the body. */
export function ha2Of(algorithm: DigestAlgorithm, { method, uri, qop, body }: DigestInput): string {
  const entity = qop.toLowerCase() === 'auth-int' ? `:${digest(algorithm, body)}` : '';
  return digest(algorithm, `${method}:${uri}${entity}`);
}

/** The response, in lower-case hex digits. `method` is '' in the one of Authentication-Info (RFC 7615 §3). */
export function digestResponse(
  algorithm: DigestAlgorithm,
  ha1: string,
  input: DigestInput,
  ha2: string = ha2Of(algorithm, input),
): string {
  const { nonce, qop, nc, cnonce } = input;
  const key = input.isSession ? digest(algorithm, `${ha1}:${nonce}:${cnonce}`) : ha1;
  return digest(algorithm, qop === '' ? `${key}:${nonce}:${ha2}` : `${key}:${nonce}:${nc}:${cnonce}:${qop}:${ha2}`);
}
