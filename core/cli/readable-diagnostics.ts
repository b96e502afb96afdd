import type { Diagnostic } from '../../routing-lang/diagnostics.ts';
import { toUnicode } from '../log/log-text.ts';
import type { CheckResult } from './start-options.ts';

/**
 * A script is read as latin1, one char a byte. For people and editors texts become Unicode, and columns count characters.
 */
export function readable(result: CheckResult): CheckResult {
  const { lineText } = result;
  const toCharacters = (diagnostic: Diagnostic): Diagnostic => {
    const { file, line, column, endLine, endColumn, message, hint } = diagnostic;
    return {
      ...diagnostic,
      message: toUnicode(message),
      ...(hint === undefined ? {} : { hint: toUnicode(hint) }),
      column: characterColumn(lineText(file, line), column),
      endColumn: characterColumn(lineText(file, endLine), endColumn),
    };
  };
  return {
    ok: result.ok,
    diagnostics: result.diagnostics.map(toCharacters),
    lineText: (file, line) => {
      const text = lineText(file, line);
      return text === null ? null : toUnicode(text);
    },
  };
}

function characterColumn(line: string | null, column: number): number {
  if (line === null) return column;
  const before = line.slice(0, column - 1);
  return column - before.length + toUnicode(before).length;
}
