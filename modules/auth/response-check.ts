import {
  type DigestAlgorithm,
  type DigestInput,
  digestResponse,
  flatCopy,
  ha1Of,
  ha2Of,
  MD5,
  Md5,
  type SipMsg,
} from 'strowger';
import type { FoundCredentials, UserSecret } from './api.ts';
import type { SafeEqual } from './safe-equal.ts';

/** Checks the responses of credentials (RFC 7616 §3.4.1). */
export class ResponseCheck {
  readonly #safe: SafeEqual;
  readonly #md5 = new Md5();
  /** The last H(A2) and what it is of: registrations have the same one. */
  #ha2 = '';
  #ha2Algorithm: DigestAlgorithm = MD5;
  #ha2Method = '';
  #ha2Uri = '';

  constructor(safe: SafeEqual) {
    this.#safe = safe;
  }

  /** False for a wrong response, and for a secret that is no H(A1) though it should be. `method` is the request's. */
  isRight(msg: SipMsg, found: FoundCredentials, secret: UserSecret, method: string): boolean {
    const { algorithm, isSession, credentials, realm } = found;
    if (secret.isHa1 && secret.text.length !== algorithm.hexLength) return false;
    if (algorithm !== MD5 || isSession) {
      const input = inputOf(msg, found, method);
      const response = digestResponse(algorithm, ha1For(found, secret), input, this.#ha2For(msg, found, method));
      return this.#safe.equals(response, credentials.response);
    }
    // The usual one, which is not put together as a text first.
    const { username, nonce, qop, nc, cnonce, response } = credentials;
    const ha2 = this.#ha2For(msg, found, method);
    const md5 = this.#md5.begin();
    if (secret.isHa1) md5.add(secret.text);
    else md5.add(username).part(realm).part(secret.text).finish().beginWithHex();
    md5.part(nonce);
    if (qop !== '') md5.part(nc).part(cnonce).part(qop);
    return md5.part(ha2).finish().isHex(response);
  }

  #ha2For(msg: SipMsg, found: FoundCredentials, method: string): string {
    const { algorithm, credentials } = found;
    const { qop, uri } = credentials;
    if (qop !== '' && qop !== 'auth') return ha2Of(algorithm, inputOf(msg, found, method));
    if (algorithm !== this.#ha2Algorithm || method !== this.#ha2Method || uri !== this.#ha2Uri) {
      this.#ha2 = ha2Of(algorithm, inputOf(msg, found, method));
      this.#ha2Algorithm = algorithm;
      this.#ha2Method = method;
      this.#ha2Uri = flatCopy(uri);
    }
    return this.#ha2;
  }
}

/** What a response to these credentials' nonce is computed from. */
export function inputOf(msg: SipMsg, { credentials, isSession }: FoundCredentials, method: string): DigestInput {
  const { uri, nonce, qop, nc, cnonce } = credentials;
  return { method, uri, nonce, qop, nc, cnonce, body: msg.body, isSession };
}

/** H(A1) of the user whose credentials these are. */
export function ha1For({ algorithm, credentials, realm }: FoundCredentials, { text, isHa1 }: UserSecret): string {
  return isHa1 ? text : ha1Of(algorithm, credentials.username, realm, text);
}
