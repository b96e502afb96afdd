import type { Script, Span } from './ast.ts';

/** Flags declared by `flags a:1, b`: those without a number get the free ones from 0 up, in order. */
export function declaredFlags(
  script: Script,
  words: readonly string[],
  report: (span: Span, message: string) => void,
): Map<string, number> {
  const flags = new Map<string, number>();
  const open: { name: string; span: Span }[] = [];
  for (const item of script.items) {
    if (item.type !== 'coreParam' || !words.includes(item.name)) continue;
    for (const { value, span } of item.values) {
      const m = /^\s*(\w+)\s*(?::\s*(\d+))?\s*$/.exec(String(value));
      const name = m?.[1] ?? String(value);
      if (flags.has(name) || open.some((o) => o.name === name)) report(span, `the flag ${name} is declared already`);
      else if (m?.[2] === undefined) open.push({ name, span });
      else if (Number(m[2]) > 31) report(span, `a flag is a number from 0 to 31, not ${m[2]}`);
      else flags.set(name, Number(m[2]));
    }
  }
  const taken = new Set(flags.values());
  let next = 0;
  for (const { name, span } of open) {
    while (taken.has(next)) next++;
    if (next > 31) report(span, 'all 32 flags are taken');
    taken.add(next);
    flags.set(name, next);
  }
  return flags;
}
