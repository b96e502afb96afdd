import type { Settings } from '../cfg/settings.ts';
import type { FramerLimits } from './stream-framer.ts';

/** What rules stream connections: the `tcp_*` core parameters, in bytes and milliseconds. Changed while running. */
export interface ConnectionSettings {
  connectTimeoutMs: number;
  sendTimeoutMs: number;
  /** Without traffic for this long a connection is closed; below 0 never. */
  lifetimeMs: number;
  /** The same for TLS connections before their first message (tls, `connection_timeout`). */
  tlsFirstLifetimeMs: () => number;
  /** How long a half-read message may take, and how long a new connection may stay silent; 0 for ever. */
  messageReadTimeoutMs: number;
  firstDataTimeoutMs: number;
  /** Connections, handshakes and attempts together; TLS ones of them; those accepted from one address (0: any). */
  maxConnections: number;
  maxTlsConnections: number;
  maxPerAddress: number;
  /** `tcp_accept_unique`: refuse a second connection from one address and port. */
  acceptUnique: boolean;
  /** Bytes queued for one connection, after which it is closed, and for all. Half of the first stops reading. */
  connectionQueueBytes: number;
  totalQueueBytes: number;
  acceptAliases: boolean;
  crlfPing: boolean;
  noConnect: boolean;
  /** `tcp_connection_match`: reuse only a connection from the local port asked for. */
  matchLocalPort: boolean;
  /** `tls_connection_match_domain`: reuse an opened TLS connection only for the host it was opened for. */
  matchTlsHost: boolean;
  /** `tcp_reuse_port`: connect from the listening port. */
  connectFromPort: boolean;
  /** Source addresses of outgoing connections; empty for the sending socket's. */
  sourceIpv4: string;
  sourceIpv6: string;
  framer: FramerLimits;
}

/** Kamailio's defaults. */
export function defaultConnectionSettings(): ConnectionSettings {
  return {
    connectTimeoutMs: 10_000,
    sendTimeoutMs: 10_000,
    lifetimeMs: 120_000,
    tlsFirstLifetimeMs: () => 600_000,
    messageReadTimeoutMs: 20_000,
    firstDataTimeoutMs: 20_000,
    maxConnections: 2048,
    maxTlsConnections: 2048,
    maxPerAddress: 1024,
    acceptUnique: false,
    connectionQueueBytes: 32_768,
    totalQueueBytes: 10_485_760,
    acceptAliases: false,
    crlfPing: true,
    noConnect: false,
    matchLocalPort: false,
    matchTlsHost: false,
    connectFromPort: false,
    sourceIpv4: '',
    sourceIpv6: '',
    framer: { maxHeaderBytes: 16_384, maxMessageBytes: 16_384, acceptNoContentLength: false },
  };
}

/** The settings of a server, which follow its core parameters from here on. */
export function connectionSettings(settings: Settings): ConnectionSettings {
  const out = defaultConnectionSettings();
  const number = (name: string, set: (value: number) => void): void => settings.watch(name, (v) => set(Number(v) || 0));
  number('tcp_connect_timeout', (v) => (out.connectTimeoutMs = v * 1000));
  number('tcp_send_timeout', (v) => (out.sendTimeoutMs = v * 1000));
  number('tcp_connection_lifetime', (v) => (out.lifetimeMs = v * 1000));
  number('tcp_msg_read_timeout', (v) => (out.messageReadTimeoutMs = v * 1000));
  number('tcp_msg_data_timeout', (v) => (out.firstDataTimeoutMs = v * 1000));
  number('tcp_max_connections', (v) => (out.maxConnections = v));
  number('tls_max_connections', (v) => (out.maxTlsConnections = v));
  number('tcp_accept_iplimit', (v) => (out.maxPerAddress = Math.max(0, v)));
  number('tcp_accept_unique', (v) => (out.acceptUnique = v !== 0));
  number('tcp_conn_wq_max', (v) => (out.connectionQueueBytes = v));
  number('tcp_wq_max', (v) => (out.totalQueueBytes = v));
  number('tcp_accept_aliases', (v) => (out.acceptAliases = v !== 0));
  number('tcp_crlf_ping', (v) => (out.crlfPing = v !== 0));
  number('tcp_no_connect', (v) => (out.noConnect = v !== 0));
  number('tcp_connection_match', (v) => (out.matchLocalPort = v !== 0));
  number('tls_connection_match_domain', (v) => (out.matchTlsHost = v !== 0));
  number('tcp_reuse_port', (v) => (out.connectFromPort = v !== 0));
  number('tcp_accept_no_cl', (v) => (out.framer.acceptNoContentLength = v !== 0));
  number('tcp_rd_buf_size', (v) => {
    out.framer.maxHeaderBytes = v;
    out.framer.maxMessageBytes = v;
  });
  settings.watch('tcp_source_ipv4', (v) => (out.sourceIpv4 = String(v)));
  settings.watch('tcp_source_ipv6', (v) => (out.sourceIpv6 = String(v)));
  return out;
}
