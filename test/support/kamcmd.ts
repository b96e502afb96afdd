import { ChildGroup } from './child-group.ts';

/** What Kamailio's kamcmd prints, errors as well. `address` is that of a ctl socket: `unix:/path`, `tcp:host:port`. */
export async function kamcmd(address: string, ...args: readonly string[]): Promise<string> {
  const { stdout, stderr } = await new ChildGroup('kamcmd', ['-s', address, ...args]).end(5000);
  return stdout + stderr;
}
