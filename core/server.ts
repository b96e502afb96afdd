/**
 * One SIP server: everything a worker owns. Several live in one process in the tests. The pieces are given from
 * outside (clock, network, randomness, log), so nothing in here is global.
 */

import { CallOrder } from './call-order.ts';
import type { Settings } from './cfg/settings.ts';
import { checkMessage } from './checks.ts';
import { CoreStats } from './counters/core-stats.ts';
import { CounterRegistry } from './counters/counters.ts';
import { DbRegistry } from './db/db-registry.ts';
import { Destinations } from './destination.ts';
import { Hooks } from './events/hooks.ts';
import { forwardReply } from './forward.ts';
import type { Log } from './log/log.ts';
import { MessageSettings } from './message-settings.ts';
import type { ModuleHost } from './module/host.ts';
import type { RowIndex } from './parser/header-index.ts';
import { METHOD } from './parser/methods.ts';
import { MSG_FLAG } from './parser/msg-flag.ts';
import { SipMsg } from './parser/sip-msg.ts';
import { runReceivedRoute } from './received-route.ts';
import type { Resolver } from './resolve/resolver.ts';
import { RpcRegistry } from './rpc/registry.ts';
import type { ScriptProgram, ScriptRoute } from './script/program.ts';
import { ROUTE, RUN_DROP, RUN_EXIT, Run } from './script/run.ts';
import type { ScriptTracer } from './script/tracer.ts';
import { StatelessReplies } from './stateless-reply.ts';
import { heapMemory, SharedHeap } from './store/shared-heap.ts';
import { type CancelVerdict, SuspendedRuns } from './suspended.ts';
import { type Clock, microsOf, type Random } from './timer/clock.ts';
import { TimerWheel } from './timer/wheel.ts';
import type { ConnectionTable } from './transport/connections.ts';
import type { UdpDriver } from './transport/drivers.ts';
import type { LocalAddresses } from './transport/local-addresses.ts';
import { type Destination, PROTO, type ReceiveInfo, receivedBySelf } from './transport/socket-info.ts';
import type { Transport } from './transport/transport.ts';
import { type Bus, LocalBus } from './workers/bus.ts';

export interface ReloadResult {
  readonly ok: boolean;
  /** The checker's messages, printed, when not ok. */
  readonly messages: readonly string[];
  /** Settings that a reload can not change, by name. */
  readonly unchanged: readonly string[];
}

/** What a server is made of; see `start.ts` for how the real ones are put together. */
interface ServerParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly settings: Settings;
  /** Value of `Server:` in replies; '' for none. */
  readonly serverHeader: string;
  readonly userAgentHeader: string;
  /** See `Seat.position`; for a server that nobody watches it may be left out. */
  readonly scriptPosition?: Int32Array;
}

/** Suspended runs a server bears before it answers 503 (issue: overload is bounded). */
const DEFAULT_MAX_SUSPENDED = 10_000;
/** Seconds in the Retry-After of an overload 503. */
const OVERLOAD_RETRY_AFTER_S = 5;
/** Characters of a message nobody can read that the log shows. */
const SHOWN_OF_BAD = 200;

export class Server {
  readonly clock: Clock;
  readonly wheel: TimerWheel;
  readonly random: Random;
  readonly log: Log;
  readonly settings: Settings;
  readonly counters = new CounterRegistry();
  readonly stats: CoreStats;
  readonly rpc = new RpcRegistry();
  readonly hooks: Hooks;
  /** Databases: `db_…` modules register drivers, others open URLs. */
  readonly db: DbRegistry;
  /** What holds for every message, by the core parameters. */
  readonly messages: MessageSettings;
  readonly destinations: Destinations;
  readonly replies: StatelessReplies;
  readonly serverHeader: string;
  readonly userAgentHeader: string;
  readonly startedWallMs: number;
  /** One word in which the script says where it stands; shared with whoever watches this thread. */
  readonly scriptPosition: Int32Array;
  /** Worker number, 0 for the first; part of every branch so that replies find their owner. */
  readonly workerIndex: number;

