import type { PvAccessor, PvIndex, PvUse, TransformFn, TransformParam } from '../core/pv/spec.ts';
import type { Run } from '../core/script/run.ts';
import type { PvValue } from '../core/values.ts';
import type { PvSyntax, TransformSyntax } from './ast.ts';
import { BAD_PV } from './ast-builder.ts';
import type { BoundFormat, BoundUse } from './bound.ts';
import { type DiagnosticExtra, newerHint, suggest } from './diagnostics.ts';
import { parseFormat, parsePv } from './pv-parser.ts';
import { toText } from './runtime.ts';
import type { SymbolTable } from './symbols.ts';

/** Reports a mistake `offset` chars into the text being bound. */
export type ReportAt = (offset: number, message: string, extra?: DiagnosticExtra) => void;

/** Binds variables and format strings to what declares them. One per program: it hands out the slots of `$var`s. */
export class PvBinder {
  readonly varSlots: Map<string, number>;
  /** Slots of variables that some use transforms. */
  readonly cutSlots = new Set<number>();
  readonly #symbols: SymbolTable;
  readonly #defines: ReadonlyMap<string, string | null>;
  readonly #known = new Map<string, BoundUse>();
  /** Told each variable that is read or written, inner ones of names and parameters as well. */
  onUse: ((pv: PvSyntax) => void) | null = null;
  /** Says of a module whether it is missing for a reason that is reported already. */
  isMissing: (module: string) => boolean = () => false;

  constructor(symbols: SymbolTable, defines: ReadonlyMap<string, string | null>, varSlots = new Map<string, number>()) {
    this.varSlots = varSlots;
    this.#symbols = symbols;
    this.#defines = defines;
  }

  /** Null when it was reported. */
  bind(pv: PvSyntax, report: ReportAt): BoundUse | null {
    if (pv.className === BAD_PV) return null;
    this.onUse?.(pv);
    const known = this.#known.get(pv.text);
    if (known !== undefined) return known;
    const base = this.#base(pv, report);
    const transforms: TransformFn[] = [];
    for (const transform of pv.transformations) {
      const bound = this.#transform(transform, report);
      if (bound === null) return null;
      transforms.push(bound);
    }
    if (base === null) return null;
    if (base.slot !== undefined && transforms.length > 0) this.cutSlots.add(base.slot.index);
    const use: BoundUse = {
      base,
      transforms,
      whole: transforms.length === 0 ? base : transformed(pv.text, base, transforms),
      isNull: pv.className === 'null' && transforms.length === 0,
    };
    this.#known.set(pv.text, use);
    return use;
  }

  /** Null when it was reported. `text` is the value of the string. */
  format(text: string, report: ReportAt): BoundFormat | null {
    const syntax = parseFormat(text);
    for (const error of syntax.errors) report(error.offset, error.message);
    let isGood = syntax.errors.length === 0;
    const parts: (string | BoundUse)[] = [];
    for (const piece of syntax.pieces) {
      if (typeof piece === 'string') {
        parts.push(piece);
        continue;
      }
      const use = this.bind(piece, (offset, message, extra) => report(piece.offset + offset, message, extra));
      if (use === null) isGood = false;
      else parts.push(use);
    }
    return isGood ? { parts } : null;
  }

  varSlot(name: string): number {
    const known = this.varSlots.get(name);
    if (known !== undefined) return known;
    const slot = this.varSlots.size;
    this.varSlots.set(name, slot);
    return slot;
  }

  #base(pv: PvSyntax, report: ReportAt): PvAccessor | null {
    const bound = this.#symbols.pv(pv.className);
    if (bound === undefined) {
      const owner = this.#symbols.pvOwner(pv.className);
      if (owner === null || !this.isMissing(owner)) report(0, `unknown variable $${pv.className}`, this.#hint(pv));
      return null;
    }
    const { def } = bound;
    const wrong =
      pv.name === null && def.name === 'required'
        ? `$${pv.className} needs a name: $${pv.className}(name)`
        : pv.name !== null && def.name === 'none'
          ? `$${pv.className} takes no name`
          : pv.index !== null && def.indexed !== true
            ? `$${pv.className} takes no index`
            : null;
    if (wrong !== null) {
      report(0, wrong);
      return null;
    }
    let innerFailed = false;
    const innerReport: ReportAt = (_offset, message, extra) => {
      innerFailed = true;
      report(0, `${message} (in ${pv.text})`, extra);
    };
    const index = this.#index(pv.index, innerReport);
    if (innerFailed) return null;
    const found = def.bind(this.#use(pv, index, innerReport), bound.state as never);
    if (innerFailed) return null;
    if (typeof found === 'string') {
      report(0, `${pv.text}: ${found}`);
      return null;
    }
    return { text: pv.text, ...found };
  }

  #index(index: PvSyntax['index'], report: ReportAt): PvIndex {
    if (index === null || typeof index === 'number' || index === '*') return index;
    const use = this.bind(index, report);
    return use === null ? null : (run) => use.whole.get(run);
  }

