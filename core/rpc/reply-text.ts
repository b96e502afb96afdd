import { RpcDouble, RpcMany, type RpcReply, RpcStruct, type RpcValue } from './registry.ts';

/**
 * A reply as kamcmd prints it: values on lines of their own, structs in braces with a tab a level, an array like a
 * struct with the members of its elements. Ends with a line end where there is anything.
 */
export function replyText(reply: RpcReply): string {
  const values = reply === undefined ? [] : reply instanceof RpcMany ? reply.values : [reply];
  return values.map((value) => `${valueText(value, 0)}\n`).join('');
}

function valueText(value: RpcValue, depth: number): string {
  if (typeof value === 'string') return value;
  if (value === null) return '<null string>';
  if (value instanceof RpcDouble) return value.value.toFixed(6);
  if (typeof value === 'number') return Number.isInteger(value) ? String(value) : value.toFixed(6);
  if (typeof value === 'bigint') return String(value);
  return `{\n${membersOf(value, depth + 1)}${'\t'.repeat(depth)}}`;
}

function membersOf(
  value: RpcStruct | readonly RpcValue[] | { readonly [name: string]: RpcValue },
  depth: number,
): string {
  if (value instanceof RpcStruct) return value.entries.map(([name, member]) => line(name, member, depth)).join('');
  if (!Array.isArray(value)) {
    return Object.entries(value as { readonly [name: string]: RpcValue })
      .map(([name, member]) => line(name, member, depth))
      .join('');
  }
  return (value as readonly RpcValue[])
    .map((item) => {
      const isPlain = typeof item !== 'object' || item === null || item instanceof RpcDouble;
      return isPlain ? `${'\t'.repeat(depth)}${valueText(item, depth)}\n` : membersOf(item, depth);
    })
    .join('');
}

function line(name: string, value: RpcValue, depth: number): string {
  return `${'\t'.repeat(depth)}${name}: ${valueText(value, depth)}\n`;
}
