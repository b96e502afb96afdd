import { createHash } from 'node:crypto';

/** One rtpengine, as a set has it. */
export interface NgNode {
  /** `udp:host:port`, without its weight: its name in RPC. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** Preferred family of a host name's addresses. */
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

/** A node's address as a parameter or a table gives it; a string says what is wrong. */
export interface NodeUrl {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly family: 4 | 6;
  readonly weight: number;
}

/** Reads `udp:host:port`, `udp6:host:port`, either with `=weight`. */
export function parseNodeUrl(text: string): NodeUrl | string {
  const equals = text.lastIndexOf('=');
  const url = equals < 0 ? text : text.slice(0, equals);
  const weightText = equals < 0 ? '1' : text.slice(equals + 1);
  if (!/^\d{1,6}$/.test(weightText)) return `"${text}": the weight is no number`;
  if (/^wss?:/.test(url)) return `"${text}": rtpengine is reached over UDP here (see the README)`;
  const match = /^(?:(udp6?):)?(?:\[([^\]]+)\]|(.+?)):(\d{1,5})$/.exec(url);
  if (match === null) return `"${text}" is not udp:host:port or udp6:host:port`;
  const [, scheme, bracketed, plain = '', port] = match;
  if (Number(port) < 1 || Number(port) > 65_535) return `"${text}": ${port} is no port`;
  return {
    url,
    host: bracketed ?? plain,
    port: Number(port),
    family: scheme === 'udp6' ? 6 : 4,
    weight: Number(weightText),
  };
}

/** One value of `rtpengine_sock`: nodes of a set, the set 0 where none is named. A string says what is wrong. */
export function parseSock(text: string): { readonly setId: number; readonly nodes: readonly NodeUrl[] } | string {
  const match = /^\s*(\d{1,9})\s*==\s*([^]*)$/.exec(text);
  const setId = match === null ? 0 : Number(match[1]);
  const nodes: NodeUrl[] = [];
  for (const word of (match?.[2] ?? text).split(/\s+/)) {
    if (word === '') continue;
    const node = parseNodeUrl(word);
    if (typeof node === 'string') return node;
    nodes.push(node);
  }
  return { setId, nodes };
}

/** `hash_algo` */
export const HASH_ALGO = { LEGACY: 0, SHA1: 1, CRC32: 2 } as const;

/** The number by which a call falls to a node: the same as Kamailio's, so that both can share nodes. */
export function callHash(callId: string, algorithm: number): number {
  if (algorithm === HASH_ALGO.SHA1) {
    let sum = 0;
    for (const byte of createHash('sha1').update(callId, 'latin1').digest()) sum += byte < 128 ? byte : byte - 256;
    return sum >>> 0;
  }
  if (algorithm === HASH_ALGO.CRC32) return crc32(callId);
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
export function pickNode(nodes: readonly NgNode[], hash: number): NgNode | undefined {
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
