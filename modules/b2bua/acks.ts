import type { SipMsg } from 'strowger';
import type { Leg } from './leg.ts';
import type { Ack } from './leg-facts.ts';
import type { UaDialog } from './ua-dialog.ts';

/** How many ACKs before the last one are kept. */
const MAX_EARLIER = 4;

/** What a leg tells the 2xx to its INVITEs with: each time that one comes (RFC 3261 §13.2.2.4). */
export class Acks {
  readonly #leg: Leg;
  /** Those before the last one, whose 2xx may come again still. */
  readonly #earlier: Ack[] = [];
  /** Dialogs that were hung up as soon as they began. */
  readonly #unwantedTags: string[] = [];

  constructor(leg: Leg) {
    this.#leg = leg;
  }

  say(ack: Ack): void {
    const { lastAck } = this.#leg;
    if (lastAck !== null && this.#earlier.push(lastAck) > MAX_EARLIER) this.#earlier.shift();
    this.#leg.lastAck = ack;
    this.#leg.owner.note(this.#leg, '> ACK');
    this.#send(this.#leg.dialog, ack);
  }

  /** False for a 2xx that was not acknowledged yet; one that comes again is told the same again. */
  again({ cseqNumber }: SipMsg): boolean {
    const { lastAck, dialog } = this.#leg;
    if (lastAck === null || cseqNumber > lastAck.cseq) return false;
    const ack = [lastAck, ...this.#earlier].find(({ cseq }) => cseq === cseqNumber);
    if (ack !== undefined) this.#send(dialog, ack);
    return true;
  }

  /**
   * An answer nobody waits for: of another phone behind a forking proxy, or one that crossed our CANCEL. It is
   * acknowledged and hung up (RFC 3261 §13.2.2.4, §15). One to a re-INVITE that our BYE crossed is acknowledged only: its
   * dialog has ended already (RFC 5407 §3.2.3).
   */
  unwanted(reply: SipMsg, isFirst: boolean): void {
    const leg = this.#leg;
    const other = leg.dialog.ofReply(reply);
    this.#send(other, { cseq: reply.cseqNumber, body: '', contentType: '' });
    if (!isFirst || this.#unwantedTags.includes(reply.toTag)) return;
    this.#unwantedTags.push(other.remoteTag);
    leg.owner.note(leg, `< ${reply.status} that is not wanted any more`);
    const { uri, nextHop, from, to, callId, cseq, routes } = other.request();
    leg.tm.send({ method: 'BYE', uri, nextHop, from, to, callId, cseq, headers: routes, socket: leg.socket });
  }

  #send(dialog: UaDialog, { cseq: number, body, contentType }: Ack): void {
    const { uri, nextHop, from, to, callId, cseq, routes } = dialog.request(number);
    const headers = body === '' ? routes : `${routes}Content-Type: ${contentType}\r\n`;
    const { tm, socket } = this.#leg;
    tm.sendAck({ method: 'ACK', uri, nextHop, from, to, callId, cseq, headers, body, socket });
  }
}
