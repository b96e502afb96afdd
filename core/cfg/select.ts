import type { Run } from '../script/run.ts';
import type { CfgValue } from './groups.ts';

/** Key of the selection in `run.locals`. */
const SELECTION = {};

function selection(run: Run): Map<string, number> | undefined {
  return run.locals?.get(SELECTION) as Map<string, number> | undefined;
}

/** `cfg_select("group", id)`: from here on this run reads the instance's values. False when there is no such instance. */
export function cfgSelect(run: Run, group: string, id: number): boolean {
  if (!run.server.settings.groups.hasInstance(group, id)) return false;
  const chosen = selection(run);
  if (chosen !== undefined) chosen.set(group, id);
  else {
    run.locals ??= new Map();
    run.locals.set(SELECTION, new Map([[group, id]]));
  }
  return true;
}

/** `cfg_reset("group")`: back to the group's own values. */
export function cfgReset(run: Run, group: string): void {
  selection(run)?.delete(group);
}

/** `@cfg_selected.group`: the instance this run reads; null where it reads the group itself. */
export function cfgSelected(run: Run, group: string): number | null {
  return selection(run)?.get(group) ?? null;
}

/** `@cfg_get.group.name` in this run; undefined when there is no such variable. */
export function cfgGet(run: Run, group: string, name: string): CfgValue | undefined {
  return run.server.settings.groups.get(group, cfgSelected(run, group), name);
}
