import {
  type Log,
  METHOD,
  type ModuleContext,
  manageOperation,
  ParamPv,
  type PvAccessor,
  parseRelayNode,
  parseRelaySock,
  type RelayNode,
  RelaySets,
  type RelayUrl,
  ROUTE,
  type Run,
  type SipMsg,
  TableCache,
  UdpClient,
  WebSocketClient,
} from 'strowger';
import type { TmApi } from '../tm/api.ts';
import { type BDict } from './bencode.ts';
import { hasSdp, readSdp, type SdpSource, writeSdp } from './body.ts';
import { CallTable } from './call-table.ts';
import { Dispatch, type DispatchSettings } from './dispatch.ts';
import { type NgFlags, parseNgFlags } from './flags.ts';
import { compactJson, prettyJson } from './json.ts';
import { MosReport } from './mos.ts';
import { isWebSocket, nodeAddress } from './node-url.ts';
import { type NgCommand, ngRequest } from './request.ts';

/** Name of the protocol in a WebSocket's handshake (rtpengine: HTTP and WebSocket support). */
const NG_PROTOCOL = 'ng.rtpengine.com';
/** Version of Kamailio's table. */
const TABLE_VERSION = 1;
/** Between two reloads by RPC. */
const RELOAD_PAUSE_MS = 10_000;

/** Sets that the script chose for a message, the first to be asked first. */
const CHOSEN: object = { name: 'rtpengine-sets' };
/** Set on a request whose SDP was offered: its replies bring answers. */
const OFFERED: object = { name: 'rtpengine-offered' };
/** The last reply about the call, for $rtpstat. */
const LAST: object = { name: 'rtpengine-reply' };

/** A row of the table. */
interface Row extends RelayUrl {
  readonly setId: number;
  readonly isDisabled: boolean;
}

type Target = PvAccessor & Required<Pick<PvAccessor, 'set'>>;

/** One server's rtpengine. */
export class Rtpengine {
  readonly ctx: ModuleContext;
  readonly nodes: RelaySets;
  readonly calls: CallTable;
  readonly dispatch: Dispatch;
  /** Told of calls that rtpengine has ended because their media stopped. */
  readonly timeoutListeners = new Set<(callId: string) => void>();
  readonly #client: UdpClient;
  readonly #webSockets: WebSocketClient;
  readonly #table: TableCache<readonly Row[]> | null;
  readonly #mos: MosReport;
  readonly #setidAvp: ParamPv;
  readonly #extraId: ParamPv;
  readonly #instance: ParamPv;
  readonly #readSdp: ParamPv;
  readonly #writeSdp: ParamPv;
  readonly #duration: ParamPv;
  readonly #tm: TmApi | undefined;
  #reloadedMs = -RELOAD_PAUSE_MS;
  /** Nodes may be asked: sockets are open. */
  #isUp = false;

