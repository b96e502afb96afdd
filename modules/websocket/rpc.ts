import { hostPort, PROTO_NAMES, type RpcArgs, RpcFault, type RpcMethod, type RpcReply, type RpcValue } from 'strowger';
import type { SipWebSocket } from './web-socket.ts';
import type { WebSocketModule } from './websocket.ts';

/** Connections that ws.dump lists at most. */
const MAX_LISTED = 50;

function idOf(args: RpcArgs): number {
  try {
    return args.int(0);
  } catch {
    throw new RpcFault(500, 'Invalid Parameters');
  }
}

function known(found: boolean): undefined {
  if (!found) throw new RpcFault(500, 'Unknown connection ID');
}

function line(socket: SipWebSocket, nowMs: number): string {
  const { proto, remoteIp, remotePort, rcv } = socket.conn;
  const name = PROTO_NAMES[proto];
  const used = Math.floor((nowMs - socket.lastUsedMs) / 1000);
  return (
    `${name}:${hostPort(remoteIp, remotePort)} -> ${name}:${hostPort(rcv.dstIp, rcv.dstPort)} ` +
    `(state: ${socket.state},  last used ${used}s ago, sub-protocol: sip)`
  );
}

const ORDERS: Readonly<Record<string, (a: SipWebSocket, b: SipWebSocket) => number>> = {
  id_hash: (a, b) => a.conn.id - b.conn.id,
  used_desc: (a, b) => a.lastUsedMs - b.lastUsedMs,
  used_asc: (a, b) => b.lastUsedMs - a.lastUsedMs,
};

interface Dump {
  readonly connections: Readonly<Record<string, RpcValue>>;
  readonly info: { readonly wscounter: number; readonly truncated: string };
}

function dumpOf(lines: readonly (readonly [string, RpcValue])[], isTruncated: boolean): RpcReply {
  const shown = lines.slice(0, MAX_LISTED);
  return {
    connections: Object.fromEntries(shown),
    info: { wscounter: shown.length, truncated: isTruncated || lines.length > MAX_LISTED ? 'yes' : 'no' },
  };
}

export const WEBSOCKET_RPC: Readonly<Record<string, RpcMethod<WebSocketModule>>> = {
  'ws.dump': {
    doc: 'Lists the first 50 connections.',
    params: ['[order]'],
    scope: 'all',
    merge: (replies) => {
      const dumps = replies as unknown as readonly Dump[];
      const lines = dumps.flatMap(({ connections }) => Object.entries(connections));
      return dumpOf(
        lines,
        dumps.some(({ info }) => info.truncated === 'yes'),
      );
    },
    run: (args, { ctx, sockets }) => {
      const order = ORDERS[args.str(0, 'id_hash')];
      if (order === undefined) throw new RpcFault(400, 'Bad display order parameter');
      const nowMs = ctx.server.wheel.now();
      const sorted = [...sockets.values()].sort(order);
      return dumpOf(
        sorted.slice(0, MAX_LISTED).map((socket) => [String(socket.conn.id), line(socket, nowMs)]),
        sorted.length > MAX_LISTED,
      );
    },
  },
  'ws.close': {
    doc: 'Closes a connection.',
    params: ['id'],
    scope: 'all',
    run: (args, module) => {
      const id = idOf(args);
      known(module.sockets.has(id));
      module.close(id, 1000, 'Normal closure');
    },
  },
  'ws.ping': {
    doc: 'Sends a ping on a connection.',
    params: ['id'],
    scope: 'all',
    run: (args, module) => known(module.sendControl(idOf(args), 'ping')),
  },
  'ws.pong': {
    doc: 'Sends a pong on a connection.',
    params: ['id'],
    scope: 'all',
    run: (args, module) => known(module.sendControl(idOf(args), 'pong')),
  },
  'ws.enable': {
    doc: 'Lets new connections in again.',
    scope: 'all',
    run: (_args, module) => {
      module.isEnabled = true;
    },
  },
  'ws.disable': {
    doc: 'Refuses new connections; open ones stay.',
    scope: 'all',
    run: (_args, module) => {
      module.isEnabled = false;
    },
  },
};
