import { createHash } from 'node:crypto';
import { type RequestOptions, request, type TestMsg } from './msg.ts';

/** How a client answers a challenge; what is not given is taken from the challenge. */
export interface DigestAnswer {
  readonly user: string;
  readonly password?: string;
  readonly ha1?: string;
  readonly method: string;
  readonly uri: string;
  readonly realm?: string;
  readonly nonce?: string;
  /** '' for none. */
  readonly qop?: string;
  readonly nc?: string;
  readonly cnonce?: string;
  readonly body?: string;
  /** As written into the header; the hash follows from it. */
  readonly algorithm?: string;
  readonly response?: string;
}

const HASHES: Readonly<Record<string, string>> = { md5: 'md5', 'sha-256': 'sha256', 'sha-512-256': 'sha512-256' };

/** A parameter of a challenge, without quotes; '' where absent. */
export function authParam(header: string, name: string): string {
  const match = new RegExp(`[ ,]${name}=(?:"((?:[^"\\\\]|\\\\.)*)"|([^",\\s]*))`, 'i').exec(header);
  return (match?.[1] ?? match?.[2] ?? '').replace(/\\(.)/g, '$1');
}

/** The value of Authorization or Proxy-Authorization, computed apart from the server's own code. */
export function digestAnswer(challenge: string, answer: DigestAnswer): string {
  const algorithm = answer.algorithm ?? authParam(challenge, 'algorithm');
  const name = HASHES[algorithm.toLowerCase().replace(/-sess$/, '')] ?? 'md5';
  const hash = (...parts: string[]): string => createHash(name).update(parts.join(':'), 'latin1').digest('hex');
  const realm = answer.realm ?? authParam(challenge, 'realm');
  const nonce = answer.nonce ?? authParam(challenge, 'nonce');
  const qop = answer.qop ?? authParam(challenge, 'qop');
  const nc = answer.nc ?? '00000001';
  const cnonce = answer.cnonce ?? 'c0ffee';
  const plain = answer.ha1 ?? hash(answer.user, realm, answer.password ?? '');
  const ha1 = algorithm.toLowerCase().endsWith('-sess') ? hash(plain, nonce, cnonce) : plain;
  const ha2 =
    qop === 'auth-int' ? hash(answer.method, answer.uri, hash(answer.body ?? '')) : hash(answer.method, answer.uri);
  const response = answer.response ?? (qop === '' ? hash(ha1, nonce, ha2) : hash(ha1, nonce, nc, cnonce, qop, ha2));
  const quote = (text: string): string => `"${text.replace(/(["\\])/g, '\\$1')}"`;
  const parts = [
    `username=${quote(answer.user)}`,
    `realm=${quote(realm)}`,
    `nonce=${quote(nonce)}`,
    `uri=${quote(answer.uri)}`,
    `response=${quote(response)}`,
  ];
  if (algorithm !== '') parts.push(`algorithm=${algorithm}`);
  if (qop !== '') parts.push(`qop=${qop}`, `nc=${nc}`, `cnonce=${quote(cnonce)}`);
  return `Digest ${parts.join(', ')}`;
}

/** The challenge in a reply, '' where there is none. */
export function challengeOf(reply: TestMsg): string {
  return reply.get('WWW-Authenticate') || reply.get('Proxy-Authenticate');
}

let lastId = 0;

/** A request of its own transaction and call, from `user` to itself unless told otherwise. */
export function ownRequest(method: string, uri: string, user: string, options: RequestOptions = {}): string {
  const id = ++lastId;
  return request(method, uri, {
    from: `<sip:${user}>`,
    to: `<sip:${user}>`,
    branch: `z9hG4bK-own-${id}`,
    callId: `own-${id}@test`,
    fromTag: `tag-${id}`,
    cseq: id,
    ...options,
  });
}
