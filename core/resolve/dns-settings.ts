import type { Settings } from '../cfg/settings.ts';

/** Kamailio's `dns_*` switches as fields that follow `cfg.set_now_*`; units and meanings are the core cookbook's. */
export class DnsSettings {
  tryIpv6 = 1;
  tryNaptr = 0;
  srvLb = 0;
  udpPref = 30;
  tcpPref = 20;
  tlsPref = 10;
  sctpPref = 20;
  naptrIgnoreRfc = 1;
  /** Seconds, -1 as resolv.conf says; likewise the two below. */
  retrTime = -1;
  retrNo = -1;
  serversNo = -1;
  useSearchList = 1;
  slowQueryMs = 0;
  cacheInit = 1;
  useCache = 1;
  useFailover = 0;
  cacheFlags = 0;
  negativeTtl = 60;
  minTtl = 0;
  /** Seconds, -1 for no limit. */
  maxTtl = -1;
  /** Kilobytes. */
  cacheMem = 500;
  /** Seconds. */
  gcInterval = 120;
  delNonexp = 0;
  recPref = 0;

  constructor(settings: Settings) {
    for (const [name, field] of NAMES) {
      settings.watch(name, (value) => {
        this[field] = Number(value);
      });
    }
  }

  /** A TTL within dns_cache_min_ttl and dns_cache_max_ttl. */
  clampTtl(ttlSec: number): number {
    const least = Math.max(ttlSec, this.minTtl);
    return this.maxTtl >= 0 ? Math.min(least, this.maxTtl) : least;
  }
}

type Field = { [K in keyof DnsSettings]: DnsSettings[K] extends number ? K : never }[keyof DnsSettings];

const NAMES: readonly (readonly [name: string, field: Field])[] = [
  ['dns_try_ipv6', 'tryIpv6'],
  ['dns_try_naptr', 'tryNaptr'],
  ['dns_srv_lb', 'srvLb'],
  ['dns_udp_pref', 'udpPref'],
  ['dns_tcp_pref', 'tcpPref'],
  ['dns_tls_pref', 'tlsPref'],
  ['dns_sctp_pref', 'sctpPref'],
  ['dns_naptr_ignore_rfc', 'naptrIgnoreRfc'],
  ['dns_retr_time', 'retrTime'],
  ['dns_retr_no', 'retrNo'],
  ['dns_servers_no', 'serversNo'],
  ['dns_use_search_list', 'useSearchList'],
  ['dns_slow_query_ms', 'slowQueryMs'],
  ['dns_cache_init', 'cacheInit'],
  ['use_dns_cache', 'useCache'],
  ['use_dns_failover', 'useFailover'],
  ['dns_cache_flags', 'cacheFlags'],
  ['dns_cache_negative_ttl', 'negativeTtl'],
  ['dns_cache_min_ttl', 'minTtl'],
  ['dns_cache_max_ttl', 'maxTtl'],
  ['dns_cache_mem', 'cacheMem'],
  ['dns_cache_gc_interval', 'gcInterval'],
  ['dns_cache_del_nonexp', 'delNonexp'],
  ['dns_cache_rec_pref', 'recPref'],
];
