import type { PvSyntax, Script, Span } from './ast.ts';
import type { DiagnosticExtra } from './diagnostics.ts';

/** Classes that read and write the same script variables. */
const CLASSES: ReadonlySet<string> = new Set(['var', 'vz']);

/**
 * Which `$var`s a script reads and which it assigns, whatever the order: one that is read and never assigned is a
 * mistake, or useless. One that is handed to a command by reference counts as assigned.
 */
export class VariableUses {
  readonly #reads = new Map<string, Span>();
  readonly #writes = new Set<string>();
  /** A name is computed: any variable may be meant. */
  #isAnyWritten = false;

  read(pv: PvSyntax, at: Span): void {
    if (!CLASSES.has(pv.className) || pv.name === null || pv.name.includes('$')) return;
    if (!this.#reads.has(pv.name)) this.#reads.set(pv.name, at);
  }

  write(pv: PvSyntax): void {
    if (!CLASSES.has(pv.className) || pv.name === null) return;
    if (pv.name.includes('$')) this.#isAnyWritten = true;
    else this.#writes.add(pv.name);
  }

  /** The module pv gives variables values of their own: `modparam("pv", "varset", "x=i:5")`. */
  addInitial(script: Script): void {
    for (const item of script.items) {
      if (item.type !== 'modParam' || item.name !== 'varset') continue;
      const name = /^\s*([^=]+?)\s*=/.exec(String(item.value))?.[1];
      if (name !== undefined) this.#writes.add(name);
    }
  }

  warn(report: (code: string, span: Span, message: string, extra?: DiagnosticExtra) => void): void {
    if (this.#isAnyWritten) return;
    for (const [name, span] of this.#reads) {
      if (!this.#writes.has(name)) {
        report('unset-variable', span, `$var(${name}) is read, but nothing assigns it: it is always 0`, {
          severity: 'warning',
        });
      }
    }
  }
}
