import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMessageSummary } from './message-summary.ts';

const BODIES: readonly (readonly [body: string, isGood: boolean])[] = [
  ['Messages-Waiting: yes\r\n', true],
  ['Messages-Waiting: no\r\nMessage-Account: sip:a@example.org\r\nVoice-Message: 2/8 (0/2)\r\n', true],
  ['Messages-Waiting: yes\r\n\r\nTo: x\ty\r\n', true],
  ['', false],
  ['Messages-Waiting: yes', false],
  ['messages-waiting: yes\r\n', false],
  ['Messages-Waiting:no\r\n', false],
  ['Messages-Waiting: maybe\r\n', false],
  ['x\r\nMessages-Waiting: yes\r\n', false],
  ['Messages-Waiting: yes\r\nVoice-Message: 1', false],
  ['Messages-Waiting: yes\r\nbell\x07\r\n', false],
  ['Messages-Waiting: yes\r\nf\xfcnf\r\n', false],
];
for (const [body, isGood] of BODIES) {
  test(`${JSON.stringify(body)} is ${isGood ? 'a' : 'no'} message summary (RFC 3842 §3.5)`, () =>
    assert.equal(isMessageSummary(body), isGood));
}

test('a long body is looked at in one pass', () => {
  assert.equal(isMessageSummary(`Messages-Waiting: yes\r\n${'\r\n'.repeat(30_000)}${'x'.repeat(60_000)}`), false);
});
