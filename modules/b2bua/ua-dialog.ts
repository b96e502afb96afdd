import {
  flatCopy as copy,
  firstNameAddr,
  HDR,
  type NameAddr,
  nameAddrs,
  PROTO,
  PROTO_NAMES,
  type Server,
  type SipMsg,
  type SocketInfo,
} from 'strowger';

/** What a request in a dialog is made of (RFC 3261 §12.2.1.1). */
export interface DialogRequest {
  readonly uri: string;
  /** Where it is sent, as a URI; '' for the Request-URI. */
  readonly nextHop: string;
  readonly from: string;
  readonly to: string;
  readonly callId: string;
  readonly cseq: number;
  /** Route rows. */
  readonly routes: string;
}

/** One side's state of a dialog (RFC 3261 §12). Texts are flat copies. */
export class UaDialog {
  readonly callId: string;
  readonly localTag: string;
  /** From and To of our requests, without tags. */
  readonly local: string;
  readonly remote: string;
  /** '' until a reply brought one. */
  remoteTag = '';
  localCseq: number;
  /** -1 before their first request. */
  remoteCseq = -1;
  remoteTarget: string;
  routeSet: readonly string[] = [];
  /** Used instead of the remote target's address: where requests of a peer behind a NAT came from; '' for none. */
  flow = '';

  constructor(callId: string, local: string, localTag: string, remote: string, target: string, cseq: number) {
    this.callId = copy(callId);
    this.local = copy(local);
    this.localTag = copy(localTag);
    this.remote = copy(remote);
    this.remoteTarget = copy(target);
    this.localCseq = cseq;
  }

  /** The dialog that our answer with `localTag` to this request makes (RFC 3261 §12.1.1). */
  static ofRequest(msg: SipMsg, localTag: string, cseq: number): UaDialog {
    const from = msg.from;
    const dialog = new UaDialog(
      msg.callId ?? '',
      withoutParams(msg.to),
      localTag,
      withoutParams(from),
      from?.uriText ?? '',
      cseq,
    );
    dialog.remoteTag = copy(msg.fromTag);
    dialog.remoteCseq = msg.cseqNumber;
    dialog.refresh(msg);
    dialog.routeSet = routesOf(msg);
    return dialog;
  }

  /** A copy for another branch of a fork, or one to go on with: `reply` (101 to 299) gives it its other side (§12.1.2). */
  ofReply(reply: SipMsg): UaDialog {
    const dialog = new UaDialog(this.callId, this.local, this.localTag, this.remote, this.remoteTarget, this.localCseq);
    dialog.flow = this.flow;
    dialog.establish(reply);
    return dialog;
  }

  /** Takes the other side from a reply to our INVITE. */
  establish(reply: SipMsg): void {
    this.remoteTag = copy(reply.toTag);
    this.refresh(reply);
    this.routeSet = routesOf(reply).reverse();
  }

  /** Target refresh: requests go to the newest Contact from now on (RFC 3261 §12.2). */
  refresh(msg: SipMsg): void {
    const contact = firstNameAddr(msg, HDR.CONTACT);
    if (contact !== null) this.remoteTarget = copy(contact.uriText);
  }

  /** True when a request's CSeq is one of this dialog's to come (RFC 3261 §12.2.2); it is the last one from then on. */
  takes(cseq: number): boolean {
    if (this.remoteCseq >= 0 && cseq <= this.remoteCseq) return false;
    this.remoteCseq = cseq;
    return true;
  }

  /** The next request, or, with `cseq`, an ACK or a request of that number. */
  request(cseq = ++this.localCseq): DialogRequest {
    const { callId, remoteTarget, routeSet, flow } = this;
    const from = `${this.local};tag=${this.localTag}`;
    const to = this.remoteTag === '' ? this.remote : `${this.remote};tag=${this.remoteTag}`;
    const [first, ...rest] = routeSet;
    if (first === undefined) return { uri: remoteTarget, nextHop: flow, from, to, callId, cseq, routes: '' };
    const hop = uriIn(first);
    if (/;lr(?:[;=]|$)/i.test(hop)) {
      return { uri: remoteTarget, nextHop: hop, from, to, callId, cseq, routes: rows(routeSet) };
    }
    // A strict router gets its own URI as the target, and the target last (RFC 3261 §12.2.1.1).
    return { uri: hop, nextHop: '', from, to, callId, cseq, routes: rows([...rest, `<${remoteTarget}>`]) };
  }
}

function rows(routes: readonly string[]): string {
  return routes.map((route) => `Route: ${route}\r\n`).join('');
}

function uriIn(route: string): string {
  const open = route.indexOf('<');
  return open < 0 ? route : route.slice(open + 1, route.indexOf('>', open));
}

function routesOf(msg: SipMsg): string[] {
  const routes: string[] = [];
  for (const route of nameAddrs(msg, HDR.RECORDROUTE))
    if (route !== null) routes.push(copy(route.buf.slice(route.start, route.end)));
  return routes;
}

/** Display name and URI of a From or To, in brackets. */
function withoutParams(value: NameAddr | null): string {
  if (value === null) return '<sip:anonymous@anonymous.invalid>';
  const { display, uriText } = value;
  return display === '' ? `<${uriText}>` : `${display} <${uriText}>`;
}

/** What the Contact of a leg shows. */
export interface ContactForm {
  /** User part; '' for none. */
  readonly contactUser: string;
  /** `host` or `host:port` in the place of the socket's; '' for that. */
  readonly advertise: string;
}

/** The Contact of a leg: where its requests reach this server; '' where it has no socket to be reached at. */
export function contactOf(server: Server, socket: SocketInfo | null, { contactUser, advertise }: ContactForm): string {
  const shown = socket ?? server.transport.sockets.find((each) => !each.isVirtual) ?? null;
  if (shown === null) return '';
  const transport = shown.proto === PROTO.UDP ? '' : `;transport=${PROTO_NAMES[shown.proto]}`;
  return `<sip:${contactUser === '' ? '' : `${contactUser}@`}${advertise || shown.sentBy}${transport}>`;
}
