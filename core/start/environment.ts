import { lookup } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import process from 'node:process';
import type { Log } from '../log/log.ts';
import { ModuleLoader } from '../module/loader.ts';
import type { DnsFiles, DnsTransport } from '../resolve/dns-transport.ts';
import type { Clock, Random } from '../timer/clock.ts';
import { CryptoRandom } from '../timer/random.ts';
import { RealClock } from '../timer/real-clock.ts';
import type { StreamDriver, UdpDriver } from '../transport/drivers.ts';
import { sourceAddress } from '../transport/source-address.ts';
import { selectUdpDriver, type UdpDriverChoice } from '../transport/udp.ts';

/** The world a server runs in: the real one, or that of a test (architecture §6). */
export interface Environment {
  readonly clock: Clock;
  readonly random: Random;
  /** Made when the settings are known. */
  udp(choice: UdpDriverChoice, log: Log): UdpDriver;
  /** Null for the machine's own TCP, made with the script's socket options. */
  readonly tcp: StreamDriver | null;
  readonly dns: DnsTransport | null;
  readonly dnsFiles: (() => DnsFiles) | null;
  /** A file's text as latin1, null when it can not be read. */
  readFile(path: string): string | null;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly loader: ModuleLoader;
  /** Addresses of interfaces, for `listen=eth0` and automatic listening. */
  interfaces(): ReturnType<typeof networkInterfaces>;
  /** Addresses of a host name in a `listen` or `alias` line. */
  lookupHost(name: string): Promise<readonly string[]>;
  /** The local address from which the system would send to an address, for `mhomed`. */
  sourceAddress?(ip: string): Promise<string | null>;
}

/** The real world. */
export function systemEnvironment(): Environment {
  return {
    clock: new RealClock(),
    random: new CryptoRandom(),
    udp: (choice, log) => selectUdpDriver(choice, (reason) => log.notice(`UDP goes through node:dgram: ${reason}`)),
    tcp: null,
    dns: null,
    dnsFiles: null,
    readFile(path) {
      try {
        return readFileSync(path, 'latin1');
      } catch {
        return null;
      }
    },
    env: process.env,
    loader: new ModuleLoader(),
    interfaces: networkInterfaces,
    lookupHost: async (name) => (await lookup(name, { all: true })).map((entry) => entry.address),
    sourceAddress,
  };
}
