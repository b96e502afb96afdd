import { checkTlsMethod, DEFAULT_VERIFY_DEPTH, intParam, type ParamDef, strParam } from 'strowger';

const OPENSSL_OWN = "Node.js' TLS manages its own memory";
const NO_KEYS = 'session keys are not given away; Node.js has --tls-keylog';
const NO_ENGINE = 'OpenSSL 3 has no engines; keys are read from files';
const BOUNDED_BY_TCP = 'what waits is bounded by tcp_conn_wq_max and tcp_wq_max';

const VERIFY_CLIENT = new Set(['off', 'on', 'optional', 'optional_no_ca']);

const oneOf = (known: ReadonlySet<string>) => (value: string | number) =>
  known.has(String(value)) ? null : `one of ${[...known].join(', ')} expected`;

/** Parameters of the profiles made where there is no `config`. */
const PROFILE_PARAMS: Readonly<Record<string, ParamDef>> = {
  tls_method: strParam({
    default: 'TLSv1.2+',
    doc: 'Versions: TLSv1.3, TLSv1.2+, TLSv1.2, TLSv1.1+, TLSv1.1, TLSv1+, TLSv1, SSLv23.',
    check: (value) => checkTlsMethod(String(value)),
  }),
  server_name: strParam({ default: null, doc: 'Server name (SNI) sent when connecting.' }),
  verify_certificate: intParam({ default: 0, min: 0, max: 1, doc: 'Verify the certificate of the other side.' }),
  verify_depth: intParam({ default: DEFAULT_VERIFY_DEPTH, min: 0, doc: 'Longest chain of certificates accepted.' }),
  require_certificate: intParam({ default: 0, min: 0, max: 1, doc: 'Refuse clients without a certificate.' }),
  verify_client: strParam({
    default: null,
    doc: 'Instead of the two above: off, on, optional, optional_no_ca.',
    check: oneOf(VERIFY_CLIENT),
  }),
  private_key: strParam({
    default: null,
    doc: 'File of the key, PEM; where not set it is in the file of the certificate.',
  }),
  certificate: strParam({ default: 'cert.pem', doc: 'File of the certificate and its chain, PEM.' }),
  ca_list: strParam({ default: null, doc: 'File of the authorities trusted, PEM.' }),
  ca_path: strParam({ default: null, doc: 'Folder of such files.' }),
  crl: strParam({ default: null, doc: 'File of revoked certificates, PEM.' }),
  cipher_list: strParam({ default: null, doc: 'Ciphers, as OpenSSL writes them.' }),
};

const NO_EFFECT: Readonly<Record<string, ParamDef>> = {
  engine: strParam({ default: 'NONE', doc: 'OpenSSL engine.', noEffect: NO_ENGINE }),
  engine_config: strParam({ default: 'NONE', doc: 'Configuration of the engine.', noEffect: NO_ENGINE }),
  engine_algorithms: strParam({ default: 'NONE', doc: 'Algorithms of the engine.', noEffect: NO_ENGINE }),
  rand_engine: strParam({ default: null, doc: 'Source of randomness.', noEffect: "OpenSSL's own is used" }),
  tls_log: intParam({
    default: 3,
    runtime: true,
    doc: 'Log level.',
    noEffect: 'failed handshakes are warnings, the rest is debug',
  }),
  tls_debug: intParam({
    default: 3,
    runtime: true,
    doc: 'Log level of debugging.',
    noEffect: 'there is no such debugging',
  }),
  tls_disable_compression: intParam({
    default: 1,
    doc: 'No compression.',
    noEffect: 'TLS is never compressed (CRIME)',
  }),
  ssl_release_buffers: intParam({ default: -1, doc: 'Release buffers early.', noEffect: OPENSSL_OWN }),
  ssl_freelist_max_len: intParam({ default: -1, doc: 'Free chunks kept.', noEffect: OPENSSL_OWN }),
  ssl_read_ahead: intParam({ default: 0, doc: 'Read ahead.', noEffect: OPENSSL_OWN }),
  send_close_notify: intParam({
    default: 0,
    runtime: true,
    doc: 'Tell the peer that a connection ends.',
    noEffect: 'connections that end in an orderly way always tell',
  }),
  con_ct_wq_max: intParam({
    default: 65_536,
    runtime: true,
    doc: 'Bytes waiting on a connection.',
    noEffect: BOUNDED_BY_TCP,
  }),
  ct_wq_max: intParam({ default: 10_485_760, runtime: true, doc: 'Bytes waiting on all.', noEffect: BOUNDED_BY_TCP }),
  ct_wq_blk_size: intParam({
    default: 4096,
    runtime: true,
    doc: 'Block size of that queue.',
    noEffect: BOUNDED_BY_TCP,
  }),
  tls_force_run: intParam({ default: 0, doc: 'Run with an unfit OpenSSL.', noEffect: 'OpenSSL is a part of Node.js' }),
  low_mem_threshold1: intParam({
    default: -1,
    runtime: true,
    doc: 'Memory below which connections are refused, KB.',
    noEffect: OPENSSL_OWN,
  }),
  low_mem_threshold2: intParam({
    default: -1,
    runtime: true,
    doc: 'Memory below which operations fail, KB.',
    noEffect: OPENSSL_OWN,
  }),
  event_callback: strParam({ default: null, doc: 'KEMI function for events.', noEffect: 'there is no KEMI' }),
  init_mode: intParam({ default: 0, doc: 'When OpenSSL is made ready (Kamailio 5.8).', noEffect: OPENSSL_OWN }),
  provider_quirks: intParam({ default: 0, doc: 'Ways around OpenSSL providers (Kamailio 6).', noEffect: OPENSSL_OWN }),
  provider_quirks_config: strParam({ default: null, doc: 'Settings of those.', noEffect: OPENSSL_OWN }),
  keylog_mode: intParam({
    default: 0,
    runtime: true,
    doc: 'Log the keys of sessions (Kamailio 6).',
    noEffect: NO_KEYS,
  }),
  keylog_file: strParam({ default: null, doc: 'File with the keys of sessions.', noEffect: NO_KEYS }),
  keylog_peer: strParam({ default: null, doc: 'Who is sent the keys of sessions.', noEffect: NO_KEYS }),
};

export const TLS_PARAMS: Readonly<Record<string, ParamDef>> = {
  ...PROFILE_PARAMS,
  config: strParam({
    default: null,
    runtime: true,
    doc: 'File (or folder of files) with profiles; tls.reload reads it again.',
  }),
  xavp_cfg: strParam({ default: null, doc: 'XAVP that says how to connect: server_name, server_id.' }),
  connection_timeout: intParam({
    default: 600,
    min: -1,
    runtime: true,
    doc: 'Seconds a connection lives before its first byte; -1 for ever. After it tcp_connection_lifetime holds.',
  }),
  make_certificate: intParam({
    default: 0,
    min: 0,
    max: 1,
    doc: 'Make a key and a self-signed certificate for server profiles whose file of the certificate is not there.',
  }),
  session_cache: intParam({ default: 0, min: 0, max: 1, doc: 'Let clients resume sessions.' }),
  session_id: strParam({ default: 'strowger-tls', doc: 'What tells our sessions from those of other servers.' }),
  renegotiation: intParam({ default: 0, min: 0, max: 1, doc: 'Let clients renegotiate (TLS 1.2 and before).' }),
  ssl_max_send_fragment: intParam({
    default: -1,
    min: -1,
    max: 16_384,
    doc: 'Bytes of a TLS record, from 512; -1 for the default.',
  }),
  ...NO_EFFECT,
};
