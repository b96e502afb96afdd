import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { WebSocket } from 'ws';
import { TestMsg } from './msg.ts';

export type PhoneTransport = 'udp' | 'tcp' | 'tls' | 'ws' | 'wss';

/** Names of the transports in Via. */
export const VIA_NAMES: Readonly<Record<PhoneTransport, string>> = {
  udp: 'UDP',
  tcp: 'TCP',
  tls: 'TLS',
  ws: 'WS',
  wss: 'WSS',
};

/** What a phone sends over and hears from: a UDP socket, or a connection to the server. */
export interface Wire {
  /** `host:port` for Via and Contact; made up for a browser, which knows none. */
  readonly address: string;
  /** `host:port` it sends from, as far as it knows. */
  readonly source: string;
  hear: (text: string) => void;
  send(text: string): void;
  read(text: string): TestMsg;
  close(): void;
}

interface WireOptions {
  readonly serverPort: number;
  readonly ip?: string;
  readonly origin?: string;
  readonly name: string;
}

/** Opens one to the server's port on 127.0.0.1. */
export async function openWire(
  transport: PhoneTransport,
  options: WireOptions,
  hear: (text: string) => void,
): Promise<Wire> {
  if (transport === 'udp') return await udpWire(options, hear);
  if (transport === 'tcp' || transport === 'tls') return await streamWire(transport, options, hear);
  return await webSocketWire(transport, options, hear);
}

async function udpWire({ serverPort, ip = '127.0.0.1' }: WireOptions, hear: (text: string) => void): Promise<Wire> {
  const socket = createSocket('udp4');
  socket.bind(0, ip);
  await once(socket, 'listening');
  const address = `${ip}:${socket.address().port}`;
  const wire: Wire = {
    address,
    source: address,
    hear,
    send: (text) => socket.send(Buffer.from(text, 'latin1'), serverPort, '127.0.0.1'),
    read: (text) => new TestMsg(text),
    close: () => void socket.close(),
  };
  // Four bytes that mean nothing keep a NAT's mapping open.
  socket.on('message', (data) => void (data.length > 4 && wire.hear(data.toString('latin1'))));
  return wire;
}

async function streamWire(
  transport: 'tcp' | 'tls',
  { serverPort, ip = '127.0.0.1' }: WireOptions,
  hear: (text: string) => void,
): Promise<Wire> {
  const place = { port: serverPort, host: '127.0.0.1', localAddress: ip };
  const socket: Socket = transport === 'tcp' ? connect(place) : connectTls({ ...place, rejectUnauthorized: false });
  await once(socket, transport === 'tcp' ? 'connect' : 'secureConnect');
  socket.setNoDelay(true);
  const address = `${ip}:${socket.localPort ?? 0}`;
  const wire: Wire = {
    address,
    source: address,
    hear,
    send: (text) => void socket.write(Buffer.from(text, 'latin1')),
    read: (text) => new TestMsg(text),
    close: () => void socket.destroy(),
  };
  let buffered = '';
  socket.on('error', () => {});
  socket.on('data', (data: Buffer) => {
    buffered += data.toString('latin1');
    for (let length = messageLength(buffered); length > 0; length = messageLength(buffered)) {
      const text = buffered.slice(0, length).replace(/^(\r\n)+/, '');
      buffered = buffered.slice(length);
      if (text !== '') wire.hear(text);
    }
  });
  return wire;
}

/** How long the first message of a stream is, or the empty lines before one; 0 where it is not all there. */
function messageLength(text: string): number {
  if (text.startsWith('\r\n')) return 2;
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return 0;
  const length = end + 4 + Number(/\r\n(?:content-length|l)\s*:\s*(\d+)/i.exec(text.slice(0, end))?.[1] ?? 0);
  return text.length >= length ? length : 0;
}

async function webSocketWire(
  transport: 'ws' | 'wss',
  { serverPort, ip = '127.0.0.1', origin, name }: WireOptions,
  hear: (text: string) => void,
): Promise<Wire> {
  const socket = new WebSocket(`${transport}://127.0.0.1:${serverPort}/`, 'sip', {
    rejectUnauthorized: false,
    localAddress: ip,
    ...(origin === undefined ? {} : { origin }),
  });
  await once(socket, 'open');
  const wire: Wire = {
    address: `${name}.invalid`,
    source: ip,
    hear,
    send: (text) => socket.send(Buffer.from(text, 'latin1').toString('utf8')),
    read: (text) => new TestMsg(text),
    close: () => socket.terminate(),
  };
  socket.on('error', () => {});
  socket.on('message', (data: Buffer) => wire.hear(data.toString('latin1')));
  return wire;
}
