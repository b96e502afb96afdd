import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Clock, ClockHandle } from '../timer/clock.ts';

/** Editors write a file in several steps: what follows within this time is the same change, ms. */
const QUIET_MS = 200;

/**
 * Calls `onChange` when one of `files` was written, also by an editor that puts a new file in its place. `files` is asked
 * anew after each change, as the script may include others then. Returns what ends it.
 */
export function watchFiles(files: () => readonly string[], clock: Clock, onChange: () => Promise<void>): () => void {
  // Folders are watched, not files: a file that is replaced takes its watcher with it.
  const folders = new Map<string, FSWatcher>();
  let pending: ClockHandle | null = null;
  let isClosed = false;

  const changed = (): void => {
    if (pending !== null) clock.unschedule(pending);
    pending = clock.schedule(QUIET_MS, () => {
      pending = null;
      void onChange().then(look);
    });
  };
  const isOurs = (folder: string, name: string): boolean =>
    files().some((file) => dirname(file) === folder && basename(file) === name);
  const look = (): void => {
    if (isClosed) return;
    for (const folder of new Set(files().map(dirname))) {
      if (folders.has(folder)) continue;
      const watcher = watch(folder, (_event, name) => {
        if (name === null || isOurs(folder, name)) changed();
      });
      // The folder is gone: nothing of it can change.
      watcher.on('error', () => watcher.close());
      folders.set(folder, watcher);
    }
  };

  look();
  return () => {
    isClosed = true;
    if (pending !== null) clock.unschedule(pending);
    for (const watcher of folders.values()) watcher.close();
  };
}
