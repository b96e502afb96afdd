import type { Random } from 'strowger';

/** Unique ids of contacts: `kind[-server]-start-instance-count`, hexadecimal (Kamailio: sruid). */
export class Ruids {
  readonly #prefix: string;
  #count = 0;

  /** `serverId` 0 is left out. Where Kamailio has its process number there is a random one: two of ours may share one. */
  constructor(kind: string, serverId: number, wallMs: number, random: Random) {
    const start = Math.floor(wallMs / 1000).toString(16);
    const server = serverId === 0 ? '' : `${serverId.toString(16)}-`;
    this.#prefix = `${kind}-${server}${start}-${random.uint32().toString(16)}-`;
  }

  next(): string {
    return this.#prefix + (++this.#count).toString(16);
  }
}
