import { readAttributes } from './attributes.ts';
import type { DestEntry } from './destination.ts';

/** A line that can not be read, or a remark about one that can. */
interface ListRemark {
  readonly line: number;
  readonly text: string;
  /** The line has no destination. */
  readonly isError: boolean;
}

interface ParsedList {
  readonly entries: readonly (DestEntry & { readonly line: number })[];
  readonly remarks: readonly ListRemark[];
}

const MAX_SET_ID = 0x7fffffff;

/**
 * Reads a destination list: on each line a set id, a URI, and if wanted flags, priority and attributes (Kamailio:
 * dispatcher, File Format). Comments begin with `#`. Flags and priority may be left out: what is no number is the
 * attributes.
 */
export function parseList(text: string): ParsedList {
  const entries: (DestEntry & { line: number })[] = [];
  const remarks: ListRemark[] = [];
  let line = 0;
  for (const row of text.split('\n')) {
    line++;
    const fields = row.trim();
    if (fields === '' || fields.startsWith('#')) continue;
    const entry = parseLine(fields);
    if (typeof entry === 'string') remarks.push({ line, text: entry, isError: true });
    else {
      entries.push({ ...entry.entry, line });
      for (const remark of entry.remarks) remarks.push({ line, text: remark, isError: false });
    }
  }
  return { entries, remarks };
}

function parseLine(row: string): { entry: DestEntry; remarks: readonly string[] } | string {
  const [setText = '', uri = '', ...rest] = row.split(/\s+/);
  if (!/^[-+]?\d{1,10}$/.test(setText) || Math.abs(Number(setText)) > MAX_SET_ID)
    return `"${setText}" is no set id (a number)`;
  if (uri === '' || uri.startsWith('#')) return 'there is no destination after the set id';
  const flags = takeNumber(rest);
  const priority = flags === null ? null : takeNumber(rest);
  const { attrs, remarks } = readAttributes(takeAttributes(rest));
  const entry = { setId: Number(setText), uri, flags: flags ?? 0, priority: priority ?? 0, attrs };
  return { entry, remarks };
}

/** The next field where it is a number. */
function takeNumber(fields: string[]): number | null {
  const text = fields[0];
  if (text === undefined || !/^(?:-?\d{1,9}|0x[\da-f]{1,7})$/i.test(text)) return null;
  fields.shift();
  return Number(text);
}

function takeAttributes(fields: readonly string[]): string {
  const text = fields[0] ?? '';
  return text.startsWith('#') ? '' : text;
}
