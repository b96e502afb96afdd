import type { Clock, Random } from '../../core/timer/clock.ts';
import type {
  DatagramHandler,
  StreamConnection,
  StreamConnectOptions,
  StreamDriver,
  StreamListener,
  StreamListenOptions,
  UdpDriver,
  UdpEndpoint,
  UdpOptions,
} from '../../core/transport/drivers.ts';
import { SimStream } from './sim-stream.ts';

/** How one direction between two hosts behaves. Rates are probabilities 0 … 1; streams feel only the delay. */
export interface LinkOptions {
  readonly loss?: number;
  /** One-way delay in milliseconds, drawn evenly from this range for each packet. */
  readonly delayMs?: readonly [min: number, max: number];
  readonly duplicate?: number;
  /** Chance that a datagram is held back by `reorderMs` more, so that later ones overtake it. */
  readonly reorder?: number;
  readonly reorderMs?: number;
}

export interface SimNetworkOptions {
  /** For every link that `setLink` does not describe; the default delivers after 1 ms and loses nothing. */
  readonly link?: LinkOptions;
  /** Streams hand over at most this many bytes at a time, cut at random; 0 (default) keeps writes whole. */
  readonly maxChunkBytes?: number;
}

/** What happened to a datagram, for traces of a failing seed. */
export interface PacketEvent {
  readonly atMs: number;
  readonly what: 'sent' | 'delivered' | 'lost' | 'duplicated' | 'unreachable';
  readonly from: string;
  readonly to: string;
  readonly text: string;
}

const MAX_DATAGRAM_BYTES = 65_507;
const FIRST_EPHEMERAL_PORT = 32_768;

interface BoundSocket {
  readonly ip: string;
  readonly port: number;
  readonly onDatagram: DatagramHandler;
}

interface BoundListener {
  readonly onConnection: (conn: StreamConnection) => void;
}

/**
 * Hosts and the links between them, on a clock and a random source of the test: packets are lost, delayed, doubled
 * and overtaken as the links say, and the same seed gives the same run. Any number of servers share one network.
 */
export class SimNetwork {
  readonly clock: Clock;
  readonly random: Random;
  readonly maxChunkBytes: number;
  readonly counts = { sent: 0, delivered: 0, lost: 0, duplicated: 0, unreachable: 0 };
  /** Set it to watch every datagram. */
  onPacket: ((event: PacketEvent) => void) | null = null;
  readonly #defaultLink: LinkOptions;
  readonly #links = new Map<string, LinkOptions>();
  readonly #hosts = new Map<string, SimHost>();
  readonly #sockets = new Map<string, BoundSocket>();
  readonly #listeners = new Map<string, BoundListener>();
  readonly #streams = new Set<SimStream>();
  readonly #blocked = new Set<string>();
  #nextPort = FIRST_EPHEMERAL_PORT;

  constructor(clock: Clock, random: Random, options: SimNetworkOptions = {}) {
    this.clock = clock;
    this.random = random;
    this.#defaultLink = options.link ?? {};
    this.maxChunkBytes = options.maxChunkBytes ?? 0;
  }

  /** The host with this address, made on first use. */
  host(ip: string): SimHost {
    let host = this.#hosts.get(ip);
    if (host === undefined) this.#hosts.set(ip, (host = new SimHost(this, ip)));
    return host;
  }

  /** Describes the direction `from` → `to`; `*` stands for any host, and the more specific description wins. */
  setLink(from: string, to: string, options: LinkOptions): void {
    this.#links.set(`${from}>${to}`, options);
  }

  /** Cuts every link between the two groups, both ways and silently, until `heal`. */
  partition(groupA: readonly string[], groupB: readonly string[]): void {
    for (const a of groupA) {
      for (const b of groupB) {
        this.#blocked.add(`${a}>${b}`);
        this.#blocked.add(`${b}>${a}`);
      }
    }
  }

  /** Cuts a host off from all others: the cable is out, nobody is told. */
  isolate(ip: string): void {
    this.#blocked.add(ip);
  }

