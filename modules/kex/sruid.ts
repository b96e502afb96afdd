import type { Random } from 'strowger';

/** Ids no other server makes: `srid[-server]-start-instance-count`, hexadecimal (Kamailio: `$sruid`). */
export class Sruid {
  readonly #prefix: string;
  #count = 0;

  /** `serverId` 0 is left out. */
  constructor(serverId: number, startedWallMs: number, random: Random) {
    const start = Math.floor(startedWallMs / 1000).toString(16);
    const server = serverId === 0 ? '' : `${serverId.toString(16)}-`;
    // Kamailio has its process number here, which two servers of one process would share.
    this.#prefix = `srid-${server}${start}-${random.uint32().toString(16)}`;
  }

  next(): string {
    return `${this.#prefix}-${(++this.#count).toString(16)}`;
  }
}
