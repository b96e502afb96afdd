import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** What Kamailio's kamcmd prints, errors as well. `address` is that of a ctl socket: `unix:/path`, `tcp:host:port`. */
export async function kamcmd(address: string, ...args: readonly string[]): Promise<string> {
  try {
    const { stdout, stderr } = await promisify(execFile)('kamcmd', ['-s', address, ...args], { timeout: 5000 });
    return stdout + stderr;
  } catch (error) {
    const { stdout, stderr } = error as { readonly stdout: string; readonly stderr: string };
    return stdout + stderr;
  }
}
