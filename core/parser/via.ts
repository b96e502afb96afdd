import { unbracketed } from '../transport/ip-address.ts';
import { PROTO, type Proto } from '../transport/socket-info.ts';
import { equalsLower } from './hf.ts';
import { findParamAt, isDigit, isLws, isParamAt, paramEnd, paramValue, parseDecimal, skipLws } from './params.ts';

/** One Via value (RFC 3261 §20.42), its places in the message kept so that parameters can be added by a lump. */
export class Via {
  readonly buf: string;
  /** Span of this value within the message (a Via row may hold several). */
  readonly start: number;
  readonly end: number;
  readonly proto: Proto;
  /** Transport token as written. */
  readonly transport: string;
  readonly host: string;
  /** 0 where no port is written. */
  readonly port: number;
  /** Index just after sent-by: where parameters begin (or `end`). */
  readonly paramsStart: number;
  readonly hostEnd: number;

  constructor(
    buf: string,
    start: number,
    end: number,
    proto: Proto,
    transport: string,
    host: string,
    port: number,
    hostEnd: number,
  ) {
    this.buf = buf;
    this.start = start;
    this.end = end;
    this.proto = proto;
    this.transport = transport;
    this.host = host;
    this.port = port;
    this.hostEnd = hostEnd;
    this.paramsStart = paramEnd(buf, hostEnd, end);
  }

  // Each message asks for these several times, so one walk finds them all: where the names are, and the branch's value.
  #isScanned = false;
  #branchAt = -1;
  #branchStart = 0;
  #branchEnd = 0;
  #rportAt = -1;
  #receivedAt = -1;
  #maddrAt = -1;
  #branch: string | null | undefined = undefined;

  /** From the words of a fact (native/facts.h); `end` is the row's. */
  static ofFacts(buf: string, facts: Int32Array, at: number, end: number): Via {
    const start = facts[at] as number;
    const host = buf.slice(start + USUAL_PROTOCOL.length, facts[at + 1]);
    const via = new Via(buf, start, end, PROTO.UDP, 'UDP', host, facts[at + 3] as number, facts[at + 2] as number);
    via.#isScanned = true;
    via.#branchAt = facts[at + 4] as number;
    via.#branchStart = facts[at + 5] as number;
    via.#branchEnd = facts[at + 6] as number;
    via.#rportAt = facts[at + 7] as number;
    via.#receivedAt = facts[at + 8] as number;
    return via;
  }

