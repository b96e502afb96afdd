import { RpcDouble, RpcFault, RpcMany, type RpcReply, RpcStruct, type RpcValue } from 'strowger';

/**
 * The old line protocol of ctl's `fifo` transports. A request is `:method:reply_fifo`, a line for each parameter, and
 * an empty line. An answer is a status line and a line for each value; a struct is `name:value,name:value`, with
 * colons, commas and control characters escaped.
 */
export interface LineRequest {
  readonly method: string;
  /** '' over a socket. */
  readonly replyName: string;
  readonly params: readonly string[];
}

/** Longest unfinished request, in bytes. */
const MAX_REQUEST = 65536;

/** Cuts a stream into requests. What does not begin with a colon is skipped up to the next empty line. */
export class LineReader {
  #buffer = '';
  readonly #onRequest: (request: LineRequest) => void;
  readonly #onError: (reason: string) => void;

  constructor(onRequest: (request: LineRequest) => void, onError: (reason: string) => void) {
    this.#onRequest = onRequest;
    this.#onError = onError;
  }

  push(text: string): void {
    this.#buffer += text.replaceAll('\r', '');
    for (;;) {
      const end = this.#buffer.indexOf('\n\n');
      if (end < 0) break;
      const lines = this.#buffer.slice(0, end).split('\n');
      this.#buffer = this.#buffer.slice(end + 2);
      while (lines[0] === '') lines.shift();
      if (lines.length > 0) this.#take(lines);
    }
    if (this.#buffer.length > MAX_REQUEST) {
      this.#buffer = '';
      this.#onError('request too long');
    }
  }

  #take([first = '', ...rest]: string[]): void {
    const match = /^:([^:]*):([^:]*)$/.exec(first);
    if (match === null) this.#onError('a command begins with :method:');
    else this.#onRequest({ method: match[1] ?? '', replyName: match[2] ?? '', params: rest.map(unquote) });
  }
}

/** A parameter may stand in double quotes. */
function unquote(line: string): string {
  return /^".*"$/.test(line) && line.length > 1 ? line.slice(1, -1) : line;
}

/** The answer to a call that worked. */
export function lineReply(reply: RpcReply): string {
  const values = reply === undefined ? [] : reply instanceof RpcMany ? reply.values : [reply];
  return `200 OK\n${values.map((value) => `${lineValue(value, false)}\n`).join('')}`;
}

export function lineFault({ code, message }: RpcFault): string {
  return `${code} ${message.replaceAll('\n', ' ')}\n`;
}

function lineValue(value: RpcValue, isInside: boolean): string {
  if (typeof value === 'string') return escape(value, isInside);
  if (value === null) return '<null string>';
  if (value instanceof RpcDouble) return value.value.toFixed(6);
  if (typeof value !== 'object') return String(value);
  if (value instanceof RpcStruct) return value.entries.map(([name, member]) => pair(name, member)).join(',');
  if (Array.isArray(value)) return (value as readonly RpcValue[]).map((item) => lineValue(item, true)).join(',');
  return Object.entries(value as { readonly [name: string]: RpcValue })
    .map(([name, member]) => pair(name, member))
    .join(',');
}

function pair(name: string, value: RpcValue): string {
  return `${escape(name, true)}:${lineValue(value, true)}`;
}

const ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\0': '\\0', '\\': '\\\\' };

function escape(text: string, isInside: boolean): string {
  const escaped = text.replaceAll(/[\n\r\t\0\\]/g, (c) => ESCAPES[c] ?? c);
  return isInside ? escaped.replaceAll(':', '\\o').replaceAll(',', '\\c') : escaped;
}
