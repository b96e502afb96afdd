import { bool, type CoreParamTable, int, live, none } from './param-def.ts';

/** Name resolution and the destination blocklist. */
export const DNS_PARAMS: CoreParamTable = {
  dns_try_ipv6: bool(1, 'Look for AAAA records too.', live('dns_try_ipv6')),
  dns_try_naptr: bool(0, 'Look for NAPTR records.', live('dns_try_naptr')),
  dns_srv_lb: bool(0, 'Choose among SRV records by weight.', {
    aliases: ['dns_srv_loadbalancing'],
    ...live('dns_srv_lb'),
  }),
  dns_udp_pref: int(30, 'Preference of UDP among NAPTR records; below 0 never.', {
    aliases: ['dns_udp_preference'],
    ...live('dns_udp_pref'),
  }),
  dns_tcp_pref: int(20, 'Preference of TCP.', { aliases: ['dns_tcp_preference'], ...live('dns_tcp_pref') }),
  dns_tls_pref: int(10, 'Preference of TLS.', { aliases: ['dns_tls_preference'], ...live('dns_tls_pref') }),
  dns_sctp_pref: int(20, 'Preference of SCTP.', { aliases: ['dns_sctp_preference'], ...live('dns_sctp_pref') }),
  dns_retr_time: int(-1, 'Seconds before a query is repeated; -1 as resolv.conf says.', live('dns_retr_time')),
  dns_retr_no: int(-1, 'Repetitions of a query; -1 as resolv.conf says.', live('dns_retr_no')),
  dns_slow_query_ms: int(0, 'Log queries slower than this, milliseconds; 0 never.', {
    min: 0,
    ...live('dns_slow_query_ms'),
  }),
  dns_servers_no: int(-1, 'Name servers of resolv.conf to use; -1 all.', live('dns_servers_no')),
  dns_use_search_list: bool(1, "Try resolv.conf's search domains.", live('dns_use_search_list')),
  dns_search_full_match: bool(1, 'Check the domain of an answer against the search list.', {
    ...live('dns_search_full_match'),
    ...none('an answer always has to have the whole name that was asked for'),
  }),
  dns_naptr_ignore_rfc: bool(1, "Put our protocol preference before the record's order.", live('dns_naptr_ignore_rfc')),
  dns_cache_init: bool(1, 'Have a DNS cache.'),
  use_dns_cache: bool(1, 'Use the DNS cache.', { aliases: ['dns_use_cache'], ...live('use_dns_cache') }),
  use_dns_failover: bool(0, 'Try the next address when a send fails.', {
    aliases: ['dns_use_failover'],
    ...live('use_dns_failover'),
  }),
  dns_cache_flags: int(0, '1 IPv4 only, 2 IPv6 only, 4 IPv6 first.', { min: 0, max: 7, ...live('dns_cache_flags') }),
  dns_cache_negative_ttl: int(60, 'Seconds a negative answer is kept; 0 not at all.', {
    min: 0,
    ...live('dns_cache_negative_ttl'),
  }),
  dns_cache_min_ttl: int(0, 'Least seconds an answer is kept.', { min: 0, ...live('dns_cache_min_ttl') }),
  dns_cache_max_ttl: int(-1, 'Most seconds an answer is kept; -1 for no limit.', live('dns_cache_max_ttl')),
  dns_cache_mem: int(500, 'Size of the cache, KB.', { min: 0, ...live('dns_cache_mem') }),
  dns_cache_gc_interval: int(120, 'Seconds between sweeps of the cache.', { min: 0 }),
  dns_cache_del_nonexp: bool(0, 'A full cache drops records that are still good.', {
    aliases: ['dns_cache_delete_nonexpired'],
    ...live('dns_cache_del_nonexp'),
  }),
  dns_cache_rec_pref: int(0, 'Doubles: 0 unchecked, 1 old, 2 new, 3 longer-lived wins.', {
    min: 0,
    max: 3,
    ...live('dns_cache_rec_pref'),
  }),

  dst_blocklist_init: bool(1, 'Have a destination blocklist.'),
  use_dst_blocklist: bool(0, 'Put destinations that fail on the blocklist.', live('use_dst_blocklist')),
  dst_blocklist_mem: int(250, 'Size of the blocklist, KB.', { min: 0, ...live('dst_blocklist_mem') }),
  dst_blocklist_expire: int(60, 'Seconds a destination stays listed.', {
    min: 0,
    aliases: ['dst_blocklist_ttl'],
    ...live('dst_blocklist_expire'),
  }),
  dst_blocklist_gc_interval: int(60, 'Seconds between sweeps of the blocklist.', { min: 0 }),
  dst_blocklist_udp_imask: int(0, 'Events ignored for UDP (flags).', live('dst_blocklist_udp_imask')),
  dst_blocklist_tcp_imask: int(0, 'Events ignored for TCP (flags).', live('dst_blocklist_tcp_imask')),
  dst_blocklist_tls_imask: int(0, 'Events ignored for TLS (flags).', live('dst_blocklist_tls_imask')),
  dst_blocklist_sctp_imask: int(0, 'Events ignored for SCTP (flags).', live('dst_blocklist_sctp_imask')),
};
