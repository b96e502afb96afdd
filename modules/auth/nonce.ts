import { hash } from 'node:crypto';
import { METHOD, type ModuleContext, type SharedHeap, type SipMsg } from 'strowger';
import { AUTH } from './api.ts';
import { NonceState, type NonceUse } from './nonce-state.ts';
import type { SafeEqual } from './safe-equal.ts';

/** Parts of a nonce: when it was made (hex seconds), its id and kind where it is tracked, then one or two proofs. */
const TIME_LENGTH = 8;
const ID_LENGTH = 8;
const STATE_LENGTH = ID_LENGTH + 1;
/** 144 bits in base64. */
const PROOF_LENGTH = 24;

const KIND = { COUNT: 1, ONCE: 2 } as const;
/** Bits of auth_checks_*. */
const CHECK = { URI: 1, CALL_ID: 2, FROM_TAG: 4, SOURCE: 8 } as const;

/** Fewest and most nonces that are tracked, as powers of 2. */
const MIN_ORDER = 5;
const MAX_ORDER = 28;
const SECRET_WORDS = 16;
const SECRET_CHARS = 50;

/** Makes nonces that only this server can have made, and judges those that come back. */
export class Nonces {
  readonly #ctx: ModuleContext;
  readonly #secret: string;
  readonly #state: NonceState | null;
  readonly #kind: number;
  readonly #safe: SafeEqual;
  readonly #expireSec: number;
  readonly #maxDriftSec: number;
  /** Bits of CHECK: of REGISTER, of other requests outside dialogs, inside. */
  readonly #checksRegister: number;
  readonly #checksNoDialog: number;
  readonly #checksInDialog: number;
  /** The nonce of this second, where all are alike, and the second. */
  #last = '';
  #lastSec = -1;

  constructor(ctx: ModuleContext, safe: SafeEqual) {
    this.#ctx = ctx;
    this.#safe = safe;
    this.#expireSec = ctx.int('nonce_expire');
    this.#maxDriftSec = ctx.int('nonce_auth_max_drift');
    this.#checksRegister = ctx.int('auth_checks_register');
    this.#checksNoDialog = ctx.int('auth_checks_no_dlg');
    this.#checksInDialog = ctx.int('auth_checks_in_dlg');
    const heap = ctx.server.sharedHeap;
    this.#secret = ctx.str('secret') || sharedSecret(heap, ctx.server.random.token(SECRET_CHARS));
    const counts = ctx.int('nonce_count') !== 0;
    const once = ctx.int('one_time_nonce') !== 0;
    this.#kind = (counts ? KIND.COUNT : 0) | (once ? KIND.ONCE : 0);
    this.#state =
      this.#kind === 0
        ? null
        : new NonceState(
            heap,
            counts ? tableSize(ctx, 'nc_array_size', 'nc_array_order') : 0,
            once ? tableSize(ctx, 'otn_in_flight_no', 'otn_in_flight_order') : 0,
            ctx.server.random.uint32(),
          );
  }

  /** A nonce for the challenge of this request: quoted text needs no escapes. */
  make(msg: SipMsg): string {
    const nowSec = this.#nowSec();
    const checks = this.#checksOf(msg);
    if (this.#state === null && checks === 0) {
      if (nowSec !== this.#lastSec) {
        this.#last = this.#proven(hex8(nowSec));
        this.#lastSec = nowSec;
      }
      return this.#last;
    }
    const state = this.#state === null ? '' : hex8(this.#state.next()) + this.#kind;
    const nonce = this.#proven(hex8(nowSec) + state);
    return checks === 0 ? nonce : nonce + this.#bound(nonce, msg, checks);
  }

