export interface OriginState {
  readonly identity: readonly [user: string, id: string, address: string];
  readonly version: string;
  /** The last description, without its o= line. */
  readonly text: string;
}

/**
 * The o= line of what one dialog is told (RFC 3264 §8): its identity stays what it was first, whoever the description
 * comes from, and its version grows by one when the description is another. While it comes from one side alone nothing
 * has to be changed.
 */
export class SdpOrigin {
  #identity: readonly [user: string, id: string, address: string] | null = null;
  #version = 0n;
  #text = '';

  /** What it knows, to go on with after a restart; null where it was told nothing. */
  get state(): OriginState | null {
    return this.#identity === null
      ? null
      : { identity: this.#identity, version: String(this.#version), text: this.#text };
  }

  set state(state: OriginState | null) {
    if (state === null) return;
    this.#identity = state.identity;
    this.#version = BigInt(state.version);
    this.#text = state.text;
  }

  /** The description with its line as the dialog has to see it. */
  apply(sdp: string): string {
    const found = /^o=(\S+) (\S+) (\d{1,20}) (.+?)\r?$/m.exec(sdp);
    if (found === null) return sdp;
    const [line, user = '', id = '', digits = '0', address = ''] = found;
    const version = BigInt(digits);
    const text = sdp.slice(0, found.index) + sdp.slice(found.index + line.length);
    if (this.#identity === null) {
      this.#identity = [user, id, address];
      this.#version = version;
    } else {
      const [ownUser, ownId, ownAddress] = this.#identity;
      const isSame = user === ownUser && id === ownId && address === ownAddress;
      // A version may stay the same only with a description that does.
      if (isSame && version > this.#version) this.#version = version;
      else if (text !== this.#text) this.#version += 1n;
    }
    this.#text = text;
    const [ownUser, ownId, ownAddress] = this.#identity;
    const end = line.endsWith('\r') ? '\r' : '';
    return `${sdp.slice(0, found.index)}o=${ownUser} ${ownId} ${this.#version} ${ownAddress}${end}${sdp.slice(found.index + line.length)}`;
  }
}
