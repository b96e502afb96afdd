import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { CORE_PARAMS, coreParam, coreParamValue, settingsOf } from './core-params.ts';

/** Every name=value token of Kamailio 5.6.3's lexer, aliases included. */
const LEXER_PARAMS =
  `debug fork fork_delay modinit_delay log_stderror log_facility log_name log_color log_prefix log_prefix_mode
  log_engine_type log_engine_data xavp_via_params xavp_via_fields listen alias auto_aliases dns rev_dns dns_try_ipv6
  dns_try_naptr dns_srv_lb dns_srv_loadbalancing dns_udp_pref dns_udp_preference dns_tcp_pref dns_tcp_preference
  dns_tls_pref dns_tls_preference dns_sctp_pref dns_sctp_preference dns_retr_time dns_slow_query_ms dns_retr_no
  dns_servers_no dns_use_search_list dns_search_full_match dns_naptr_ignore_rfc dns_cache_init use_dns_cache
  use_dns_failover dns_cache_flags dns_cache_negative_ttl dns_cache_min_ttl dns_cache_max_ttl dns_cache_mem
  dns_cache_gc_interval dns_cache_del_nonexp dns_cache_delete_nonexpired dns_cache_rec_pref auto_bind_ipv6
  bind_ipv6_link_local ipv6_hex_style dst_blocklist_init use_dst_blocklist dst_blocklist_mem dst_blocklist_expire
  dst_blocklist_ttl dst_blocklist_gc_interval dst_blocklist_udp_imask dst_blocklist_tcp_imask dst_blocklist_tls_imask
  dst_blocklist_sctp_imask ip_free_bind ipfreebind ip_nonlocal_bind port stats_name_separator maxbuffer
  sql_buffer_size children socket_workers async_workers async_usleep async_nonblock async_workers_group check_via
  phone2tel memlog mem_log memdbg mem_dbg mem_summary mem_safety mem_join mem_status_mode corelog core_log
  sip_parser_log_oneline sip_parser_log sip_parser_mode sip_warning server_signature server_header user_agent_header
  reply_to_via user uid group gid chroot workdir wdir rundir run_dir mhomed disable_tcp tcp_children
  tcp_accept_aliases tcp_accept_unique tcp_send_timeout tcp_connect_timeout tcp_connection_lifetime
  tcp_connection_match tcp_poll_method tcp_max_connections tls_max_connections tcp_no_connect tcp_source_ipv4
  tcp_source_ipv6 tcp_fd_cache tcp_buf_write tcp_async tcp_conn_wq_max tcp_wq_max tcp_rd_buf_size tcp_wq_blk_size
  tcp_defer_accept tcp_delayed_ack tcp_syncnt tcp_linger2 tcp_keepalive tcp_keepidle tcp_keepintvl tcp_keepcnt
  tcp_crlf_ping tcp_accept_no_cl tcp_accept_hep3 tcp_accept_haproxy tcp_clone_rcvbuf tcp_reuse_port tcp_wait_data
  tcp_script_mode disable_tls tls_disable enable_tls tls_enable tlslog tls_log tls_port_no tls_method tls_verify
  tls_require_certificate tls_certificate tls_private_key tls_ca_list tls_handshake_timeout tls_send_timeout
  disable_sctp enable_sctp sctp_children advertised_address advertised_port disable_core_dump open_files_limit shm
  shm_mem shm_mem_size shm_force_alloc mlock_pages real_time rt_prio rt_policy rt_timer1_prio rt_fast_timer_prio
  rt_ftimer_prio rt_timer1_policy rt_ftimer_policy rt_timer2_prio rt_stimer_prio rt_timer2_policy rt_stimer_policy
  mcast_loopback mcast_ttl mcast tos pmtu_discovery exit_timeout ser_kill_timeout max_while_loops pv_buffer_size
  pv_buffer_slots pv_cache_limit pv_cache_action http_reply_hack http_reply_parse version_table verbose_startup
  server_id route_locks_size wait_worker1_mode wait_worker1_time wait_worker1_usleep kemi.onsend_route_callback
  kemi.reply_route_callback kemi.event_route_callback kemi.received_route_callback kemi.pre_routing_callback
  received_route_mode max_recursive_level max_branches latency_cfg_log latency_log latency_limit_db
  latency_limit_action latency_limit_cfg uri_host_extra_chars hdr_name_extra_chars msg_time onsend_route_reply
  force_rport local_rport udp_mtu udp_mtu_try_proto udp4_raw udp4_raw_mtu udp4_raw_ttl cfgengine`.split(/\s+/);

