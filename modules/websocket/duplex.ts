import { Duplex } from 'node:stream';
import type { Connection } from 'strowger';

/** A SIP connection's byte stream in the form in which the library ws reads and writes it. */
export class ConnectionDuplex extends Duplex {
  readonly #conn: Connection;
  readonly #end: (isAbrupt: boolean) => void;
  #isHeld = false;
  /** Writes bytes to the connection; set once it is upgraded. */
  writeBytes: (bytes: string) => boolean = () => false;

  /** `end` is asked to end the connection: in an orderly way, or at once. */
  constructor(conn: Connection, end: (isAbrupt: boolean) => void) {
    super({ decodeStrings: true });
    this.#conn = conn;
    this.#end = end;
  }

  /** Bytes from the peer, one char each. */
  receive(chunk: string): void {
    if (this.destroyed || this.push(Buffer.from(chunk, 'latin1'))) return;
    this.#isHeld = true;
    this.#conn.stream?.pause();
  }

  override _read(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    if (!this.#conn.isPaused) this.#conn.stream?.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    this.writeBytes(chunk.latin1Slice());
    callback();
  }

  override _writev(chunks: readonly { readonly chunk: Buffer }[], callback: () => void): void {
    this.writeBytes(chunks.map(({ chunk }) => chunk.latin1Slice()).join(''));
    callback();
  }

  override _final(callback: () => void): void {
    this.#end(false);
    callback();
  }

  override _destroy(_error: Error | null, callback: (error: Error | null) => void): void {
    this.#end(true);
    callback(null);
  }
}
