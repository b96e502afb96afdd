import {
  type Log,
  METHOD,
  type ModuleContext,
  manageOperation,
  ParamPv,
  parseRelayNode,
  parseRelaySock,
  RelaySets,
  type Run,
  type SipMsg,
  sdpOf,
  TableCache,
  UdpClient,
} from 'strowger';
import type { TmApi } from '../tm/api.ts';
import { nodeAddress } from './node-url.ts';
import { type ProxyOptions, parseOptions } from './options.ts';
import { type Capabilities, Relay, type RelayAnswer } from './relay.ts';
import { codecList, type IcePriority, isMarked, SdpEditor, type StreamTarget, targetsOf } from './sdp.ts';

/** Version of Kamailio's table. */
const TABLE_VERSION = 1;

/** The set that the script chose for a message. */
const CHOSEN: object = { name: 'rtpproxy-set' };
/** Set on a request whose SDP was offered: its replies bring answers. */
const OFFERED: object = { name: 'rtpproxy-offered' };
/** The counts of the session, asked for before it ended. */
const COUNTS: object = { name: 'rtpproxy-counts' };

/** Return codes beside 1 and -1. */
const MARKED = -2;
const NO_NODE = -3;

/** Call-ID and tags of a message, as commands have them. */
interface Session {
  /** With what tells branches apart behind a semicolon. */
  readonly callId: string;
  readonly fromTag: string;
  readonly toTag: string;
}

/** One server's rtpproxy. */
export class Rtpproxy {
  readonly ctx: ModuleContext;
  readonly nodes: RelaySets;
  readonly relay: Relay;
  /** The script reads $rtpstat: counts are asked for before a session ends. */
  wantsCounts = false;
  readonly #client: UdpClient;
  readonly #table: TableCache<readonly (readonly [setId: number, url: string, weight: number])[]> | null;
  readonly #extraId: ParamPv;
  readonly #instance: ParamPv;
  readonly #icePriority: ParamPv;
  readonly #tm: TmApi | undefined;

  constructor(ctx: ModuleContext) {
    this.ctx = ctx;
    const { server } = ctx;
    this.nodes = new RelaySets(server, 'rtpproxy.nodes');
    this.#client = new UdpClient({ driver: server.udp, wheel: server.wheel, random: server.random });
    this.relay = new Relay({
      server,
      nodes: this.nodes,
      client: this.#client,
      log: ctx.log,
      patience: () => ({ timeoutMs: ctx.int('rtpproxy_tout') * 1000, tries: ctx.int('rtpproxy_retr') }),
      disableMs: () => ctx.int('rtpproxy_disable_tout') * 1000,
    });
    this.#table = ctx.str('db_url') === '' ? null : this.#makeTable();
    this.#extraId = new ParamPv(ctx.str('extra_id_pv'));
    this.#instance = new ParamPv(ctx.str('rtp_inst_pvar'));
    this.#icePriority = new ParamPv(ctx.str('ice_candidate_priority_avp'));
    this.#tm = ctx.optionalApi<TmApi>('tm');
  }

  get log(): Log {
    return this.ctx.log;
  }

