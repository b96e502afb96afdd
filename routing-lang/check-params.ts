import type { Script, Span } from './ast.ts';
import { type DiagnosticExtra, suggest } from './diagnostics.ts';
import type { SymbolTable } from './symbols.ts';

/** Statements that declare flags look like parameters and are none. */
const DECLARATIONS: ReadonlySet<string> = new Set(['flags', 'bool', 'avpflags']);

/** Reports core parameters that do not exist. Their values are checked by those who read them. */
export function checkParams(
  script: Script,
  symbols: SymbolTable,
  report: (code: string, span: Span, message: string, extra?: DiagnosticExtra) => void,
): void {
  for (const item of script.items) {
    if (item.type !== 'coreParam' || DECLARATIONS.has(item.name) || symbols.coreParam(item.name) !== undefined)
      continue;
    const near = suggest(item.name, symbols.coreParamNames());
    const extra = near === null ? {} : { hint: `did you mean ${near}?` };
    report('unknown-param', item.nameSpan, `there is no core parameter ${item.name}`, extra);
  }
}
