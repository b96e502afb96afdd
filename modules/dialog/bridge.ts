import { HDR, type ModuleContext, nameAddrs, type SipMsg } from 'strowger';
import type { TmApi } from '../tm/api.ts';
import { contactUri, recordRoutes } from './message-facts.ts';
import type { DialogSettings } from './settings.ts';

/** What dlg_bridge() and dlg.bridge_dlg are given. */
export interface BridgeCall {
  /** Who is called first. */
  readonly from: string;
  /** Whom they are asked to call then. */
  readonly to: string;
  /** Next hop; '' for none. */
  readonly outboundProxy: string;
  /** SDP of the INVITE; null for one of ours, '' for none. */
  readonly body: string | null;
}

/** Audio that is not to flow: what follows is a REFER. */
const HOLD_SDP = [
  'v=0',
  'o=strowger-bridge 0 0 IN IP4 0.0.0.0',
  's=-',
  'c=IN IP4 0.0.0.0',
  't=0 0',
  'm=audio 9 RTP/AVP 8 0',
  'a=rtpmap:8 PCMA/8000',
  'a=rtpmap:0 PCMU/8000',
  '',
].join('\r\n');

const INVITE_CSEQ = 10;

/** Calls somebody as a controller, refers them to somebody else and hangs up: INVITE, REFER, BYE. */
export class Bridge {
  readonly #ctx: ModuleContext;
  readonly #tm: TmApi;
  readonly #settings: DialogSettings;

  constructor(ctx: ModuleContext, tm: TmApi, settings: DialogSettings) {
    this.#ctx = ctx;
    this.#tm = tm;
    this.#settings = settings;
  }

  /** False where nothing can be sent. */
  start(call: BridgeCall): boolean {
    const { bridgeController, bridgeContact } = this.#settings;
    const { random, transport } = this.#ctx.server;
    const body = call.body ?? HOLD_SDP;
    const contact = `Contact: <${bridgeContact}>\r\n`;
    const socket = transport.sockets.find(({ isVirtual }) => !isVirtual);
    const identity = {
      from: `<${bridgeController}>;tag=${random.token(20)}`,
      callId: `${random.token(24)}@${socket?.advertisedHost ?? 'localhost'}`,
    };
    const t = this.#tm.send({
      method: 'INVITE',
      uri: call.from,
      nextHop: call.outboundProxy,
      ...identity,
      to: `<${call.from}>`,
      cseq: INVITE_CSEQ,
      headers: contact + (body === '' ? '' : 'Content-Type: application/sdp\r\n'),
      body,
      onReply: (reply, code) => {
        if (reply !== null && code < 300) this.#refer(call, identity, reply);
        else this.#ctx.log.notice('nobody to bridge answered', { uri: call.from, code });
      },
    });
    return t !== null;
  }

  #refer(call: BridgeCall, identity: { readonly from: string; readonly callId: string }, reply: SipMsg): void {
    const { bridgeController, bridgeContact } = this.#settings;
    const routes = recordRoutes(reply).toReversed();
    const first = nameAddrs(reply, HDR.RECORDROUTE).at(-1)?.uriText ?? '';
    const within = {
      uri: contactUri(reply) || call.from,
      nextHop: first === '' ? call.outboundProxy : first,
      ...identity,
      to: `<${call.from}>;tag=${reply.toTag}`,
    };
    const route = routes.length === 0 ? '' : `Route: ${routes.join(',')}\r\n`;
    this.#tm.send({
      ...within,
      method: 'REFER',
      cseq: INVITE_CSEQ + 1,
      headers: `${route}Referred-By: ${bridgeController}\r\nRefer-To: ${call.to}\r\nContact: <${bridgeContact}>\r\n`,
      onReply: () => void this.#tm.send({ ...within, method: 'BYE', cseq: INVITE_CSEQ + 2, headers: route }),
    });
  }
}
