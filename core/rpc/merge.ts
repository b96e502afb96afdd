import { RpcMany, type RpcReply, RpcStruct, type RpcValue } from './registry.ts';

/**
 * Replies of several workers as one: lists are joined, of anything else the first counts. What methods of scope `all` get
 * that name nothing else.
 */
export function mergeLists(replies: readonly RpcReply[]): RpcReply {
  const [first] = replies;
  if (first instanceof RpcMany)
    return new RpcMany(replies.flatMap((reply) => (reply instanceof RpcMany ? reply.values : [])));
  if (!Array.isArray(first)) return first;
  return replies.flatMap((reply) => (Array.isArray(reply) ? (reply as readonly RpcValue[]) : []));
}

/** Adds up numbers, members of structs by name; of texts the first worker's counts. */
export function mergeSum(replies: readonly RpcReply[]): RpcReply {
  return replies.reduce((total, reply) => sum(total as RpcValue, reply as RpcValue));
}

function sum(a: RpcValue, b: RpcValue): RpcValue {
  if (typeof a === 'number' && typeof b === 'number') return a + b;
  if (a instanceof RpcStruct && b instanceof RpcStruct) {
    const total = new RpcStruct();
    const others = new Map(b.entries);
    for (const [name, value] of a.entries)
      total.add(name, others.has(name) ? sum(value, others.get(name) ?? 0) : value);
    return total;
  }
  if (!isPlainStruct(a) || !isPlainStruct(b)) return a;
  return Object.fromEntries(
    Object.entries(a).map(([name, value]) => [name, name in b ? sum(value, b[name] ?? 0) : value]),
  );
}

function isPlainStruct(value: RpcValue): value is { readonly [name: string]: RpcValue } {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
