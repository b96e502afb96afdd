import type { OrderColumn } from './params.ts';

/** A published state, as the table presentity has it. Strings are flat copies. */
export interface Publication {
  readonly user: string;
  readonly domain: string;
  readonly event: string;
  readonly etag: string;
  /** Wall time in seconds; NEVER: until it is taken back. */
  readonly expires: number;
  readonly receivedTime: number;
  readonly body: string;
  readonly sender: string;
  readonly priority: number;
  readonly ruid: string;
}

/** Of a publication that does not expire. */
export const NEVER = -1;

export function isOver({ expires }: Publication, nowSec: number): boolean {
  return expires !== NEVER && expires <= nowSec;
}

/** Publications of all presentities that this worker owns. What the database refuses rejects. */
export interface PublicationStore {
  /** Those that are not over, in the order of the settings, first to last. `isForced` does not believe an index. */
  list(user: string, domain: string, event: string, isForced?: boolean): Promise<readonly Publication[]>;
  insert(publication: Publication): Promise<void>;
  /** Puts another in the place of the one with this tag. */
  update(oldEtag: string, publication: Publication): Promise<void>;
  remove(publication: Publication): Promise<void>;
  /** Takes out what is over, and returns it. */
  expire(nowSec: number): Promise<readonly Publication[]>;
  /** Those in memory; the database's are not shown. */
  inMemory(): readonly Publication[];
}

/** By what a publication can be ordered. */
function valueOf(publication: Publication, column: string): string | number {
  switch (column) {
    case 'priority':
      return publication.priority;
    case 'id':
      // Counts up within one start of a server, as the rows do.
      return Number.parseInt(publication.ruid.slice(publication.ruid.lastIndexOf('-') + 1), 16) || 0;
    case 'expires':
      return publication.expires;
    case 'etag':
      return publication.etag;
    case 'sender':
      return publication.sender;
    case 'ruid':
      return publication.ruid;
    default:
      return publication.receivedTime;
  }
}

/** For Array.sort, which keeps the order of insertion where this makes no difference. */
export function byOrder(order: readonly OrderColumn[]): (a: Publication, b: Publication) => number {
  return (a, b) => {
    for (const { column, isDescending } of order) {
      const [x, y] = [valueOf(a, column), valueOf(b, column)];
      if (x !== y) return x < y === isDescending ? 1 : -1;
    }
    return 0;
  };
}