  #scan(): void {
    this.#isScanned = true;
    const { buf, end } = this;
    // A Via has quotes in the rarest of extensions; without them the next `;` is one search away.
    const quote = buf.indexOf('"', this.paramsStart);
    const isPlain = quote < 0 || quote >= end;
    for (let i = this.paramsStart; i < end; ) {
      const stop = isPlain ? nextSemicolon(buf, i + 1, end) : paramEnd(buf, i + 1, end);
      let at = i + 1;
      while (at < end && isLws(buf.charCodeAt(at))) at++;
      switch (buf.charCodeAt(at) | 0x20) {
        case 98:
          if (this.#branchAt < 0 && isParamAt(buf, at, end, 'branch')) this.#foundBranch(at, stop);
          break;
        case 114:
          if (this.#rportAt < 0 && isParamAt(buf, at, end, 'rport')) this.#rportAt = at;
          else if (this.#receivedAt < 0 && isParamAt(buf, at, end, 'received')) this.#receivedAt = at;
          break;
        case 109:
          if (this.#maddrAt < 0 && isParamAt(buf, at, end, 'maddr')) this.#maddrAt = at;
          break;
        default:
          break;
      }
      i = stop;
    }
  }

  #foundBranch(at: number, stop: number): void {
    const { buf } = this;
    this.#branchAt = at;
    let from = skipLws(buf, at + 'branch'.length, stop);
    if (from < stop && buf.charCodeAt(from) === 61) from = skipLws(buf, from + 1, stop);
    else from = stop;
    let to = stop;
    while (to > from && isLws(buf.charCodeAt(to - 1))) to--;
    this.#branchStart = from;
    this.#branchEnd = to;
  }

  /** Null when absent, '' without value. */
  param(lower: string): string | null {
    const at = this.paramAt(lower);
    return at < 0 ? null : paramValue(this.buf, at + lower.length, this.end);
  }

  /** Index of the parameter's name in the message, -1 when absent. */
  paramAt(lower: string): number {
    if (!this.#isScanned) this.#scan();
    switch (lower) {
      case 'branch':
        return this.#branchAt;
      case 'rport':
        return this.#rportAt;
      case 'received':
        return this.#receivedAt;
      case 'maddr':
        return this.#maddrAt;
      default:
        return findParamAt(this.buf, this.paramsStart, this.end, lower);
    }
  }

  get branch(): string | null {
    if (this.#branch === undefined)
      this.#branch = this.paramAt('branch') < 0 ? null : this.buf.slice(this.#branchStart, this.#branchEnd);
    return this.#branch;
  }

  /** Where the value of `branch` begins in the message; 0 where there is none. */
  get branchStart(): number {
    return this.paramAt('branch') < 0 ? 0 : this.#branchStart;
  }

  /** Where it ends; 0 where there is none. */
  get branchEnd(): number {
    return this.paramAt('branch') < 0 ? 0 : this.#branchEnd;
  }

  /** Address in `received`, without brackets whether it was written with them or not (RFC 5118 §4.5); null when absent. */
  get received(): string | null {
    const value = this.param('received');
    return value === null ? null : unbracketed(value);
  }

  /** 0 when `rport` is absent, has no value or none that is a port. */
  get rport(): number {
    const value = this.param('rport');
    return value === null ? 0 : Math.max(0, parseDecimal(value, 0, value.length, 65535));
  }
}

const PROTO_BY_NAME: readonly (readonly [string, Proto])[] = [
  ['udp', PROTO.UDP],
  ['tcp', PROTO.TCP],
  ['tls', PROTO.TLS],
  ['wss', PROTO.WSS],
  ['ws', PROTO.WS],
  ['sctp', PROTO.SCTP],
];

/** How most Via values begin. */
const USUAL_PROTOCOL = 'SIP/2.0/UDP ';

/** Parses the Via value in `buf[start … end)` (one value, no comma). Null when it is not one. */
export function parseVia(buf: string, start: number, end: number): Via | null {
  let i = skipLws(buf, start, end);
  const valueStart = i;
  let transport = 'UDP';
  if (buf.startsWith(USUAL_PROTOCOL, i)) i += USUAL_PROTOCOL.length - 1;
  else {
    if (!equalsLower(buf, i, 'sip')) return null;
    i = skipSlash(buf, i + 3, end);
    if (i < 0 || !equalsLower(buf, i, '2.0')) return null;
    i = skipSlash(buf, i + 3, end);
    if (i < 0) return null;
    const transportStart = i;
    while (i < end && !isLws(buf.charCodeAt(i))) i++;
    transport = buf.slice(transportStart, i);
    if (transport === '') return null;
  }
  if (i >= end) return null;
  const hostStart = skipLws(buf, i, end);
  const hostEnd = scanHost(buf, hostStart, end);
  if (hostEnd <= hostStart) return null;
  const host = buf.slice(hostStart, hostEnd);
  i = skipLws(buf, hostEnd, end);
  let port = 0;
  let sentByEnd = hostEnd;
  if (i < end && buf.charCodeAt(i) === 58) {
    i = skipLws(buf, i + 1, end);
    const portStart = i;
    while (i < end && isDigit(buf.charCodeAt(i))) port = port * 10 + buf.charCodeAt(i++) - 48;
    if (i === portStart || i - portStart > 5 || port > 65535) return null;
    sentByEnd = i;
    i = skipLws(buf, i, end);
  }
  if (i < end && buf.charCodeAt(i) !== 59) return null;
  let last = end;
  while (isLws(buf.charCodeAt(last - 1))) last--;
  if (buf.charCodeAt(last - 1) === 59) return null; // a parameter without a name (RFC 4475 §3.1.2.1)
  return new Via(buf, valueStart, end, protoOf(transport), transport, host, port, sentByEnd);
}

function nextSemicolon(buf: string, at: number, end: number): number {
  const found = buf.indexOf(';', at);
  return found < 0 || found > end ? end : found;
}

function protoOf(transport: string): Proto {
  if (transport === 'UDP') return PROTO.UDP;
  for (const [name, proto] of PROTO_BY_NAME) {
    if (transport.length === name.length && equalsLower(transport, 0, name)) return proto;
  }
  return PROTO.NONE;
}

/** Index of the first separator after a host or bracketed IPv6 reference. */
function scanHost(buf: string, start: number, end: number): number {
  let i = start;
  if (buf.charCodeAt(i) === 91) {
    while (i < end && buf.charCodeAt(i) !== 93) i++;
    return i < end ? i + 1 : -1;
  }
  while (i < end) {
    const c = buf.charCodeAt(i);
    if (c === 58 || c === 59 || isLws(c)) break;
    i++;
  }
  return i;
}

function skipSlash(buf: string, at: number, end: number): number {
  const i = skipLws(buf, at, end);
  return i < end && buf.charCodeAt(i) === 47 ? skipLws(buf, i + 1, end) : -1;
}
