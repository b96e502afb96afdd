import {
  appendHeader,
  bracketed,
  escapeParam,
  findParam,
  HDR,
  type Insertion,
  type ModuleContext,
  PROTO,
  PROTO_NAMES,
  parseUri,
  type ReceiveInfo,
  type Run,
  type SocketInfo,
  unescapePercent,
} from 'strowger';
import type { OutboundApi } from '../outbound/api.ts';
import type { RrApi } from '../rr/api.ts';

const DEFAULT_PORT = 5060;

/** One server's path. */
export class Path {
  readonly #receivedFormat: number;
  readonly #receivedName: string;
  readonly #isDouble: boolean;
  readonly #namesSocket: boolean;
  readonly #outbound: OutboundApi | undefined;

  constructor(ctx: ModuleContext) {
    this.#receivedFormat = ctx.int('received_format');
    this.#receivedName = ctx.str('received_name') || 'received';
    this.#isDouble = ctx.int('enable_r2') !== 0;
    this.#namesSocket = ctx.int('sockname_mode') !== 0;
    this.#outbound = ctx.optionalApi<OutboundApi>('outbound');
    if (ctx.int('use_received') === 0) return;
    const rr = ctx.optionalApi<RrApi>('rr');
    if (rr === undefined) throw new Error('path: use_received needs the module rr, loaded before path');
    rr.onRouted((run, params) => this.#followReceived(run, params));
  }

  /**
   * add_path, add_path_received: on top of other Path rows (RFC 3327 §5.2). Which socket it names is known when it is sent.
   * Without a user, the flow token of a client that registers a flow becomes it (RFC 5626 §5.1).
   */
  add(run: Run, givenUser: string | undefined, givenParams: string, withReceived: boolean): number {
    const { msg } = run;
    const isFlow = givenUser === undefined && this.#outbound?.usesOutbound(msg) === true;
    const user = isFlow ? (this.#outbound?.tokenOf(msg) ?? '') : (givenUser ?? '');
    const params = isFlow ? 'ob' : givenParams;
    const received = withReceived ? `;${this.#receivedName}=${this.#receivedUri(msg.rcv)}` : '';
    const tail = `${received}${params === '' ? '' : `;${params.replace(/^;+/, '')}`}`;
    const insertion: Insertion = ({ outgoing, incoming }) =>
      this.#row(outgoing, user, tail) + (this.#isDouble ? this.#row(incoming, user, tail) : '');
    const first = msg.findHdr(HDR.PATH);
    if (first < 0) appendHeader(msg, '', HDR.PATH).insertAfter(insertion);
    else msg.lumps.anchor(msg.hdrStart(first), HDR.PATH).insertAfter(insertion);
    return 1;
  }

  #row(socket: SocketInfo, user: string, tail: string): string {
    const host = bracketed(socket.advertisedHost);
    const port = socket.advertisedPort === DEFAULT_PORT ? '' : `:${socket.advertisedPort}`;
    const proto = socket.proto === PROTO.UDP ? '' : `;transport=${PROTO_NAMES[socket.proto]}`;
    const name = this.#namesSocket && socket.name !== '' ? `;sn=${socket.name}` : '';
    const at = user === '' ? '' : `${user}@`;
    return `Path: <sip:${at}${host}${port}${proto};lr${name}${tail}${this.#isDouble ? ';r2=on' : ''}>\r\n`;
  }

  /** Where the request came from: an escaped URI, or `ip~port~protocol number`. */
  #receivedUri(rcv: ReceiveInfo): string {
    const host = bracketed(rcv.srcIp);
    if (this.#receivedFormat === 1) return `${host}~${rcv.srcPort}~${rcv.proto}`;
    const transport = rcv.proto === PROTO.UDP ? '' : escapeParam(`;transport=${PROTO_NAMES[rcv.proto]}`);
    return `sip:${host}:${rcv.srcPort}${transport}`;
  }

  /** The destination that `received` in our Route names, where nothing else has set one. */
  #followReceived(run: Run, params: string): void {
    const value = findParam(params, 0, params.length, this.#receivedName.toLowerCase());
    if (value === null || value === '') return;
    const uri = this.#receivedFormat === 1 ? aliasUri(value) : unescapePercent(value);
    if (uri !== null && parseUri(uri) !== null) run.msg.dstUri = uri;
  }
}

/** `ip~port~protocol number` as a URI; null when it is none. */
function aliasUri(value: string): string | null {
  const match = /^([^~]+)~(\d{1,5})~(\d)$/.exec(value);
  const proto = PROTO_NAMES[Number(match?.[3] ?? 0)];
  if (match === null || proto === undefined || proto === 'none') return null;
  return `sip:${match[1] ?? ''}:${match[2] ?? ''}${proto === 'udp' ? '' : `;transport=${proto}`}`;
}
