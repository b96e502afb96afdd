import { StrowgerError } from '../errors.ts';
import { datagramEnvironment } from './datagram-environment.ts';
import type { UdpDriver } from './drivers.ts';
import { AddonUdpDriver } from './udp-addon.ts';
import { DgramUdpDriver } from './udp-dgram.ts';

/** `auto`: the addon where it can be loaded, node:dgram elsewhere. */
export type UdpDriverChoice = 'auto' | 'addon' | 'dgram';

/**
 * The UDP driver of this thread. Throws `UDP_DRIVER` when `addon` is asked for by name and cannot be loaded; with
 * `auto`, `onFallback` gets the reason why it is not the addon.
 */
export function selectUdpDriver(choice: UdpDriverChoice = 'auto', onFallback?: (reason: string) => void): UdpDriver {
  if (choice === 'dgram') return new DgramUdpDriver();
  const environment = datagramEnvironment();
  if (typeof environment !== 'string') return new AddonUdpDriver(environment);
  if (choice === 'addon') throw new StrowgerError('UDP_DRIVER', `the UDP addon cannot be used: ${environment}`);
  onFallback?.(environment);
  return new DgramUdpDriver();
}
