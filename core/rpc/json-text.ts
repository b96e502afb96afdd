import { RpcDouble, RpcMany, type RpcReply, RpcStruct, type RpcValue } from './registry.ts';

/** A JSON value as ours: an RPC value, or the pieces of a JSON-RPC document around it. */
type Members = readonly (readonly [name: string, value: RpcValue])[];

/**
 * A reply as JSON text. `pretty` lays it out as Kamailio's jsonrpcs does: tabs, a tab behind the colon, arrays on one
 * line. Values returned side by side are an array, and no value is `{}`. Strings of bytes become UTF-8 read as text,
 * so the result has characters above 255 and is to be written as UTF-8.
 */
export function jsonText(reply: RpcReply, pretty = false, depth = 0): string {
  if (reply === undefined) return members([], pretty, depth);
  if (reply instanceof RpcMany) return items(reply.values, pretty, depth);
  if (typeof reply === 'string') return jsonString(reply);
  if (typeof reply === 'number') return jsonNumber(reply);
  if (typeof reply === 'bigint') return String(reply);
  if (reply === null) return 'null';
  if (reply instanceof RpcDouble) return jsonNumber(reply.value);
  if (reply instanceof RpcStruct) return members(reply.entries, pretty, depth);
  if (Array.isArray(reply)) return items(reply as readonly RpcValue[], pretty, depth);
  return members(Object.entries(reply as { readonly [name: string]: RpcValue }), pretty, depth);
}

function items(values: readonly RpcValue[], pretty: boolean, depth: number): string {
  return `[${values.map((value) => jsonText(value, pretty, depth + 1)).join(pretty ? ', ' : ',')}]`;
}

function members(entries: Members, pretty: boolean, depth: number): string {
  if (!pretty) {
    return `{${entries.map(([name, value]) => `${jsonString(name)}:${jsonText(value)}`).join(',')}}`;
  }
  const inside = '\t'.repeat(depth + 1);
  const lines = entries.map(([name, value]) => `${inside}${jsonString(name)}:\t${jsonText(value, true, depth + 1)}`);
  return `{\n${lines.join(',\n')}${lines.length > 0 ? '\n' : ''}${'\t'.repeat(depth)}}`;
}

/** Six digits behind the point, as C's %f; whole numbers without. What JSON can not say is 0. */
function jsonNumber(value: number): string {
  if (!Number.isFinite(value)) return '0';
  return Number.isInteger(value) ? String(value) : value.toFixed(6);
}

function jsonString(bytes: string): string {
  return JSON.stringify(bytesToText(bytes));
}

/** Bytes (one char each) that are UTF-8, as text; invalid sequences become U+FFFD. */
export function bytesToText(bytes: string): string {
  return /^[\0-\x7f]*$/.test(bytes) ? bytes : Buffer.from(bytes, 'latin1').toString('utf8');
}

/** Text as its UTF-8 bytes, one char each. */
export function textToBytes(text: string): string {
  return /^[\0-\x7f]*$/.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1');
}
