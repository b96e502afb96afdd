import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ComparedServer, withBoth } from '../support/both-servers.ts';
import { skipWithout } from '../support/peers.ts';
import { normaliseRouting, ROUTING_CASES, routingMessage, routingScript } from './routing-cases.ts';

const PATIENCE_MS = 1500;

/** What comes out for each case, in order. */
async function drive({ port, peer }: ComparedServer): Promise<string[]> {
  const results: string[] = [];
  for (const [i, each] of ROUTING_CASES.entries()) {
    peer.send(routingMessage(each, `C${i}`, port, peer.port), port);
    results.push(normaliseRouting(await peer.next(PATIENCE_MS), port, peer.port));
  }
  return results;
}

test(`rr and sl: ${ROUTING_CASES.length} messages come out as Kamailio's do`, {
  skip: skipWithout('kamailio'),
}, async (t) => {
  const { kamailio, strowger } = await withBoth(routingScript, drive);
  for (const [i, each] of ROUTING_CASES.entries()) {
    await t.test(each.name, () => {
      if (each.differs === undefined) assert.equal(strowger[i], kamailio[i]);
      else assert.match(strowger[i] ?? '', each.differs.expect, each.differs.why);
    });
  }
});
