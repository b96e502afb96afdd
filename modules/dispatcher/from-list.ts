import { canonicalIp, type Proto, parseUri, type Run, type SocketInfo, URI_SCHEME } from 'strowger';
import type { Dest } from './destination.ts';
import type { DestNames } from './names.ts';
import type { DsTable } from './table.ts';

/** Bits of the mode of ds_is_from_list(); the last two are Kamailio's since 5.7. */
export const MATCH = { NO_PORT: 1, NO_PROTO: 2, ACTIVE: 4, SOCKET: 8, CLOSEST: 16 } as const;

const DEFAULT_PORT = 5060;

/** An address to look for. Several where a name has several. */
interface Address {
  readonly ips: readonly string[];
  readonly port: number;
  readonly proto: Proto;
}

/** What is compared beside addresses: how, and the socket that the message came to. */
interface Rules {
  readonly mode: number;
  readonly socket: SocketInfo;
}

/** ds_is_from_list(): finds destinations by address. */
export class FromList {
  readonly #table: DsTable;
  readonly #names: DestNames;

  constructor(table: DsTable, names: DestNames) {
    this.#table = table;
    this.#names = names;
  }

  /**
   * The destination whose address is the message's source, or the URI's. `setId` -1 looks through all sets. A promise where
   * a name has to be looked up; null when there is none.
   */
  find(run: Run, setId: number, mode: number, uri: string): Dest | null | Promise<Dest | null> {
    const address = uri === '' ? sourceOf(run) : this.#addressOf(uri);
    if (address === null) return null;
    const rules = { mode, socket: run.msg.rcv.socket };
    if (!(address instanceof Promise) && !this.#names.looksUpAlways) return this.#match(address, setId, rules);
    return this.#findLater(address, setId, rules);
  }

  async #findLater(waiting: Address | Promise<Address>, setId: number, rules: Rules): Promise<Dest | null> {
    const address = await waiting;
    if (this.#names.looksUpAlways) await this.#names.lookUp(this.#dests(setId));
    return this.#match(address, setId, rules);
  }

  #match(address: Address, setId: number, rules: Rules): Dest | null {
    const { ips, port, proto } = address;
    const { mode, socket } = rules;
    if ((mode & MATCH.CLOSEST) !== 0) return this.#closest(address, setId, rules);
    for (const dest of this.#dests(setId)) {
      if ((mode & MATCH.ACTIVE) !== 0 && !dest.isUsable) continue;
      if ((mode & MATCH.NO_PROTO) === 0 && dest.proto !== proto) continue;
      if ((mode & MATCH.SOCKET) !== 0 && dest.socket !== null && dest.socket !== socket) continue;
      if ((mode & MATCH.NO_PORT) === 0 && portOf(dest) !== 0 && portOf(dest) !== port) continue;
      if (this.#names.ipsOf(dest).some((ip) => ips.includes(ip))) return dest;
    }
    return null;
  }

  /** Of those with the address the one of which most is the same: the socket counts more than the protocol, that more than the port. */
  #closest({ ips, port, proto }: Address, setId: number, { mode, socket }: Rules): Dest | null {
    let best: Dest | null = null;
    let most = -1;
    for (const dest of this.#dests(setId)) {
      if ((mode & MATCH.ACTIVE) !== 0 && !dest.isUsable) continue;
      if (!this.#names.ipsOf(dest).some((ip) => ips.includes(ip))) continue;
      const same = (portOf(dest) === port ? 2 : 0) + (dest.proto === proto ? 4 : 0) + (dest.socket === socket ? 8 : 0);
      if (same <= most) continue;
      best = dest;
      most = same;
    }
    return best;
  }

  *#dests(setId: number): Generator<Dest> {
    if (setId !== -1) yield* this.#table.set(setId)?.dests ?? [];
    else for (const set of this.#table.sets) yield* set.dests;
  }

  #addressOf(text: string): Address | Promise<Address> | null {
    const uri = parseUri(text);
    if (uri === null || (uri.scheme !== URI_SCHEME.SIP && uri.scheme !== URI_SCHEME.SIPS)) return null;
    const proto = uri.transport;
    const port = uri.port || DEFAULT_PORT;
    const found = this.#names.addresses(uri.bareHost);
    return found instanceof Promise ? found.then((ips) => ({ ips, port, proto })) : { ips: found, port, proto };
  }
}

function sourceOf({ msg }: Run): Address {
  const { srcIp, srcPort, proto } = msg.rcv;
  return { ips: [canonicalIp(srcIp) ?? srcIp], port: srcPort, proto };
}

/** The port a destination is known by; 0, which any port matches, where there is none. */
export function portOf(dest: Dest): number {
  return dest.addresses?.port || dest.port;
}
