import { RpcDouble, RpcElement, RpcMany, type RpcParam, type RpcReply, RpcStruct, type RpcValue } from './registry.ts';

/**
 * binrpc, the binary RPC protocol of Kamailio's ctl module. A packet is a header and records, all as latin1 text:
 * - header: magic 0xA and version 1 (a nibble each); the type; the sizes of the two numbers that follow, less one (two
 *   bits each); the length of the body; a cookie that the answer repeats;
 * - record: one byte of "long size" bit, size (3 bits) and type (4 bits); where the bit is set, the size is that of the
 *   number which holds the real size; then the bytes. Numbers are big-endian in as few bytes as they need, none for 0.
 * - strings and names end in a NUL that the size counts; a struct is a start and an end mark around pairs of name and
 *   value; a double is an integer of thousandths.
 */
type BinrpcType = 'request' | 'reply' | 'fault';

export interface BinrpcHeader {
  readonly type: BinrpcType;
  /** Bytes of the header itself. */
  readonly headerLength: number;
  readonly bodyLength: number;
  readonly cookie: number;
}

const FIRST_BYTE = 0xa1;
const TYPES: ReadonlyMap<number, BinrpcType> = new Map([
  [0, 'request'],
  [1, 'reply'],
  [3, 'fault'],
]);
const TYPE_BITS = { request: 0, reply: 1, fault: 3 } as const;
const REC = { INT: 0, STR: 1, DOUBLE: 2, STRUCT: 3, ARRAY: 4, NAME: 5, BYTES: 6 } as const;
const LONG_SIZE = 0x80;
/** Deeper nesting than this is refused on reading. */
export const MAX_BINRPC_DEPTH = 32;

/** The header at the start of `data`: null when more bytes are needed, a text when it is not binrpc. */
export function parseBinrpcHeader(data: string): BinrpcHeader | null | string {
  if (data.length === 0) return null;
  if (data.charCodeAt(0) !== FIRST_BYTE) return 'not a binrpc packet';
  if (data.length < 2) return null;
  const second = data.charCodeAt(1);
  const type = TYPES.get(second >> 4);
  if (type === undefined) return 'unknown packet type';
  const lengthSize = ((second >> 2) & 3) + 1;
  const cookieSize = (second & 3) + 1;
  const headerLength = 2 + lengthSize + cookieSize;
  if (data.length < headerLength) return null;
  return {
    type,
    headerLength,
    bodyLength: unsigned(data, 2, lengthSize),
    cookie: unsigned(data, 2 + lengthSize, cookieSize),
  };
}

/** The records of a body, or a text saying what is wrong. */
export function parseBinrpcBody(body: string): RpcParam[] | string {
  const top: RpcParam[] = [];
  const open: Container[] = [];
  let at = 0;
  while (at < body.length) {
    const head = body.charCodeAt(at++);
    const type = head & 15;
    let size = (head >> 4) & 7;
    const isLong = (head & LONG_SIZE) !== 0;
    if (type === REC.STRUCT || type === REC.ARRAY) {
      if (!isLong) {
        if (open.length === MAX_BINRPC_DEPTH) return 'nested too deeply';
        open.push({ type, struct: new RpcStruct(), items: [], name: '' });
        continue;
      }
      const closed = open.pop();
      if (closed?.type !== type) return 'an end without its beginning';
      put(open.at(-1), top, closed.type === REC.STRUCT ? closed.struct : closed.items);
      continue;
    }
    if (isLong) {
      if (size === 0 || size > 4) return 'bad size of a size';
      const sizeAt = at;
      at += size;
      size = at > body.length ? 0 : unsigned(body, sizeAt, size);
    }
    if (at + size > body.length) return 'record beyond the end of the packet';
    const value = scalar(body, at, size, type);
    if (value === null) return 'bad record';
    at += size;
    const container = open.at(-1);
    if (type !== REC.NAME) put(container, top, value);
    else if (container?.type !== REC.STRUCT) return 'a name outside a struct';
    else container.name = value as string;
  }
  return open.length > 0 ? 'unfinished struct' : top;
}

interface Container {
  readonly type: number;
  readonly struct: RpcStruct;
  readonly items: RpcParam[];
  /** Name the next member gets. */
  name: string;
}

function put(container: Container | undefined, top: RpcParam[], value: RpcParam): void {
  if (container === undefined) top.push(value);
  else if (container.type === REC.ARRAY) container.items.push(value);
  else {
    container.struct.add(container.name, value);
    container.name = '';
  }
}

function scalar(body: string, at: number, size: number, type: number): RpcParam | null {
  switch (type) {
    case REC.INT:
      return size > 4 ? null : signed(body, at, size);
    case REC.DOUBLE:
      return size > 4 ? null : new RpcDouble(signed(body, at, size) / 1000);
    case REC.STR:
    case REC.NAME:
      return size === 0 || body.charCodeAt(at + size - 1) !== 0 ? null : body.slice(at, at + size - 1);
    case REC.BYTES:
      return body.slice(at, at + size);
    default:
      return null;
  }
}

function unsigned(data: string, at: number, size: number): number {
  let value = 0;
  for (let i = 0; i < size; i++) value = value * 256 + data.charCodeAt(at + i);
  return value;
}

