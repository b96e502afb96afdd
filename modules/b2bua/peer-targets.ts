import { parseUri, type SipMsg } from 'strowger';
import type { Call } from './call.ts';
import type { DialResult, Target } from './dial.ts';
import type { Leg } from './leg.ts';
import type { PeerDef } from './peer-def.ts';
import { PEER_LIMIT, type Peers } from './peers.ts';
import { reasonOf } from './status.ts';

/** What is left of a group of targets when peers that can not be called are left out. */
export interface Resolved {
  readonly targets: readonly Target[];
  /** What it comes to where nobody is left. */
  readonly failure: DialResult;
  /** Nobody is left, and at least one peer because of its limit. */
  readonly isFull: boolean;
}

/** What b2b_dial calls at once. */
export interface DialStep {
  readonly targets: readonly Target[];
  /** Group of lines that it is one of; '' for anything else. */
  readonly line: string;
}

/** What says something of the number that was called, not of the line there: another line would not help. */
export function isAboutCallee(status: number): boolean {
  return status === 404 || (status >= 484 && status <= 488) || status >= 600;
}

/** `peer:name`, `peer:user@name`, `group:name` and `location:user` (everywhere the user is registered) among what b2b_dial is to call. */
export class PeerTargets {
  readonly #peers: Peers;

  constructor(peers: Peers) {
    this.#peers = peers;
  }

  /** A `group:name` that stands alone is its peers one after the other; others are called together with what is beside them. */
  expand(groups: readonly (readonly Target[])[]): DialStep[] {
    return groups.flatMap((targets) => {
      const [only, second] = targets;
      const group = only === undefined || second !== undefined ? null : after(only.uri, 'group:');
      if (group === null) return [{ targets: targets.flatMap((target) => this.#together(target)), line: '' }];
      return this.#ofGroup(group).map((target) => ({ targets: [target], line: this.#isLine(target.uri) ? group : '' }));
    });
  }

  /** A peer that calls go on by, to who has the number: neither a phone that registers here nor one with a user of its own. */
  #isLine(uri: string): boolean {
    const peer = this.#peers.get(splitUser(uri).name.replace(/^peer:/, ''));
    return peer !== undefined && peer.register !== 'server' && parseUri(peer.uri)?.user === '';
  }

  #together(target: Target): Target[] {
    const group = after(target.uri, 'group:');
    return group === null ? [target] : this.#ofGroup(group);
  }

  #ofGroup(text: string): Target[] {
    const { user, name } = splitUser(text);
    const peers = this.#peers.ofGroup(name);
    // A group without peers is one that can not be reached.
    const names = peers.length === 0 ? [name] : peers.map((peer) => peer.name);
    return names.map((peer) => ({ uri: `peer:${user === '' ? '' : `${user}@`}${peer}`, nextHop: '', socket: null }));
  }

  /** Where the targets of a group are now; peers that are down, not registered or at their limit are left out. */
  async resolve(msg: SipMsg, call: Call, leg: Leg, group: readonly Target[]): Promise<Resolved> {
    const targets: Target[] = [];
    let code = 404;
    let isFull = false;
    for (const target of group) {
      const aor = after(target.uri, 'location:');
      if (aor !== null) {
        const found = await this.#peers.located(aor);
        if (found.length === 0) {
          code = code === 404 ? 480 : code;
          call.note(leg, `${aor} is not registered`);
        }
        targets.push(...found);
        continue;
      }
      const text = after(target.uri, 'peer:');
      if (text === null) {
        targets.push(target);
        continue;
      }
      const { user, name } = splitUser(text);
      const peer = this.#peers.get(name);
      if (peer === undefined) {
        call.note(leg, `there is no peer ${name}`);
        continue;
      }
      if (!this.#peers.hasRoom(peer)) {
        isFull = true;
        code = 503;
        await call.limitReached(`${PEER_LIMIT}:${name}`, leg, msg);
        continue;
      }
      const found = await this.#reachable(peer, user || (parseUri(msg.uri)?.user ?? ''));
      if (found.length === 0) {
        code = code === 404 ? 480 : code;
        call.note(leg, `peer ${name} is left out: it is down or not registered`);
      }
      targets.push(...found);
    }
    const failure: DialResult = { leg: null, code, reason: reasonOf(code), reply: null };
    return { targets, failure, isFull: isFull && targets.length === 0 };
  }

  #reachable(peer: PeerDef, user: string): Target[] | Promise<Target[]> {
    return this.#peers.state(peer.name).status === 'down' ? [] : this.#peers.targets(peer, user);
  }
}

function after(uri: string, prefix: string): string | null {
  return uri.startsWith(prefix) ? uri.slice(prefix.length) : null;
}

function splitUser(text: string): { user: string; name: string } {
  const at = text.lastIndexOf('@');
  return { user: at < 0 ? '' : text.slice(0, at), name: text.slice(at + 1) };
}
