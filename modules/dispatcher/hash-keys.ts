import { coreHash, digestCredentials, HDR, parseAuth, type Run, type SipMsg, type SipUri, URI_SCHEME } from 'strowger';

/** Hash of the Call-ID (algorithm 0); null where the message has none. */
export function hashCallId(msg: SipMsg): number | null {
  const callId = msg.callId;
  return callId === null ? null : coreHash(callId);
}

/**
 * Hash of a URI (algorithms 1 to 3): user and host, with the port unless it is the scheme's own; the user alone where
 * `userOnly`. Null where there is no URI.
 */
export function hashUri(uri: SipUri | null, userOnly: boolean): number | null {
  if (uri === null) return null;
  const defaultPort = uri.scheme === URI_SCHEME.SIPS ? 5061 : 5060;
  const host = uri.port === 0 || uri.port === defaultPort ? uri.host : `${uri.host}:${uri.port}`;
  return coreHash(uri.user, 0, userOnly ? '' : host);
}

/** Hash of the username in the credentials (algorithm 5); null where there are none. */
export function hashAuthUser(msg: SipMsg): number | null {
  for (const kind of [HDR.PROXYAUTH, HDR.AUTHORIZATION]) {
    const row = msg.findHdr(kind);
    if (row < 0) continue;
    const auth = parseAuth(msg.buf, msg.hdrValueStart(row), msg.hdrValueEnd(row));
    const user = auth === null ? '' : (digestCredentials(auth)?.username ?? '');
    if (user !== '') return coreHash(user);
  }
  return null;
}

/** Evaluates the text of `hash_pvar`, compiled once for each program (algorithm 7). */
export class HashText {
  readonly #text: string;
  #programId = -1;
  #format: ((run: Run) => string) | null = null;

  constructor(text: string) {
    this.#text = text;
  }

  /** Null where no text is set or it evaluates to nothing. */
  hash(run: Run): number | null {
    if (this.#text === '') return null;
    if (this.#programId !== run.program.id) {
      this.#programId = run.program.id;
      this.#format = run.program.compileFormat?.(this.#text) ?? null;
    }
    const value = this.#format?.(run) ?? '';
    return value === '' ? null : coreHash(value);
  }
}