/** Only a number of full four bytes can be negative. */
function signed(data: string, at: number, size: number): number {
  const value = unsigned(data, at, size);
  return size === 4 ? value | 0 : value;
}

// ---- writing

/** A whole request packet. */
export function binrpcRequest(method: string, params: readonly RpcParam[], cookie: number): string {
  const out: string[] = [];
  writeString(out, method, REC.STR);
  for (const param of params) writeValue(out, param);
  return packet('request', out.join(''), cookie);
}

/** A whole reply packet; without values for undefined. */
export function binrpcReply(reply: RpcReply, cookie: number): string {
  return packet('reply', binrpcBody(reply), cookie);
}

/** The records of a reply. */
export function binrpcBody(reply: RpcReply): string {
  if (reply === undefined) return '';
  const out: string[] = [];
  for (const value of reply instanceof RpcMany ? reply.values : [reply]) writeValue(out, value);
  return out.join('');
}

/** A whole fault packet. */
export function binrpcFault(code: number, message: string, cookie: number): string {
  const out: string[] = [];
  writeInt(out, code, REC.INT);
  writeString(out, message, REC.STR);
  return packet('fault', out.join(''), cookie);
}

/** Puts the header in front of records; the cookie is always written in four bytes. */
export function packet(type: BinrpcType, body: string, cookie: number): string {
  const length = bigEndian(body.length) || '\0';
  const second = (TYPE_BITS[type] << 4) | ((length.length - 1) << 2) | 3;
  return String.fromCharCode(FIRST_BYTE, second) + length + bigEndian(cookie).padStart(4, '\0') + body;
}

function writeValue(out: string[], value: RpcValue): void {
  if (typeof value === 'string') writeString(out, value, REC.STR);
  else if (value === null) writeString(out, '<null string>', REC.STR);
  else if (typeof value === 'number') writeNumber(out, value);
  else if (typeof value === 'bigint') writeNumber(out, Number(value), String(value));
  else if (value instanceof RpcDouble) writeDouble(out, value.value);
  else {
    out.push(String.fromCharCode(REC.STRUCT));
    writeMembers(out, value);
    out.push(String.fromCharCode(LONG_SIZE | REC.STRUCT));
  }
}

/**
 * Members of a struct. Kamailio writes an array as a struct too, with the members of its struct elements side by side:
 * `[{DEST: …}, {DEST: …}]` is `{DEST: … DEST: …}`; an RpcElement is a struct without a name.
 */
function writeMembers(
  out: string[],
  value: RpcStruct | readonly RpcValue[] | { readonly [name: string]: RpcValue },
): void {
  if (value instanceof RpcStruct) {
    for (const [name, member] of value.entries) writeMember(out, name, member);
  } else if (isArray(value)) {
    for (const item of value) {
      if (item instanceof RpcElement) writeValue(out, item);
      else if (isStructLike(item)) writeMembers(out, item);
      else writeValue(out, item);
    }
  } else {
    for (const [name, member] of Object.entries(value)) writeMember(out, name, member);
  }
}

function writeMember(out: string[], name: string, value: RpcValue): void {
  writeString(out, name, REC.NAME);
  writeValue(out, value);
}

function isArray(value: unknown): value is readonly RpcValue[] {
  return Array.isArray(value);
}

function isStructLike(value: RpcValue): value is RpcStruct | { readonly [name: string]: RpcValue } {
  return typeof value === 'object' && value !== null && !isArray(value) && !(value instanceof RpcDouble);
}

/** What does not fit 32 bits goes as text, so that it arrives whole; a fraction as a double. */
function writeNumber(out: string[], value: number, text = String(value)): void {
  if (!Number.isInteger(value)) writeDouble(out, value);
  else if (value === (value | 0)) writeInt(out, value, REC.INT);
  else writeString(out, text, REC.STR);
}

function writeDouble(out: string[], value: number): void {
  const thousandths = Math.round(value * 1000);
  if (thousandths === (thousandths | 0)) writeInt(out, thousandths, REC.DOUBLE);
  else writeString(out, String(value), REC.STR);
}

function writeInt(out: string[], value: number, type: number): void {
  const bytes = bigEndian(value >>> 0);
  out.push(String.fromCharCode((bytes.length << 4) | type), bytes);
}

/** A NUL inside would end it early for C readers, so the text is cut there. */
function writeString(out: string[], text: string, type: number): void {
  const nul = text.indexOf('\0');
  const bytes = `${nul < 0 ? text : text.slice(0, nul)}\0`;
  if (bytes.length < 8) out.push(String.fromCharCode((bytes.length << 4) | type), bytes);
  else {
    const length = bigEndian(bytes.length);
    out.push(String.fromCharCode(LONG_SIZE | (length.length << 4) | type), length, bytes);
  }
}

/** Big-endian bytes of 0 … 2^32-1 without leading zeros; '' for 0. */
function bigEndian(value: number): string {
  if (value === 0) return '';
  if (value < 0x100) return String.fromCharCode(value);
  if (value < 0x1_0000) return String.fromCharCode(value >> 8, value & 255);
  if (value < 0x100_0000) return String.fromCharCode(value >> 16, (value >> 8) & 255, value & 255);
  return String.fromCharCode(value >>> 24, (value >> 16) & 255, (value >> 8) & 255, value & 255);
}
