import { createHmac, timingSafeEqual } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createFile, type Random, type SipMsg } from 'strowger';

/** Hex digits of a signature: 96 bits. */
const SIGNATURE_LENGTH = 24;
/** Characters of a key made here, and the fewest that one may have. */
const KEY_LENGTH = 64;
const MIN_KEY_LENGTH = 16;

/**
 * Tells Record-Routes written here from made-up ones: each carries a keyed hash (HMAC-SHA-256) of its dialog's Call-ID
 * and of the From tag of the request that began it, which is the From or To tag of every later one.
 */
export class RouteSignature {
  readonly #key: string;

  /** Throws when the key is too short to be a secret. */
  constructor(key: string) {
    if (key.length < MIN_KEY_LENGTH) throw new Error(`a key of ${key.length} characters is too short`);
    this.#key = key;
  }

  /** With the key in this file, which is made, readable by its owner only, where it is not there. Throws with the reason. */
  static ofFile(path: string, random: Random): RouteSignature {
    if (!existsSync(path)) createFile(path, `${random.token(KEY_LENGTH)}\n`, 0o600, random);
    return new RouteSignature(readFileSync(path, 'latin1').trim());
  }

  /** The signature for the dialog that this request begins. */
  of(msg: SipMsg): string {
    return this.#sign(msg.callId ?? '', msg.fromTag);
  }

  /** True when `signature` was made for the dialog that this request is of, whichever side it comes from. */
  isOf(msg: SipMsg, signature: string): boolean {
    if (signature.length !== SIGNATURE_LENGTH) return false;
    const given = Buffer.from(signature, 'latin1');
    return [msg.fromTag, msg.toTag].some((tag) => {
      return timingSafeEqual(given, Buffer.from(this.#sign(msg.callId ?? '', tag), 'latin1'));
    });
  }

  /** A line end is in neither, so no two pairs give one text. */
  #sign(callId: string, tag: string): string {
    const text = Buffer.from(`${callId}\n${tag}`, 'latin1');
    return createHmac('sha256', this.#key).update(text).digest('hex').slice(0, SIGNATURE_LENGTH);
  }
}
