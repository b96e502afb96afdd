import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KAMAILIO_MODULES, Kamailio, UdpPeer } from '../support/index.ts';
import { skipWithout } from '../support/peers.ts';
import { passedReplies, REPLY_CODES, replyCodeScript } from './reply-codes.ts';

test('replies that go on behind their routes are those of the table', { skip: skipWithout('kamailio') }, async () => {
  const peer = await UdpPeer.open();
  const kamailio = await Kamailio.start(replyCodeScript(KAMAILIO_MODULES));
  try {
    const theirs = await passedReplies(peer, kamailio.port);
    const named = theirs.map((passed, i) => [REPLY_CODES[i]?.[0], ...passed]);
    assert.deepEqual(named, REPLY_CODES);
  } finally {
    await kamailio.stop();
    peer.close();
  }
});