  /** Undoes every partition and isolation; streams go on where they stopped. */
  heal(): void {
    this.#blocked.clear();
    for (const stream of this.#streams) stream.kick();
  }

  /** Ends a host's process: its sockets are gone, its streams are reset, connecting to it is refused. */
  kill(ip: string): void {
    for (const key of this.#sockets.keys()) if (this.#sockets.get(key)?.ip === ip) this.#sockets.delete(key);
    for (const key of this.#listeners.keys()) if (key.startsWith(`${ip}|`)) this.#listeners.delete(key);
    for (const stream of this.#streams) if (stream.localIp === ip) stream.destroy();
  }

  isReachable(from: string, to: string): boolean {
    if (from === to) return true;
    return !this.#blocked.has(from) && !this.#blocked.has(to) && !this.#blocked.has(`${from}>${to}`);
  }

  /** One drawn delay of the direction, in milliseconds. */
  delay(from: string, to: string): number {
    const [min, max] = this.link(from, to).delayMs ?? [1, 1];
    return max > min ? min + this.random.int(max - min + 1) : min;
  }

  link(from: string, to: string): LinkOptions {
    return (
      this.#links.get(`${from}>${to}`) ??
      this.#links.get(`${from}>*`) ??
      this.#links.get(`*>${to}`) ??
      this.#links.get('*>*') ??
      this.#defaultLink
    );
  }

  /** @internal Binds a datagram socket; port 0 takes the next free one. */
  bindUdp(ip: string, port: number, onDatagram: DatagramHandler): BoundSocket {
    const bound = port === 0 ? this.#freePort((candidate) => this.#sockets.has(`${ip}|${candidate}`)) : port;
    const key = `${ip}|${bound}`;
    if (this.#sockets.has(key)) throw simError('EADDRINUSE', `bind ${ip}:${bound}`);
    const socket = { ip, port: bound, onDatagram };
    this.#sockets.set(key, socket);
    return socket;
  }

  /** @internal */
  unbindUdp(socket: BoundSocket): void {
    const key = `${socket.ip}|${socket.port}`;
    if (this.#sockets.get(key) === socket) this.#sockets.delete(key);
  }

  /** @internal */
  sendUdp(from: BoundSocket, text: string, ip: string, port: number): void {
    if (text.length > MAX_DATAGRAM_BYTES) throw simError('EMSGSIZE', `send ${text.length} bytes`);
    if (this.#sockets.get(`${from.ip}|${from.port}`) !== from) return;
    this.#count('sent', from, ip, port, text);
    const link = this.link(from.ip, ip);
    if (!this.isReachable(from.ip, ip)) return this.#count('unreachable', from, ip, port, text);
    if (this.#chance(link.loss)) return this.#count('lost', from, ip, port, text);
    this.#deliverLater(from, text, ip, port, link);
    if (this.#chance(link.duplicate)) {
      this.#count('duplicated', from, ip, port, text);
      this.#deliverLater(from, text, ip, port, link);
    }
  }

  /** @internal */
  listen(ip: string, port: number, onConnection: (conn: StreamConnection) => void): number {
    const bound = port === 0 ? this.#freePort((candidate) => this.#listeners.has(`${ip}|${candidate}`)) : port;
    if (this.#listeners.has(`${ip}|${bound}`)) throw simError('EADDRINUSE', `listen ${ip}:${bound}`);
    this.#listeners.set(`${ip}|${bound}`, { onConnection });
    return bound;
  }

  /** @internal */
  unlisten(ip: string, port: number): void {
    this.#listeners.delete(`${ip}|${port}`);
  }

  /** @internal Opens a stream: one delay there, one back. */
  connect(localIp: string, options: StreamConnectOptions): Promise<StreamConnection> {
    return new Promise((resolve, reject) => {
      const { ip, port } = options;
      const localPort = options.localPort ?? this.#freePort(() => false);
      const timeout = this.clock.schedule(options.timeoutMs, () => {
        reject(simError('ETIMEDOUT', `connect ${ip}:${port}`));
      });
      if (!this.isReachable(localIp, ip)) return;
      this.clock.schedule(this.delay(localIp, ip), () => {
        if (!this.isReachable(ip, localIp)) return;
        const listener = this.#listeners.get(`${ip}|${port}`);
        const [near, far] = SimStream.pair(this, localIp, localPort, ip, port);
        if (listener !== undefined) {
          near.pause();
          this.#track(near, far);
          listener.onConnection(far);
        }
        this.clock.schedule(this.delay(ip, localIp), () => {
          this.clock.unschedule(timeout);
          if (listener === undefined) return reject(simError('ECONNREFUSED', `connect ${ip}:${port}`));
          // What came before the connecting side could set its handlers waits for the next event.
          near.resume();
          resolve(near);
        });
      });
    });
  }

  /** @internal */
  forget(stream: SimStream): void {
    this.#streams.delete(stream);
  }

  #track(near: SimStream, far: SimStream): void {
    this.#streams.add(near);
    this.#streams.add(far);
  }

  #deliverLater(from: BoundSocket, text: string, ip: string, port: number, link: LinkOptions): void {
    let delayMs = this.delay(from.ip, ip);
    if (this.#chance(link.reorder)) delayMs += link.reorderMs ?? 10;
    this.clock.schedule(delayMs, () => {
      const socket = this.#sockets.get(`${ip}|${port}`);
      const arrives = socket !== undefined && this.isReachable(from.ip, ip);
      this.#count(arrives ? 'delivered' : 'unreachable', from, ip, port, text);
      if (arrives) socket.onDatagram(text, from.ip, from.port);
    });
  }

  #chance(rate: number | undefined): boolean {
    return rate !== undefined && rate > 0 && this.random.uint32() < rate * 0x1_0000_0000;
  }

  #count(what: PacketEvent['what'], from: BoundSocket, ip: string, port: number, text: string): void {
    this.counts[what]++;
    this.onPacket?.({ atMs: this.clock.now(), what, from: `${from.ip}:${from.port}`, to: `${ip}:${port}`, text });
  }

  #freePort(isTaken: (port: number) => boolean): number {
    let port = this.#nextPort;
    while (isTaken(port)) port++;
    this.#nextPort = port >= 60_999 ? FIRST_EPHEMERAL_PORT : port + 1;
    return port;
  }
}

/** One host: the drivers to give to a server or a peer that lives there. Any address binds as the host's own. */
export class SimHost {
  readonly ip: string;
  readonly udp: UdpDriver;
  readonly stream: StreamDriver;
  readonly #network: SimNetwork;

  constructor(network: SimNetwork, ip: string) {
    this.#network = network;
    this.ip = ip;
    this.udp = {
      name: 'sim',
      open: (options, onDatagram) => Promise.resolve().then(() => this.#openUdp(options, onDatagram)),
    };
    this.stream = {
      name: 'sim',
      listen: (options, onConnection) => Promise.resolve().then(() => this.#listen(options, onConnection)),
      connect: (options) => network.connect(this.#localIp(options.localAddress), options),
    };
  }

  #openUdp(options: UdpOptions, onDatagram: DatagramHandler): UdpEndpoint {
    const socket = this.#network.bindUdp(this.#localIp(options.address), options.port, onDatagram);
    return {
      address: options.address,
      port: socket.port,
      send: (text, ip, port) => this.#network.sendUdp(socket, text, ip, port),
      close: () => this.#network.unbindUdp(socket),
    };
  }

  #listen(options: StreamListenOptions, onConnection: (conn: StreamConnection) => void): StreamListener {
    const ip = this.#localIp(options.address);
    const port = this.#network.listen(ip, options.port, onConnection);
    return {
      address: options.address,
      port,
      close: () => Promise.resolve(this.#network.unlisten(ip, port)),
    };
  }

  #localIp(address: string | undefined): string {
    return address === undefined || address === '0.0.0.0' || address === '::' ? this.ip : address;
  }
}

/** An error as Node's sockets give it, with `code`. */
export function simError(code: string, doing: string): Error {
  return Object.assign(new Error(`${doing}: ${code}`), { code });
}
