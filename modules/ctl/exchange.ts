import {
  binrpcFault,
  binrpcReply,
  parseBinrpcBody,
  parseBinrpcHeader,
  RpcFault,
  type RpcParam,
  type RpcRegistry,
  type RpcReply,
} from 'strowger';
import { type LineRequest, lineFault, lineReply } from './line-protocol.ts';

/** Longest request, in bytes; a longer one ends its connection. */
const MAX_REQUEST_BYTES = 65536;

/** What answers need: the methods, and how long a reply may be. */
export interface Answering {
  readonly rpc: RpcRegistry;
  readonly maxReplyBytes: number;
}

/** Answers one binrpc packet that is complete: a request. Never rejects. */
export async function answerBinrpc({ rpc, maxReplyBytes }: Answering, body: string, cookie: number): Promise<string> {
  const records = parseBinrpcBody(body);
  if (typeof records === 'string') return binrpcFault(400, `bad request: ${records}`, cookie);
  const [method, ...params] = records;
  if (typeof method !== 'string') return binrpcFault(400, 'bad request: no method', cookie);
  try {
    const packet = binrpcReply(await call(rpc, method, params), cookie);
    if (packet.length <= maxReplyBytes) return packet;
    return binrpcFault(500, 'internal error: the reply is longer than binrpc_max_body_size', cookie);
  } catch (error) {
    const { code, message } = asFault(error);
    return binrpcFault(code, message, cookie);
  }
}

/** Answers one request of the line protocol. Never rejects. */
export async function answerLines({ rpc }: Answering, request: LineRequest): Promise<string> {
  if (rpc.find(request.method) === undefined) return `500 Command '${request.method}' not found\n`;
  try {
    return lineReply(await call(rpc, request.method, request.params));
  } catch (error) {
    return lineFault(asFault(error));
  }
}

function call(rpc: RpcRegistry, method: string, params: readonly RpcParam[]): Promise<RpcReply> {
  return rpc.call(method, params);
}

function asFault(error: unknown): RpcFault {
  return error instanceof RpcFault ? error : new RpcFault(500, 'internal error');
}

/**
 * The binrpc packets of a stream, one after the other: answers leave in the order of the requests. `onBad` is called
 * once, with the reason, when the stream is no binrpc.
 */
export class BinrpcReader {
  #buffer = '';
  #isBad = false;
  readonly #onPacket: (body: string, cookie: number) => void;
  readonly #onBad: (reason: string) => void;

  constructor(onPacket: (body: string, cookie: number) => void, onBad: (reason: string) => void) {
    this.#onPacket = onPacket;
    this.#onBad = onBad;
  }

  push(text: string): void {
    if (this.#isBad) return;
    this.#buffer += text;
    for (;;) {
      const header = parseBinrpcHeader(this.#buffer);
      if (header === null) return;
      if (typeof header === 'string') return this.#fail(header);
      if (header.type !== 'request') return this.#fail('not a request');
      if (header.bodyLength > MAX_REQUEST_BYTES) return this.#fail('request too long');
      const end = header.headerLength + header.bodyLength;
      if (this.#buffer.length < end) return;
      const body = this.#buffer.slice(header.headerLength, end);
      this.#buffer = this.#buffer.slice(end);
      this.#onPacket(body, header.cookie);
    }
  }

  #fail(reason: string): void {
    this.#isBad = true;
    this.#buffer = '';
    this.#onBad(reason);
  }
}
