import { bool, type CoreParamDef, type CoreParamTable, int, list, live, none, str } from './param-def.ts';

const RAW = none('datagrams go out in batches; there are no raw sockets');
const NO_SOCKET_OPTION = none('Node.js can not set this socket option; the system default holds');
const NO_POLL = none("the event loop's own polling is used");
const ONE_PROCESS = none('one worker reads all its connections');
const OLD_TLS = none('TLS is configured by the module tls');
const SCTP = none('there is no SCTP');

/** `IPTOS_*` words of `tos`. */
const TOS_WORDS = { IPTOS_LOWDELAY: 0x10, IPTOS_THROUGHPUT: 0x08, IPTOS_RELIABILITY: 0x04, IPTOS_MINCOST: 0x02 };
/** Protocol numbers as PROTO has them. */
const PROTO_WORDS = { UDP: 1, TCP: 2, TLS: 3, SCTP: 4 };

/** Sockets in general and UDP. */
const UDP_PARAMS: CoreParamTable = {
  listen: list('An address to listen on; see the language reference.'),
  socket: list('An address to listen on, in the form with braces.'),
  port: int(5060, 'Port of `listen` lines without one.', { min: 0, max: 65535 }),
  auto_bind_ipv6: bool(0, 'Without `listen`, take IPv6 addresses too.'),
  bind_ipv6_link_local: int(0, 'Link-local addresses: 1 takes them, 2 skips them.', { min: 0, max: 2 }),
  ip_free_bind: bool(0, 'Bind addresses the host does not have.', {
    aliases: ['ipfreebind', 'ip_nonlocal_bind'],
    ...none('set the system parameter net.ipv4.ip_nonlocal_bind'),
  }),
  ipv6_hex_style: str('c', 'Print IPv6 addresses compact (c), expanded (a) or expanded in capitals (A).', {
    check: (value) => (/^[aAc]$/.test(String(value)) ? null : "'a', 'A' or 'c' expected"),
    ...none('IPv6 addresses are written as RFC 5952 says'),
  }),
  mhomed: bool(0, 'Ask the system which local address leads to a destination.'),
  maxbuffer: int(262_144, 'Receive buffer of UDP sockets, bytes.', { min: 0 }),
  maxsndbuffer: int(262_144, 'Send buffer of UDP sockets, bytes.', NO_SOCKET_OPTION),
  mcast: str('', 'Interface on which the next multicast `listen` joins.'),
  mcast_loopback: bool(0, 'Multicast reaches this host too.'),
  mcast_ttl: int(-1, 'Multicast TTL; -1 is the system default.', { min: -1, max: 255 }),
  tos: int(0, 'Type-of-service byte of what is sent.', { min: 0, max: 255, words: TOS_WORDS }),
  pmtu_discovery: int(0, "Don't-fragment: 0 never, 1 always, 2 as the system finds.", { min: 0, max: 2 }),
  udp_mtu: int(0, 'Requests longer than this leave by `udp_mtu_try_proto`; 0 never.', {
    min: 0,
    max: 65535,
    ...live('udp_mtu'),
  }),
  udp_mtu_try_proto: int(0, 'Protocol for requests beyond `udp_mtu`.', {
    min: 0,
    max: 4,
    words: PROTO_WORDS,
    ...live('udp_mtu_try_proto'),
  }),
  udp_driver: str(
    'auto',
    'UDP through the batching `addon`, through `dgram` (Node.js), or `auto`: the addon where it is built.',
    {
      check: (value) => (/^(?:auto|addon|dgram)$/.test(String(value)) ? null : 'auto, addon or dgram expected'),
    },
  ),
  udp_batch_delay: int(
    500,
    'How long datagrams may gather on a busy line before they are read, microseconds; 0 never.',
    {
      min: 0,
      max: 100_000,
    },
  ),
  udp_accept_proxy: int(0, 'Read the header of the PROXY protocol in front of datagrams.', {
    noEffect: 'only connections are read with one (tcp_accept_haproxy)',
  }),
  udp_receiver_mode: int(0, 'Threads that receive UDP.', ONE_PROCESS),
  udp4_raw: int(0, 'Send UDP through raw sockets.', { ...live('udp4_raw'), ...RAW }),
  udp4_raw_mtu: int(1500, 'MTU for raw sockets.', { ...live('udp4_raw_mtu'), ...RAW }),
  udp4_raw_ttl: int(-1, 'TTL for raw sockets.', { ...live('udp4_raw_ttl'), ...RAW }),
};

