import assert from 'node:assert/strict';
import { replyText } from '../../core/rpc/reply-text.ts';
import { type RequestOptions, TestMsg } from './msg.ts';
import type { SipPeer } from './sip-peer.ts';
import { SipWorld, type WorldOptions } from './sip-world.ts';

/** The presentity of most tests. */
export const BOB = 'sip:bob@example.org';

const ROUTES = `
request_route {
  if (is_method("MESSAGE")) {
    $var(has) = -1;
    if (pres_has_subscribers("$ru", "presence")) $var(has) = 1;
    pres_auth_status("$hdr(X-Watcher)", "$ru"); $var(auth) = $rc;
    sl_send_reply("200", "has $var(has) auth $var(auth)");
    exit;
  }
  if (!t_newtran()) { sl_reply_error(); exit; }
  if (is_method("PUBLISH")) {
    if ($hdr(X-Priority) != $null) $xavp(pres=>priority) = $(hdr(X-Priority){s.int});
    if ($hdr(Sender) != $null) handle_publish("$hdr(Sender)"); else handle_publish();
    xlog("L_ERR", "say publish $rc\\n");
  } else {
    if ($hdr(X-As) != $null) handle_subscribe("$hdr(X-As)"); else handle_subscribe();
    xlog("L_ERR", "say subscribe $rc $subs(uri) $subs(watcher_username)@$subs(watcher_domain) $subs(status) $subs(expires)\\n");
  }
  t_release();
}
event_route[tm:local-request] { xlog("L_ERR", "say sends $rm $subs(callid) $subs(status)\\n"); }
event_route[presence:notify-reply] {
  xlog("L_ERR", "say answered $subs(callid) $notify_reply($rs) $notify_reply($rr)\\n");
  if ($notify_reply($rs) == 403) $xavp(pres=>delete_subscription) = 1;
}
`;

export interface PresOptions extends WorldOptions {
  /** More loadmodule and modparam lines, before those of presence. */
  readonly before?: string;
  /** modparam lines. */
  readonly settings?: string;
}

/** A server with presence and its packages; alice and carol watch bob. */
export class PresWorld {
  readonly world: SipWorld;
  #cseq = 0;

  private constructor(world: SipWorld) {
    this.world = world;
  }

  static async start({ before = '', settings, ...options }: PresOptions = {}): Promise<PresWorld> {
    const params = `
${before}
loadmodule "presence.so"
loadmodule "presence_xml.so"
loadmodule "presence_dialoginfo.so"
loadmodule "presence_mwi.so"
modparam("presence", "clean_period", 1)
modparam("presence", "db_update_period", 1)
${settings ?? 'modparam("presence_xml", "force_active", 1)'}
`;
    return new PresWorld(await SipWorld.start(ROUTES, { params, ...options }));
  }

  stop(): Promise<void> {
    return this.world.stop();
  }

  /** Lines that the script has logged since. */
  said(): string[] {
    return this.world.sim.log.lines.splice(0).flatMap((line) => /say (.*)/.exec(line)?.[1] ?? []);
  }

  async rpc(method: string, ...params: (string | number)[]): Promise<string> {
    return replyText(await this.world.sim.server.rpc.call(method, params));
  }

  /** Sends a request and returns its final reply. */
  async asks(peer: SipPeer, method: string, uri: string, options: RequestOptions = {}): Promise<TestMsg> {
    const text = peer.request(method, uri, { cseq: ++this.#cseq, callId: `call-${this.#cseq}`, ...options });
    peer.sends(text);
    const wanted = new TestMsg(text);
    return await peer.receives((msg) => msg.status >= 200 && msg.get('Call-ID') === wanted.get('Call-ID'));
  }

  /** A PUBLISH of bob's; `etag` '' for a first one. */
  publishes(
    body: string,
    { etag = '', expires = 600, event = 'presence', headers = {}, ...more }: PublishOptions = {},
  ): Promise<TestMsg> {
    return this.asks(this.world.bob, 'PUBLISH', BOB, {
      contentType: 'application/pidf+xml',
      ...more,
      body,
      headers: { Event: event, Expires: expires, ...(etag === '' ? {} : { 'SIP-If-Match': etag }), ...headers },
    });
  }

  subscribes(peer: SipPeer, options: SubscribeOptions = {}): Promise<TestMsg> {
    const { expires = 600, event = 'presence', uri = BOB, headers = {}, ...more } = options;
    return this.asks(peer, 'SUBSCRIBE', uri, { ...more, headers: { Event: event, Expires: expires, ...headers } });
  }

  /** The next NOTIFY, answered. */
  async notified(peer: SipPeer, status = 200, withinMs = 2000): Promise<TestMsg> {
    const msg = await peer.receives('NOTIFY', withinMs);
    peer.replies(msg, status);
    return msg;
  }

  /** A subscription with its first NOTIFY taken. */
  async watches(peer: SipPeer, options: SubscribeOptions = {}): Promise<TestMsg> {
    const reply = await this.subscribes(peer, options);
    assert.equal(reply.status, 200);
    await this.notified(peer);
    return reply;
  }

  /** Options of a SUBSCRIBE in the dialog of another's reply. */
  within(reply: TestMsg, cseq = ++this.#cseq): RequestOptions {
    return { callId: reply.get('Call-ID'), toTag: reply.param('To', 'tag'), cseq };
  }
}

interface PublishOptions extends RequestOptions {
  readonly etag?: string;
  readonly expires?: number;
  readonly event?: string;
}

interface SubscribeOptions extends RequestOptions {
  readonly expires?: number;
  readonly event?: string;
  readonly uri?: string;
}

export function pidf(basic: string, id = 't1', more = ''): string {
  return `<?xml version="1.0"?>\n<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="${BOB}"><tuple id="${id}"><status><basic>${basic}</basic></status></tuple>${more}</presence>\n`;
}

/** `id status` of the tuples of a document. */
export function tuples(msg: TestMsg): string[] {
  return [...msg.body.matchAll(/<tuple[^>]*\bid="([^"]*)"[^>]*>.*?<basic>(\w+)/gs)].map(
    ([, id, basic]) => `${id} ${basic}`,
  );
}
