import { createCipheriv, createHmac } from 'node:crypto';

const HEADER_BYTES = 12;
const TAG_BYTES = 10;

/** RFC 3711 §4.3: a session key of this length from master key and salt. */
function derive(masterKey: Buffer, masterSalt: Buffer, label: number, length: number): Buffer {
  const iv = Buffer.concat([masterSalt, Buffer.alloc(2)]);
  iv[7] = (iv[7] ?? 0) ^ label;
  const cipher = createCipheriv('aes-128-ctr', masterKey, iv);
  return cipher.update(Buffer.alloc(length));
}

/** One direction of SRTP with AES_CM_128_HMAC_SHA1_80 (RFC 3711), for fewer than 2^16 packets without CSRCs or extensions. */
export class SrtpContext {
  readonly #key: Buffer;
  readonly #salt: Buffer;
  readonly #authKey: Buffer;

  /** 16 bytes of key, 14 of salt. */
  constructor(masterKey: Buffer, masterSalt: Buffer) {
    this.#key = derive(masterKey, masterSalt, 0, 16);
    this.#authKey = derive(masterKey, masterSalt, 1, 20);
    this.#salt = derive(masterKey, masterSalt, 2, 14);
  }

  /** From `inline:` of a crypto attribute (RFC 4568). */
  static fromInline(base64: string): SrtpContext {
    const bytes = Buffer.from(base64, 'base64');
    return new SrtpContext(bytes.subarray(0, 16), bytes.subarray(16, 30));
  }

  protect(packet: Buffer): Buffer {
    const encrypted = this.#crypt(packet);
    return Buffer.concat([encrypted, this.#tag(encrypted)]);
  }

  /** Null where the tag is wrong. */
  unprotect(packet: Buffer): Buffer | null {
    const encrypted = packet.subarray(0, packet.length - TAG_BYTES);
    if (!this.#tag(encrypted).equals(packet.subarray(packet.length - TAG_BYTES))) return null;
    return this.#crypt(encrypted);
  }

  #crypt(packet: Buffer): Buffer {
    const iv = Buffer.concat([this.#salt, Buffer.alloc(2)]);
    for (let i = 0; i < 4; i++) iv[4 + i] = (iv[4 + i] ?? 0) ^ (packet[8 + i] ?? 0);
    for (let i = 0; i < 2; i++) iv[12 + i] = (iv[12 + i] ?? 0) ^ (packet[2 + i] ?? 0);
    const cipher = createCipheriv('aes-128-ctr', this.#key, iv);
    return Buffer.concat([packet.subarray(0, HEADER_BYTES), cipher.update(packet.subarray(HEADER_BYTES))]);
  }

  #tag(encrypted: Buffer): Buffer {
    const hmac = createHmac('sha1', this.#authKey).update(encrypted).update(Buffer.alloc(4));
    return hmac.digest().subarray(0, TAG_BYTES);
  }
}

/** An RTP packet (RFC 3550) of payload type 0. */
export function rtpPacket(seq: number, ssrc: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header[0] = 0x80;
  header.writeUInt16BE(seq, 2);
  header.writeUInt32BE(seq * 160, 4);
  header.writeUInt32BE(ssrc, 8);
  return Buffer.concat([header, payload]);
}

/** What stands behind the header. */
export function rtpPayload(packet: Buffer): Buffer {
  return packet.subarray(HEADER_BYTES);
}
