import { RpcDouble, RpcMany, type RpcParam, type RpcReply, RpcStruct, type RpcValue } from '../rpc/registry.ts';

/** A value of RPC as a structured clone can carry it: classes have a tag, the rest is itself. */
export type WireReply = unknown;

interface Tagged {
  readonly rpc: 'double' | 'struct' | 'many' | 'array' | 'object';
  readonly value: unknown;
}

/** For another worker. Values of RPC are trees, and shallow. */
export function toWire(reply: RpcReply | RpcParam): WireReply {
  if (typeof reply !== 'object' || reply === null) return reply;
  if (reply instanceof RpcDouble) return tag('double', reply.value);
  if (reply instanceof RpcStruct) return tag('struct', pairs(reply.entries));
  if (reply instanceof RpcMany) return tag('many', reply.values.map(toWire));
  if (Array.isArray(reply)) return tag('array', (reply as readonly RpcValue[]).map(toWire));
  return tag('object', pairs(Object.entries(reply as Readonly<Record<string, RpcValue>>)));
}

/** What `toWire` was given. */
export function fromWire(wire: WireReply): RpcReply {
  if (typeof wire !== 'object' || wire === null) return wire as RpcReply;
  const { rpc, value } = wire as Tagged;
  if (rpc === 'double') return new RpcDouble(value as number);
  if (rpc === 'many') return new RpcMany((value as WireReply[]).map(fromWire) as RpcValue[]);
  if (rpc === 'array') return (value as WireReply[]).map(fromWire) as RpcValue[];
  const entries = (value as [string, WireReply][]).map(([name, item]) => [name, fromWire(item) as RpcValue] as const);
  if (rpc === 'object') return Object.fromEntries(entries);
  const struct = new RpcStruct();
  for (const [name, item] of entries) struct.add(name, item);
  return struct;
}

function tag(rpc: Tagged['rpc'], value: unknown): Tagged {
  return { rpc, value };
}

function pairs(entries: readonly (readonly [string, RpcValue])[]): [string, WireReply][] {
  return entries.map(([name, value]) => [name, toWire(value)]);
}
