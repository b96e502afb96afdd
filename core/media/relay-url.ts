import type { RelayUrl } from './relay-node.ts';

/** Where a URL leads; a text says what is wrong with it. */
type ParseRelayAddress = (url: string) => Pick<RelayUrl, 'host' | 'port' | 'family'> | string;

/** The nodes of one set, as a value of `rtpengine_sock` or `rtpproxy_sock` lists them. */
export interface RelaySock {
  readonly setId: number;
  readonly nodes: readonly RelayUrl[];
}

/**
 * Reads such a value, `[SET ==] URL[=WEIGHT] …`: the set 0 where none is named, the weight 1. `parseUrl` reads a URL; a
 * text says what is wrong, here and there.
 */
export function parseRelaySock(text: string, parseUrl: ParseRelayAddress): RelaySock | string {
  const match = /^\s*(\d{1,9})\s*==\s*([^]*)$/.exec(text);
  const nodes: RelayUrl[] = [];
  for (const word of (match?.[2] ?? text).split(/\s+/)) {
    if (word === '') continue;
    const node = parseRelayNode(word, parseUrl);
    if (typeof node === 'string') return node;
    nodes.push(node);
  }
  return { setId: match === null ? 0 : Number(match[1]), nodes };
}

/** One of them, `URL[=WEIGHT]`. */
export function parseRelayNode(text: string, parseUrl: ParseRelayAddress): RelayUrl | string {
  const equals = text.lastIndexOf('=');
  const url = equals < 0 ? text : text.slice(0, equals);
  const weight = equals < 0 ? '1' : text.slice(equals + 1);
  if (!/^\d{1,6}$/.test(weight)) return `"${text}": the weight is no number`;
  const node = parseUrl(url);
  return typeof node === 'string' ? node : { ...node, url, weight: Number(weight) };
}
