import { createHash } from 'node:crypto';

/** A node's address as a script gives it. */
export interface RelayUrl {
  /** Without its weight: its name in RPC. */
  readonly url: string;
  /** A host, or for Unix sockets a path. */
  readonly host: string;
  /** 0 for Unix sockets. */
  readonly port: number;
  /** Preferred family of a host name's addresses. */
  readonly family: 4 | 6;
  readonly weight: number;
}

/** One media relay (rtpengine, rtpproxy), as a set has it. */
export interface RelayNode {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly family: 4 | 6;
  readonly setId: number;
  /** Counts the nodes of all sets. */
  readonly index: number;
  weight: number;
  isDisabled: boolean;
  /** Disabled by an administrator, or no longer in the table: it is not tried again by itself. */
  isPermanent: boolean;
  /** Not in the table any more: kept for its calls, not shown. */
  isHidden: boolean;
  /** Clock time at which a node that failed may be tried again. */
  recheckMs: number;
}

/** Ways to spread calls over nodes (Kamailio: rtpengine, hash_algo). */
export const CALL_HASH = { LEGACY: 0, SHA1: 1, CRC32: 2 } as const;

/** The number by which a call falls to a node: the same as Kamailio's, so that both can share nodes. */
export function callHash(callId: string, algorithm: number): number {
  if (algorithm === CALL_HASH.SHA1) {
    let sum = 0;
    for (const byte of createHash('sha1').update(callId, 'latin1').digest()) sum += byte < 128 ? byte : byte - 256;
    return sum >>> 0;
  }
  if (algorithm === CALL_HASH.CRC32) return crc32(callId);
  let sum = 0;
  for (let i = 0; i < callId.length; i++) sum += callId.charCodeAt(i);
  return sum & 255;
}

/** CRC-32 of ISO 3309. */
function crc32(text: string): number {
  let crc = 0xffff_ffff;
  for (let i = 0; i < text.length; i++) {
    crc ^= text.charCodeAt(i) & 255;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ 0xedb8_8320;
  }
  return (crc ^ 0xffff_ffff) >>> 0;
}

/** The node that a hash falls on among these, by weight; undefined where none has any. */
export function pickRelay(nodes: readonly RelayNode[], hash: number): RelayNode | undefined {
  let total = 0;
  for (const node of nodes) total += node.weight;
  if (total === 0) return undefined;
  let left = hash % total;
  for (const node of nodes) {
    if (left < node.weight) return node;
    left -= node.weight;
  }
  return undefined;
}
