import { RpcFault, type RpcMethod, type RpcValue } from 'strowger';
import type { Calls } from './calls.ts';
import type { PeerDef } from './peer-def.ts';

function reportOf(calls: Calls, peer: PeerDef): RpcValue {
  const { status, latencyMs, code, askedMs } = calls.peers.state(peer.name);
  return {
    name: peer.name,
    uri: peer.uri,
    group: peer.group,
    register: peer.register,
    registered: calls.peers.registrations.isOnline(peer.name) ? 1 : 0,
    status,
    latency: latencyMs,
    code,
    asked: askedMs === 0 ? -1 : Math.floor((calls.server.clock.now() - askedMs) / 1000),
    calls: calls.peers.calls(peer.name),
    limit: peer.limit,
  };
}

function peerOf(calls: Calls, name: string): PeerDef {
  const peer = calls.peers.get(name);
  if (peer === undefined) throw new RpcFault(404, `no peer ${name}`);
  return peer;
}

/** b2bua.peers, b2bua.qualify, b2bua.reload. Passwords are not shown. */
export const PEER_RPC: Readonly<Record<string, RpcMethod<Calls>>> = {
  'b2bua.peers': {
    doc: 'Peers, or one: status, latency (ms), seconds since it was asked, calls.',
    params: ['[name]'],
    run: (args, calls) =>
      (args.has(0) ? [peerOf(calls, args.str(0))] : [...calls.peers]).map((p) => reportOf(calls, p)),
  },
  'b2bua.qualify': {
    doc: 'Asks a peer, or with `all` each, with OPTIONS now; `on` and `off` start and stop asking by itself, in one worker.',
    params: ['name, all, on or off'],
    async run(args, calls) {
      const what = args.str(0);
      if (what === 'on' || what === 'off') {
        calls.setQualifying(what === 'on');
        return what;
      }
      const peers = what === 'all' ? [...calls.peers] : [peerOf(calls, what)];
      await Promise.all(peers.map((peer) => calls.qualifier.ask(peer)));
      return peers.map((peer) => reportOf(calls, peer));
    },
  },
  'b2bua.reload': {
    scope: 'all',
    isReload: true,
    doc: 'Reads peers_source anew; calls in progress stay.',
    async run(_args, calls) {
      try {
        await calls.peers.load();
      } catch (error) {
        calls.server.log.error('b2bua: the peers could not be read', { err: error });
        throw new RpcFault(500, `the old peers stay: ${(error as Error).message}`);
      }
      return calls.peers.size;
    },
  },
};
