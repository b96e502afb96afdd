import { OFFER, OFFER_EVENT, OFFER_VERDICT, type Offer, type OfferVerdict, offerStep } from './offer-answer.ts';
import { isHold } from './sdp.ts';

/** Who says something: we, or the other side of the dialog. */
type Side = 'us' | 'them';

/** What a session is made of, as far as an offer that is refused changes it back. */
export interface SessionState {
  remoteSdp: string;
  localSdp: string;
  isHeld: boolean;
}

/**
 * What holds the offer that is open: the INVITE under way, a reply to it (then ACK or PRACK answers it), or another
 * transaction, by any object that stands for it.
 */
type Carrier = 'INVITE' | 'REPLY' | object;

/**
 * Offers and answers of one leg (RFC 3261 §13.2.1, RFC 3262 §5, RFC 3311, RFC 6337): tells which description is an offer
 * and which an answer from where it travels, and whether a further offer may be made. What an offer changed is taken back
 * when it is refused.
 */
export class SessionOffers {
  readonly #session: SessionState;
  readonly #onStable: () => void;
  #state: Offer = OFFER.STABLE;
  #carrier: Carrier | null = null;
  /** What the session was before the offer that is open. */
  #before = '';
  /** Who made the offer of the INVITE under way, which has one only. */
  #invite: '' | 'request' | 'reply' = '';
  /** UPDATEs that have no final reply yet: a dialog has one at a time in each direction (RFC 3311 §5.1, §5.2). */
  readonly #updates: { us: object | null; them: object | null } = { us: null, them: null };

  constructor(session: SessionState, onStable: () => void) {
    this.#session = session;
    this.#onStable = onStable;
  }

  get isStable(): boolean {
    return this.#state === OFFER.STABLE;
  }

  /** They made an offer, and wait for an answer. */
  get isAsked(): boolean {
    return this.#state === OFFER.REMOTE;
  }

  /** Whether an offer of a side's could be made now; nothing changes. */
  verdict(side: Side): OfferVerdict {
    return offerStep(this.#state, side === 'us' ? OFFER_EVENT.SEND_OFFER : OFFER_EVENT.RECEIVE_OFFER).verdict;
  }

  /** An INVITE, with an offer or without one, which asks for an offer. Nothing changes where the verdict is not OK. */
  invite(side: Side, hasSdp: boolean): OfferVerdict {
    const verdict = this.verdict(side);
    if (verdict !== OFFER_VERDICT.OK) return verdict;
    this.#invite = hasSdp ? 'request' : '';
    if (hasSdp) this.#open(side, 'INVITE');
    return verdict;
  }

  /** Any request but INVITE and ACK, until `done` is told about it. Nothing changes where the verdict is not OK. */
  request(side: Side, method: string, hasSdp: boolean, carrier: object): OfferVerdict {
    if (method === 'UPDATE') return this.#update(side, hasSdp, carrier);
    return method === 'PRACK' ? this.#prack(side, hasSdp, carrier) : OFFER_VERDICT.OK;
  }

  #update(side: Side, hasSdp: boolean, carrier: object): OfferVerdict {
    if (this.#updates[side] !== null) return side === 'us' ? OFFER_VERDICT.WAIT : OFFER_VERDICT.TOO_EARLY;
    const verdict = hasSdp ? this.#offer(side, carrier) : OFFER_VERDICT.OK;
    if (verdict === OFFER_VERDICT.OK) this.#updates[side] = carrier;
    return verdict;
  }

  /** A PRACK answers the offer of a reply, or makes one. */
  #prack(side: Side, hasSdp: boolean, carrier: object): OfferVerdict {
    if (!hasSdp) return OFFER_VERDICT.OK;
    if (this.#carrier === 'REPLY' && this.#isOpenTo(side)) {
      this.#close(true);
      return OFFER_VERDICT.OK;
    }
    return this.#offer(side, carrier);
  }

  /** An UPDATE or PRACK has its final reply. */
  done(carrier: object, isTaken: boolean): void {
    if (this.#updates.us === carrier) this.#updates.us = null;
    if (this.#updates.them === carrier) this.#updates.them = null;
    if (this.#carrier === carrier) this.#close(isTaken);
  }

  /**
   * A reply of a side's to the INVITE under way. One that is not reliable says beforehand what a reliable one will say:
   * it settles nothing.
   */
  reply(side: Side, status: number, hasSdp: boolean, isReliable: boolean): void {
    if (status < 200 && !(isReliable && hasSdp)) return;
    if (this.#carrier === 'INVITE') {
      if (this.#isOpenTo(side)) this.#close(status < 300 && hasSdp);
    } else if (this.#carrier === 'REPLY') {
      if (status >= 300) this.#close(false);
    } else if (hasSdp && status < 300 && this.#invite === '' && this.isStable) {
      this.#invite = 'reply';
      this.#open(side, 'REPLY');
    }
  }

  /** The ACK of a 2xx, by the side that made the INVITE. */
  ack(side: Side, hasSdp: boolean): void {
    if (this.#carrier === 'REPLY' && this.#isOpenTo(side)) this.#close(hasSdp);
  }

  /** A reply comes from another dialog that our INVITE made (RFC 3261 §12.1): there its offer is open still. */
  forked(): void {
    if (this.#invite === 'request') {
      if (this.isStable) this.#open('us', 'INVITE');
      return;
    }
    this.#invite = '';
    if (this.#carrier === 'REPLY') this.#close(false);
  }

  #offer(side: Side, carrier: Carrier): OfferVerdict {
    const verdict = this.verdict(side);
    if (verdict === OFFER_VERDICT.OK) this.#open(side, carrier);
    return verdict;
  }

  #isOpenTo(side: Side): boolean {
    return this.#state === (side === 'us' ? OFFER.REMOTE : OFFER.LOCAL);
  }

  #open(side: Side, carrier: Carrier): void {
    this.#state = offerStep(this.#state, side === 'us' ? OFFER_EVENT.SEND_OFFER : OFFER_EVENT.RECEIVE_OFFER).next;
    this.#carrier = carrier;
    this.#before = side === 'us' ? this.#session.localSdp : this.#session.remoteSdp;
  }

  /** The open offer is answered, or refused: then the session is what it was. */
  #close(isAnswered: boolean): void {
    const isOurs = this.#state === OFFER.LOCAL;
    this.#state = offerStep(this.#state, isOurs ? OFFER_EVENT.CLOSE_OURS : OFFER_EVENT.CLOSE_THEIRS).next;
    this.#carrier = null;
    if (!isAnswered) this.#takeBack(isOurs);
    this.#onStable();
  }

  #takeBack(isOurs: boolean): void {
    // Without a session there was none to go back to.
    if (this.#before === '') return;
    if (isOurs) this.#session.localSdp = this.#before;
    else {
      this.#session.remoteSdp = this.#before;
      this.#session.isHeld = isHold(this.#before);
    }
  }
}
