import {
  findParam,
  firstNameAddr,
  HDR,
  hostPort,
  METHOD,
  type ModuleContext,
  MSG_FLAG,
  nameAddrs,
  PROTO,
  PROTO_NAMES,
  type Run,
  type Server,
  type SharedMap,
  type SipMsg,
  type SipUri,
  sharedMap,
  URI_SCHEME,
  viaCount,
} from 'strowger';
import type { OutboundApi } from './api.ts';
import { type Flow, FlowTokens } from './flow-token.ts';

const SECRET = 'secret';
const SECRET_LENGTH = 32;

/** What check_flow_token() returns. */
const CHECK = {
  VALID: 1,
  NO_ROUTE: -1,
  NOT_OURS: -2,
  NO_TOKEN: -3,
  FORGED: -4,
  NO_CONNECTION: -5,
  BAD_ROUTE: -7,
} as const;

/** One server's edge proxy side of RFC 5626. */
export class Outbound {
  readonly #server: Server;
  readonly #forceFlag: number;
  readonly #forceNotFlag: number;
  readonly #secret: SharedMap<string>;
  readonly #tokens: FlowTokens;

  constructor(ctx: ModuleContext) {
    this.#server = ctx.server;
    this.#forceFlag = ctx.int('force_outbound_flag');
    this.#forceNotFlag = ctx.int('force_no_outbound_flag');
    if (this.#forceFlag >= 0 && this.#forceFlag === this.#forceNotFlag)
      throw new Error('outbound: force_outbound_flag and force_no_outbound_flag are the same flag');
    this.#secret = sharedMap<string>(ctx.server, 'outbound.secret');
    const given = ctx.str('flow_token_secret');
    if (given !== '') this.#secret.declare(SECRET, given);
    this.#tokens = new FlowTokens(() => this.#secret.get(SECRET) ?? '');
  }

  /** Draws the secret where none was given; once for all workers. */
  start(): void {
    if (this.#server.isFirstWorker && !this.#secret.has(SECRET))
      this.#secret.set(SECRET, this.#server.random.token(SECRET_LENGTH));
  }

  /** RFC 5626 §5.1 and §5.3: flows are for clients that ask for them and are next to us. */
  usesOutbound(msg: SipMsg): boolean {
    if (!msg.isRequest || isSet(msg, this.#forceNotFlag)) return false;
    if (isSet(msg, this.#forceFlag)) return true;
    if (msg.method === METHOD.REGISTER)
      return (
        viaCount(msg) === 1 &&
        nameAddrs(msg, HDR.CONTACT).some((contact) => (contact?.param('reg-id') ?? null) !== null)
      );
    const route = firstNameAddr(msg, HDR.ROUTE)?.uri ?? null;
    if (route !== null && route.param('ob') !== null && this.#isOurs(route)) return true;
    const contact = firstNameAddr(msg, HDR.CONTACT);
    return contact !== null && isOutboundUri(contact.uriText) && viaCount(msg) === 1;
  }

  tokenOf({ rcv }: SipMsg): string {
    return this.#tokens.encode(rcv);
  }

  static isFrom({ rcv }: SipMsg, flow: Flow): boolean {
    return rcv.srcPort === flow.srcPort && rcv.proto === flow.proto && rcv.srcIp === flow.srcIp;
  }

  /** RFC 5626 §5.3: the flow is used, or nothing; no new connection is made. */
  follow(msg: SipMsg, flow: Flow): void {
    msg.dstUri = `sip:${hostPort(flow.srcIp, flow.srcPort)};transport=${PROTO_NAMES[flow.proto]}`;
    const socket = this.#server.transport.findSocketBy(flow.dstIp, flow.dstPort, flow.proto);
    if (socket !== null) msg.forceSocket = socket;
    if (flow.proto !== PROTO.UDP) msg.msgFlags |= MSG_FLAG.NO_FORWARD_CONNECT;
  }

  /** check_flow_token(): can the topmost Route be followed down a flow? */
  check(run: Run): number {
    const { msg } = run;
    if (msg.findHdr(HDR.ROUTE) < 0) return CHECK.NO_ROUTE;
    const uri = firstNameAddr(msg, HDR.ROUTE)?.uri ?? null;
    if (uri === null) return CHECK.BAD_ROUTE;
    if (!this.#isOurs(uri)) return CHECK.NOT_OURS;
    const token = this.#tokens.decode(uri.user);
    if (token.kind === 'none') return CHECK.NO_TOKEN;
    if (token.kind === 'forged') return CHECK.FORGED;
    return this.#isAlive(token.flow) ? CHECK.VALID : CHECK.NO_CONNECTION;
  }

  /** Other workers' connections are found by their address for WebSockets only: others count as there, sending tells. */
  #isAlive({ proto, srcIp, srcPort }: Flow): boolean {
    const { connections } = this.#server;
    if (proto === PROTO.UDP || connections.find(proto, srcIp, srcPort) !== undefined) return true;
    if (connections.remote === null) return false;
    return proto === PROTO.WS || proto === PROTO.WSS ? connections.remote.webSocket(srcIp, srcPort) !== null : true;
  }

  #isOurs(uri: SipUri): boolean {
    const port = uri.port === 0 ? (uri.scheme === URI_SCHEME.SIPS ? 5061 : 5060) : uri.port;
    return this.#server.isMyself(uri.host, port, uri.transport);
  }

  api(): OutboundApi {
    return {
      usesOutbound: (msg) => this.usesOutbound(msg),
      tokenOf: (msg) => this.tokenOf(msg),
      decode: (user) => this.#tokens.decode(user),
      isFrom: (msg, flow) => Outbound.isFrom(msg, flow),
      follow: (msg, flow) => this.follow(msg, flow),
    };
  }
}

function isSet(msg: SipMsg, flag: number): boolean {
  return flag >= 0 && ((msg.flags >>> flag) & 1) !== 0;
}

/** A URI with the parameter `ob` (RFC 5626 §4.3). */
function isOutboundUri(text: string): boolean {
  return findParam(text, 0, text.length, 'ob') !== null;
}