  #use(pv: PvSyntax, index: PvIndex, report: ReportAt): PvUse {
    const name = pv.name ?? '';
    return {
      text: pv.text,
      className: pv.className,
      name: pv.name,
      index,
      isNameDynamic: name.includes('$'),
      nameFormat: () => this.#formatFunction(name, report),
      format: (text) => this.#formatFunction(text, report),
      pv: (text) => this.#inner(text, report),
      varSlot: (slotName) => this.varSlot(slotName),
      define: (defined) => this.#defines.get(defined) ?? null,
    };
  }

  #formatFunction(text: string, report: ReportAt): (run: Run) => string {
    const format = this.format(text, report);
    return format === null ? () => '' : formatFunction(format);
  }

  #inner(text: string, report: ReportAt): PvAccessor {
    const parsed = parsePv(text);
    if (parsed.error !== null || parsed.end !== text.length) {
      report(0, parsed.error?.message ?? `unexpected text behind ${text.slice(0, parsed.end)}`);
      return NULL_ACCESSOR;
    }
    return this.bind(parsed.pv, report)?.whole ?? NULL_ACCESSOR;
  }

  #transform(syntax: TransformSyntax, report: ReportAt): TransformFn | null {
    const { className, name, params, offset } = syntax;
    const bound = this.#symbols.transform(className, name);
    if (bound === undefined) {
      const known = this.#symbols.transformNames(className);
      const owner = known.length > 0 ? null : this.#symbols.transformOwner(className, name);
      if (owner !== null && this.isMissing(owner)) return null;
      const near = suggest(name, known);
      report(
        offset,
        `unknown transformation {${className}.${name}}`,
        hintOf(owner, near === null ? null : `{${className}.${near}}`),
      );
      return null;
    }
    const { def } = bound;
    const [min, max] = def.params;
    const pieces = params === null ? [] : def.paramStyle === 'rest' ? [params] : splitParams(params, max);
    if (pieces.length < min || pieces.length > max) {
      const range = min === max ? String(min) : `${min} to ${max}`;
      report(offset, `{${className}.${name}} takes ${range} parameter${max === 1 ? '' : 's'}, not ${pieces.length}`);
      return null;
    }
    let isGood = true;
    const bad: ReportAt = (_offset, message, extra) => {
      isGood = false;
      report(offset, message, extra);
    };
    const values = pieces.map((piece) => this.#param(piece, bad));
    if (!isGood) return null;
    const fn = def.bind(values, bound.state as never, (format) => this.#formatFunction(format, bad));
    if (!isGood) return null;
    if (typeof fn !== 'string') return isGood ? fn : null;
    report(offset, `{${syntax.text}}: ${fn}`);
    return null;
  }

  #param(text: string, report: ReportAt): TransformParam {
    const name = text.trimStart();
    if (!name.startsWith('$')) return { kind: 'text', text };
    const parsed = parsePv(name);
    if (parsed.error !== null || parsed.end !== name.length) return { kind: 'text', text };
    return { kind: 'pv', pv: this.#inner(name, report) };
  }

  #hint(pv: PvSyntax): DiagnosticExtra {
    const owner = this.#symbols.pvOwner(pv.className);
    const newer = this.#symbols.newerPvOwner(pv.className);
    if (owner === null && newer !== null) return { hint: newerHint(newer) };
    const near = suggest(pv.className, this.#symbols.pvNames());
    return hintOf(owner, near === null ? null : `$${near}`);
  }
}

function hintOf(owner: string | null, near: string | null): DiagnosticExtra {
  if (owner !== null) return { hint: `loadmodule "${owner}.so"` };
  return near === null ? {} : { hint: `did you mean ${near}?` };
}

const NULL_ACCESSOR: PvAccessor = { text: '$null', get: () => null };

function transformed(text: string, base: PvAccessor, transforms: readonly TransformFn[]): PvAccessor {
  const [first, second] = transforms;
  if (first !== undefined && transforms.length === 1) return { text, get: (run) => first(run, base.get(run)) };
  if (first !== undefined && second !== undefined && transforms.length === 2)
    return { text, get: (run) => second(run, first(run, base.get(run))) };
  return { text, get: (run) => transforms.reduce<PvValue>((value, fn) => fn(run, value), base.get(run)) };
}

/** The format as a function, for those who evaluate it themselves. */
export function formatFunction(format: BoundFormat): (run: Run) => string {
  const [only] = format.parts;
  if (only === undefined) return () => '';
  if (format.parts.length === 1) {
    if (typeof only === 'string') return () => only;
    const whole = printed(only);
    return (run) => toText(whole.get(run));
  }
  const getters = format.parts.map((part) => (typeof part === 'string' ? part : printed(part)));
  return (run) => {
    let out = '';
    for (let i = 0; i < getters.length; i++) {
      const part = getters[i] as string | PvAccessor;
      out += typeof part === 'string' ? part : toText(part.get(run));
    }
    return out;
  };
}

/** As it prints in a format: nothing, not `<null>`, where a transformation gives null (Kamailio 5.6.3, asked). */
function printed({ whole, transforms }: BoundUse): PvAccessor {
  return transforms.length === 0 ? whole : { text: whole.text, get: (run) => whole.get(run) ?? '' };
}

/** Cuts at commas that stand outside of parentheses and braces; the last of `max` parameters keeps its commas. */
function splitParams(text: string, max: number): string[] {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 40 || c === 123) depth++;
    else if ((c === 41 || c === 125) && depth > 0) depth--;
    else if (c === 44 && depth === 0 && parts.length < max - 1) {
      parts.push(text.slice(from, i));
      from = i + 1;
    }
  }
  parts.push(text.slice(from));
  return parts;
}
