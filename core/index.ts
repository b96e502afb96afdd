/** The public surface: what modules import as `strowger`. */
export * from './auth/digest.ts';
export * from './auth/digest-answer.ts';
export * from './auth/md5.ts';
export * from './cfg/groups.ts';
export * from './cfg/select.ts';
export { type CheckFailure, checkMessage } from './checks.ts';
export { KAMAILIO_VERSION, packageVersion } from './cli/version.ts';
export * from './counters/counters.ts';
export * from './db/db.ts';
export * from './db/db-registry.ts';
export * from './db/db-text.ts';
export * from './db/db-url.ts';
export { createTables, STANDARD_TABLES } from './db/schema/index.ts';
export type { SqlDialect, SqlStatement } from './db/sql.ts';
export * from './db/sql-db.ts';
export * from './db/sql-pool.ts';
export * from './db/table-cache.ts';
export { type DestinationResult, type DestinationSet, isDestination, type NoDestination } from './destination.ts';
export { StrowgerError } from './errors.ts';
export * from './events/hooks.ts';
export {
  applySendFlags,
  beyondMtu,
  forwardReply,
  forwardRequest,
  forwardTo,
  loopHash,
  nextHopUri,
  replyDestination,
  replyPassesOnsend,
  replyToRequest,
} from './forward.ts';
export { httpAsSip } from './http/as-sip.ts';
export { httpGet } from './http/http-get.ts';
export { HttpRequests, type HttpRequestsOptions } from './http/http-requests.ts';
export * from './log/log.ts';
export * from './media/manage.ts';
export { codecOf, STATIC_PAYLOAD_TYPES } from './media/payload-types.ts';
export * from './media/relay-node.ts';
export * from './media/relay-sets.ts';
export { parseRelayNode, parseRelaySock } from './media/relay-url.ts';
export { SDP_VARIABLE, sdpText } from './media/sdp-variable.ts';
export * from './module/context.ts';
export {
  type ArgSpec,
  type ArgType,
  type ArgTypes,
  type ArgValues,
  type CommandDef,
  type CommandResult,
  command,
  commandsOf,
  defineModule,
  intParam,
  listParam,
  type ModuleDef,
  type ParamDef,
  type ParamType,
  type StatDef,
  strParam,
} from './module/define-module.ts';
export { cloneMsg, copyState } from './msg/clone.ts';
export * from './msg/contact-rewrite.ts';
export * from './msg/core-hash.ts';
export * from './msg/dset.ts';
export * from './msg/edit.ts';
export { base36, HASH_START, hashSpan, hashText, keyedHash, keyedHashSpan, mixHash } from './msg/hash.ts';
export { LineIterators } from './msg/line-iterators.ts';
export * from './msg/lumps.ts';
export {
  BRANCH_MAGIC,
  buildForwardedReply,
  buildReply,
  buildRequest,
  mergeSorted,
  viaRow,
} from './msg/msg-translator.ts';
export { reasonPhrase } from './msg/reason-phrase.ts';
export * from './msg/rebuild.ts';
export * from './msg/rewrite-uri.ts';
export * from './msg/via-extension.ts';
export * from './parser/body.ts';
export * from './parser/contact.ts';
export * from './parser/content-type.ts';
export * from './parser/date.ts';
export * from './parser/digest.ts';
export * from './parser/digest-scan.ts';
export * from './parser/event.ts';
export * from './parser/hf.ts';
export * from './parser/list.ts';
export * from './parser/methods.ts';
export { MSG_FLAG } from './parser/msg-flag.ts';
export * from './parser/name-addr.ts';
export * from './parser/params.ts';
export * from './parser/q-value.ts';
export * from './parser/quoted.ts';
export * from './parser/sdp.ts';
export * from './parser/session-expires.ts';
export * from './parser/sip-msg.ts';
export * from './parser/uri.ts';
export * from './parser/uri-compare.ts';
export * from './parser/via.ts';
export * from './pv/avp-name.ts';
export * from './pv/convert.ts';
export * from './pv/msg-vars.ts';
export * from './pv/param-pv.ts';
export * from './pv/received-data.ts';
export * from './pv/socket-transforms.ts';
export * from './pv/spec.ts';
export * from './pv/strftime.ts';
export * from './pv/transform-args.ts';
export * from './pv/verified-credentials.ts';
export { BLST } from './resolve/dst-blocklist.ts';
export { orderSrv } from './resolve/naptr-srv.ts';
export * from './rpc/public.ts';
export * from './script/posix-cache.ts';
export type * from './script/posix-regex.ts';
export type * from './script/program.ts';
export { canRunLinear, timedExec } from './script/regex-linear.ts';
export {
  ANY_ROUTE,
  BRANCH_ROUTE,
  EVENT_ROUTE,
  FAILURE_ROUTE,
  LOCAL_ROUTE,
  ONREPLY_ROUTE,
  ONSEND_ROUTE,
  REQUEST_ROUTE,
  ROUTE,
  RUN_DROP,
  RUN_EXIT,
  Run,
} from './script/run.ts';
export * from './script/subst.ts';
export type * from './script/tracer.ts';
export * from './select/bind-select.ts';
export { type ReloadResult, Server } from './server.ts';
export { createFile, resolveFile } from './start/files.ts';
export { streamSocketOptions } from './start/socket-options.ts';
export { HashIndex, INDEX_WORDS } from './store/hash-index.ts';
export { heapMemory, SharedHeap } from './store/shared-heap.ts';
export { SharedLocks } from './store/shared-locks.ts';
export { SharedMap, sharedMap } from './store/shared-map.ts';
export * from './store/shared-store.ts';
export { TextArena } from './store/text-arena.ts';
export { TextMap } from './store/text-map.ts';
export type * from './timer/clock.ts';
export { Timer } from './timer/timer.ts';
export { TimerWheel } from './timer/wheel.ts';
export type { CloseReason, Connection, ConnectionState, StreamLayer } from './transport/connection.ts';
export type { ConnectionTable } from './transport/connections.ts';
export type { UdpDriver, UdpEndpoint } from './transport/drivers.ts';
export * from './transport/ip-address.ts';
export * from './transport/socket-info.ts';
export { TlsDriver } from './transport/tls.ts';
export {
  checkTlsMethod,
  parseTlsConfig,
  type TlsConfig,
  type TlsProfileConfig,
  type TlsProfileOptions,
  type TlsVerify,
} from './transport/tls-config.ts';
export { isTlsFacts, type TlsFacts, type TlsPeerFacts, type TlsSessionOptions } from './transport/tls-facts.ts';
export {
  DEFAULT_TLS_METHOD,
  DEFAULT_VERIFY_DEPTH,
  loadTlsProfile,
  type TlsFileReader,
  type TlsProfile,
  TlsProfiles,
} from './transport/tls-profiles.ts';
export type * from './transport/transport.ts';
export * from './transport/udp-client.ts';
export * from './transport/unix-dgram.ts';
export * from './transport/unix-stream.ts';
export { WebSocketClient } from './transport/web-socket-client.ts';
export * from './values.ts';
export type { Bus, Replica } from './workers/bus.ts';
export { callOwner } from './workers/ownership.ts';
export { escapeXml, writeXml } from './xml/xml-text.ts';
export { parseXml, type XmlAttribute, XmlElement } from './xml/xml-tree.ts';
