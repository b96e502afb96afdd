import { HASH_START } from '../msg/hash.ts';
import { TextMap } from '../store/text-map.ts';
import { unbracketed } from './ip-address.ts';
import { isCarriedBy, type SocketInfo } from './socket-info.ts';

interface OwnAddress {
  readonly port: number;
  readonly proto: number;
  /** Of a virtual socket: ours while an interface has it. */
  readonly virtualIp: string | null;
}

/**
 * What is "myself": listening sockets with their advertised addresses, `alias` lines, and names that modules claim
 * (corex alias_subdomains, domain). Hosts compare without case; IPv6 with or without brackets.
 */
export class LocalAddresses {
  /** host → ports (0: any) with the protocol (0: any). */
  readonly #hosts = new TextMap<OwnAddress[]>(HASH_START);
  readonly #isHere: (ip: string) => boolean;
  readonly #claims: ((host: string, port: number, proto: number) => boolean)[] = [];
  readonly #aliases: { readonly host: string; readonly port: number; readonly proto: number }[] = [];

  /**
   * `isHere` tells whether an interface has an address: that of a `virtual` socket is ours only while one does, since
   * another machine may hold it (keepalived).
   */
  constructor(sockets: readonly SocketInfo[], isHere: (ip: string) => boolean = () => true) {
    this.#isHere = isHere;
    for (const socket of sockets) {
      this.#add(socket.address, socket.port, socket.proto, socket.isVirtual ? socket.address : null);
      if (socket.isAdvertised) this.#add(socket.advertisedHost, socket.advertisedPort, socket.proto);
    }
  }

  /** An `alias` line: port and proto 0 match any. */
  addAlias(host: string, port: number, proto: number): void {
    this.#aliases.push({ host: host.toLowerCase(), port, proto });
    this.#add(host, port, proto);
  }

  get aliases(): readonly { readonly host: string; readonly port: number; readonly proto: number }[] {
    return this.#aliases;
  }

  /** True when a module has a say (`core.aliases_list`). */
  get hasClaims(): boolean {
    return this.#claims.length > 0;
  }

  /** A module's say: true makes the host ours. */
  addClaim(claim: (host: string, port: number, proto: number) => boolean): void {
    this.#claims.push(claim);
  }

  isMyself(host: string, port: number, proto: number): boolean {
    const entries = this.#hosts.get(host) ?? this.#hosts.get(normalise(host));
    if (entries !== undefined) {
      for (let i = 0; i < entries.length; i++) {
        const entry = entries[i] as OwnAddress;
        if (
          (entry.port === 0 || port === 0 || entry.port === port) &&
          (entry.proto === 0 || proto === 0 || isCarriedBy(proto, entry.proto)) &&
          (entry.virtualIp === null || this.#isHere(entry.virtualIp))
        )
          return true;
      }
    }
    for (const claim of this.#claims) if (claim(host, port, proto)) return true;
    return false;
  }

  #add(host: string, port: number, proto: number, virtualIp: string | null = null): void {
    const key = normalise(host);
    const entries = this.#hosts.get(key);
    if (entries === undefined) this.#hosts.set(key, [{ port, proto, virtualIp }]);
    else entries.push({ port, proto, virtualIp });
  }
}

function normalise(host: string): string {
  return unbracketed(host.toLowerCase());
}
