import type { Settings } from '../cfg/settings.ts';
import type { UdpOptions } from '../transport/drivers.ts';
import type { StreamSocketOptions } from '../transport/stream-socket.ts';

/** What all UDP sockets of a server share. */
export type UdpSocketOptions = Omit<UdpOptions, 'address' | 'port' | 'family'>;

/** IP_MTU_DISCOVER by `pmtu_discovery`: 0 never sets DF, 1 always does, 2 does as the system finds. */
const PATH_MTU = [0, 2, 1] as const;

/** Options of UDP sockets from the core parameters. */
export function udpOptions(settings: Settings): UdpSocketOptions {
  const tos = settings.int('tos');
  const ttl = settings.int('mcast_ttl');
  const multicastInterface = settings.str('mcast');
  return {
    receiveBufferBytes: settings.int('maxbuffer'),
    batchDelayMicros: settings.int('udp_batch_delay'),
    pathMtuDiscovery: PATH_MTU[settings.int('pmtu_discovery')] ?? 0,
    multicastLoopback: settings.bool('mcast_loopback'),
    ...(tos > 0 ? { tos } : {}),
    ...(ttl >= 0 ? { multicastTtl: ttl } : {}),
    ...(multicastInterface === '' ? {} : { multicastInterface }),
  };
}

/** Options of stream sockets from the core parameters. */
export function streamSocketOptions(settings: Settings): StreamSocketOptions {
  return {
    keepAlive: settings.bool('tcp_keepalive'),
    keepIdleSec: settings.int('tcp_keepidle'),
    keepIntervalSec: settings.int('tcp_keepintvl'),
    keepCount: settings.int('tcp_keepcnt'),
    tos: settings.int('tos') || -1,
    closeWithReset: settings.bool('tcp_close_rst'),
    proxyHeaderMs: settings.bool('tcp_accept_haproxy') ? Math.max(1, settings.int('tcp_wait_data')) : 0,
  };
}
