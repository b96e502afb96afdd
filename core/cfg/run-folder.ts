import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * Where sockets and FIFOs go when neither `-Y` nor `rundir` says: `/run/strowger` for root, else a folder only the user
 * can write to.
 */
export function standardRunFolder(
  uid: number | undefined = process.getuid?.(),
  env: NodeJS.ProcessEnv = process.env,
): string {
  if (uid === 0) return '/run/strowger';
  const own = env['XDG_RUNTIME_DIR'];
  return own === undefined || own === '' ? join(homedir(), '.strowger') : join(own, 'strowger');
}
