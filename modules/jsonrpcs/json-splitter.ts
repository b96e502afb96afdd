/** Longest document, in bytes; a longer one is thrown away. */
const MAX_DOCUMENT_BYTES = 1 << 20;

/**
 * Cuts a stream of bytes into JSON documents: from the first `{` or `[` to the bracket that closes it. What stands
 * between documents is skipped. Each byte is looked at once.
 */
export class JsonSplitter {
  #buffer = '';
  /** How far the buffer has been looked at. */
  #at = 0;
  #depth = 0;
  #isInString = false;
  #start = -1;
  readonly #onDocument: (document: string) => void;
  readonly #onTooLong: () => void;

  constructor(onDocument: (document: string) => void, onTooLong: () => void) {
    this.#onDocument = onDocument;
    this.#onTooLong = onTooLong;
  }

  push(text: string): void {
    this.#buffer += text;
    while (this.#at < this.#buffer.length) {
      const c = this.#buffer.charCodeAt(this.#at++);
      if (this.#isInString) this.#inString(c);
      else this.#outsideString(c);
    }
    if (this.#start < 0) this.#forget();
    else if (this.#buffer.length - this.#start > MAX_DOCUMENT_BYTES) {
      this.#forget();
      this.#onTooLong();
    }
  }

  #inString(c: number): void {
    if (c === 92) this.#at++;
    else if (c === 34) this.#isInString = false;
  }

  #outsideString(c: number): void {
    if (c === 123 || c === 91) {
      if (this.#depth++ === 0) this.#start = this.#at - 1;
    } else if (this.#depth > 0) {
      if (c === 34) this.#isInString = true;
      else if ((c === 125 || c === 93) && --this.#depth === 0) {
        const document = this.#buffer.slice(this.#start, this.#at);
        this.#buffer = this.#buffer.slice(this.#at);
        this.#at = 0;
        this.#start = -1;
        this.#onDocument(document);
      }
    }
  }

  #forget(): void {
    this.#buffer = '';
    this.#at = 0;
    this.#depth = 0;
    this.#isInString = false;
    this.#start = -1;
  }
}
