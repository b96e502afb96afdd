import {
  type AvpName,
  flatCopy,
  indexOf,
  type PvAccessor,
  type PvDef,
  type PvUse,
  type PvValue,
  type Run,
  valueToString,
  varsOf,
} from 'strowger';
import type { PvState } from './state.ts';

/** $avp(x), $avp(s:x), $avp(i:10), $avp($var(x)): values that live with the transaction, a stack for each name. */
export const AVP_PV: PvDef<PvState> = {
  doc: 'Attribute of the transaction; assigning adds one, index 0 is the newest, [*] all.',
  name: 'required',
  writable: true,
  indexed: true,
  bind: (use, state) => {
    const name = avpName(use, state);
    if (typeof name === 'object') return name.error;
    return {
      get: getter(name, use),
      set: setter(name, use),
      getAll: (run) => valuesOf(run, nameIn(name, run)).slice(),
    };
  },
};

type NameSource = AvpName | ((run: Run) => AvpName | null);

const NONE: PvValue[] = [];

function nameIn(name: NameSource, run: Run): AvpName | null {
  return typeof name === 'function' ? name(run) : name;
}

function valuesOf(run: Run, name: AvpName | null): PvValue[] {
  return (name === null ? undefined : run.msg.vars?.avps.get(name)) ?? NONE;
}

/** An alias, `s:name`, `i:number`, or a plain name, which is a string; null for `i:` without a number. */
export function parseAvpName(text: string, aliases: ReadonlyMap<string, AvpName>): AvpName | null {
  const alias = aliases.get(text);
  if (alias !== undefined) return alias;
  if (/^[sS]:./.test(text)) return text.slice(2);
  if (!/^[iI]:/.test(text)) return text === '' ? null : text;
  return /^\d{1,5}$/.test(text.slice(2)) ? Number(text.slice(2)) : null;
}

function avpName(use: PvUse, state: PvState): NameSource | { readonly error: string } {
  const text = use.name?.trim() ?? '';
  if (text.startsWith('$')) {
    const inner = use.pv(text);
    return (run) => inner.get(run);
  }
  if (use.isNameDynamic) {
    const format = use.nameFormat();
    return (run) => parseAvpName(format(run), state.avpAliases);
  }
  return parseAvpName(text, state.avpAliases) ?? { error: `'${text}' is no name of an AVP: name, s:name or i:number` };
}

function getter(name: NameSource, use: PvUse): PvAccessor['get'] {
  const { index } = use;
  if (index === '*')
    return (run) => {
      const values = valuesOf(run, nameIn(name, run));
      if (values.length < 2) return values[0] ?? null;
      return values.map((value) => valueToString(value)).join(', ');
    };
  if ((index === null || index === 0) && typeof name !== 'function')
    return (run) => run.msg.vars?.avps.get(name)?.[0] ?? null;
  return (run) => {
    const n = indexOf(index, run);
    return typeof n === 'number' ? (valuesOf(run, nameIn(name, run)).at(n) ?? null) : null;
  };
}

/** Kamailio looks at the index of an assignment only for `[*]`: replace all, or with $null remove all. */
function setter(name: NameSource, use: PvUse): NonNullable<PvAccessor['set']> {
  const isAll = use.index === '*';
  return (run, value) => {
    const key = nameIn(name, run);
    if (key === null) return false;
    if (value === null) {
      if (isAll) run.msg.vars?.removeAvps(key);
      else run.msg.vars?.removeAvp(key);
      return true;
    }
    const kept = typeof value === 'string' ? flatCopy(value) : value;
    const keptKey = typeof key === 'string' && typeof name === 'function' ? flatCopy(key) : key;
    if (isAll) varsOf(run.msg).setAvp(keptKey, kept);
    else varsOf(run.msg).addAvp(keptKey, kept);
    return true;
  };
}
