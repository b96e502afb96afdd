import type { ParamDef } from '../module/define-module.ts';

/**
 * A core parameter (`name = value` outside the route blocks), as Kamailio's core cookbook describes it. One without
 * `noEffect` is read somewhere; one with it is accepted, does nothing, and is listed with its reason in core/README.md.
 */
export interface CoreParamDef extends ParamDef {
  /** Other spellings, which mean exactly the same. */
  readonly aliases?: readonly string[];
  /** Meant as yes or no; kept as 1 and 0. */
  readonly isBool?: boolean;
  /** Words with a number's meaning beside yes and no, in upper case: `TCP`, `IPTOS_LOWDELAY`. */
  readonly words?: Readonly<Record<string, number>>;
  /** The only texts a string parameter may have; compared without case. */
  readonly choices?: readonly string[];
  /** Group and name in the cfg framework (`cfg.get GROUP NAME`). */
  readonly cfg?: readonly [group: string, name: string];
  /** The parameter it is the opposite of: `enable_tls = yes` sets `disable_tls` to 0. */
  readonly opposite?: string;
}

export type CoreParamTable = Readonly<Record<string, CoreParamDef>>;

type Extra = Omit<Partial<CoreParamDef>, 'type' | 'default' | 'doc'>;

export function int(fallback: number, doc: string, extra: Extra = {}): CoreParamDef {
  return { type: 'int', default: fallback, doc, ...extra };
}

export function bool(fallback: 0 | 1, doc: string, extra: Extra = {}): CoreParamDef {
  return { type: 'int', default: fallback, doc, isBool: true, ...extra };
}

export function str(fallback: string, doc: string, extra: Extra = {}): CoreParamDef {
  return { type: 'string', default: fallback, doc, ...extra };
}

/** Given several times, or several values at once. */
export function list(doc: string, extra: Extra = {}): CoreParamDef {
  return { type: 'string', default: null, doc, repeatable: true, ...extra };
}

/** Settable while running, under this name in group `core` (or the group given). */
export function live(name: string, group = 'core'): Extra {
  return { runtime: true, cfg: [group, name] };
}

export function none(reason: string): Extra {
  return { noEffect: reason };
}
