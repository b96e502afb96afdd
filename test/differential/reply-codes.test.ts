import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startServer } from '../../core/start.ts';
import { scriptOptions } from '../support/both-servers.ts';
import { UdpPeer } from '../support/index.ts';
import { passedReplies, REPLY_CODES, replyCodeScript } from './reply-codes.ts';

test('what a reply route returns decides whether the reply goes on', async () => {
  const peer = await UdpPeer.open();
  const started = await startServer(scriptOptions(replyCodeScript('')));
  try {
    const ours = await passedReplies(peer, started.server.transport.sockets[0]?.port ?? 0);
    const named = ours.map((passed, i) => [REPLY_CODES[i]?.[0], ...passed]);
    assert.deepEqual(named, REPLY_CODES);
  } finally {
    await started.stop(0);
    peer.close();
  }
});
