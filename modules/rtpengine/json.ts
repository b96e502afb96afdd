import { BDict, type BValue } from './bencode.ts';

/** A reply as JSON in one line. Bytes above 127 stay as they are: they are UTF-8 to whoever reads the JSON. */
export function compactJson(value: BValue): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number') return String(value);
  if (value instanceof BDict)
    return `{${value.entries.map(([key, item]) => `${JSON.stringify(key)}:${compactJson(item)}`).join(',')}}`;
  return `[${value.map(compactJson).join(',')}]`;
}

/** The same over several lines, with tabs, as Kamailio's JSON library prints it. */
export function prettyJson(value: BValue, depth = 0): string {
  if (value instanceof BDict) {
    if (value.entries.length === 0) return `{\n${'\t'.repeat(depth)}}`;
    const indent = '\t'.repeat(depth + 1);
    const rows = value.entries.map(([key, item]) => `${indent}${JSON.stringify(key)}:\t${prettyJson(item, depth + 1)}`);
    return `{\n${rows.join(',\n')}\n${'\t'.repeat(depth)}}`;
  }
  if (typeof value === 'object') return `[${value.map((item) => prettyJson(item, depth + 1)).join(', ')}]`;
  return compactJson(value);
}