  constructor(ctx: ModuleContext) {
    this.ctx = ctx;
    const { server } = ctx;
    this.nodes = new RelaySets(server, 'rtpengine.nodes');
    this.calls = new CallTable(ctx.int('hash_table_tout') * 1000);
    const localAddress = ctx.str('force_send_interface');
    this.#client = new UdpClient({
      driver: server.udp,
      wheel: server.wheel,
      random: server.random,
      tos: ctx.int('control_cmd_tos'),
      ...(localAddress === '' ? {} : { localAddress }),
    });
    this.#webSockets = new WebSocketClient({
      wheel: server.wheel,
      random: server.random,
      protocol: NG_PROTOCOL,
      ...(localAddress === '' ? {} : { localAddress }),
    });
    this.dispatch = new Dispatch({
      nodes: this.nodes,
      calls: this.calls,
      log: ctx.log,
      now: () => server.clock.now(),
      settings: () => this.#settings(),
      ask: ({ url, port }, ip, payload, patience) =>
        isWebSocket(url)
          ? this.#webSockets.ask({ url, ip }, payload, patience)
          : this.#client.ask({ ip, port }, payload, patience),
      resolve: (node) => server.resolver.addresses(node.host),
    });
    this.#table = ctx.str('db_url') === '' ? null : this.#makeTable();
    this.#mos = new MosReport(ctx);
    this.#setidAvp = new ParamPv(ctx.str('setid_avp'));
    this.#extraId = new ParamPv(ctx.str('extra_id_pv'));
    this.#instance = new ParamPv(ctx.str('rtp_inst_pvar'));
    this.#readSdp = new ParamPv(ctx.str('read_sdp_pv'));
    this.#writeSdp = new ParamPv(ctx.str('write_sdp_pv'));
    this.#duration = new ParamPv(ctx.str('media_duration'));
    this.#tm = ctx.optionalApi<TmApi>('tm');
  }

  get log(): Log {
    return this.ctx.log;
  }

  get usesTable(): boolean {
    return this.#table !== null;
  }

  /** True where the last reload is not long ago; else one begins now. */
  get wasJustReloaded(): boolean {
    const nowMs = this.ctx.server.clock.now();
    if (nowMs - this.#reloadedMs < RELOAD_PAUSE_MS) return true;
    this.#reloadedMs = nowMs;
    return false;
  }

  #settings(): DispatchSettings {
    const { ctx } = this;
    return {
      patience: { timeoutMs: ctx.int('rtpengine_tout_ms'), tries: ctx.int('rtpengine_retr') },
      disableMs: ctx.int('rtpengine_disable_tout') * 1000,
      aggressive: ctx.int('aggressive_redetection') !== 0,
      queriedLimit: ctx.int('queried_nodes_limit'),
      allowOp: ctx.int('rtpengine_allow_op'),
      hashAlgo: ctx.int('hash_algo'),
    };
  }

  /** Reads the nodes, from the table or the script. */
  async start(): Promise<void> {
    if (this.#table !== null) {
      await this.reload();
      return;
    }
    for (const text of this.ctx.list('rtpengine_sock')) {
      const sock = parseRelaySock(text, nodeAddress);
      if (typeof sock === 'string') throw new Error(`rtpengine_sock: ${sock}`);
      this.nodes.declare(sock.setId);
      for (const node of sock.nodes) this.nodes.add(sock.setId, node);
    }
  }

  /** Checks the variables, and pings the nodes: calls do not wait for that. */
  childInit(): void {
    const { program } = this.ctx.server;
    const variables: (readonly [name: string, pv: ParamPv, isWritten: boolean])[] = [
      ['setid_avp', this.#setidAvp, false],
      ['extra_id_pv', this.#extraId, false],
      ['rtp_inst_pvar', this.#instance, true],
      ['read_sdp_pv', this.#readSdp, false],
      ['write_sdp_pv', this.#writeSdp, true],
      ['media_duration', this.#duration, true],
    ];
    for (const [name, pv] of this.#mos.named()) variables.push([name, pv, !name.includes('_label_')]);
    for (const [name, pv, isWritten] of variables) {
      const error = pv.check(program, isWritten);
      if (error !== null) throw new Error(`${name}: ${error}`);
    }
    this.#isUp = true;
    if (!this.ctx.server.isFirstWorker) return;
    for (const node of this.nodes.all()) if (!node.isPermanent) void this.dispatch.test(node);
  }

  async close(): Promise<void> {
    this.#client.close();
    this.#webSockets.close();
    await this.#table?.close();
  }

  // ---- nodes in a table

  #makeTable(): TableCache<readonly Row[]> {
    const { ctx } = this;
    const [setid, url, weight, disabled] = ['setid_col', 'url_col', 'weight_col', 'disabled_col'].map((name) =>
      ctx.str(name),
    ) as [string, string, string, string];
    return new TableCache(ctx.server.db, ctx.str('db_url'), [], async (tables) => {
      const rows = await tables.rows({
        table: ctx.str('table_name'),
        columns: [setid, url, weight, disabled],
        version: TABLE_VERSION,
      });
      return rows.flatMap((row) => {
        const node = parseRelayNode(row.str(url), nodeAddress);
        if (typeof node === 'string') {
          ctx.log.error(`table ${ctx.str('table_name')}: ${node}`);
          return [];
        }
        return [{ ...node, setId: row.int(setid), weight: row.int(weight, 1), isDisabled: row.int(disabled) !== 0 }];
      });
    });
  }

  /** Takes the nodes of the table: new ones come, those that are gone are hidden and keep their calls only. */
  async reload(): Promise<void> {
    if (this.#table === null) return;
    await this.#table.load();
    const present = new Set<RelayNode>();
    for (const row of this.#table.value) {
      const known = this.nodes.find(row.setId, row.url);
      const node = known ?? this.nodes.add(row.setId, row);
      present.add(node);
      node.weight = row.weight;
      const wasGone = node.isHidden;
      node.isHidden = false;
      if (row.isDisabled) this.nodes.disableForGood(node);
      else if (known === undefined ? this.#isUp : wasGone || node.isPermanent) {
        this.nodes.enable(node);
        void this.dispatch.test(node);
      }
    }
    for (const node of this.nodes.all()) {
      if (present.has(node)) continue;
      node.isHidden = true;
      this.nodes.disableForGood(node);
    }
  }

  // ---- commands

  /** set_rtpengine_set: the sets of this message from now on; -1 where there is no such set. */
  chooseSets({ msg }: Run, first: number, second: number | undefined): number {
    for (const setId of [first, second]) {
      if (setId === undefined || this.nodes.has(setId)) continue;
      this.log.error(`there is no set ${setId} of rtpengines`);
      return -1;
    }
    msg.setExtension(CHOSEN, second === undefined || second === first ? [first] : [first, second]);
    return 1;
  }

  /** The sets to ask for this message; null, and logged, where the AVP names none. */
  #setsOf(run: Run): readonly number[] | null {
    const value = this.#setidAvp.get(run);
    if (value === null) return run.msg.extension<readonly number[]>(CHOSEN) ?? [this.ctx.int('setid_default')];
    if (typeof value === 'number' && this.nodes.has(value)) return [value];
    this.log.error(`setid_avp: ${JSON.stringify(value)} is no set of rtpengines`);
    return null;
  }

  /** rtpengine_offer, rtpengine_answer: the SDP goes to rtpengine and comes back rewritten. */
  offerAnswer(run: Run, command: 'offer' | 'answer', flagsText: string): Promise<number> {
    return this.#withSdp(run, command, flagsText, true);
  }

  /** rtpengine_info: an offer whose answer changes nothing. */
  info(run: Run, flagsText: string): Promise<number> {
    return this.#withSdp(run, 'offer', flagsText, false);
  }

  async #withSdp(run: Run, wanted: 'offer' | 'answer', flagsText: string, isWritten: boolean): Promise<number> {
    const flags = this.#flags(flagsText);
    const sets = this.#setsOf(run);
    if (flags === null || sets === null) return -1;
    const source = readSdp(run, this.#readSdp);
    if (source === null) {
      this.log.error('the message has no SDP');
      return -1;
    }
    if (source.isFragment && !flags.flags.includes('fragment')) flags.flags.push('fragment');
    const command = flags.forceAnswer ? 'answer' : wanted;
    let sdp = source.text;
    for (const setId of sets) {
      const reply = await this.#ask(run, command, flags, setId, { ...source, text: sdp });
      if (reply === null) return -1;
      if (!isWritten) continue;
      const rewritten = reply.get('sdp');
      if (typeof rewritten !== 'string' || rewritten === '') {
        this.log.error('rtpengine sent no SDP back');
        return -1;
      }
      sdp = rewritten;
    }
    if (!isWritten) return 1;
    return writeSdp(run, this.#writeSdp, sdp) ? 1 : -1;
  }

  /** Commands without SDP; 1, or -1. */
  async command(run: Run, command: NgCommand, flagsText: string): Promise<number> {
    return (await this.ask(run, command, flagsText)) === null ? -1 : 1;
  }

  /** The same, with the reply (of the last set); null where it failed. */
  async ask(run: Run, command: NgCommand, flagsText: string): Promise<BDict | null> {
    const flags = this.#flags(flagsText);
    const sets = this.#setsOf(run);
    if (flags === null || sets === null) return null;
    let last: BDict | null = null;
    for (const setId of sets) {
      last = await this.#ask(run, command, flags, setId, null);
      if (last === null) return null;
      if (command === 'query' || command === 'delete') {
        run.msg.setExtension(LAST, last);
        this.#mos.fill(run, last);
      } else if (command === 'play media' && this.#duration.isNamed)
        this.#duration.set(run, last.int('duration') ?? -1);
    }
    return last;
  }

  /** A request on behalf of another module, about a call of its own; null, and logged, where it failed. */
  async askFor(
    command: NgCommand,
    about: { readonly callId: string; readonly fromTag: string; readonly toTag: string; readonly sdp: string | null },
    flagsText: string,
  ): Promise<BDict | null> {
    const flags = this.#flags(flagsText);
    if (flags === null) return null;
    const isRequest = command !== 'answer';
    const facts = { command, isRequest, srcIp: '127.0.0.1', viaBranch: '', ...about };
    const request = ngRequest(facts, flags);
    if (typeof request === 'string') {
      this.log.error(`rtpengine: ${request}`);
      return null;
    }
    const { callId } = about;
    const answered = await this.dispatch.send({
      command,
      callId,
      viaBranch: '',
      setId: this.ctx.int('setid_default'),
      request,
    });
    if (answered === null) return null;
    const { node, reply } = answered;
    if (reply.str('result') !== 'error' || (command === 'query' && isUnknown(reply))) return reply;
    this.log.error(`rtpengine ${node.url} refused ${command}: ${reply.str('error-reason')}`, { callId });
    return null;
  }

  /** rtpengine_manage */
  manage(run: Run, flagsText: string): number | Promise<number> {
    const { msg } = run;
    const t = this.#tm?.transaction(msg) ?? null;
    const withSdp = this.#readSdp.isNamed || hasSdp(msg);
    const operation = manageOperation({
      routeType: run.routeType,
      isRequest: msg.isRequest,
      method: msg.methodBit,
      status: msg.status,
      hasSdp: withSdp,
      answering: METHOD.ACK | METHOD.PRACK,
      requestHadSdp: t === null || t.request.extension(OFFERED) === true,
    });
    if (operation === null) return -1;
    if (operation === 'delete') return this.command(run, 'delete', flagsText);
    if (operation === 'offer' && msg.isRequest) {
      msg.setExtension(OFFERED, true);
      t?.request.setExtension(OFFERED, true);
    }
    return this.offerAnswer(run, operation, flagsText);
  }

  /** rtpengine_query_v: the reply as JSON, `j` in one line, `jp` over several. */
  async queryInto(run: Run, format: string, target: Target): Promise<number> {
    if (format !== 'j' && format !== 'jp') {
      this.log.error(`rtpengine_query_v: "${format}" is no format: j or jp`);
      return -1;
    }
    const reply = await this.ask(run, 'query', '');
    if (reply === null) return -1;
    return target.set(run, format === 'j' ? compactJson(reply) : prettyJson(reply)) === false ? -1 : 1;
  }

  /** $rtpstat: packet counts of the last query or delete about this message. */
  statistics(msg: SipMsg): string | null {
    const totals = msg.extension<BDict>(LAST)?.dict('totals');
    if (totals === undefined || totals === null) return null;
    const part = (name: 'RTP' | 'RTCP'): string => {
      const counts = totals.dict(name);
      const [bytes, packets, errors] = ['bytes', 'packets', 'errors'].map((key) => counts?.int(key) ?? 0);
      return `${name}: ${bytes} bytes, ${packets} packets, ${errors} errors`;
    };
    return `${part('RTP')}; ${part('RTCP')}`;
  }

  #flags(text: string): NgFlags | null {
    const flags = parseNgFlags(text);
    if (typeof flags !== 'string') return flags;
    this.log.error(`rtpengine flags: ${flags}`);
    return null;
  }

  /** One request to one set; null, and logged, where it could not be made or was refused. */
  async #ask(
    run: Run,
    command: NgCommand,
    flags: NgFlags,
    setId: number,
    sdp: SdpSource | null,
  ): Promise<BDict | null> {
    const { msg } = run;
    const viaBranch = this.#viaBranch(run, flags);
    if (viaBranch === null) {
      this.log.error(`via-branch=${flags.viaBranch}: there is none`);
      return null;
    }
    const request = ngRequest(
      {
        command,
        isRequest: msg.isRequest,
        callId: msg.callId ?? '',
        fromTag: msg.fromTag,
        toTag: msg.toTag,
        srcIp: msg.rcv.srcIp,
        viaBranch,
        sdp: sdp === null ? null : sdp.text,
      },
      flags,
    );
    if (typeof request === 'string') {
      this.log.error(`rtpengine: ${request}`);
      return null;
    }
    const callId = request.str('call-id');
    const answered = await this.dispatch.send({ command, callId, viaBranch, setId, request });
    if (answered === null) return null;
    const { node, reply } = answered;
    if (reply.str('result') === 'error') {
      this.log.error(`rtpengine ${node.url} refused ${command}: ${reply.str('error-reason')}`, { callId });
      return null;
    }
    this.#instance.set(run, node.url);
    return reply;
  }

  /** The branch that the media belong to; '' for the whole call, null where the one asked for is not there. */
  #viaBranch(run: Run, { viaBranch }: NgFlags): string | null {
    const { msg } = run;
    const { isRequest } = msg;
    switch (viaBranch) {
      case '':
        return '';
      case '1':
        return msg.via1?.branch ?? null;
      case '2':
        return msg.via2?.branch ?? null;
      case 'auto':
        return (isRequest ? msg.via1 : msg.via2)?.branch ?? null;
      case 'extra':
        return this.#extra(run);
      case 'auto-extra':
        return isRequest ? this.#extra(run) : (msg.via1?.branch ?? null);
      case 'next':
        return this.#nextBranch(run);
      case 'auto-next':
        return isRequest ? this.#nextBranch(run) : (msg.via1?.branch ?? null);
    }
  }

  #extra(run: Run): string | null {
    const value = this.#extraId.get(run);
    return value === null || value === '' ? null : String(value);
  }

  /** The branch that this server puts into the Via of the branch to come; a transaction is begun for it where there is none. */
  #nextBranch(run: Run): string | null {
    const tm = this.#tm;
    if (tm === undefined) return null;
    if (run.msg.isRequest && tm.transaction(run.msg) === null) tm.newTransaction(run);
    const t = tm.transaction(run.msg);
    if (t === null) return null;
    return tm.core.branchId(t, run.routeType === ROUTE.BRANCH && run.branch >= 0 ? run.branch : t.branches.length);
  }
}

/** rtpengine has no such call, or no more: it ends by itself those whose media have stopped. */
export function isUnknown(reply: BDict): boolean {
  return reply.str('result') === 'error' && /^unknown call/i.test(reply.str('error-reason') ?? '');
}
