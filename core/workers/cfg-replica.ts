import type { CfgValue } from '../cfg/groups.ts';
import type { Server } from '../server.ts';
import type { Bus } from './bus.ts';

interface CfgState {
  readonly groups: readonly (readonly [group: string, name: string, value: CfgValue])[];
  readonly params: readonly (readonly [module: string, name: string, value: CfgValue])[];
}

/** What `cfg.*` has changed is known to a worker that starts later. (The changes themselves run on all workers.) */
export function replicateCfg(server: Server, bus: Bus): void {
  const { groups } = server.settings;
  bus.replicate('core.cfg', {
    snapshot: (): CfgState => ({
      groups: groups.names().flatMap((group) =>
        groups.vars(group).flatMap(({ name }) => {
          const value = groups.get(group, null, name);
          return value === undefined ? [] : [[group, name, value] as const];
        }),
      ),
      params: server.modules.runtimeParams().flatMap(({ module, name }) => {
        const value = server.modules.param(module, name);
        return typeof value === 'string' || typeof value === 'number' ? [[module, name, value] as const] : [];
      }),
    }),
    restore: (state) => {
      const { groups: values, params } = state as CfgState;
      for (const [group, name, value] of values) {
        if (groups.find(group, name) !== undefined && groups.get(group, null, name) !== value)
          groups.set(group, null, name, value);
      }
      for (const [module, name, value] of params) {
        if (server.modules.param(module, name) !== value) server.modules.setParam(module, name, value);
      }
    },
  });
}
