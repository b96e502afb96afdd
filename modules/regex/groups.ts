/** The text file of groups: `[n]` begins one, each further line is an expression; a group matches when one of them does. */

import { compilePcre, type PcreFlags, type PcreTest } from './pcre.ts';

interface GroupLimits {
  readonly maxGroups: number;
  /** Chars of one group, all expressions together. */
  readonly maxSize: number;
}

/** Compiled groups in order of the file; the number in brackets counts for nothing. An error names what is wrong. */
export function compileGroups(text: string, flags: PcreFlags, limits: GroupLimits): PcreTest[] | string {
  const groups: string[] = [];
  for (const line of text.split('\n')) {
    const expression = line.endsWith('\r') ? line.slice(0, -1) : line;
    if (expression === '' || /^[ \t\r#]/.test(expression)) continue;
    if (expression.startsWith('[')) {
      if (groups.length === limits.maxGroups) return `more than ${limits.maxGroups} groups (max_groups)`;
      groups.push('');
      continue;
    }
    const last = groups.length - 1;
    if (last < 0) return `'${expression}' stands in front of the first group`;
    const joined = groups[last] === '' ? `(${expression})` : `${groups[last] ?? ''}|(${expression})`;
    if (joined.length + 2 > limits.maxSize) return `group ${last} is longer than ${limits.maxSize} (group_max_size)`;
    groups[last] = joined;
  }
  const compiled: PcreTest[] = [];
  for (const [number, group] of groups.entries()) {
    if (group === '') return `group ${number} is empty`;
    const regex = compilePcre(`(${group})`, flags);
    if (typeof regex === 'string') return `group ${number}: ${regex}`;
    compiled.push(regex);
  }
  return compiled.length === 0 ? 'there are no groups' : compiled;
}
