import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { RpcFault } from 'strowger';

/** The MD5 of a file (hexadecimal), as it was at the start. */
export class ConfigHash {
  readonly #path: string;
  #stored = '';

  /** '' for no file. */
  constructor(path: string) {
    this.#path = path;
  }

  /** Rejects when the file can not be read. */
  async store(): Promise<void> {
    if (this.#path !== '') this.#stored = await md5(this.#path);
  }

  get stored(): string {
    return this.#stored;
  }

  /** `The actual config file hash is identical to the stored one.`, or a fault 400, 404, 500. */
  async check(): Promise<string> {
    if (this.#path === '') throw new RpcFault(500, 'No hash file');
    let now: string;
    try {
      now = await md5(this.#path);
    } catch (error) {
      throw new RpcFault(500, `Failed to hash the file: ${(error as Error).message}`);
    }
    if (now !== this.#stored)
      throw new RpcFault(400, 'The actual config file hash is not identical to the stored one.');
    return 'The actual config file hash is identical to the stored one.';
  }
}

async function md5(path: string): Promise<string> {
  return createHash('md5')
    .update(await readFile(path))
    .digest('hex');
}
