import { type ModuleContext, PROTO, PROTO_NAMES, parseUri, type SharedMap, type SocketInfo, sharedMap } from 'strowger';
import type { Credential, RegistrationHandle, UacApi } from '../uac/api.ts';
import type { PeerDef } from './peer-def.ts';
import type { Peers } from './peers.ts';

/** Bit of a registration's state in uac: the registrar has our binding. */
const ONLINE = 4;

/** Registrations at peers that want it (`register=client`), in the worker that registers for all. */
export class PeerRegistrations {
  readonly #ctx: ModuleContext;
  readonly #uac: UacApi | undefined;
  readonly #kept = new Map<string, { readonly peer: PeerDef; readonly registration: RegistrationHandle }>();
  /** Whether each is registered, in all workers. */
  readonly #online: SharedMap<boolean>;
  #isOn = false;

  constructor(ctx: ModuleContext) {
    this.#ctx = ctx;
    this.#uac = ctx.optionalApi<UacApi>('uac');
    this.#online = sharedMap(ctx.server, 'b2bua.registered');
  }

  /** An error text where a peer wants what can not be done. */
  check(peers: Iterable<PeerDef>): string | null {
    for (const { name, register } of peers)
      if (register === 'client' && this.#uac === undefined)
        return `peer ${name}: to register there needs the module uac`;
    return null;
  }

  /** The peer has a binding of ours. */
  isOnline(name: string): boolean {
    return this.#online.get(name) ?? false;
  }

  /** Registers at those that are in the table now, and stops where a peer has gone or changed. */
  start(peers: Peers): void {
    this.#isOn = true;
    this.changed(peers);
  }

  changed(peers: Peers): void {
    if (!this.#isOn) return;
    for (const [name, { peer, registration }] of this.#kept) {
      if (isSame(peer, peers.get(name))) continue;
      // What is registered at one that has gone is taken back.
      if (registration.isDisabled || !this.isOnline(name)) registration.close();
      else registration.unregister();
      this.#online.set(name, false);
      this.#kept.delete(name);
    }
    for (const peer of peers) if (peer.register === 'client' && !this.#kept.has(peer.name)) this.#register(peer);
  }

  close(): void {
    this.#isOn = false;
    for (const { registration } of this.#kept.values()) registration.close();
    this.#kept.clear();
  }

  #register(peer: PeerDef): void {
    const { uri, user, proxy, name } = peer;
    const host = parseUri(uri)?.host ?? '';
    const socket = this.#ctx.server.transport.sockets.find((each) => !each.isVirtual) ?? null;
    const registration = this.#uac?.register(
      {
        name: `peer ${name}`,
        registrar: withoutUser(uri),
        nextHop: proxy,
        aor: `sip:${parseUri(uri)?.user || user}@${host}`,
        contact: socket === null ? '' : contactOf(name, socket),
        expiresSec: peer.expires,
        socket,
        credential: ({ realm }) => credentialOf(peer, realm),
      },
      ({ flags }) => {
        const isOnline = (flags & ONLINE) !== 0;
        if (this.#kept.get(name)?.registration === registration && isOnline !== this.isOnline(name))
          this.#online.set(name, isOnline);
      },
    );
    if (registration === undefined) return;
    this.#kept.set(name, { peer, registration });
    registration.begin(0);
  }
}

function credentialOf({ user, password, realm: own }: PeerDef, realm: string): Credential | null {
  return own !== '' && own !== realm ? null : { realm, username: user, secret: password, isHa1: false };
}

/** A call that the peer sends us there has the peer's name as its user. */
function contactOf(name: string, socket: SocketInfo): string {
  const transport = socket.proto === PROTO.UDP ? '' : `;transport=${PROTO_NAMES[socket.proto]}`;
  return `sip:${name}@${socket.sentBy}${transport}`;
}

function withoutUser(uri: string): string {
  return uri.replace(/^(sips?:)[^@]*@/i, '$1');
}

function isSame(a: PeerDef, b: PeerDef | undefined): boolean {
  return b !== undefined && JSON.stringify(a) === JSON.stringify(b);
}
