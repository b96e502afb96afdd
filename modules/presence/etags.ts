import type { Random } from 'strowger';

/** Entity tags and record ids in Kamailio's form; no two of one server are the same. */
export class Etags {
  readonly #startSec: number;
  /** Stands where Kamailio has a process id: each worker, and each start, has another. */
  readonly #process: number;
  #count = 0;
  #rows = 0;

  constructor(startSec: number, random: Random) {
    this.#startSec = startSec;
    this.#process = random.int(2 ** 31);
  }

  /** For a first publication, or the next one of `old`, whose changes are counted in it. */
  next(old = ''): string {
    const changes = old === '' ? 0 : (Number(old.slice(old.lastIndexOf('.') + 1)) || 0) + 1;
    return `a.${this.#startSec}.${this.#process}.${++this.#count}.${changes}`;
  }

  ruid(): string {
    return `pres-${this.#startSec.toString(16)}-${this.#process.toString(16)}-${(++this.#rows).toString(16)}`;
  }
}