  // Set by start.ts in this order, before any message arrives.
  resolver!: Resolver;
  transport!: Transport;
  addresses!: LocalAddresses;
  modules!: ModuleHost;
  /** The program new messages run on. */
  program!: ScriptProgram;
  /** Compiles the script again and switches to it. */
  reload: () => Promise<ReloadResult> = () =>
    Promise.resolve({ ok: false, messages: ['this server has no script file'], unchanged: [] });
  stop: () => Promise<void> = () => Promise.resolve();

  connections!: ConnectionTable;
  /** Opens datagram sockets beside those that are listened on: clients of other protocols (`UdpClient`). */
  udp!: UdpDriver;
  /** Folder for sockets and FIFOs (`-Y`, `runtime_dir`). */
  runtimeDir = '';
  /** Folder of the script: relative names of files that modules read are in it. */
  scriptFolder = '';
  /** Workers that share this server's sockets; 1 where it is alone. */
  workerCount = 1;
  /** The way to the other workers; one that leads nowhere where it is alone. */
  bus: Bus = new LocalBus();
  #sharedHeap: SharedHeap | null = null;
  /** Passes messages of other workers' transactions on to them; null where it is alone. */
  handover: { takes(msg: SipMsg): boolean; hand(msg: SipMsg, worker: number): boolean } | null = null;
  /** New calls are refused: the server waits for open transactions to end. */
  isStopping = false;
  /** Transactions under way; set by tm. */
  openTransactions: () => number = () => 0;
  /** Set by start.ts: feeds the destination blocklist. */
  onDestinationFailed: (dst: Destination, why: 'timeout' | 'send') => void = () => {};

  /** Told of every step of the script; a module that wants it sets it in its init, before the script is compiled. */
  tracer: ScriptTracer | null = null;
  /** Sets the log's prefix for a run, and takes it away with null; null itself where there is no `log_prefix`. */
  logPrefix: ((run: Run | null) => void) | null = null;

  maxSuspended = DEFAULT_MAX_SUSPENDED;
  /** The system's choice of a local address for a destination (`mhomed`); null where nobody knows it. */
  sourceAddress: ((ip: string) => Promise<string | null>) | null = null;
  readonly #suspended = new SuspendedRuns();
  /** Set where `route_locks_size` asks for it. */
  readonly #callOrder: CallOrder | null;

  constructor(parts: ServerParts, workerIndex = 0) {
    this.clock = parts.clock;
    this.wheel = new TimerWheel(parts.clock);
    this.random = parts.random;
    this.log = parts.log;
    this.settings = parts.settings;
    this.serverHeader = parts.serverHeader;
    this.userAgentHeader = parts.userAgentHeader;
    this.workerIndex = workerIndex;
    this.startedWallMs = parts.clock.wall();
    this.scriptPosition = parts.scriptPosition ?? new Int32Array(1);
    this.stats = new CoreStats(this.counters);
    this.hooks = new Hooks(parts.log);
    this.db = new DbRegistry({
      wheel: this.wheel,
      log: parts.log,
      versionTable: this.settings.str('version_table'),
      limitMicros: () => this.settings.int('latency_limit_db'),
      slowLevel: () => this.settings.int('latency_log'),
    });
    this.messages = new MessageSettings(parts.settings);
    this.#callOrder = parts.settings.int('route_locks_size') > 0 ? new CallOrder() : null;
    this.destinations = new Destinations(this);
    this.replies = new StatelessReplies(this);
  }

  /** Memory that all workers of this server have: what Kamailio keeps in its shared memory. */
  get sharedHeap(): SharedHeap {
    this.#sharedHeap ??= new SharedHeap(heapMemory(this.random.uint32()));
    return this.#sharedHeap;
  }

  /** Set by start.ts where there are other workers. */
  set sharedHeap(heap: SharedHeap) {
    this.#sharedHeap = heap;
  }

