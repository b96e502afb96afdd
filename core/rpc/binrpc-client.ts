import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { StrowgerError } from '../errors.ts';
import { binrpcRequest, parseBinrpcBody, parseBinrpcHeader } from './binrpc.ts';
import { RpcArgs, RpcFault, type RpcParam } from './registry.ts';

/** Where a ctl module listens. */
type BinrpcAddress =
  | { readonly type: 'unix'; readonly path: string }
  | { readonly type: 'tcp' | 'udp'; readonly host: string; readonly port: number };

const DEFAULT_PORT = 2049;
/** Longest answer taken, bytes. */
const MAX_ANSWER = 64 << 20;

/** Reads `unix:PATH`, `PATH`, `tcp:HOST[:PORT]`, `udp:HOST[:PORT]`; null for anything else. */
export function parseBinrpcAddress(text: string): BinrpcAddress | null {
  const unix = /^(?:unixs?:)?(\/.*|\.\.?\/.*)$/.exec(text) ?? /^unixs?:(.+)$/.exec(text);
  if (unix?.[1] !== undefined) return { type: 'unix', path: unix[1] };
  const match = /^(tcp|udp):(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text);
  if (match === null) return null;
  const port = Number(match[4] ?? DEFAULT_PORT);
  const host = match[2] ?? match[3] ?? '';
  return port > 65535 ? null : { type: match[1] === 'tcp' ? 'tcp' : 'udp', host, port };
}

/**
 * Calls one method of a ctl module, ours or Kamailio's, and returns the values it answers. Rejects with RpcFault for a
 * fault, with BINRPC when there is no server or its answer can not be read.
 */
export async function callBinrpc(
  address: BinrpcAddress,
  method: string,
  params: readonly RpcParam[],
): Promise<readonly RpcParam[]> {
  const cookie = process.pid;
  const request = Buffer.from(binrpcRequest(method, params, cookie), 'latin1');
  const reply = await (address.type === 'udp'
    ? askUdp(address.host, address.port, request)
    : askStream(address, request));
  const header = parseBinrpcHeader(reply);
  if (header === null || typeof header === 'string' || header.cookie !== cookie) throw failure(address, 'bad answer');
  const values = parseBinrpcBody(reply.slice(header.headerLength, header.headerLength + header.bodyLength));
  if (typeof values === 'string') throw failure(address, `bad answer: ${values}`);
  if (header.type !== 'fault') return values;
  const fault = new RpcArgs(values);
  throw new RpcFault(fault.int(0, 500), fault.str(1, ''));
}

function failure(address: BinrpcAddress, reason: string, cause?: unknown): StrowgerError {
  const place = address.type === 'unix' ? address.path : `${address.type}:${address.host}:${address.port}`;
  return new StrowgerError('BINRPC', `${place}: ${reason}`, cause);
}

async function askStream(address: BinrpcAddress, request: Buffer): Promise<string> {
  const socket = address.type === 'unix' ? connect(address.path) : connect({ host: address.host, port: address.port });
  socket.setEncoding('latin1');
  socket.write(request);
  let text = '';
  try {
    for await (const chunk of socket) {
      text += String(chunk);
      const header = parseBinrpcHeader(text);
      if (typeof header === 'string' || text.length > MAX_ANSWER) break;
      if (header !== null && text.length >= header.headerLength + header.bodyLength) break;
    }
    return text;
  } catch (error) {
    throw failure(address, (error as Error).message, error);
  } finally {
    socket.destroy();
  }
}

async function askUdp(host: string, port: number, request: Buffer): Promise<string> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  try {
    const answer = once(socket, 'message') as Promise<[Buffer]>;
    socket.connect(port, host);
    await once(socket, 'connect');
    socket.send(request);
    const [data] = await answer;
    return data.toString('latin1');
  } catch (error) {
    throw failure({ type: 'udp', host, port }, (error as Error).message, error);
  } finally {
    socket.close();
  }
}