  /**
   * AUTH.OK, AUTH.STALE_NONCE (too old, from the future, made for another message, count used), AUTH.NONCE_REUSED, or
   * AUTH.ERROR (not ours). `nc` is the count, '' where the client sent none; -1 in `ncValue` where it is no count. A count is
   * taken, unless `defersCount`: then `takeCount` does it.
   */
  check(msg: SipMsg, nonce: string, nc: string, ncValue: number, defersCount = false): number {
    const checks = this.#checksOf(msg);
    const plain = TIME_LENGTH + (this.#state === null ? 0 : STATE_LENGTH) + PROOF_LENGTH;
    const isBound = nonce.length === plain + PROOF_LENGTH;
    if (!isBound && nonce.length !== plain) return AUTH.ERROR;
    if (nonce === this.#last && this.#state === null)
      return this.#isCurrent(this.#lastSec) ? AUTH.OK : AUTH.STALE_NONCE;
    const sinceSec = parseHex8(nonce, 0);
    if (sinceSec < 0) return AUTH.ERROR;
    if (!this.#isCurrent(sinceSec)) return AUTH.STALE_NONCE;
    const proven = nonce.slice(0, plain);
    if (!this.#safe.equals(this.#proven(nonce.slice(0, plain - PROOF_LENGTH)), proven)) return AUTH.ERROR;
    if (this.#state !== null) {
      const code = this.#use(this.#state, proven, nc, ncValue, defersCount);
      if (code !== AUTH.OK) return code;
      // A count protects better than what the nonce is bound to (Kamailio: nonce_count).
      if (nc !== '' && (this.#kind & KIND.COUNT) !== 0) return AUTH.OK;
    }
    // One that was made for a request of another kind may be bound though it need not, or not though it must.
    if (checks === 0) return AUTH.OK;
    const isFor = isBound && this.#safe.equals(nonce.slice(plain), this.#bound(proven, msg, checks));
    return isFor ? AUTH.OK : AUTH.STALE_NONCE;
  }

  /** True where each nonce can be used once: the client needs another one after it. */
  get areForOnce(): boolean {
    return (this.#kind & KIND.ONCE) !== 0;
  }

  /** Takes the count of a nonce that has been checked: AUTH.OK, AUTH.STALE_NONCE where another was quicker. */
  takeCount(nonce: string, ncValue: number): number {
    if (this.#state === null || (this.#kind & KIND.COUNT) === 0) return AUTH.OK;
    return codeOf(this.#state.useCount(parseHex8(nonce, TIME_LENGTH), ncValue));
  }

  #use(state: NonceState, nonce: string, nc: string, ncValue: number, defersCount: boolean): number {
    const id = parseHex8(nonce, TIME_LENGTH);
    if (Number(nonce.charAt(TIME_LENGTH + ID_LENGTH)) !== this.#kind) return AUTH.STALE_NONCE;
    if (nc !== '' && (this.#kind & KIND.COUNT) !== 0)
      return ncValue < 0 ? AUTH.ERROR : codeOf(defersCount ? state.seeCount(id, ncValue) : state.useCount(id, ncValue));
    return (this.#kind & KIND.ONCE) === 0 ? AUTH.OK : codeOf(state.useOnce(id));
  }

  #nowSec(): number {
    const { clock } = this.#ctx.server;
    return Math.floor((clock.heldWall?.() ?? clock.wall()) / 1000);
  }

  #isCurrent(sinceSec: number): boolean {
    const nowSec = this.#nowSec();
    return nowSec <= sinceSec + this.#expireSec && sinceSec - nowSec <= this.#maxDriftSec;
  }

  #checksOf(msg: SipMsg): number {
    if (msg.method === METHOD.REGISTER) return this.#checksRegister;
    return msg.toTag === '' ? this.#checksNoDialog : this.#checksInDialog;
  }

  #proven(text: string): string {
    return text + this.#proof(`n${text}`);
  }

  /** Proof that a nonce was made for a message with these parts. */
  #bound(nonce: string, msg: SipMsg, checks: number): string {
    const uri = (checks & CHECK.URI) === 0 ? '' : msg.originalUri;
    const callId = (checks & CHECK.CALL_ID) === 0 ? '' : (msg.callId ?? '');
    const tag = (checks & CHECK.FROM_TAG) === 0 ? '' : msg.fromTag;
    const source = (checks & CHECK.SOURCE) === 0 ? '' : msg.rcv.srcIp;
    return this.#proof(`c${nonce}\n${uri}\n${callId}\n${tag}\n${source}`);
  }

  #proof(text: string): string {
    const secret = this.#secret;
    return hash('sha256', `${secret}\n${text}\n${secret}`, 'base64').slice(0, PROOF_LENGTH);
  }
}

function codeOf(use: NonceUse): number {
  if (use === 'fresh') return AUTH.OK;
  return use === 'used' ? AUTH.NONCE_REUSED : AUTH.STALE_NONCE;
}

/** The secret of this server, the same in all its workers: the first one's proposal. */
function sharedSecret(heap: SharedHeap, proposal: string): string {
  const at = heap.region('auth.secret', SECRET_WORDS);
  heap.lock();
  if (heap.words[at] === 0) {
    heap.bytes.latin1Write(proposal, (at + 1) * 4);
    heap.words[at] = 1;
  }
  const secret = heap.bytes.latin1Slice((at + 1) * 4, (at + 1) * 4 + SECRET_CHARS);
  heap.unlock();
  return secret;
}

/** Nonces that a table holds: the order where the script set it, else the size rounded down to a power of 2. */
function tableSize(ctx: ModuleContext, sizeName: string, orderName: string): number {
  const order = ctx.isSet(orderName) ? ctx.int(orderName) : Math.floor(Math.log2(Math.max(1, ctx.int(sizeName))));
  return 2 ** Math.min(MAX_ORDER, Math.max(MIN_ORDER, order));
}

function hex8(value: number): string {
  return (value >>> 0).toString(16).padStart(8, '0');
}

/** Eight lower-case hex digits; -1 for anything else. */
function parseHex8(text: string, at: number): number {
  let value = 0;
  for (let i = at; i < at + 8; i++) {
    const c = text.charCodeAt(i);
    const digit = c >= 48 && c <= 57 ? c - 48 : c >= 97 && c <= 102 ? c - 87 : -1;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}
