import { createSocket, type Socket } from 'node:dgram';
import { MAX_DATAGRAM_BYTES } from './datagram-environment.ts';
import type { DatagramHandler, UdpDriver, UdpEndpoint, UdpOptions } from './drivers.ts';
import { hostPort, ipFamily, parseIpv4, parseIpv6 } from './ip-address.ts';
import { bindError, sendError } from './udp-addon.ts';
import { dialUdp } from './udp-dial.ts';

/** What may wait for a socket that cannot be written; beyond it datagrams are lost and reported. */
const QUEUE_BYTES = 4 << 20;

/** UDP through node:dgram, one system call a datagram: where the addon cannot be built. */
export class DgramUdpDriver implements UdpDriver {
  readonly name = 'dgram';
  readonly dial = dialUdp;
  readonly unsupported = ['tos', 'pathMtuDiscovery'] as const;

  open(options: UdpOptions, onDatagram: DatagramHandler, onError: (error: Error) => void): Promise<UdpEndpoint> {
    const isMulticast = isMulticastAddress(options.address);
    const socket = createSocket({
      type: options.family === 6 ? 'udp6' : 'udp4',
      ipv6Only: options.family === 6,
      reuseAddr: isMulticast,
      reusePort: options.reusePort === true,
      // Only literals are ever sent to: the answer is there at once, without a thread.
      lookup: (host, _options, callback) => callback(null, host, options.family),
      ...((options.receiveBufferBytes ?? 0) > 0 ? { recvBufferSize: options.receiveBufferBytes } : {}),
    });
    return new Promise((resolve, reject) => {
      const fail = (error: NodeJS.ErrnoException): void => {
        socket.removeAllListeners();
        socket.on('error', () => {});
        socket.close();
        reject(bindError(error.code ?? error.message, options, error));
      };
      socket.once('error', fail);
      socket.bind({ address: options.address, port: options.port }, () => {
        try {
          if (options.multicastTtl !== undefined) socket.setMulticastTTL(options.multicastTtl);
          if (options.multicastLoopback !== undefined) socket.setMulticastLoopback(options.multicastLoopback);
          if (isMulticast) socket.addMembership(options.address, options.multicastInterface);
        } catch (error) {
          fail(error as NodeJS.ErrnoException);
          return;
        }
        socket.off('error', fail);
        resolve(new DgramEndpoint(socket, options, onDatagram, onError));
      });
    });
  }
}

function isMulticastAddress(address: string): boolean {
  const v4 = parseIpv4(address);
  if (v4 !== -1) return v4 >>> 28 === 14;
  return (parseIpv6(address)?.words[0] ?? 0) >>> 24 === 0xff;
}

class DgramEndpoint implements UdpEndpoint {
  readonly address: string;
  readonly port: number;
  readonly #socket: Socket;
  readonly #family: 4 | 6;
  readonly #onError: (error: Error) => void;
  #isClosed = false;

  constructor(socket: Socket, options: UdpOptions, onDatagram: DatagramHandler, onError: (error: Error) => void) {
    this.address = options.address;
    this.port = socket.address().port;
    this.#socket = socket;
    this.#family = options.family;
    this.#onError = onError;
    socket.on('message', (data, from) => onDatagram(data.latin1Slice(), from.address, from.port));
    socket.on('error', onError);
  }

  send(text: string, ip: string, port: number): void {
    if (this.#isClosed) return;
    const length = text.length;
    if (ipFamily(ip) !== this.#family || port < 1 || port > 65535) return this.#fail('EINVAL', length, ip, port);
    if (length > MAX_DATAGRAM_BYTES) return this.#fail('EMSGSIZE', length, ip, port);
    if (this.#socket.getSendQueueSize() + length > QUEUE_BYTES) return this.#fail('ENOBUFS', length, ip, port);
    this.#socket.send(Buffer.from(text, 'latin1'), port, ip, (error: NodeJS.ErrnoException | null) => {
      if (error !== null) this.#fail(error.code ?? error.message, length, ip, port);
    });
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket.removeAllListeners('message');
    this.#socket.close();
  }

  #fail(errno: string, length: number, ip: string, port: number): void {
    this.#onError(sendError(errno, length, hostPort(this.address, this.port), hostPort(ip, port)));
  }
}
