/** What the RPC views of the DNS cache and of the destination blocklist share. */

import type { Resolver } from '../resolve/resolver.ts';
import { type RpcArgs, RpcFault, type RpcMethod, type RpcReply } from './registry.ts';

export type ResolverMethod = RpcMethod<Resolver>;

/** Whole seconds left; 0 for what does not expire, -1 for a literal, which was never stored. */
export function secondsLeft(expiresMs: number, nowMs: number): number {
  if (expiresMs === Infinity) return 0;
  return expiresMs < 0 ? -1 : Math.max(0, Math.ceil((expiresMs - nowMs) / 1000));
}

/** The time that expiry is measured on. */
export function now(resolver: Resolver): number {
  return resolver.cache.nowMs;
}

/** Counters by Kamailio's name; the second argument, when not 0, clears what was read. */
export function readStat(args: RpcArgs, stats: ReadonlyMap<string, { get(): number; clear(): void }>): number {
  const stat = stats.get(args.str(0).toLowerCase());
  if (stat === undefined) throw new RpcFault(400, 'Wrong stat type');
  const value = stat.get();
  if (args.int(1, 0) !== 0) stat.clear();
  return value;
}

/** A number of an object as a counter that can be cleared. */
export function statOf<K extends string>(holder: Record<K, number>, name: K): { get(): number; clear(): void } {
  return {
    get: () => holder[name],
    clear: () => {
      holder[name] = 0;
    },
  };
}

/** Each worker has a cache of its own: what changes it runs in all of them. */
export const EVERYWHERE = { scope: 'all', merge: (replies: readonly RpcReply[]) => replies[0] } as const;
