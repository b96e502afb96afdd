import { getSystemErrorName } from 'node:util';
import { StrowgerError } from '../errors.ts';
import type { DatagramEnvironment } from './datagram-environment.ts';
import type { DatagramHandler, UdpDriver, UdpEndpoint, UdpOptions } from './drivers.ts';
import { hostPort } from './ip-address.ts';
import { dialUdp } from './udp-dial.ts';

/** UDP in batches through the native addon. */
export class AddonUdpDriver implements UdpDriver {
  readonly name = 'addon';
  readonly dial = dialUdp;
  readonly #environment: DatagramEnvironment;

  constructor(environment: DatagramEnvironment) {
    this.#environment = environment;
  }

  async open(options: UdpOptions, onDatagram: DatagramHandler, onError: (error: Error) => void): Promise<UdpEndpoint> {
    const { native } = this.#environment;
    const id = native.udpOpen(options.address, options.port, nativeOptions(options), options.multicastInterface ?? '');
    if (id < 0) throw bindError(getSystemErrorName(id), options);
    native.gather(options.batchDelayMicros ?? 0);
    const port = native.localPort(id);
    this.#environment.add(id, {
      family: options.family,
      onDatagram,
      onUnix: () => {},
      clock: options.clock,
      onFailure: (code, length, to) => onError(sendError(code, length, hostPort(options.address, port), to)),
    });
    return new AddonEndpoint(this.#environment, id, options.address, port);
  }
}

/** In the order of the OPT_ constants of datagram.c. */
function nativeOptions(options: UdpOptions): Int32Array {
  return Int32Array.of(
    options.reusePort === true ? 1 : 0,
    options.receiveBufferBytes ?? 0,
    options.tos ?? -1,
    options.multicastTtl ?? -1,
    options.multicastLoopback === undefined ? -1 : Number(options.multicastLoopback),
    options.pathMtuDiscovery ?? -1,
  );
}

class AddonEndpoint implements UdpEndpoint {
  readonly address: string;
  readonly port: number;
  readonly #environment: DatagramEnvironment;
  readonly #id: number;
  #isClosed = false;

  constructor(environment: DatagramEnvironment, id: number, address: string, port: number) {
    this.#environment = environment;
    this.#id = id;
    this.address = address;
    this.port = port;
  }

  send(text: string, ip: string, port: number): void {
    if (!this.#isClosed) this.#environment.send(this.#id, text, ip, port);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#environment.close(this.#id);
  }
}

/** `UDP_BIND`: a socket could not be opened; `errno` by name. */
export function bindError(errno: string, options: { address: string; port: number }, cause?: unknown): StrowgerError {
  return new StrowgerError(
    'UDP_BIND',
    `udp:${hostPort(options.address, options.port)}: cannot listen: ${errno}`,
    cause,
  );
}

/** `UDP_SEND`: a datagram was not sent. */
export function sendError(errno: string, lengthBytes: number, from: string, to: string): StrowgerError {
  return new StrowgerError('UDP_SEND', `udp:${from}: sending ${lengthBytes} bytes to ${to} failed: ${errno}`);
}
