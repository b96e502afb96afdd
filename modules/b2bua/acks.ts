import type { SipMsg } from 'strowger';
import type { Leg } from './leg.ts';
import type { Ack } from './leg-facts.ts';
import type { UaDialog } from './ua-dialog.ts';

/** What a leg tells the 2xx to its INVITEs with: each time that one comes (RFC 3261 §13.2.2.4). */
export class Acks {
  readonly #leg: Leg;
  /** Dialogs that were hung up as soon as they began. */
  readonly #unwantedTags: string[] = [];

  constructor(leg: Leg) {
    this.#leg = leg;
  }

  say(ack: Ack): void {
    this.#leg.lastAck = ack;
    this.#leg.owner.note(this.#leg, '> ACK');
    this.#send(this.#leg.dialog, ack);
  }

  /** A 2xx again: its ACK was lost, or is still to come. */
  again(reply: SipMsg): void {
    const { lastAck, dialog } = this.#leg;
    if (lastAck !== null && lastAck.cseq === reply.cseqNumber) this.#send(dialog, lastAck);
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
