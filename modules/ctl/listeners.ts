import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import type { Server as NetServer, Socket } from 'node:net';
import { join } from 'node:path';
import {
  type Clock,
  type FileAccess,
  type Log,
  makeRoomFor,
  openFifo,
  openUnixDatagram,
  parseBinrpcHeader,
  removeQuietly,
  StreamServer,
  setAccess,
  writeFifo,
} from 'strowger';
import { addressText, type ListenAddress } from './address.ts';
import { type Answering, answerBinrpc, answerLines, BinrpcReader } from './exchange.ts';
import { LineReader } from './line-protocol.ts';

export type Protocol = 'binrpc' | 'fifo';

/** One address at which ctl listens, open. */
export interface Listener {
  readonly protocol: Protocol;
  /** With the real port. */
  readonly address: ListenAddress;
  /** The streams now open. */
  readonly connections: ReadonlySet<Socket>;
  close(): Promise<void>;
}

export interface ListenerContext extends Answering {
  readonly log: Log;
  readonly clock: Clock;
  readonly access: FileAccess;
}

/** Open streams of one listener; more are closed at once. */
const MAX_CONNECTIONS = 256;
/** Where the line protocol's reply FIFOs are. */
const REPLY_FOLDER = '/tmp';

/** Opens one address. Rejects with the reason when it can not be. */
export function listen(protocol: Protocol, address: ListenAddress, ctx: ListenerContext): Promise<Listener> {
  switch (address.type) {
    case 'unix_stream':
    case 'tcp':
      return listenStream(protocol, address, ctx);
    case 'udp':
      return listenUdp(protocol, address, ctx);
    case 'unix_dgram':
      return Promise.resolve(listenUnixDatagram(protocol, address.path, ctx));
    case 'fifo':
      return listenFifo(address.path, ctx);
  }
}

async function listenStream(protocol: Protocol, address: ListenAddress, ctx: ListenerContext): Promise<Listener> {
  const streams = new StreamServer(MAX_CONNECTIONS, (socket) => serve(protocol, socket, ctx));
  const { server, connections } = streams;
  if ('path' in address) makeRoomFor(address.path);
  server.listen('path' in address ? { path: address.path } : { host: address.host, port: address.port });
  await once(server, 'listening');
  server.on('error', (error) => ctx.log.error(`ctl: ${addressText(address)}: ${error.message}`));
  if ('path' in address) setAccess(address.path, ctx.access);
  return {
    protocol,
    address: 'path' in address ? address : { ...address, port: portOf(server) },
    connections,
    close: async () => {
      await streams.close();
      if ('path' in address) removeQuietly(address.path);
    },
  };
}

function portOf(server: NetServer): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** Reads requests from a stream and answers them in order. */
function serve(protocol: Protocol, socket: Socket, ctx: ListenerContext): void {
  socket.setEncoding('latin1');
  let last = Promise.resolve();
  const inOrder = (work: () => Promise<string>): void => {
    last = last.then(async () => {
      const answer = await work();
      if (!socket.destroyed) socket.write(answer, 'latin1');
    });
  };
  if (protocol === 'binrpc') {
    const reader = new BinrpcReader(
      (body, cookie) => inOrder(() => answerBinrpc(ctx, body, cookie)),
      (reason) => {
        ctx.log.info(`ctl: a binrpc connection is closed: ${reason}`);
        socket.destroy();
      },
    );
    socket.on('data', (text: string) => reader.push(text));
  } else {
    const reader = new LineReader(
      (request) => inOrder(() => answerLines(ctx, request)),
      (reason) => inOrder(() => Promise.resolve(`400 ${reason}\n`)),
    );
    socket.on('data', (text: string) => reader.push(text));
  }
}

async function listenUdp(
  protocol: Protocol,
  address: Extract<ListenAddress, { host: string }>,
  ctx: ListenerContext,
): Promise<Listener> {
  const socket: UdpSocket = createSocket(address.host.includes(':') ? 'udp6' : 'udp4');
  socket.on('message', (data, from) => {
    void answerDatagram(protocol, data.toString('latin1'), ctx).then((answer) => {
      if (answer !== null) socket.send(Buffer.from(answer, 'latin1'), from.port, from.address, () => {});
    });
  });
  socket.bind(address.port, address.host);
  await once(socket, 'listening');
  socket.on('error', (error) => ctx.log.error(`ctl: ${addressText(address)}: ${error.message}`));
  return {
    protocol,
    address: { ...address, port: socket.address().port },
    connections: new Set(),
    close: async () => {
      const closed = once(socket, 'close');
      socket.close();
      await closed;
    },
  };
}

function listenUnixDatagram(protocol: Protocol, path: string, ctx: ListenerContext): Listener {
  makeRoomFor(path);
  const socket = openUnixDatagram(path, (text, from) => {
    void answerDatagram(protocol, text, ctx).then((answer) => {
      if (answer === null || from === '') return;
      const failed = socket.send(answer, from);
      if (failed !== null) ctx.log.info(`ctl: no answer to ${from}: ${failed}`);
    });
  });
  setAccess(path, ctx.access);
  return {
    protocol,
    address: { type: 'unix_dgram', path },
    connections: new Set(),
    close: () => {
      socket.close();
      removeQuietly(path);
      return Promise.resolve();
    },
  };
}

/** One datagram is one request. Null where there is nothing to answer to. */
async function answerDatagram(protocol: Protocol, text: string, ctx: ListenerContext): Promise<string | null> {
  if (protocol === 'binrpc') {
    const header = parseBinrpcHeader(text);
    if (header === null || typeof header === 'string' || header.type !== 'request') return null;
    const body = text.slice(header.headerLength);
    return body.length < header.bodyLength
      ? null
      : await answerBinrpc(ctx, body.slice(0, header.bodyLength), header.cookie);
  }
  let work: Promise<string> | null = null;
  const reader = new LineReader(
    (request) => {
      work ??= answerLines(ctx, request);
    },
    (reason) => {
      work ??= Promise.resolve(`400 ${reason}\n`);
    },
  );
  reader.push(`${text}\n\n`);
  return await (work ?? Promise.resolve(null));
}

async function listenFifo(path: string, ctx: ListenerContext): Promise<Listener> {
  const reader = new LineReader(
    (request) => {
      void answerLines(ctx, request)
        .then((answer) => replyFifo(request.replyName, answer, ctx))
        .catch((error: unknown) => ctx.log.info(`ctl: no answer over a FIFO: ${(error as Error).message}`));
    },
    (reason) => ctx.log.info(`ctl: bad request on ${path}: ${reason}`),
  );
  const fifo = await openFifo(path, ctx.access, (text) => reader.push(text));
  return {
    protocol: 'fifo',
    address: { type: 'fifo', path },
    connections: new Set(),
    close: () => {
      fifo.close();
      return Promise.resolve();
    },
  };
}

/** The asking side names a file of the reply folder; a name that would leave it is refused. */
async function replyFifo(name: string, answer: string, ctx: ListenerContext): Promise<void> {
  if (name === '') return;
  if (name.includes('/') || name.startsWith('.')) throw new Error(`bad reply FIFO name "${name}"`);
  await writeFifo(join(REPLY_FOLDER, name), answer, ctx.clock);
}