  /** The worker that does what is to be done once: RPC listeners, probing, procs of modules. */
  get isFirstWorker(): boolean {
    return this.workerIndex === 0;
  }

  /** Told of each request whose script has to wait; tm sends its 100. */
  onRequestWaits: ((msg: SipMsg) => void) | null = null;
  /** What becomes of the CANCEL of a request whose script waits; tm decides. Without it, it waits behind the request. */
  onWaitingCancelled: ((run: Run, cancel: SipMsg) => CancelVerdict) | null = null;

  /** Requests now waiting in the script. */
  get suspendedRuns(): number {
    return this.#suspended.size;
  }

  /** True when a host (and port, 0 for any; proto, 0 for any) is one of ours: sockets, aliases, modules' claims. */
  isMyself(host: string, port: number, proto: number): boolean {
    return this.addresses.isMyself(host, port, proto);
  }

  /** One whole SIP message from a transport. Never throws. */
  receive(text: string, rcv: ReceiveInfo, index?: RowIndex): void {
    try {
      const input = this.hooks.dataIn.isEmpty ? text : this.hooks.dataIn.reduce(text, rcv);
      if (input === '' || input.length > this.messages.maxBytes) return;
      if (this.messages.runsReceivedRoute) runReceivedRoute(this, input, rcv, (data) => this.#receiveData(data, rcv));
      else this.#receiveData(input, rcv, input === text ? index : undefined);
    } catch (error) {
      this.#receiveFailed(error, rcv);
    }
  }

  #receiveData(text: string, rcv: ReceiveInfo, index?: RowIndex): void {
    const msg = new SipMsg(text, rcv, index);
    if (msg.isHttp) this.#receiveHttp(msg);
    else if (this.handover === null || !this.handover.takes(msg)) this.#receiveMessage(msg);
  }

  /** A message that another worker received, and that is ours; it has passed the hooks for received text. Never throws. */
  receiveOwn(text: string, rcv: ReceiveInfo): void {
    try {
      this.#receiveMessage(new SipMsg(text, rcv));
    } catch (error) {
      this.#receiveFailed(error, rcv);
    }
  }

