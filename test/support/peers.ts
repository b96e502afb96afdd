import { existsSync, globSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import process from 'node:process';

/** Foreign programs that the `.peer.test.ts` suites run, and the Debian packages they come in. */
export const PEERS = {
  baresip: 'baresip',
  chromium: 'chromium',
  kamailio:
    'kamailio kamailio-extra-modules kamailio-mysql-modules kamailio-outbound-modules kamailio-postgres-modules ' +
    'kamailio-presence-modules kamailio-sqlite-modules kamailio-tls-modules kamailio-websocket-modules kamailio-xml-modules',
  kamcmd: 'kamailio',
  mariadbd: 'mariadb-server',
  openssl: 'openssl',
  rtpengine: 'rtpengine-daemon',
  postgres: 'postgresql',
  sipp: 'sip-tester',
  sipsak: 'sipsak',
} as const;

type PeerName = keyof typeof PEERS;

/**
 * Value for a suite's `skip`: false where the programs are installed, else which one is missing and how to install it.
 * With STROWGER_REQUIRE_PEERS=1 nothing is skipped: a missing one is thrown, and the test file fails.
 */
export function skipWithout(...names: readonly PeerName[]): string | false {
  const missing = names.filter((name) => !isInstalled(name));
  if (missing.length === 0) return false;
  const reason = missing.map((name) => `${name} is not installed: apt-get install ${PEERS[name]}`).join('; ');
  if (process.env['STROWGER_REQUIRE_PEERS'] === '1') throw new Error(reason);
  return reason;
}

function isInstalled(name: string): boolean {
  // Debian keeps servers' programs out of the path of users.
  const folders = [
    ...(process.env['PATH'] ?? '').split(delimiter),
    '/usr/sbin',
    ...globSync('/usr/lib/postgresql/*/bin'),
  ];
  return folders.some((folder) => existsSync(join(folder, name)));
}
