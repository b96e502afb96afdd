import type { Settings } from '../cfg/settings.ts';

/** Workers of a server: `workers`, or `children` as far as there are cores. */
export function workerCount(settings: Settings, cores: number): number {
  const asked = settings.int('workers');
  return asked > 0 ? asked : Math.max(1, Math.min(settings.int('children'), cores));
}
