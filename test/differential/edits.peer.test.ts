import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StartedServer } from '../../core/cli/start-options.ts';
import { startServer } from '../../core/start.ts';
import { scriptOptions } from '../support/both-servers.ts';
import { KAMAILIO_MODULES, Kamailio, UdpPeer } from '../support/index.ts';
import { skipWithout } from '../support/peers.ts';
import { EDIT_CASES } from './edit-cases.ts';
import { editMessage, editScript, normalise } from './edit-messages.ts';

const PATIENCE_MS = 3000;

/** What comes out for each case, by name; null where nothing does. */
async function outputs(peer: UdpPeer, port: number): Promise<Map<string, string | null>> {
  const results = new Map<string, string | null>();
  for (const [i, edit] of EDIT_CASES.entries()) {
    peer.send(editMessage(edit.on ?? 'plain', `C${i}`, peer.port), port);
    results.set(edit.name, normalise(await peer.next(PATIENCE_MS)));
  }
  return results;
}

async function ofKamailio(): Promise<Map<string, string | null>> {
  const peer = await UdpPeer.open();
  const codes = EDIT_CASES.map((edit) => edit.code);
  let kamailio: Kamailio | null = null;
  try {
    kamailio = await Kamailio.start(editScript(codes, peer.port, KAMAILIO_MODULES));
    return await outputs(peer, kamailio.port);
  } finally {
    await kamailio?.stop();
    peer.close();
  }
}

async function ofStrowger(): Promise<Map<string, string | null>> {
  const peer = await UdpPeer.open();
  const codes = EDIT_CASES.map((edit) => edit.code);
  let started: StartedServer | null = null;
  try {
    started = await startServer(scriptOptions(editScript(codes, peer.port, '')));
    return await outputs(peer, started.server.transport.sockets[0]?.port ?? 0);
  } finally {
    await started?.stop(0);
    peer.close();
  }
}

const skip = skipWithout('kamailio');

test(`${EDIT_CASES.length} edits come out as Kamailio's do, byte for byte`, { skip }, async (t) => {
  const theirs = await ofKamailio();
  const ours = await ofStrowger();
  for (const edit of EDIT_CASES) {
    await t.test(edit.name, () => {
      const own = ours.get(edit.name);
      assert.ok(theirs.get(edit.name), 'kamailio sent nothing');
      if (edit.differs === undefined) assert.equal(own, theirs.get(edit.name));
      else assert.match(own ?? '', edit.differs.expect, edit.differs.why);
    });
  }
});
