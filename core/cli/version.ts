import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { packageFolder } from '../module/builtin.ts';

/** The Kamailio version whose scripts, options and replies are followed. */
export const KAMAILIO_VERSION = '5.6.3';

let version: string | null = null;

/** Version of this package. */
export function packageVersion(): string {
  version ??= (JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')) as { version: string }).version;
  return version;
}

/** `strowger 0.1.0` */
export function versionText(): string {
  return `strowger ${packageVersion()}`;
}

/** What -v and `strowger version` print. */
export function versionLines(): string {
  return [
    `version: ${versionText()} (${process.arch}/${process.platform})`,
    `scripts: Kamailio ${KAMAILIO_VERSION}`,
    `runtime: Node.js ${process.versions.node}, V8 ${process.versions.v8}`,
    '',
  ].join('\n');
}
