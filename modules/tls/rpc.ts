import {
  type Connection,
  isTlsFacts,
  PROTO,
  RpcFault,
  RpcMany,
  type RpcMethod,
  type RpcReply,
  type RpcValue,
} from 'strowger';
import { cipherDescription } from './cipher-text.ts';
import type { TlsModule } from './tls-module.ts';

function tlsConnections(tls: TlsModule): Connection[] {
  const isTls = ({ proto }: Connection): boolean => proto === PROTO.TLS || proto === PROTO.WSS;
  return tls.driver === null ? [] : tls.context.server.connections.list().filter(isTls);
}

function describe(conn: Connection, nowMs: number): RpcValue {
  const facts = conn.stream?.tls;
  return {
    id: conn.id,
    timeout: conn.timer.isArmed ? Math.max(0, Math.ceil((conn.timer.dueMs - nowMs) / 1000)) : 0,
    src_ip: conn.remoteIp,
    src_port: conn.remotePort,
    dst_ip: conn.rcv.dstIp,
    dst_port: conn.rcv.dstPort,
    cipher: isTlsFacts(facts) ? cipherDescription(facts.cipher).trimEnd() : 'unknown',
    ct_wq_size: conn.stream?.queuedBytes ?? 0,
    enc_rd_buf: 0,
    flags: conn.state === 'open' ? 2 : 0,
    state: conn.state === 'open' ? 'established' : conn.state === 'connecting' ? 'tls_connect' : 'none',
  };
}

function merged(replies: readonly RpcReply[]): RpcMany {
  return new RpcMany(replies.flatMap((reply) => (reply instanceof RpcMany ? reply.values : [])));
}

function sum(replies: readonly RpcReply[]): RpcReply {
  const structs = replies as readonly Record<string, number>[];
  const add = (name: string): number => structs.reduce((total, each) => total + (each[name] ?? 0), 0);
  return {
    max_connections: structs[0]?.['max_connections'] ?? 0,
    opened_connections: add('opened_connections'),
    clear_text_write_queued_bytes: add('clear_text_write_queued_bytes'),
  };
}

/** The names that `tls.options` shows, with the parameters they are. */
const OPTIONS = {
  force_run: 'tls_force_run',
  method: 'tls_method',
  verify_certificate: 'verify_certificate',
  verify_depth: 'verify_depth',
  require_certificate: 'require_certificate',
  verify_client: 'verify_client',
  private_key: 'private_key',
  ca_list: 'ca_list',
  certificate: 'certificate',
  cipher_list: 'cipher_list',
  session_cache: 'session_cache',
  session_id: 'session_id',
  config: 'config',
  log: 'tls_log',
  debug: 'tls_debug',
  connection_timeout: 'connection_timeout',
  disable_compression: 'tls_disable_compression',
  ssl_release_buffers: 'ssl_release_buffers',
  ssl_freelist_max: 'ssl_freelist_max_len',
  ssl_max_send_fragment: 'ssl_max_send_fragment',
  ssl_read_ahead: 'ssl_read_ahead',
  send_close_notify: 'send_close_notify',
  low_mem_threshold1: 'low_mem_threshold1',
  low_mem_threshold2: 'low_mem_threshold2',
  ct_wq_max: 'ct_wq_max',
  con_ct_wq_max: 'con_ct_wq_max',
  ct_wq_blk_size: 'ct_wq_blk_size',
} as const;

export const TLS_RPC: Readonly<Record<string, RpcMethod<TlsModule>>> = {
  'tls.reload': {
    doc: 'Reads the file of profiles again; open connections keep theirs.',
    scope: 'all',
    merge: (replies) => replies[0],
    run: (_args, tls) => {
      try {
        tls.reload();
      } catch (error) {
        throw new RpcFault(500, error instanceof Error ? error.message : String(error));
      }
      return 'Ok. TLS configuration reloaded.';
    },
  },
  'tls.list': {
    doc: 'Lists TLS connections.',
    scope: 'all',
    merge: merged,
    run: (_args, tls) => new RpcMany(tlsConnections(tls).map((conn) => describe(conn, tls.context.server.wheel.now()))),
  },
  'tls.info': {
    doc: 'Counts TLS connections.',
    scope: 'all',
    merge: sum,
    run: (_args, tls) => {
      const open = tlsConnections(tls);
      return {
        max_connections: tls.context.server.settings.int('tls_max_connections'),
        opened_connections: open.length,
        clear_text_write_queued_bytes: open.reduce((total, conn) => total + (conn.stream?.queuedBytes ?? 0), 0),
      };
    },
  },
  'tls.options': {
    doc: 'Lists the parameters of the module.',
    run: (_args, tls) => {
      const { params } = tls.context;
      const value = (name: string): RpcValue => {
        const found = params[name];
        return typeof found === 'string' || typeof found === 'number' ? found : null;
      };
      return Object.fromEntries(Object.entries(OPTIONS).map(([shown, name]) => [shown, value(name)]));
    },
  },
};
