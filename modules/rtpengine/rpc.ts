import { type RelayNode, RpcFault, RpcMany, type RpcMethod, type RpcReply, type RpcValue, requireArgs } from 'strowger';
import type { Rtpengine } from './engine.ts';

const NOT_ENOUGH = 'Not enough parameters';

/** The nodes that the first argument names: a URL, or `all`. `::` in front of a URL is Kamailio's escape for IPv6. */
function named(engine: Rtpengine, text: string): readonly [name: string, nodes: readonly RelayNode[]] {
  const url = text.startsWith('::') ? text.slice(2) : text;
  const nodes = engine.nodes.shown(url === 'all' ? null : url);
  if (nodes.length === 0) throw new RpcFault(404, 'Instance not found');
  return [url, nodes];
}

function shown(engine: Rtpengine, node: RelayNode): RpcValue {
  const waitMs = node.isDisabled ? Math.max(0, node.recheckMs - engine.ctx.server.clock.now()) : 0;
  return {
    url: node.url,
    set: node.setId,
    index: node.index,
    weight: node.weight,
    disabled: node.isPermanent ? '1(permanent)' : Number(node.isDisabled),
    recheck_ticks: node.isPermanent ? 'N/A' : Math.ceil(waitMs / 1000),
  };
}

/** Pings the nodes; fails where one does not answer. */
async function test(engine: Rtpengine, nodes: readonly RelayNode[]): Promise<boolean> {
  const results = await Promise.all(nodes.map((node) => engine.dispatch.test(node)));
  return results.every(Boolean);
}

function sum(replies: readonly RpcReply[]): RpcReply {
  return replies.reduce<number>((total, reply) => total + Number(reply), 0);
}

/** rtpengine.*, with Kamailio's replies. */
export const NG_RPC: Readonly<Record<string, RpcMethod<Rtpengine>>> = {
  teardown: {
    scope: 'all',
    doc: 'What rtpengine calls by XML-RPC (b2b-url, xmlrpc-format=1) when it has ended a call whose media stopped.',
    params: ['call-id'],
    run: (args, engine) => {
      const callId = args.str(0);
      engine.calls.remove(callId, '');
      for (const told of engine.timeoutListeners) told(callId);
      return 'Ok';
    },
  },
  'rtpengine.show': {
    doc: 'Shows nodes and their states.',
    params: ['url or all'],
    run: (args, engine) => {
      const [, nodes] = named(
        engine,
        requireArgs(500, NOT_ENOUGH, () => args.str(0)),
      );
      return new RpcMany(nodes.map((node) => shown(engine, node)));
    },
  },
  'rtpengine.ping': {
    doc: 'Pings nodes; those that do not answer are disabled for a time.',
    params: ['url or all'],
    run: async (args, engine) => {
      const [url, nodes] = named(
        engine,
        requireArgs(500, NOT_ENOUGH, () => args.str(0)),
      );
      return { url, status: (await test(engine, nodes)) ? 'success' : 'fail' };
    },
  },
  'rtpengine.enable': {
    doc: 'Enables nodes that answer a ping (above 0), or disables them for good (0).',
    params: ['url or all', 'state'],
    run: async (args, engine) => {
      const [text, state] = requireArgs(500, NOT_ENOUGH, () => [args.str(0), args.int(1)] as const);
      const [url, nodes] = named(engine, text);
      if (state !== 0) return { url, status: (await test(engine, nodes)) ? 'enable' : 'fail' };
      for (const node of nodes) engine.nodes.disableForGood(node);
      return { url, status: 'disable' };
    },
  },
  'rtpengine.reload': {
    scope: 'all',
    doc: 'Reads the nodes from the table anew.',
    run: async (_args, engine) => {
      if (!engine.usesTable) throw new RpcFault(500, 'No Database URL');
      if (engine.wasJustReloaded) throw new RpcFault(500, 'Too short reload interval - try later');
      try {
        await engine.reload();
      } catch (error) {
        engine.log.error(`reload: ${(error as Error).message}`);
        throw new RpcFault(500, 'Failed to reload db');
      }
      return 'Ok. Reload successful.';
    },
  },
  'rtpengine.get_hash_total': {
    scope: 'all',
    merge: sum,
    doc: 'Shows how many calls are remembered with their nodes.',
    run: (_args, engine) => engine.calls.size,
  },
};