  /** HTTP belongs to the connection it came on, so to this worker. */
  #receiveHttp(msg: SipMsg): void {
    this.stats.rcvRequests.value++;
    if (this.hooks.nonSip.every(msg)) this.#isUsable(msg);
  }

  #receiveFailed(error: unknown, rcv: ReceiveInfo): void {
    this.log.crit('message processing failed', { err: error, from: `${rcv.srcIp}:${rcv.srcPort}` });
  }

  #receiveMessage(msg: SipMsg): void {
    if (this.messages.marks) this.messages.mark(msg);
    if (msg.isRequest) {
      this.stats.rcvRequests.value++;
      if (this.#isUsable(msg)) this.#receiveRequest(msg);
    } else {
      this.stats.rcvReplies.value++;
      if (this.#isUsable(msg)) this.#receiveReply(msg);
    }
  }

  /** The checks the core makes before the script; answers what can be answered. */
  #isUsable(msg: SipMsg): boolean {
    const fault = checkMessage(msg, this.messages.acceptsRepeated);
    if (fault === null) return true;
    (msg.isRequest ? this.stats.errRequests : this.stats.errReplies).value++;
    this.log.write(
      msg.error === null ? this.messages.parserLogLevel : this.messages.coreLogLevel,
      `bad message: ${fault.reason}`,
      { from: `${msg.rcv.srcIp}:${msg.rcv.srcPort}`, at: msg.errorAt, start: msg.buf.slice(0, SHOWN_OF_BAD) },
    );
    if (msg.isRequest && fault.code !== 0 && msg.method !== METHOD.ACK && msg.via1 !== null)
      this.replies.send(msg, fault.code, fault.reason);
    this.#closeOnBad(msg);
    return false;
  }

  /** `tcp_script_mode` 0: a message that nobody can read ends its connection. */
  #closeOnBad({ rcv }: SipMsg): void {
    if (rcv.conId !== 0 && this.messages.closesOnBad) this.connections.end(rcv.conId);
  }

  /** So does one whose script ends with a negative code; WebSockets stay (Kamailio: tcp_script_mode). */
  #closeOnFailed({ rc, msg }: Run): void {
    if (rc < 0 && msg.rcv.proto !== PROTO.WS && msg.rcv.proto !== PROTO.WSS) this.#closeOnBad(msg);
  }

  #receiveRequest(msg: SipMsg): void {
    if (this.#suspended.size !== 0 && this.#suspended.absorbs(msg, this.onWaitingCancelled)) return;
    if (this.#callOrder?.defers(msg, () => this.#receiveRequest(msg)) === true) return;
    if (!this.hooks.requestIn.isEmpty && !this.hooks.requestIn.every(msg)) return;
    const route = this.program.request;
    if (route === null) return;
    const run = new Run(this, this.program, msg, ROUTE.REQUEST);
    const result = this.messages.timesRoutes ? this.#timed(route, run, 'request-route') : this.execute(route, run);
    if (typeof result === 'number') this.#requestDone(run, result);
    else this.#suspend(run, result);
  }

  /** `latency_cfg_log`: tells how long a route of the script took; waiting is not counted. */
  #timed(route: ScriptRoute, run: Run, name: string): number | Promise<number> {
    const began = microsOf(this.clock);
    const result = this.execute(route, run);
    const took = microsOf(this.clock) - began;
    if (took >= this.messages.routeLimitMicros)
      this.log.write(this.messages.routeLogLevel, `${name} executed in: ${Math.round(took)} usec`);
    return result;
  }

  #requestDone(run: Run, bits: number): void {
    const { msg } = run;
    this.#closeOnFailed(run);
    if ((bits & RUN_DROP) !== 0) this.stats.dropRequests.value++;
    if (!this.hooks.requestDone.isEmpty) this.hooks.requestDone.run(msg);
  }

  #suspend(run: Run, result: Promise<number>): void {
    const { msg } = run;
    const leave = this.#suspended.enter(run);
    const endCall = this.#callOrder?.enter(msg);
    this.onRequestWaits?.(msg);
    void result.then((bits) => {
      const behind = leave();
      this.#requestDone(run, bits);
      endCall?.();
      for (const waiting of behind) this.#receiveRequest(waiting);
    });
  }

  #receiveReply(msg: SipMsg): void {
    const route = this.program.reply;
    if (this.#callOrder?.defers(msg, () => this.#receiveReply(msg)) === true) return;
    if (route === null) this.#finishReply(msg, true);
    else {
      const run = new Run(this, this.program, msg, ROUTE.CORE_ONREPLY);
      const result = this.messages.timesRoutes ? this.#timed(route, run, 'reply-route') : this.execute(route, run);
      if (typeof result === 'number') this.#replyAfterScript(run, result);
      else this.#suspendReply(run, result);
    }
  }

  #suspendReply(run: Run, result: Promise<number>): void {
    const endCall = this.#callOrder?.enter(run.msg);
    void result.then((bits) => {
      this.#replyAfterScript(run, bits);
      endCall?.();
    });
  }

  /** `drop` ends the reply, and so does a reply_route that ends with 0 or less, such as behind a command that failed. */
  #replyAfterScript(run: Run, bits: number): void {
    this.#closeOnFailed(run);
    this.#finishReply(run.msg, (bits & RUN_DROP) === 0 && run.rc > 0);
  }

  #finishReply(msg: SipMsg, goesOn: boolean): void {
    if (!goesOn || (this.hooks.replyIn.every(msg) && !forwardReply(this, msg))) this.stats.dropReplies.value++;
    if (!this.hooks.replyDone.isEmpty) this.hooks.replyDone.run(msg);
  }

  /**
   * Runs a route block for a message in a run of its own. What it throws is logged with the script's stack and answered
   * with 500 where there is a request to answer. Returns RUN_* bits, or a promise of them where a command waited.
   */
  runRoute(
    route: ScriptRoute,
    msg: SipMsg,
    routeType: number,
    branch = -1,
    program: ScriptProgram = this.program,
  ): number | Promise<number> {
    const run = new Run(this, program, msg, routeType);
    run.branch = branch;
    return this.execute(route, run);
  }

  /** As `runRoute`, for a run that the caller made. */
  execute(route: ScriptRoute, run: Run): number | Promise<number> {
    if (this.logPrefix !== null) return this.#executePrefixed(route, run, this.logPrefix);
    try {
      const result = route(run);
      this.scriptPosition[0] = 0;
      if (typeof result === 'number') return result;
      if (this.#suspended.size >= this.maxSuspended && run.routeType === ROUTE.REQUEST)
        return this.#overloaded(run, result);
      return result.catch((error: unknown) => this.#scriptFailed(run, error));
    } catch (error) {
      return this.#scriptFailed(run, error);
    }
  }

  /** The same with `log_prefix`: lines of what waits are logged with the prefix of whoever runs then. */
  #executePrefixed(route: ScriptRoute, run: Run, setPrefix: (run: Run | null) => void): number | Promise<number> {
    setPrefix(run);
    try {
      this.logPrefix = null;
      return this.execute(route, run);
    } finally {
      this.logPrefix = setPrefix;
      setPrefix(null);
    }
  }

  #overloaded(run: Run, waiting: Promise<number>): number {
    run.aborted = true;
    waiting.catch(() => {});
    this.log.warn('overload: too many suspended requests', { suspended: this.#suspended.size });
    if (run.msg.method !== METHOD.ACK)
      this.replies.sendError(run.msg, 503, 'Service Unavailable', `Retry-After: ${OVERLOAD_RETRY_AFTER_S}\r\n`);
    return RUN_EXIT | RUN_DROP;
  }

  #scriptFailed(run: Run, error: unknown): number {
    const at = run.program.positions[run.position];
    this.log.crit('script error', {
      err: error,
      script: at === undefined ? '' : `${at.file}:${at.line}:${at.column}`,
      route: at?.route ?? '',
      callId: run.msg.callId,
    });
    this.stats.errRequests.value++;
    if (run.routeType === ROUTE.REQUEST && run.msg.isRequest && run.msg.method !== METHOD.ACK)
      this.replies.sendError(run.msg);
    // A reply goes on all the same.
    run.rc = 1;
    return RUN_EXIT;
  }

  /**
   * A request for event routes that are about no message, as Kamailio makes one: an OPTIONS from the first socket to
   * itself. Null where there is no socket.
   */
  fakeMessage(): SipMsg | null {
    const socket = this.transport.sockets[0];
    if (socket === undefined) return null;
    const text =
      `OPTIONS sip:you@strowger.invalid SIP/2.0\r\nVia: SIP/2.0/UDP ${socket.sentBy};branch=z9hG4bKnone\r\n` +
      'From: <sip:you@strowger.invalid>;tag=none\r\nTo: <sip:you@strowger.invalid>\r\nCall-ID: none\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n';
    const msg = new SipMsg(text, receivedBySelf(socket));
    msg.msgFlags |= MSG_FLAG.FAKED;
    msg.transaction = null;
    return msg;
  }

  /** `event_route[name]` of the current program. 0 when there is none. */
  runEventRoute(name: string, msg: SipMsg): number | Promise<number> {
    return this.runEventRouteOn(name, msg, ROUTE.EVENT);
  }

  /** As `runEventRoute`, where commands see another kind of route (local requests: ROUTE.LOCAL). */
  runEventRouteOn(name: string, msg: SipMsg, routeType: number): number | Promise<number> {
    const route = this.program.event.get(name);
    return route === undefined ? 0 : this.runRoute(route, msg, routeType);
  }
}
