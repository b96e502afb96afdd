import { flatCopy, type RpcArgs, RpcFault, type RpcMethod, RpcStruct, type RpcValue } from 'strowger';
import type { PvState } from './state.ts';

const USAGE = '(Parameters: varname type value)';

/** pv.shvSet and pv.shvGet. A variable exists once a script names it or `shvset` sets it. */
export const SHARED_RPC: Readonly<Record<string, RpcMethod<PvState>>> = {
  'pv.shvSet': {
    doc: 'Sets a shared variable that exists: name, type (int or str), value.',
    params: ['name', 'type', 'value'],
    run: (params, state) => {
      const name = textAt(params, 0, 'varname');
      const type = textAt(params, 1, 'type');
      if (type !== 'int' && type !== 'str') throw new RpcFault(500, 'Unknown parameter type (Types: int or str)');
      const value = type === 'int' ? integerAt(params, 2) : textAt(params, 2, 'value');
      if (!state.shared.has(name)) throw new RpcFault(404, 'Variable not found');
      state.shared.set(name, typeof value === 'string' ? flatCopy(value) : value);
      return 'Ok. Variable set to new value.';
    },
  },
  'pv.shvGet': {
    doc: 'Gives one shared variable, or all of them.',
    params: ['[name]'],
    run: (params, state) => {
      if (!params.has(0)) {
        const items = new RpcStruct();
        for (const [name, value] of [...state.shared].toReversed()) items.add('shv', describe(name, value));
        return { items };
      }
      const name = params.str(0);
      const value = state.shared.get(name);
      if (value === undefined) throw new RpcFault(404, 'Variable not found');
      return describe(name, value);
    },
  },
};

function textAt(params: RpcArgs, index: number, what: string): string {
  if (!params.has(index)) throw new RpcFault(500, `Missing parameter ${what} ${USAGE}`);
  return params.str(index);
}

function integerAt(params: RpcArgs, index: number): number {
  try {
    return params.int(index);
  } catch {
    throw new RpcFault(500, `Missing integer parameter value ${USAGE}`);
  }
}

function describe(name: string, value: string | number): RpcValue {
  return { name, type: typeof value === 'number' ? 'int' : 'string', value };
}
