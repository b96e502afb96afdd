import { flatCopy, type PvAccessor, type PvDef, type PvUse } from 'strowger';
import type { PvState } from './state.ts';

/** $var(x), $vz(x), $vn(x): variables of the run; $shv(x): variables of the server. */
export const VARIABLE_PVS: Readonly<Record<string, PvDef<PvState>>> = {
  var: {
    doc: 'Variable of the run; 0 until it is set, and set to 0 by $null.',
    name: 'required',
    writable: true,
    bind: bindVar,
  },
  vz: { doc: 'The same as $var(name).', name: 'required', writable: true, bind: bindVar },
  vn: {
    doc: 'Variable of the run that can be null, as it is until it is set.',
    name: 'required',
    writable: true,
    bind: bindNullVar,
  },
  shv: {
    doc: 'Variable shared by all messages; 0 until it is set.',
    name: 'required',
    writable: true,
    bind: bindShared,
  },
  shvinc: {
    doc: 'Adds 1 to $shv(name) and gives what it is then.',
    name: 'required',
    bind: bindIncrement,
  },
};

/** `$vn(x)` has its slot under this name, so that it does not meet `$var(x)`. */
function nullVarSlotName(name: string): string {
  return `$vn(${name})`;
}

function bindVar(use: PvUse, state: PvState): Omit<PvAccessor, 'text'> | string {
  const name = variableName(use);
  if (name === null) return 'the name of the variable is missing';
  const slot = use.varSlot(name);
  const initial = state.initialVars.get(name) ?? 0;
  return {
    get: (run) => {
      const vars = run.vars;
      return vars === null ? initial : (vars[slot] ?? initial);
    },
    set: (run, value) => {
      run.slots()[slot] = value ?? 0;
    },
    slot: { index: slot, initial, ofNull: 0 },
  };
}

function bindNullVar(use: PvUse): Omit<PvAccessor, 'text'> | string {
  const name = variableName(use);
  if (name === null) return 'the name of the variable is missing';
  const slot = use.varSlot(nullVarSlotName(name));
  return {
    get: (run) => (run.vars === null ? null : (run.vars[slot] ?? null)),
    set: (run, value) => {
      run.slots()[slot] = value;
    },
    slot: { index: slot, initial: null, ofNull: null },
  };
}

function bindShared(use: PvUse, state: PvState): Omit<PvAccessor, 'text'> | string {
  const name = variableName(use);
  if (name === null) return 'the name of the variable is missing';
  const { shared } = state;
  shared.declare(name, 0);
  return {
    get: () => shared.get(name) ?? 0,
    // $null makes it the empty text, as in Kamailio.
    set: (_run, value) => {
      shared.set(name, typeof value === 'string' ? flatCopy(value) : (value ?? ''));
    },
  };
}

/** Text counts as 0. Workers that add at the same moment may add but one. */
function bindIncrement(use: PvUse, { shared }: PvState): Omit<PvAccessor, 'text'> | string {
  const name = variableName(use);
  if (name === null) return 'the name of the variable is missing';
  shared.declare(name, 0);
  return {
    get: () => {
      const value = shared.get(name);
      const next = ((typeof value === 'number' ? value : 0) + 1) | 0;
      shared.set(name, next);
      return next;
    },
  };
}

function variableName(use: PvUse): string | null {
  const name = use.name?.trim() ?? '';
  return name === '' ? null : name;
}
