import { once } from 'node:events';
import { chmodSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { connect, type Server as NetServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { StrowgerError } from '../errors.ts';
import type { Log } from '../log/log.ts';
import type { Server } from '../server.ts';
import { answer, parseJson, runJsonRpc } from './json-rpc.ts';
import { textToBytes } from './json-text.ts';
import type { RpcRegistry } from './registry.ts';
import { replyText } from './reply-text.ts';
import { makeRoomFor, removeQuietly } from './socket-file.ts';
import { StreamServer } from './stream-server.ts';

/** File name of the control socket in the run folder. */
export const CONTROL_SOCKET = 'strowger.sock';

/** Open connections; more are closed at once. */
const MAX_CONNECTIONS = 64;
/** Longest request line, bytes. */
const MAX_LINE = 1 << 20;
/** Linux' limit for the path of a Unix socket, less what the folder's name adds while it is made. */
const MAX_PATH = 107 - '.XXXXXX/s'.length;

export interface ControlSocket {
  readonly path: string;
  close(): Promise<void>;
}

/**
 * Opens the server's own control socket, for `strowger rpc`: a Unix stream with one JSON-RPC 2.0 request a line and one
 * answer a line, in order. A request with `"layout": "text"` gets its result as one string, as kamcmd would print it.
 * Only the user the server runs as may connect. Rejects with CONTROL_SOCKET: the path can not be had, or a server that
 * lives listens there.
 */
export async function openControlSocket(path: string, rpc: RpcRegistry, log: Log): Promise<ControlSocket> {
  if (Buffer.byteLength(path) > MAX_PATH) throw failure(path, `the path is longer than ${MAX_PATH} bytes`);
  if (await isListening(path)) throw failure(path, 'another server listens there');
  const streams = new StreamServer(MAX_CONNECTIONS, (socket) => serve(socket, rpc));
  try {
    await listenPrivately(streams.server, path);
  } catch (error) {
    throw failure(path, (error as Error).message, error);
  }
  streams.server.on('error', (error) => log.error(`control socket: ${error.message}`));
  return {
    path,
    close: async () => {
      await streams.close();
      removeQuietly(path);
    },
  };
}

/**
 * Listens at a path that only this user may connect to. A thread can not set the umask, so the socket is made in a folder
 * that nobody else may enter, and moved out of it when it has its mode.
 */
async function listenPrivately(server: NetServer, path: string): Promise<void> {
  makeRoomFor(path);
  const folder = mkdtempSync(`${path}.`);
  try {
    const inside = join(folder, 's');
    server.listen({ path: inside });
    await once(server, 'listening');
    chmodSync(inside, 0o600);
    renameSync(inside, path);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Opens the control socket of a server: at `path`, or for '' in its run folder. A server without one works all the
 * same, so what stands in the way is only logged. Returns what closes it.
 */
export async function offerControlSocket(server: Server, path: string): Promise<() => Promise<void>> {
  try {
    const control = await openControlSocket(
      path === '' ? join(server.runtimeDir, CONTROL_SOCKET) : path,
      server.rpc,
      server.log,
    );
    server.log.info(`control socket at ${control.path}`);
    return () => control.close();
  } catch (error) {
    if (!(error instanceof StrowgerError)) throw error;
    server.log.notice(`strowger rpc can not reach this server: ${error.message}`);
    return () => Promise.resolve();
  }
}

function failure(path: string, reason: string, cause?: unknown): StrowgerError {
  return new StrowgerError('CONTROL_SOCKET', `control socket ${path}: ${reason}`, cause);
}

/** Does somebody answer at this path? A socket that a dead server left does not. */
function isListening(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.on('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.on('error', () => resolve(false));
  });
}

function serve(socket: Socket, rpc: RpcRegistry): void {
  let buffer = '';
  let last = Promise.resolve();
  socket.setEncoding('latin1');
  socket.on('data', (text: string) => {
    buffer += text;
    const lines = buffer.split('\n');
    buffer = lines.pop() ?? '';
    if (buffer.length > MAX_LINE) socket.destroy();
    for (const line of lines) {
      if (line.trim() === '') continue;
      last = last.then(async () => {
        const reply = await respond(rpc, line);
        if (!socket.destroyed) socket.write(`${reply}\n`, 'latin1');
      });
    }
  });
}

async function respond(rpc: RpcRegistry, line: string): Promise<string> {
  const request = parseJson(line);
  if (request === undefined)
    return answer({ code: -32700, message: 'Parse error', reply: undefined, id: 'null' }, false);
  const outcome = await runJsonRpc(rpc, request);
  const wantsText = isObject(request) && request['layout'] === 'text';
  return answer(wantsText && outcome.code === 200 ? { ...outcome, reply: replyText(outcome.reply) } : outcome, false);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** What a control socket answered. */
type ControlAnswer =
  | { readonly result: unknown }
  | { readonly error: { readonly code: number; readonly message: string } };

/**
 * Calls one method over a control socket. `layout` as above; parameters and results are text, not bytes. Rejects with
 * CONTROL_SOCKET when there is no server, or it goes away before it has answered.
 */
export async function callControlSocket(
  path: string,
  method: string,
  params: readonly (string | number)[],
  layout: 'text' | 'json',
): Promise<ControlAnswer> {
  const socket = connect(path);
  socket.setEncoding('latin1');
  socket.write(`${textToBytes(JSON.stringify({ jsonrpc: '2.0', method, params, id: 1, layout }))}\n`, 'latin1');
  let text = '';
  try {
    for await (const chunk of socket) {
      text += String(chunk);
      if (text.endsWith('\n')) break;
    }
  } catch (error) {
    throw failure(path, (error as Error).message, error);
  } finally {
    socket.destroy();
  }
  const parsed = text.endsWith('\n') ? parseJson(text) : undefined;
  if (typeof parsed !== 'object' || parsed === null) throw failure(path, 'the server went away');
  return parsed as ControlAnswer;
}
