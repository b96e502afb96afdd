import { intArg, intIn, type TransformDef, textStrTransform, textTransform, valueToString } from 'strowger';

/** {line.…}: text of several lines, ended by LF or CRLF. Null for empty text. */
export const LINE_TRANSFORMS: Readonly<Record<string, TransformDef>> = {
  count: textTransform('Number of lines, as text.', (text) => (text === '' ? null : String(linesOf(text).length))),
  at: {
    doc: 'Line at an index, negative from the end; nothing when there is none.',
    params: [1, 1],
    bind: ([param]) => {
      const index = param === undefined ? 'an index is needed' : intArg(param, 'the index');
      if (typeof index === 'string') return index;
      return (run, value) => {
        const at = intIn(index, run);
        if (value === null || value === '' || at === null) return null;
        return linesOf(valueToString(value)).at(at) ?? '';
      };
    },
  },
  sw: textStrTransform('First line that starts with a text; nothing when there is none.', (text, start) =>
    text === '' ? null : (linesOf(text).find((line) => line.startsWith(start)) ?? ''),
  ),
};

function linesOf(text: string): string[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines.map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
}
