import type { Server } from '../server.ts';

/** One worker thread or other piece of work, as `core.ps` lists them. */
interface ProcessInfo {
  readonly index: number;
  /** Operating system's number; workers of one process share it. */
  readonly pid: number;
  /** 1 running, 0 ended. */
  readonly status: number;
  /** Kamailio's: 0 main, 1 … workers, below 0 others. */
  readonly rank: number;
  readonly description: string;
}

/** One stream connection, as `core.tcp_list` shows it. */
export interface ConnectionInfo {
  readonly id: number;
  /** `TCP`, `TLS`, `WS`, `WSS`. */
  readonly type: string;
  /** `CONN_OK`, `CONN_CONNECT`, `CONN_EOF` … */
  readonly state: string;
  /** Seconds until it is closed for idleness. */
  readonly timeoutSec: number;
  readonly lifetimeSec: number;
  readonly refCount: number;
  readonly srcIp: string;
  readonly srcPort: number;
  readonly dstIp: string;
  readonly dstPort: number;
}

/** What the core's RPC methods report, beyond what a Server knows of itself. Every function may be left to its default. */
export interface RpcEnvironment {
  readonly server: Server;
  /** `strowger` and its version. */
  readonly name: string;
  readonly version: string;
  /** Command line. */
  readonly argv: readonly string[];
  /** Preprocessor names in order of definition; null for a name without value. */
  readonly defines: () => readonly { readonly name: string; readonly value: string | null }[];
  readonly processes: () => readonly ProcessInfo[];
  readonly connections: () => readonly ConnectionInfo[];
  /** Bytes waiting to be written on stream connections. */
  readonly queuedBytes: () => number;
  /** Sends a signal to our own process. */
  readonly kill: (signal: number) => void;
}

/** The environment of one server in one process; `parts` replaces what the caller knows better. */
export function rpcEnvironment(server: Server, version: string, parts: Partial<RpcEnvironment> = {}): RpcEnvironment {
  return {
    server,
    name: 'strowger',
    version,
    argv: process.argv,
    defines: () => [],
    processes: () => processes(server.workerCount),
    connections: () => [],
    queuedBytes: () => 0,
    kill: (signal) => {
      process.kill(process.pid, signal);
    },
    ...parts,
  };
}

/** A server alone is one process; of several workers each counts as one, although all have one number. */
function processes(workers: number): ProcessInfo[] {
  const one = (index: number, description: string): ProcessInfo => ({
    index,
    pid: process.pid,
    status: 1,
    rank: index,
    description,
  });
  const others = Array.from({ length: workers > 1 ? workers : 0 }, (_, at) => one(at + 1, `worker ${at + 1}`));
  return [one(0, 'main process - attendant'), ...others];
}
