import type { PvDef, PvValue, Run } from 'strowger';
import type { Calls } from './calls.ts';
import type { PeerDef } from './peer-def.ts';
import { peerOfMessage } from './peers.ts';

/** `$peer(name=>key)`: facts of a peer. Its password is none of them. */
const PEER_FACTS: Readonly<Record<string, (peer: PeerDef, calls: Calls) => PvValue>> = {
  name: (peer) => peer.name,
  status: (peer, { peers }) => peers.state(peer.name).status,
  latency: (peer, { peers }) => peers.state(peer.name).latencyMs,
  registered: (peer, { peers }) => (peers.registrations.isOnline(peer.name) ? 1 : 0),
  calls: (peer, { peers }) => peers.calls(peer.name),
  limit: (peer) => peer.limit,
  uri: (peer) => peer.uri,
  user: (peer) => peer.user,
  group: (peer) => peer.group,
};

export const PEER_VARIABLES: Readonly<Record<string, PvDef<Calls>>> = {
  peer: {
    doc: 'Facts of a peer, `$peer(name=>key)` or `$peer(key)` of the one that the route is about: name, status (unknown, up, down), latency (ms), registered (1: we are), calls, limit, uri, user, group.',
    name: 'required',
    bind(use, calls) {
      const text = use.name ?? '';
      const format = use.nameFormat();
      const arrow = text.indexOf('=>');
      const key = (arrow < 0 ? text : text.slice(arrow + 2)).trim();
      const read = PEER_FACTS[key];
      if (read === undefined) return `$peer has no '${key}': one of ${Object.keys(PEER_FACTS).join(', ')}`;
      const find = (run: Run): PeerDef | undefined =>
        arrow < 0 ? peerOfMessage(run.msg) : calls.peers.get(format(run).split('=>')[0]?.trim() ?? '');
      return {
        get: (run) => {
          const peer = find(run);
          return peer === undefined ? null : read(peer, calls);
        },
      };
    },
  },
};
