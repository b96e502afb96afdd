import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { USAGE, USAGE_EVENT, type Usage, type UsageEvent, usageStep, VERDICT } from './invite-usage.ts';
import { OFFER, OFFER_EVENT, OFFER_VERDICT, type Offer, type OfferEvent, offerStep } from './offer-answer.ts';

const USAGES = Object.entries(USAGE) as [keyof typeof USAGE, Usage][];
const USAGE_EVENTS = Object.entries(USAGE_EVENT) as [keyof typeof USAGE_EVENT, UsageEvent][];

/** What the RFC says of every pair that is not passed over: `next verdict`. */
const INVITE_RULES: Readonly<Record<string, string>> = {
  'NONE SEND': 'SENT OK',
  'NONE RECEIVE': 'RECEIVED OK',
  'SENT SEND': 'SENT WAIT',
  'SENT RECEIVE': 'SENT REQUEST_PENDING',
  'SENT GOT_OK': 'SENT_OK OK',
  'SENT GOT_ERROR': 'NONE OK',
  'SENT_OK SEND': 'SENT_OK WAIT',
  'SENT_OK RECEIVE': 'SENT_OK REQUEST_PENDING',
  'SENT_OK SEND_ACK': 'NONE OK',
  'RECEIVED SEND': 'RECEIVED WAIT',
  'RECEIVED RECEIVE': 'RECEIVED RETRY_LATER',
  'RECEIVED ANSWER_OK': 'RECEIVED_OK OK',
  'RECEIVED ANSWER_ERROR': 'NONE OK',
  'RECEIVED_OK SEND': 'RECEIVED_OK WAIT',
  'RECEIVED_OK RECEIVE': 'RECEIVED ACKNOWLEDGES',
  'RECEIVED_OK GOT_ACK': 'NONE OK',
  'ENDED SEND': 'ENDED GONE',
  'ENDED RECEIVE': 'ENDED GONE',
};

describe('INVITE usage of a dialog (RFC 3261 §14)', () => {
  for (const [state, from] of USAGES) {
    for (const [event, what] of USAGE_EVENTS) {
      const isBye = event === 'BYE' && state !== 'ENDED';
      const expected = isBye ? 'ENDED OK' : (INVITE_RULES[`${state} ${event}`] ?? `${state} IGNORE`);
      test(`${state} ${event}: ${expected}`, () => {
        const { next, verdict } = usageStep(from, what);
        assert.equal(`${nameIn(USAGE, next)} ${nameIn(VERDICT, verdict)}`, expected);
      });
    }
  }
});

const OFFERS = Object.entries(OFFER) as [keyof typeof OFFER, Offer][];
const OFFER_EVENTS = Object.entries(OFFER_EVENT) as [keyof typeof OFFER_EVENT, OfferEvent][];

const OFFER_RULES: Readonly<Record<string, string>> = {
  'STABLE SEND_OFFER': 'LOCAL OK',
  'STABLE RECEIVE_OFFER': 'REMOTE OK',
  'LOCAL SEND_OFFER': 'LOCAL WAIT',
  'LOCAL RECEIVE_OFFER': 'LOCAL CROSSED',
  'LOCAL CLOSE_OURS': 'STABLE OK',
  'REMOTE SEND_OFFER': 'REMOTE WAIT',
  'REMOTE RECEIVE_OFFER': 'REMOTE TOO_EARLY',
  'REMOTE CLOSE_THEIRS': 'STABLE OK',
};

describe('offer and answer of a dialog (RFC 3264 §4, RFC 6337)', () => {
  for (const [state, from] of OFFERS) {
    for (const [event, what] of OFFER_EVENTS) {
      const expected = OFFER_RULES[`${state} ${event}`] ?? `${state} IGNORE`;
      test(`${state} ${event}: ${expected}`, () => {
        const { next, verdict } = offerStep(from, what);
        assert.equal(`${nameIn(OFFER, next)} ${nameIn(OFFER_VERDICT, verdict)}`, expected);
      });
    }
  }
});

function nameIn(table: Readonly<Record<string, number>>, value: number): string {
  return Object.entries(table).find(([, number]) => number === value)?.[0] ?? '?';
}