  #makeTable(): TableCache<readonly (readonly [number, string, number])[]> {
    const { ctx } = this;
    return new TableCache(ctx.server.db, ctx.str('db_url'), [], async (tables) => {
      const columns = ['setid', 'url', 'weight'];
      const rows = await tables.rows({ table: ctx.str('table_name'), columns, version: TABLE_VERSION });
      return rows.map((row) => [row.int('setid'), row.str('url'), row.int('weight', 1)] as const);
    });
  }

  /** Reads the nodes, from the table or the script. */
  async start(): Promise<void> {
    if (this.#table === null) {
      for (const text of this.ctx.list('rtpproxy_sock')) {
        const sock = parseRelaySock(text, nodeAddress);
        if (typeof sock === 'string') throw new Error(`rtpproxy_sock: ${sock}`);
        this.nodes.declare(sock.setId);
        for (const node of sock.nodes) this.nodes.add(sock.setId, node);
      }
      return;
    }
    await this.#table.load();
    for (const [setId, url, weight] of this.#table.value) {
      const node = parseRelayNode(url, nodeAddress);
      if (typeof node === 'string') throw new Error(`table ${this.ctx.str('table_name')}: ${node}`);
      this.nodes.add(setId, { ...node, weight });
    }
  }

  /** Checks the variables, and asks the nodes what they can do: calls do not wait for that. */
  childInit(): void {
    for (const [name, pv, isWritten] of [
      ['extra_id_pv', this.#extraId, false],
      ['rtp_inst_pvar', this.#instance, true],
      ['ice_candidate_priority_avp', this.#icePriority, false],
    ] as const) {
      const error = pv.check(this.ctx.server.program, isWritten);
      if (error !== null) throw new Error(`${name}: ${error}`);
    }
    for (const node of this.nodes.all()) void this.relay.test(node);
  }

  async close(): Promise<void> {
    this.#client.close();
    await this.#table?.close();
  }

  // ---- commands

  /** set_rtp_proxy_set; -1 where there is no such set. */
  chooseSet({ msg }: Run, setId: number): number {
    if (!this.nodes.has(setId)) {
      this.log.error(`there is no set ${setId} of rtpproxies`);
      return -1;
    }
    msg.setExtension(CHOSEN, setId);
    return 1;
  }

  #setOf(msg: SipMsg): number {
    return msg.extension<number>(CHOSEN) ?? 0;
  }

  /** rtpproxy_offer, rtpproxy_answer: 1, or -1, -2 where another proxy has changed the body, -3 where no node answers. */
  async offerAnswer(run: Run, wanted: 'offer' | 'answer', text: string, ip: string): Promise<number> {
    const { msg } = run;
    const options = this.#options(text);
    if (options === null) return -1;
    const isLookup = wanted === 'answer' || options.isLookup;
    const session = this.#session(run, options);
    const sdp = sdpOf(msg);
    const targets = sdp === null ? null : targetsOf(sdp);
    const ice = this.#ice(run);
    if (session === null || ice === null) return -1;
    if (sdp === null || targets === null) {
      this.log.error('the message has no SDP, or one without addresses');
      return -1;
    }
    if (isLookup && session.toTag === '') return -1;
    if (!options.ignoresMark && isMarked(sdp, this.ctx.str('nortpproxy_str'))) return MARKED;
    const isSwapped = msg.isRequest ? isLookup : !isLookup;
    const from = isSwapped ? session.toTag : session.fromTag;
    const to = isSwapped ? session.fromTag : session.toTag;
    if (from === '') return -1;
    const editor = new SdpEditor(msg, sdp);
    const edits: (() => void)[] = [];
    for (const [i, target] of targets.entries()) {
      const tags = ` ${from};${i + 1}${to === '' ? '' : ` ${to};${i + 1}`}`;
      const answer = await this.#send(run, session, (can) =>
        this.#streamCommand(msg, options, isLookup, can, target, session.callId, tags),
      );
      if (answer === null) return NO_NODE;
      const place = /^(\d{1,5})(?:[ \t]+([0-9a-fA-F.:]+))?/.exec(answer.text);
      const port = Number(place?.[1] ?? 0);
      if (port < 1 || port > 65_535) {
        this.log.error(`rtpproxy ${answer.node.url} gave no port: ${answer.text.slice(0, 40)}`);
        return -1;
      }
      const address = ip || (place?.[2] ?? msg.rcv.dstIp);
      edits.push(() => editor.redirect(target, address, port, ice));
    }
    for (const edit of edits) edit();
    editor.finish(options.fixesSession);
    editor.mark(this.ctx.str('nortpproxy_str'));
    return 1;
  }

  /** `Uc0,8 call-id address port from;1 to;1` */
  #streamCommand(
    msg: SipMsg,
    options: ProxyOptions,
    isLookup: boolean,
    can: Capabilities,
    { stream, connection }: StreamTarget,
    callId: string,
    tags: string,
  ): string {
    const isV6 = connection.family === 6;
    const bridge = options.bridgesFamilies ? (isV6 ? 'EI' : 'IE') : '';
    const repacketize = options.repacketize !== null && can.repacketizes ? `Z${options.repacketize}` : '';
    const list = can.takesCodecs ? codecList(stream) : '';
    const codecs = list === '' ? '' : `c${list}`;
    const letters = `${isLookup ? 'L' : 'U'}${options.letters}${bridge}${isV6 ? '6' : ''}${repacketize}${codecs}`;
    const address = options.trustsSdp ? connection.address : msg.rcv.srcIp;
    return `${letters} ${callId} ${address} ${stream.portText || '0'}${tags}`;
  }

  /** rtpproxy_destroy, unforce_rtp_proxy. */
  async destroy(run: Run, text: string): Promise<number> {
    const options = this.#options(text);
    const session = options === null ? null : this.#session(run, options);
    if (options === null || session === null) return -1;
    const to = options.withoutToTag || session.toTag === '' ? '' : ` ${session.toTag}`;
    if (this.wantsCounts) await this.#askCounts(run, session);
    return await this.#plain(run, session, `D ${session.callId} ${session.fromTag}${to}`);
  }

  async #askCounts(run: Run, session: Session): Promise<void> {
    const [from, to] = run.msg.isRequest ? [session.fromTag, session.toTag] : [session.toTag, session.fromTag];
    const command = `Q ${session.callId} ${from};1${to === '' ? '' : ` ${to}`}`;
    const answer = await this.#send(run, session, () => command);
    if (answer !== null) run.msg.setExtension(COUNTS, answer.text);
  }

  /** $rtpstat: what rtpproxy told of the session before it ended. */
  counts(msg: SipMsg): string | null {
    return msg.extension<string>(COUNTS) ?? null;
  }

  /** start_recording */
  async record(run: Run): Promise<number> {
    const session = this.#session(run, null);
    if (session === null) return -1;
    const [from, to] = run.msg.isRequest ? [session.fromTag, session.toTag] : [session.toTag, session.fromTag];
    return await this.#plain(run, session, `R ${session.callId} ${from}${to === '' ? '' : ` ${to}`}`);
  }

  /** rtpproxy_stream2uac, rtpproxy_stream2uas: plays a file to the caller, or the called. */
  async stream(run: Run, toCaller: boolean, prompt: string, count: number): Promise<number> {
    const session = this.#session(run, null);
    const tags = session === null ? null : this.#streamTags(session, toCaller);
    if (session === null || tags === null) return -1;
    if (!isWord(prompt)) {
      this.log.error(`"${prompt}" can not be the name of a prompt`);
      return -1;
    }
    return await this.#plain(run, session, `P${count} ${session.callId} ${prompt} session ${tags}`);
  }

  /** rtpproxy_stop_stream2uac, rtpproxy_stop_stream2uas */
  async stopStream(run: Run, toCaller: boolean): Promise<number> {
    const session = this.#session(run, null);
    const tags = session === null ? null : this.#streamTags(session, toCaller);
    if (session === null || tags === null) return -1;
    return await this.#plain(run, session, `S ${session.callId} ${tags}`);
  }

  /** Tags of the one who hears it, then of the other; null where the one who hears it has none. */
  #streamTags({ fromTag, toTag }: Session, toCaller: boolean): string | null {
    const [first, second] = toCaller ? [fromTag, toTag] : [toTag, fromTag];
    if (first === '') return null;
    return `${first};1 ${second === '' ? '' : `${second};1`}`;
  }

  /** rtpproxy_manage */
  manage(run: Run, text: string, ip: string): number | Promise<number> {
    const { msg } = run;
    const t = this.#tm?.transaction(msg) ?? null;
    const operation = manageOperation({
      routeType: run.routeType,
      isRequest: msg.isRequest,
      method: msg.methodBit,
      status: msg.status,
      hasSdp: sdpOf(msg) !== null,
      answering: METHOD.ACK,
      requestHadSdp: t === null || t.request.extension(OFFERED) === true,
    });
    if (operation === null) return -1;
    if (operation === 'delete') return this.destroy(run, text);
    if (operation === 'offer' && msg.isRequest) {
      msg.setExtension(OFFERED, true);
      t?.request.setExtension(OFFERED, true);
    }
    return this.offerAnswer(run, operation, text, ip);
  }

  /** A command whose answer says nothing: 1 where there is one. */
  async #plain(run: Run, session: Session, command: string): Promise<number> {
    return (await this.#send(run, session, () => command)) === null ? -1 : 1;
  }

  async #send(run: Run, session: Session, make: (can: Capabilities) => string): Promise<RelayAnswer | null> {
    const [callId = ''] = session.callId.split(';', 1);
    const answer = await this.relay.send(this.#setOf(run.msg), callId, make);
    if (answer !== null) this.#instance.set(run, answer.node.url);
    return answer;
  }

  #options(text: string): ProxyOptions | null {
    const options = parseOptions(text);
    if (typeof options !== 'string') return options;
    this.log.error(`rtpproxy: ${options}`);
    return null;
  }

  /**
   * What names the session; null, and logged, where the message lacks it. Commands are words: what holds a space or a line
   * end would be another command.
   */
  #session(run: Run, options: ProxyOptions | null): Session | null {
    const { msg } = run;
    const branch = this.#branch(run, options?.branch ?? '');
    const callId = msg.callId ?? '';
    if (branch === null || callId === '' || msg.fromTag === '') {
      this.log.error('rtpproxy: no Call-ID, From tag or branch');
      return null;
    }
    const session = { callId: callId + branch, fromTag: msg.fromTag, toTag: msg.toTag };
    if (isWord(session.callId) && isWord(session.fromTag) && (session.toTag === '' || isWord(session.toTag)))
      return session;
    this.log.error('rtpproxy: a Call-ID or tag that is no word');
    return null;
  }

  /** `;branch`, '' where none is asked for, null where it is not there. */
  #branch(run: Run, source: ProxyOptions['branch']): string | null {
    const { msg } = run;
    if (source === '') return '';
    if (source === 'b') {
      const value = this.#extraId.get(run);
      return value === null || value === '' ? null : `;${value}`;
    }
    const isFirst = source === '1' || (source === '3' && msg.isRequest);
    const branch = (isFirst ? msg.via1 : msg.via2)?.branch ?? '';
    return branch === '' ? null : `;${branch}`;
  }

  /** Null where the AVP holds something else. */
  #ice(run: Run): IcePriority | null {
    if (!this.#icePriority.isNamed) return 'none';
    const value = this.#icePriority.get(run);
    if (value === 0) return 'none';
    if (value === 1) return 'high';
    if (value === null || value === 2) return 'low';
    this.log.error('ice_candidate_priority_avp: neither 0, 1 nor 2');
    return null;
  }
}

function isWord(text: string): boolean {
  return /^[\x21-\x7e\x80-\xff]+$/.test(text);
}