function tcp(name: string, def: CoreParamDef): CoreParamDef {
  return { ...def, runtime: true, cfg: ['tcp', name] };
}

const TCP_PARAMS: CoreParamTable = {
  disable_tcp: bool(0, 'No TCP (and no TLS).'),
  tcp_children: int(8, 'Processes that read TCP.', ONE_PROCESS),
  tcp_main_threads: int(0, 'Threads for TLS.', ONE_PROCESS),
  tcp_accept_aliases: tcp('accept_aliases', bool(0, '`alias` in Via makes a port alias of the connection.')),
  tcp_accept_haproxy: bool(0, 'Connections begin with a PROXY protocol header.'),
  tcp_accept_hep3: bool(0, 'Accept HEP3 packets.', none('the module sipcapture does not exist here')),
  tcp_accept_iplimit: int(1024, 'Connections from one address; 0 or less for no limit.'),
  tcp_accept_no_cl: tcp('accept_no_cl', bool(0, 'Accept messages without Content-Length.')),
  tcp_accept_protocols: list('Protocols beside SIP on connections.', {
    aliases: ['tcp_accept_protos'],
    ...none('modules that speak another protocol on SIP sockets say so themselves'),
  }),
  tcp_accept_unique: bool(0, 'Refuse a second connection from one address and port.'),
  tcp_async: tcp(
    'async',
    bool(1, 'Queue what can not be written at once.', {
      aliases: ['tcp_buf_write'],
      ...none('writing never waits here'),
    }),
  ),
  tcp_check_timer: int(0, 'Seconds between checks of slow connections.', none('each connection has its own timer')),
  tcp_clone_rcvbuf: int(0, 'Copy received messages.', none('messages are never changed in place')),
  tcp_close_rst: bool(0, 'Close connections with RST.'),
  tcp_connect_timeout: tcp('connect_timeout', int(10, 'Seconds to connect.', { min: 1, max: 2147483 })),
  tcp_connection_lifetime: tcp('connection_lifetime', int(120, 'Seconds an idle connection lives.', { min: -1 })),
  tcp_connection_match: bool(0, 'Reuse a connection only with the local port asked for.'),
  tcp_conn_wq_max: tcp('conn_wq_max', int(32768, 'Bytes queued on one connection before it is closed.', { min: 0 })),
  tcp_crlf_ping: tcp('crlf_ping', bool(1, 'Answer keep-alives (RFC 5626 §3.5.1).')),
  tcp_defer_accept: tcp('defer_accept', int(0, 'Accept once data is there.', NO_SOCKET_OPTION)),
  tcp_delayed_ack: tcp('delayed_ack', bool(1, 'Delay the first ACK.', NO_SOCKET_OPTION)),
  tcp_fd_cache: tcp('fd_cache', bool(1, 'Keep descriptors for sending.', ONE_PROCESS)),
  tcp_keepalive: tcp('keepalive', bool(1, 'SO_KEEPALIVE.')),
  tcp_keepcnt: tcp('keepcnt', int(0, 'Keep-alive probes without an answer; 0 is the system default.', { min: 0 })),
  tcp_keepidle: tcp('keepidle', int(0, 'Idle seconds before keep-alive probes; 0 is the system default.', { min: 0 })),
  tcp_keepintvl: tcp('keepintvl', int(0, 'Seconds between probes; 0 is the system default.', { min: 0 })),
  tcp_linger2: tcp('linger2', int(0, 'Life of orphaned sockets.', NO_SOCKET_OPTION)),
  tcp_listen_backlog: int(1024, 'Connections waiting to be accepted.', { min: 1 }),
  tcp_max_connections: tcp('max_connections', int(2048, 'Open connections.', { min: 0 })),
  tcp_msg_data_timeout: int(20, 'Seconds to the first data of a new connection.', { min: 0 }),
  tcp_msg_read_timeout: int(20, 'Seconds for one message to arrive.', { min: 0 }),
  tcp_no_connect: tcp('no_connect', bool(0, 'Never open connections.')),
  tcp_poll_method: str('', 'Polling method.', NO_POLL),
  tcp_rd_buf_size: tcp(
    'rd_buf_size',
    int(16384, 'Largest message on a connection, bytes.', { min: 512, max: 16_777_216 }),
  ),
  tcp_reuse_port: tcp('reuse_port', bool(0, 'Connect from listening ports.')),
  tcp_script_mode: int(0, 'Keep the connection when the script fails (1).', { min: 0, max: 1 }),
  tcp_send_timeout: tcp('send_timeout', int(10, 'Seconds a connection may stay unwritable.', { min: 0, max: 2147483 })),
  tcp_source_ipv4: str('', 'Source address of connections.'),
  tcp_source_ipv6: str('', 'Source address of connections.'),
  tcp_syncnt: tcp('syncnt', int(0, 'SYN retransmissions.', NO_SOCKET_OPTION)),
  tcp_wait_data: tcp('wait_data_ms', int(5000, 'Milliseconds to wait for a PROXY header.', { min: 0, max: 7_200_000 })),
  tcp_wq_blk_size: tcp('wq_blk_size', int(2100, 'Block size of write queues.', none('queues hold strings'))),
  tcp_wq_max: tcp('wq_max', int(10_485_760, 'Bytes queued on all connections.', { min: 0 })),
};

