import { RawStream } from './raw-stream.ts';

/** Kinds of frames (RFC 6455 §5.2). */
export const OPCODE = { CONTINUATION: 0, TEXT: 1, BINARY: 2, CLOSE: 8, PING: 9, PONG: 10 } as const;

interface FrameOptions {
  readonly isLast?: boolean;
  readonly isMasked?: boolean;
  /** The three reserved bits. */
  readonly reserved?: number;
}

/** One frame as a client sends it, latin1. */
export function frame(opcode: number, payload: string, options: FrameOptions = {}): string {
  const { isLast = true, isMasked = true, reserved = 0 } = options;
  const { length } = payload;
  const size =
    length < 126
      ? [length]
      : length < 65_536
        ? [126, length >> 8, length & 255]
        : [127, 0, 0, 0, 0, (length >>> 24) & 255, (length >> 16) & 255, (length >> 8) & 255, length & 255];
  const mask = [0x12, 0x34, 0x56, 0x78];
  const head = [
    (isLast ? 0x80 : 0) | (reserved << 4) | opcode,
    (size[0] ?? 0) | (isMasked ? 0x80 : 0),
    ...size.slice(1),
  ];
  if (!isMasked) return String.fromCharCode(...head) + payload;
  const bytes = Buffer.from(payload, 'latin1').map((byte, i) => byte ^ (mask[i % 4] ?? 0));
  return String.fromCharCode(...head, ...mask) + Buffer.from(bytes).toString('latin1');
}

export interface Frame {
  readonly opcode: number;
  readonly payload: string;
}

/** A WebSocket client of tests that can also do what no client may. */
export class WebSocketPeer {
  readonly stream: RawStream;
  /** Header of the 101. */
  readonly handshake: string;

  private constructor(stream: RawStream, handshake: string) {
    this.stream = stream;
    this.handshake = handshake;
  }

  static async open(
    port: number,
    options: { path?: string; headers?: string; isTls?: boolean; from?: string } = {},
  ): Promise<WebSocketPeer> {
    const stream = await RawStream.open(port, options.isTls === true, options.from);
    stream.send(`GET ${options.path ?? '/'} HTTP/1.1\r\n${options.headers ?? HANDSHAKE}\r\n`);
    const { head, status } = await stream.response();
    if (status !== 101) throw new Error(`no 101: ${head}`);
    return new WebSocketPeer(stream, head);
  }

  sends(text: string, opcode: number = OPCODE.TEXT): void {
    this.stream.send(frame(opcode, text));
  }

  /** The next frame of the server, whole. */
  async frame(withinMs?: number): Promise<Frame> {
    const text = await this.stream.take('a frame', frameLength, withinMs);
    const short = text.charCodeAt(1);
    return { opcode: text.charCodeAt(0) & 15, payload: text.slice(short < 126 ? 2 : short === 126 ? 4 : 10) };
  }

  /** The text of the next message, keep-alives passed over. */
  async message(withinMs?: number): Promise<string> {
    for (;;) {
      const { opcode, payload } = await this.frame(withinMs);
      if (opcode === OPCODE.TEXT || opcode === OPCODE.BINARY) return payload;
    }
  }

  close(): void {
    this.stream.close();
  }
}

export const WS_KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const WS_HEADERS = {
  Host: 'a.example.org',
  Upgrade: 'websocket',
  Connection: 'Upgrade',
  'Sec-WebSocket-Key': WS_KEY,
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Protocol': 'sip',
} as const;

/** The rows of a good handshake, with other values or (undefined) without some. */
export function wsHeaders(change: Readonly<Record<string, string | undefined>> = {}): string {
  return Object.entries({ ...WS_HEADERS, ...change })
    .flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}\r\n`]))
    .join('');
}

const HANDSHAKE = wsHeaders();

function frameLength(heard: string): number {
  if (heard.length < 2) return 0;
  const short = heard.charCodeAt(1) & 127;
  const head = short < 126 ? 2 : short === 126 ? 4 : 10;
  if (heard.length < head) return 0;
  let length = short;
  if (short >= 126) {
    length = 0;
    for (let i = 2; i < head; i++) length = length * 256 + heard.charCodeAt(i);
  }
  return heard.length >= head + length ? head + length : 0;
}
