import { createSocket } from 'node:dgram';
import type { DatagramHandler, UdpDialOptions, UdpEndpoint } from './drivers.ts';
import { ipFamily } from './ip-address.ts';
import { bindError, sendError } from './udp-addon.ts';

/**
 * A datagram socket connected to one peer: it hears nobody else, and learns when the peer's port is closed
 * (`ECONNREFUSED` to `onError`). For clients, which send little.
 */
export function dialUdp(
  options: UdpDialOptions,
  onDatagram: DatagramHandler,
  onError: (error: Error) => void,
): Promise<UdpEndpoint> {
  const { ip, port, localAddress } = options;
  const family = ipFamily(ip) === 6 ? 6 : 4;
  const socket = createSocket({
    type: family === 6 ? 'udp6' : 'udp4',
    lookup: (host, _options, callback) => callback(null, host, family),
  });
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void => {
      socket.removeAllListeners();
      socket.on('error', () => {});
      socket.close();
      reject(bindError(error.code ?? error.message, { address: localAddress ?? ip, port: 0 }, error));
    };
    socket.once('error', fail);
    socket.bind({ address: localAddress ?? (family === 6 ? '::' : '0.0.0.0'), port: 0 }, () => {
      socket.connect(port, ip, () => {
        socket.off('error', fail);
        const local = socket.address();
        const report = (length: number) => (error: NodeJS.ErrnoException | null) => {
          if (error !== null) onError(sendError(error.code ?? error.message, length, local.address, `${ip}:${port}`));
        };
        socket.on('error', report(0));
        socket.on('message', (data) => onDatagram(data.toString('latin1'), ip, port));
        let isClosed = false;
        resolve({
          address: local.address,
          port: local.port,
          send(text) {
            if (!isClosed) socket.send(Buffer.from(text, 'latin1'), report(text.length));
          },
          close() {
            if (isClosed) return;
            isClosed = true;
            socket.close();
          },
        });
      });
    });
  });
}
