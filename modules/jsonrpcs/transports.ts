import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import {
  type Clock,
  dispatchJsonRpc,
  type FileAccess,
  type Log,
  makeRoomFor,
  openFifo,
  openUnixDatagram,
  parseJson,
  type RpcRegistry,
  removeQuietly,
  setAccess,
  textToBytes,
  type UnixDatagramSocket,
  writeFifo,
} from 'strowger';
import { JsonSplitter } from './json-splitter.ts';

export interface TransportContext {
  readonly rpc: RpcRegistry;
  readonly log: Log;
  readonly clock: Clock;
  readonly isPretty: boolean;
}

/** An open way for documents to come in. */
export interface JsonTransport {
  /** Path, or `udp:ADDRESS:PORT` with the real port. */
  readonly place: string;
  close(): Promise<void>;
}

/** Reads documents from a FIFO. The answer goes to the FIFO `reply_name` names, in `replyFolder`. */
export async function listenFifo(
  path: string,
  replyFolder: string,
  access: FileAccess,
  ctx: TransportContext,
): Promise<JsonTransport> {
  const run = async (document: string): Promise<void> => {
    const answer = await dispatchJsonRpc(ctx.rpc, document, ctx.isPretty);
    const name = replyName(document);
    if (name === null) ctx.log.info('a request over the FIFO names no FIFO for its answer');
    else if (name.includes('/') || name.startsWith('.')) ctx.log.warn('bad name of a reply FIFO', { name });
    else
      await writeFifo(
        replyFolder.endsWith('/') ? `${replyFolder}${name}` : `${replyFolder}/${name}`,
        answer,
        ctx.clock,
      );
  };
  let last = Promise.resolve();
  const splitter = new JsonSplitter(
    (document) => {
      last = last
        .then(() => run(document))
        .catch((error: unknown) => ctx.log.warn(`no answer over a FIFO: ${(error as Error).message}`));
    },
    () => ctx.log.warn(`a document over ${path} is too long`),
  );
  const fifo = await openFifo(path, access, (text) => splitter.push(text));
  return {
    place: path,
    close: () => {
      fifo.close();
      return Promise.resolve();
    },
  };
}

function replyName(document: string): string | null {
  const parsed = parseJson(document);
  const first: unknown = Array.isArray(parsed) ? parsed[0] : parsed;
  const name = typeof first === 'object' && first !== null ? (first as Record<string, unknown>)['reply_name'] : null;
  return typeof name === 'string' && name !== '' ? textToBytes(name) : null;
}

/** Pause between tries to send to a slow reader. */
const RESEND_MS = 50;

/** One document a datagram, answered to where it came from; a slow reader has `timeoutMs`. Throws without the addon. */
export function listenUnixDatagram(
  path: string,
  access: FileAccess,
  timeoutMs: number,
  ctx: TransportContext,
): JsonTransport {
  makeRoomFor(path);
  const socket = openUnixDatagram(path, (document, from) => {
    void dispatchJsonRpc(ctx.rpc, document, ctx.isPretty).then((answer) => {
      if (from !== '') sendPatiently(socket, answer, from, ctx.clock.now() + timeoutMs, ctx);
    });
  });
  setAccess(path, access);
  return {
    place: path,
    close: () => {
      socket.close();
      removeQuietly(path);
      return Promise.resolve();
    },
  };
}

function sendPatiently(
  socket: UnixDatagramSocket,
  text: string,
  to: string,
  untilMs: number,
  ctx: TransportContext,
): void {
  const failed = socket.send(text, to);
  if (failed === null || failed === 'EBADF') return;
  if (failed === 'EAGAIN' && ctx.clock.now() < untilMs) {
    ctx.clock.schedule(RESEND_MS, () => sendPatiently(socket, text, to, untilMs, ctx));
  } else {
    ctx.log.warn(`no answer over a datagram: ${failed}`, { to });
  }
}

/** The same over UDP. */
export async function listenUdp(host: string, port: number, ctx: TransportContext): Promise<JsonTransport> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  socket.on('message', (data, from) => {
    void dispatchJsonRpc(ctx.rpc, data.toString('latin1'), ctx.isPretty).then((answer) => {
      socket.send(Buffer.from(answer, 'latin1'), from.port, from.address, (error) => {
        if (error !== null) ctx.log.warn(`no answer over a datagram: ${error.message}`, { to: from.address });
      });
    });
  });
  socket.bind(port, host);
  await once(socket, 'listening');
  socket.on('error', (error) => ctx.log.error(`jsonrpcs: ${error.message}`));
  return {
    place: `udp:${host}:${socket.address().port}`,
    close: async () => {
      const closed = once(socket, 'close');
      socket.close();
      await closed;
    },
  };
}

/** `udp:ADDRESS:PORT` of the parameter dgram_socket; null when it is a path. */
export function parseUdp(text: string): { readonly host: string; readonly port: number } | null {
  const match = /^udp6?:(?:\[([^\]]+)\]|([^[\]]+)):(\d{1,5})$/.exec(text);
  if (match === null) return null;
  const port = Number(match[3]);
  return port > 65535 ? null : { host: match[1] ?? match[2] ?? '', port };
}
