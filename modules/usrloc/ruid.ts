import type { Server } from 'strowger';

/** Unique ids of contacts: `kind[-server]-start-instance-count`, hexadecimal (Kamailio: sruid). */
export class Ruids {
  readonly #prefix: string;
  #count = 0;

  /** `serverId` 0 is left out. Where Kamailio has its process number there is a random one, and the worker's. */
  constructor(
    kind: string,
    serverId: number,
    { clock, random, workerIndex }: Pick<Server, 'clock' | 'random' | 'workerIndex'>,
  ) {
    const start = Math.floor(clock.wall() / 1000).toString(16);
    const server = serverId === 0 ? '' : `${serverId.toString(16)}-`;
    const instance = random.int(0x100_0000).toString(16) + workerIndex.toString(16).padStart(2, '0');
    this.#prefix = `${kind}-${server}${start}-${instance}-`;
  }

  next(): string {
    return this.#prefix + (++this.#count).toString(16);
  }
}