test('every parameter of the 5.6.3 lexer is known', () => {
  assert.deepEqual(
    LEXER_PARAMS.filter((name) => coreParam(name) === undefined),
    [],
  );
});

test('aliases name one parameter only', () => {
  const seen = new Set(Object.keys(CORE_PARAMS));
  for (const def of Object.values(CORE_PARAMS)) {
    for (const alias of def.aliases ?? []) {
      assert.ok(!seen.has(alias), alias);
      seen.add(alias);
    }
  }
});

test('a default passes its own check', () => {
  for (const [name, def] of Object.entries(CORE_PARAMS)) {
    if (def.default === null || def.opposite !== undefined) continue;
    const got = coreParamValue(def, def.default, typeof def.default === 'number' ? 'number' : 'string');
    assert.deepEqual(got, { value: def.default }, name);
  }
});

test('words, numbers and strings become values as in Kamailio', () => {
  const value = (name: string, written: string | number, kind: 'string' | 'word' | 'number') => {
    const def = coreParam(name);
    assert.ok(def);
    return coreParamValue(def, written, kind);
  };
  assert.deepEqual(value('disable_tcp', 'YES', 'word'), { value: 1 });
  assert.deepEqual(value('debug', 'on', 'word'), { value: 1 });
  assert.deepEqual(value('debug', '3', 'string'), { error: 'a number expected' });
  assert.deepEqual(value('tos', 'IPTOS_LOWDELAY', 'word'), { value: 16 });
  assert.deepEqual(value('udp_mtu_try_proto', 'tcp', 'word'), { value: 2 });
  assert.deepEqual(value('enable_tls', 'yes', 'word'), { value: 0 });
  assert.deepEqual(value('max_branches', 40, 'number'), { error: 'at most 31 expected' });
  assert.deepEqual(value('log_facility', 'LOG_LOCAL0', 'word'), { value: 'LOG_LOCAL0' });
  assert.match(JSON.stringify(value('log_facility', 'LOG_NONE', 'word')), /one of LOG_AUTH/);
  assert.match(JSON.stringify(value('cfgengine', 'lua', 'string')), /native/);
});

test('settings hold defaults, the last value, and all values of a list', () => {
  const { settings, remarks } = settingsOf([
    { name: 'debug', values: [{ value: 2, kind: 'number' }] },
    { name: 'debug', values: [{ value: 3, kind: 'number' }] },
    {
      name: 'alias',
      values: [
        { value: 'a.example.org', kind: 'string' },
        { value: 'b.example.org', kind: 'word' },
      ],
    },
    { name: 'domain', values: [{ value: 'c.example.org', kind: 'string' }] },
    { name: 'tls_enable', values: [{ value: 'on', kind: 'word' }] },
    { name: 'shm', values: [{ value: 100, kind: 'number' }] },
    { name: 'nonono', values: [{ value: 1, kind: 'number' }] },
    { name: 'port', values: [{ value: 'x', kind: 'string' }] },
  ]);
  assert.equal(settings.int('debug'), 3);
  assert.deepEqual(settings.list('alias'), ['a.example.org', 'b.example.org', 'c.example.org']);
  assert.equal(settings.bool('disable_tls'), false);
  assert.equal(settings.int('port'), 5060);
  assert.deepEqual(settings.list('listen'), []);
  assert.deepEqual(
    remarks.map(({ index, kind }) => [index, kind]),
    [
      [5, 'notice'],
      [6, 'error'],
      [7, 'error'],
    ],
  );
});

test('core/README.md names every parameter without effect, and no other', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const section = /## Core parameters without effect\n([\s\S]*?)(?:\n## |$)/.exec(readme)?.[1] ?? '';
  const listed = section
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .flatMap((line) => [...(line.split(' | ')[0] ?? '').matchAll(/`([^`]+)`/g)].map((match) => match[1]));
  const without = Object.entries(CORE_PARAMS).flatMap(([name, def]) => (def.noEffect === undefined ? [] : [name]));
  assert.deepEqual(new Set(listed), new Set(without));
});
