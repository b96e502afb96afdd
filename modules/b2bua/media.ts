/** One side of a call for a media engine. */
export interface MediaParty {
  /** Of the call: the same for all its sides. */
  readonly callId: string;
  /** Who made the description. */
  readonly from: string;
  /** Whom it is for; '' where that is not decided yet. */
  readonly to: string;
}

/** What an engine knows of a call: packets that came from each side so far. */
export interface MediaState {
  readonly packets: ReadonlyMap<string, number>;
}

/**
 * What media go through (rtpengine, or another module that has this as its api). Nothing rejects: null and false say that
 * it could not be done.
 */
export interface MediaEngine {
  /** The description that the other side gets instead. */
  offer(party: MediaParty, sdp: string): Promise<string | null>;
  answer(party: MediaParty, sdp: string): Promise<string | null>;
  /** Ends the media of a call. */
  delete(callId: string): Promise<void>;
  /** Null where the engine does not know the call. */
  query(callId: string): Promise<MediaState | null>;
  /** Plays a digit to one side, for so many ms. */
  playDtmf(callId: string, to: string, digit: string, durationMs: number): Promise<boolean>;
  /** Told of calls whose media have stopped, by engines that notice by themselves; undoes by what it returns. */
  onTimeout(told: (callId: string) => void): () => void;
}
