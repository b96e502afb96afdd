import type { Server } from 'strowger';

type Random = Server['random'];

function format(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Sets version and variant (RFC 9562 §4). */
function mark(bytes: Uint8Array, version: number): Uint8Array {
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | (version << 4);
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes;
}

/** A version 4 UUID. */
export function randomUuid(random: Random): string {
  return format(mark(Uint8Array.from(random.bytes(16)), 4));
}

/** 100 ns steps from 1582-10-15 to 1970-01-01. */
const GREGORIAN_OFFSET = 0x01b21dd213814000n;
const STEPS_PER_MS = 10_000n;

/** Version 1 UUIDs of one server: its node and clock sequence are random, times never repeat. */
export class TimeUuids {
  readonly #node: Uint8Array;
  readonly #sequence: number;
  #last = 0n;

  constructor(random: Random) {
    this.#node = Uint8Array.from(random.bytes(6));
    // a random node has the multicast bit set (RFC 9562 §6.10)
    this.#node[0] = (this.#node[0] ?? 0) | 1;
    this.#sequence = random.int(0x4000);
  }

  /** `wallMs` is milliseconds since 1970. */
  next(wallMs: number): string {
    const now = BigInt(Math.floor(wallMs)) * STEPS_PER_MS + GREGORIAN_OFFSET;
    this.#last = now > this.#last ? now : this.#last + 1n;
    const time = this.#last;
    const bytes = new Uint8Array(16);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, Number(time & 0xffffffffn));
    view.setUint16(4, Number((time >> 32n) & 0xffffn));
    view.setUint16(6, Number((time >> 48n) & 0x0fffn));
    view.setUint16(8, this.#sequence);
    bytes.set(this.#node, 10);
    return format(mark(bytes, 1));
  }
}
