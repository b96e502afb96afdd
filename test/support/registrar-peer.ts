import { digestAlgorithm, digestResponse, ha1Of } from '../../core/auth/digest.ts';
import { digestCredentials, parseAuth } from '../../core/parser/digest.ts';
import { response, type TestMsg } from './msg.ts';
import type { SipPeer } from './sip-peer.ts';

/** What a scripted registrar answers instead of doing its work; null: nothing. */
export type Instead = ((msg: TestMsg) => string | null) | undefined;

/** A registrar that a test scripts: asks for credentials, checks them, grants a time, and remembers what it was sent. */
export class RegistrarPeer {
  readonly peer: SipPeer;
  readonly now: () => number;
  realm = 'example.org';
  /** '' for no challenge. */
  password = 'pw';
  algorithm = 'MD5';
  qop = 'auth';
  /** Seconds granted; as many as asked for where 0. */
  grants = 0;
  nonce = 'nonce-1';
  /** Answers of the next requests, before it does its work again. */
  readonly next: Instead[] = [];
  /** ms of each REGISTER that it accepted. */
  readonly acceptedMs: number[] = [];
  /** Bindings by Contact: when they end, ms. */
  readonly bindings = new Map<string, number>();
  readonly seen: TestMsg[] = [];
  readonly seenMs: number[] = [];

  constructor(peer: SipPeer, now: () => number) {
    this.peer = peer;
    this.now = now;
    peer.autoReply = (msg) => (msg.method === 'REGISTER' ? this.#answer(msg) : null);
  }

  /** True where the Contact is bound now. */
  has(contact: string): boolean {
    return (this.bindings.get(contact) ?? 0) > this.now();
  }

  challenge(msg: TestMsg, more = ''): string {
    const qop = this.qop === '' ? '' : `, qop="${this.qop}"`;
    const value = `Digest realm="${this.realm}", nonce="${this.nonce}", algorithm=${this.algorithm}${qop}${more}`;
    return response(msg, 401, { headers: { 'WWW-Authenticate': value } });
  }

  #answer(msg: TestMsg): string | null {
    this.seen.push(msg);
    this.seenMs.push(this.now());
    const instead = this.next.shift();
    if (instead !== undefined) return instead(msg);
    if (this.password !== '' && !this.#isRight(msg)) return this.challenge(msg);
    const contact = /<([^>]*)>/.exec(msg.get('Contact'))?.[1] ?? '';
    const asked = Number(msg.get('Expires'));
    const expires = asked === 0 || this.grants === 0 ? asked : this.grants;
    if (asked === 0) this.bindings.delete(contact);
    else this.bindings.set(contact, this.now() + expires * 1000);
    this.acceptedMs.push(this.now());
    return response(msg, 200, asked === 0 ? {} : { contact: `<${contact}>;expires=${expires}` });
  }

  #isRight(msg: TestMsg): boolean {
    const auth = parseAuth(msg.get('Authorization'));
    const given = auth === null ? null : digestCredentials(auth);
    const algorithm = given === null ? null : digestAlgorithm(given.algorithm);
    if (given === null || algorithm === null || given.nonce !== this.nonce || algorithm.name !== this.algorithm)
      return false;
    const { uri, nonce, qop, nc, cnonce } = given;
    const ha1 = ha1Of(algorithm, given.username, this.realm, this.password);
    const input = { method: 'REGISTER', uri, nonce, qop, nc, cnonce, body: '', isSession: false };
    return digestResponse(algorithm, ha1, input) === given.response;
  }
}
