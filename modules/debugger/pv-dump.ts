import { type Run, varsOf, type XavpList, type XavpValue } from 'strowger';

/** What is shown. */
const MASK = { NULL: 1, AVP: 2, VAR: 4, XAVP: 8, OTHER: 16 } as const;

type Json = string | number | null | readonly Json[] | { readonly [name: string]: Json };

/** Variables of a run as JSON, by their names in the script. */
export function dumpVariables(run: Run, mask: number): string {
  const shown: Record<string, Json> = {};
  const show = (name: string, value: Json): void => {
    if (value !== null || (mask & MASK.NULL) !== 0) shown[name] = value;
  };
  if ((mask & MASK.OTHER) !== 0) {
    for (const variable of run.program.variables ?? []) show(variable.text, variable.get(run));
  }
  if ((mask & MASK.VAR) !== 0) {
    for (const [name, slot] of run.program.varSlots) show(`$var(${name})`, run.vars?.[slot] ?? 0);
  }
  const vars = varsOf(run.msg);
  if ((mask & MASK.AVP) !== 0) for (const [name, values] of vars.avps) show(`$avp(${name})`, values);
  if ((mask & MASK.XAVP) !== 0) for (const [name, values] of byName(vars.xavps)) show(`$xavp(${name})`, values);
  return JSON.stringify(shown);
}

/** Values of a list by name, newest first; nested lists are bounded by what scripts make. */
function byName(list: XavpList): Map<string, Json[]> {
  const found = new Map<string, Json[]>();
  for (const { name, value } of list.items) {
    const values = found.get(name);
    if (values === undefined) found.set(name, [jsonOf(value)]);
    else values.push(jsonOf(value));
  }
  return found;
}

function jsonOf(value: XavpValue): Json {
  return value === null || typeof value !== 'object' ? value : Object.fromEntries(byName(value));
}
