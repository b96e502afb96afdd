import { parseEvent } from 'strowger';
import type { EventPackage } from './api.ts';

/** What an Event header asks for. */
interface AskedEvent {
  readonly event: EventPackage;
  /** '' where it has none. */
  readonly id: string;
}

/** The event packages, the last one added first. */
export class EventPackages {
  readonly #packages: EventPackage[] = [];

  add(event: EventPackage): void {
    const at = this.#packages.findIndex(({ name }) => name === event.name);
    if (at >= 0) this.#packages[at] = event;
    else this.#packages.unshift(event);
  }

  get(name: string): EventPackage | null {
    return this.#packages.find((event) => event.name === name) ?? null;
  }

  /** As in Allow-Events. */
  get list(): string {
    return this.#packages.map(({ name }) => name).join(', ');
  }

  /** The template that tells about the watchers of a package; null where there is none. */
  winfoOf(name: string): EventPackage | null {
    return this.#packages.find(({ winfoOf }) => winfoOf === name) ?? null;
  }

  /**
   * By an Event header. Besides the package and its own parameters it may have an id (RFC 6665 §8.2.1); names are compared
   * without regard to case, as in Kamailio.
   */
  asked(header: string | null): AskedEvent | null {
    const parsed = header === null ? null : parseEvent(header);
    if (parsed === null) return null;
    const params = [...parsed.params].filter(([name]) => name !== 'id').map(([name, value]) => paramText(name, value));
    const wanted = signature(parsed.token, params);
    const event = this.#packages.find(({ name }) => {
      const [token = '', ...own] = name.split(';');
      return signature(token, own) === wanted;
    });
    return event === undefined ? null : { event, id: parsed.id };
  }
}

function paramText(name: string, value: string): string {
  return value === '' ? name : `${name}=${value}`;
}

function signature(token: string, params: readonly string[]): string {
  return [token, ...[...params].sort()].join(';').toLowerCase();
}
