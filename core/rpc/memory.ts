import { getHeapSpaceStatistics, getHeapStatistics } from 'node:v8';

/**
 * Memory in the terms of Kamailio's shared memory, bytes: `total` is the heap's limit, `used` what lives in the heap,
 * `real_used` what the process holds in memory, `max_used` the most it ever held, `fragments` the heap's spaces.
 */
export interface MemoryUsage {
  readonly total: number;
  readonly free: number;
  readonly used: number;
  readonly real_used: number;
  readonly max_used: number;
  readonly fragments: number;
}

export function memoryUsage(): MemoryUsage {
  const { heap_size_limit: total, used_heap_size: used } = getHeapStatistics();
  return {
    total,
    free: Math.max(0, total - used),
    used,
    real_used: process.memoryUsage.rss(),
    max_used: process.resourceUsage().maxRSS * 1024,
    fragments: getHeapSpaceStatistics().length,
  };
}

/** Bytes in one unit: b, k, m, g, either case. Null for another letter. */
export function scaleOf(unit: string): number | null {
  const power = unit.length === 1 ? 'bkmg'.indexOf(unit.toLowerCase()) : -1;
  return power < 0 ? null : 1024 ** power;
}

/** The sizes in units of `scale` bytes, rounded down; the count of fragments stays. */
export function scaled(usage: MemoryUsage, scale: number): Record<keyof MemoryUsage, number> {
  const { fragments, ...sizes } = usage;
  const entries = Object.entries(sizes).map(([name, bytes]) => [name, Math.floor(bytes / scale)]);
  return { ...(Object.fromEntries(entries) as Record<keyof Omit<MemoryUsage, 'fragments'>, number>), fragments };
}