const TLS_PARAMS: CoreParamTable = {
  disable_tls: bool(1, 'No TLS.', { aliases: ['tls_disable'] }),
  enable_tls: bool(0, 'TLS.', { aliases: ['tls_enable'], opposite: 'disable_tls' }),
  tls_port_no: int(5061, 'Port of TLS `listen` lines without one.', { min: 0, max: 65535 }),
  tls_max_connections: tcp('max_tls_connections', int(2048, 'Open TLS connections.', { min: 0 })),
  tls_connection_match_domain: bool(0, 'Reuse a TLS connection only for the same server name.'),
  tls_threads_mode: int(0, 'Threads of libssl.', none("Node.js's own TLS is used")),
  tls_method: str('', 'Protocol versions.', OLD_TLS),
  tls_verify: bool(0, 'Verify peers.', OLD_TLS),
  tls_require_certificate: bool(0, 'Ask clients for a certificate.', OLD_TLS),
  tls_certificate: str('', 'Certificate file.', OLD_TLS),
  tls_private_key: str('', 'Key file.', OLD_TLS),
  tls_ca_list: str('', 'CA file.', OLD_TLS),
  tls_handshake_timeout: int(0, 'Seconds.', OLD_TLS),
  tls_send_timeout: int(0, 'Seconds.', OLD_TLS),
  tlslog: int(0, 'Log level.', { aliases: ['tls_log'], ...OLD_TLS }),
};

const SCTP_NUMBERS =
  'children autoclose send_ttl send_retries assoc_tracking assoc_reuse max_assocs srto_initial srto_max srto_min ' +
  'asocmaxrxt init_max_attempts init_max_timeo hbinterval pathmaxrxt sack_delay sack_freq max_burst';
const SCTP_PARAMS: CoreParamTable = {
  disable_sctp: bool(1, 'No SCTP.', SCTP),
  enable_sctp: int(0, 'SCTP: 0 no, 1 yes, 2 where the module is loaded.', SCTP),
  sctp_socket_rcvbuf: int(0, 'Receive buffer.', { aliases: ['sctp_socket_receive_buffer'], ...SCTP }),
  sctp_socket_sndbuf: int(0, 'Send buffer.', { aliases: ['sctp_socket_send_buffer'], ...SCTP }),
  ...Object.fromEntries(SCTP_NUMBERS.split(' ').map((name) => [`sctp_${name}`, int(0, 'SCTP.', SCTP)])),
};

/** Sockets, UDP, TCP, TLS, SCTP. */
export const TRANSPORT_PARAMS: CoreParamTable = { ...UDP_PARAMS, ...TCP_PARAMS, ...TLS_PARAMS, ...SCTP_PARAMS };
