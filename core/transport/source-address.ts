import { createSocket } from 'node:dgram';
import { ipFamily } from './ip-address.ts';

/** Any port will do: nothing is sent. */
const PROBE_PORT = 9;

/**
 * The local address from which the system would send to `ip`, as its routes say; null where it has none. Asks the
 * kernel by connecting a datagram socket, which sends nothing (Kamailio: mhomed).
 */
export function sourceAddress(ip: string): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = createSocket(ipFamily(ip) === 6 ? 'udp6' : 'udp4');
    const end = (address: string | null): void => {
      socket.removeAllListeners();
      socket.close();
      resolve(address);
    };
    socket.once('error', () => end(null));
    socket.once('connect', () => end(socket.address().address));
    socket.connect(PROBE_PORT, ip);
  });
}
