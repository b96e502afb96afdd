import type { BValue } from './bencode.ts';
import { BDict } from './bencode.ts';
import { isUnknown, type Rtpengine } from './engine.ts';

/** A description for rtpengine: of which call, who made it, and whom it is for ('' where that is not decided). */
export interface RtpengineParty {
  readonly callId: string;
  readonly from: string;
  readonly to: string;
}

/** Packets that came from each party of a call. */
export interface RtpengineState {
  /** rtpengine has ended the call by itself, or has lost it. */
  readonly isGone: boolean;
  readonly packets: ReadonlyMap<string, number>;
}

/**
 * What other modules use of rtpengine: `ctx.api<RtpengineApi>('rtpengine')` (types only: `import type`). Parties are named
 * by tags of the caller's choice; the set is `setid_default`; `flags` are those of rtpengine_offer(). Nothing rejects.
 */
export interface RtpengineApi {
  /** The description to send on; null, and logged, where there is none. */
  offer(party: RtpengineParty, sdp: string, flags: string): Promise<string | null>;
  answer(party: RtpengineParty, sdp: string, flags: string): Promise<string | null>;
  delete(callId: string, tag: string): Promise<void>;
  /** Null where rtpengine does not answer. */
  query(callId: string, tag: string): Promise<RtpengineState | null>;
  /** Plays a digit to one party, for so many ms; false where that failed. */
  playDtmf(callId: string, tag: string, digit: string, durationMs: number): Promise<boolean>;
  /** Told of calls that rtpengine has ended because their media stopped, where it is told to tell (RPC `teardown`). */
  onTimeout(told: (callId: string) => void): () => void;
}

export function rtpengineApi(engine: Rtpengine): RtpengineApi {
  const exchange = async (
    command: 'offer' | 'answer',
    { callId, from, to }: RtpengineParty,
    sdp: string,
    flags: string,
  ): Promise<string | null> => {
    // An answer names the one who offered first.
    const [fromTag, toTag] = command === 'offer' ? [from, to] : [to, from];
    const reply = await engine.askFor(command, { callId, fromTag, toTag, sdp }, flags);
    const rewritten = reply?.get('sdp');
    return typeof rewritten === 'string' && rewritten !== '' ? rewritten : null;
  };
  return {
    offer: (party, sdp, flags) => exchange('offer', party, sdp, flags),
    answer: (party, sdp, flags) => exchange('answer', party, sdp, flags),
    async delete(callId, fromTag) {
      await engine.askFor('delete', { callId, fromTag, toTag: '', sdp: null }, '');
    },
    async query(callId, fromTag) {
      const reply = await engine.askFor('query', { callId, fromTag, toTag: '', sdp: null }, '');
      if (reply === null) return null;
      const tags = reply.dict('tags')?.entries ?? [];
      return { isGone: isUnknown(reply), packets: new Map(tags.map(([tag, party]) => [tag, packetsOf(party)])) };
    },
    async playDtmf(callId, fromTag, digit, durationMs) {
      const flags = `code=${digit} duration=${durationMs}`;
      return (await engine.askFor('play DTMF', { callId, fromTag, toTag: '', sdp: null }, flags)) !== null;
    },
    onTimeout(told) {
      engine.timeoutListeners.add(told);
      return () => engine.timeoutListeners.delete(told);
    },
  };
}

/** What came from a party, over all its media and streams. */
function packetsOf(party: BValue): number {
  let packets = 0;
  if (!(party instanceof BDict)) return 0;
  for (const media of party.list('medias')) {
    if (!(media instanceof BDict)) continue;
    for (const stream of media.list('streams'))
      if (stream instanceof BDict) packets += stream.dict('stats')?.int('packets') ?? 0;
  }
  return packets;
}
