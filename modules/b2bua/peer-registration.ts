import { type ModuleContext, PROTO, PROTO_NAMES, parseUri, type SocketInfo } from 'strowger';
import type { PeerDef } from './peer-def.ts';
import type { Peers } from './peers.ts';

/** A registration of ours that is kept. */
export interface KeptRegistration {
  /** The registrar has a binding of ours. */
  readonly isOnline: boolean;
  /** Takes no more care of it. */
  close(): void;
}

/** What of uac's api registering at peers needs: its client, without its table. */
export interface RegistrationClient {
  register(plan: {
    /** For logs. */
    readonly name: string;
    readonly registrar: string;
    readonly nextHop: string;
    readonly aor: string;
    readonly contact: string;
    readonly expiresSec: number;
    readonly socket: SocketInfo | null;
    readonly credential: (challenge: { readonly realm: string }) => PeerCredential | null;
  }): KeptRegistration;
}

/** What proves to a peer who we are. */
export interface PeerCredential {
  readonly realm: string;
  readonly username: string;
  readonly secret: string;
  readonly isHa1: boolean;
}

/** Registrations at peers that want it (`register=client`), in the worker that registers for all. */
export class PeerRegistrations {
  readonly #ctx: ModuleContext;
  readonly #client: Partial<RegistrationClient> | undefined;
  readonly #kept = new Map<string, { readonly peer: PeerDef; readonly registration: KeptRegistration }>();
  #isOn = false;

  constructor(ctx: ModuleContext) {
    this.#ctx = ctx;
    this.#client = ctx.optionalApi<Partial<RegistrationClient>>('uac');
  }

  /** An error text where a peer wants what can not be done. */
  check(peers: Iterable<PeerDef>): string | null {
    for (const { name, register } of peers)
      if (register === 'client' && this.#client?.register === undefined)
        return `peer ${name}: to register there needs the module uac`;
    return null;
  }

  isOnline(name: string): boolean {
    return this.#kept.get(name)?.registration.isOnline ?? false;
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
      registration.close();
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
    const registration = this.#client?.register?.({
      name,
      registrar: withoutUser(uri),
      nextHop: proxy,
      aor: `sip:${parseUri(uri)?.user || user}@${host}`,
      contact: socket === null ? '' : contactOf(name, socket),
      expiresSec: peer.expires,
      socket,
      credential: ({ realm }) => credentialOf(peer, realm),
    });
    if (registration !== undefined) this.#kept.set(name, { peer, registration });
  }
}

function credentialOf({ user, password, realm: own }: PeerDef, realm: string): PeerCredential | null {
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
