import { readFile } from 'node:fs/promises';
import { type ModuleContext, ParamPv, type Run, type Timer } from 'strowger';
import type { TmApi } from '../tm/api.ts';
import { CallLoads } from './call-load.ts';
import { DbList } from './db-list.ts';
import type { Dest, DestEntry } from './destination.ts';
import { FromList } from './from-list.ts';
import { HashText } from './hash-keys.ts';
import { parseList } from './list-file.ts';
import { DestNames } from './names.ts';
import { DNS_MODE, DS_PARAMS, DsSettings } from './params.ts';
import { Pinger } from './ping.ts';
import { Selection } from './selection.ts';
import { shareStates } from './shared-states.ts';
import { CODE_MARKED, parseState, runStateEvent } from './states.ts';
import { DsTable } from './table.ts';

/** Runtime parameters by their names in the cfg framework. */
const RUNTIME = [
  ['probing_threshold', 'ds_probing_threshold'],
  ['inactive_threshold', 'ds_inactive_threshold'],
  ['ping_reply_codes', 'ds_ping_reply_codes'],
] as const;

/** The module's state in one server. */
export class Dispatcher {
  readonly ctx: ModuleContext;
  readonly settings: DsSettings;
  readonly table: DsTable;
  readonly loads: CallLoads;
  readonly selection: Selection;
  readonly names: DestNames;
  readonly fromList: FromList;
  /** Null without tm. */
  readonly pinger: Pinger | null;
  /** `dispatcher.ping_active`: 0 while nothing is pinged. */
  pingState = 1;
  /** Null where the list is a file. */
  readonly #dbList: DbList | null;
  readonly #setidPv: ParamPv;
  readonly #attrsPv: ParamPv;
  #timers: Timer[] = [];
  #loadedMs = -Infinity;
  #loading: Promise<string | null> | null = null;

  constructor(ctx: ModuleContext) {
    const { server, log } = ctx;
    const settings = new DsSettings(ctx);
    this.ctx = ctx;
    this.settings = settings;
    this.table = new DsTable({
      settings,
      random: server.random,
      log,
      findSocket: (text) => server.transport.findSocket(text),
      defaultSocket: ctx.str('ds_default_socket'),
      defaultSockname: ctx.str('ds_default_sockname'),
      defaultPingSocket: ctx.str('ds_ping_socket'),
    });
    shareStates(server, this.table);
    const now = (): number => server.clock.now();
    this.loads = new CallLoads(this.table, now, settings.callInitExpireMs, settings.callExpireMs);
    this.selection = new Selection({
      table: this.table,
      loads: this.loads,
      settings,
      hashText: new HashText(settings.hashPvar),
      random: (below) => server.random.int(below),
      wallMs: () => server.clock.wall(),
      warn: (text) => log.warn(text),
      error: (text) => log.error(text),
    });
    this.names = new DestNames(server, settings, this.table);
    this.fromList = new FromList(this.table, this.names);
    this.pinger = this.#makePinger();
    this.#dbList = ctx.str('db_url') === '' ? null : new DbList(ctx);
    this.#setidPv = new ParamPv(settings.setidPvname);
    this.#attrsPv = new ParamPv(settings.attrsPvname);
  }

  /** The names that Kamailio's cfg framework has for what may change while running. */
  declareCfg(): void {
    const { server } = this.ctx;
    const vars = RUNTIME.map(([name, param]) => ({
      name,
      type: DS_PARAMS[param]?.type === 'int' ? ('int' as const) : ('string' as const),
      doc: DS_PARAMS[param]?.doc ?? null,
    }));
    const paramOf = (name: string): string => RUNTIME.find(([known]) => known === name)?.[1] ?? name;
    server.settings.groups.declare('dispatcher', vars, {
      get: (name) => {
        const value = this.ctx.params[paramOf(name)];
        return typeof value === 'number' || typeof value === 'string' ? value : undefined;
      },
      set: (name, value) => server.modules.setParam('dispatcher', paramOf(name), value),
    });
  }

  /** Loads the list; throws with what is wrong with it. */
  async start(): Promise<void> {
    const error = await this.#load();
    if (error !== null) throw new Error(error);
  }

  startTimers(): void {
    const { ctx, settings, pinger } = this;
    const { wheel } = ctx.server;
    const pingSec = ctx.int('ds_ping_interval');
    if (pingSec > 0 && pinger === null) throw new Error('ds_ping_interval needs the module tm');
    if (pingSec > 0 && ctx.server.isFirstWorker)
      this.#timers.push(wheel.every(pingSec * 1000, () => pinger?.pingAll()));
    if (settings.countsCalls)
      this.#timers.push(wheel.every(ctx.int('ds_hash_check_interval') * 1000, () => this.loads.expire()));
    if ((settings.dnsMode & DNS_MODE.TIMER) !== 0)
      this.#timers.push(wheel.every(ctx.int('ds_dns_interval') * 1000, () => void this.names.refresh()));
  }

  async close(): Promise<void> {
    this.ctx.server.settings.groups.undeclare('dispatcher');
    for (const timer of this.#timers.splice(0)) this.ctx.server.wheel.cancel(timer);
    await this.#dbList?.close();
  }

  /** Loads the list anew. An error text, or null; the old list stays when there is one. */
  reload(): Promise<string | null> {
    const now = this.ctx.server.clock.now();
    if (this.#loading !== null) return Promise.resolve('a reload is going on');
    if (now - this.#loadedMs < this.ctx.int('reload_delta') * 1000)
      return Promise.resolve('the list has just been reloaded (reload_delta)');
    this.#loadedMs = now;
    this.#loading = this.#load().finally(() => {
      this.#loading = null;
    });
    return this.#loading;
  }

  /** ds_mark_dst(): 1, or -1 where there is no destination to mark. */
  mark(run: Run, text: string): number | Promise<number> {
    const { log } = this.ctx;
    const state = this.#stateOf(text);
    if (state === null) return -1;
    if (!this.settings.hasFailover) {
      log.warn('ds_mark_dst: failover support is off: it needs bit 2 of the parameter flags, and xavp_dst');
      return -1;
    }
    const dest = this.selection.current(run.msg);
    return dest === null ? -1 : this.#marked(run, dest, state);
  }

  /** ds_mark_addr(): 1, or -1 where the set has no such destination. */
  markAddress(run: Run, text: string, setId: number, uri: string): number | Promise<number> {
    const state = this.#stateOf(text);
    const dest = this.table.find(setId, uri);
    return state === null || dest === undefined ? -1 : this.#marked(run, dest, state);
  }

  #stateOf(text: string): number | null {
    const state = parseState(text);
    if (state === null) this.ctx.log.warn(`"${text}" is no state of a destination: letters of a, i, t, d and p`);
    return state;
  }

  #marked(run: Run, dest: Dest, state: number): number | Promise<number> {
    const event = this.table.update(dest, state);
    if (this.settings.onlyPingEvents) return 1;
    const facts = { code: CODE_MARKED, reason: null, flags: 0, uri: dest.uri, setid: dest.setId };
    const done = runStateEvent(this.ctx.server, event, run.msg, facts);
    return done instanceof Promise ? done.then(() => 1) : 1;
  }

  /** ds_oc_set_attrs(): 1 taken, -1 no such set, -2 no such destination or a report that is not newer. */
  setOverload(setId: number, uri: string, rate: number, validityMs: number, seq: number): number {
    const { server } = this.ctx;
    if (this.table.set(setId) === undefined) return -1;
    const dest = this.table.find(setId, uri);
    if (dest === undefined) return -2;
    const random = (below: number): number => server.random.int(below);
    const now = server.clock.wall();
    return dest.overload.report(rate, validityMs, seq, dest.attrs.overload, now, random) ? 1 : -2;
  }

  /** ds_is_from_list() with its variables set: 1 found, -1 not. */
  isFromList(run: Run, setId: number, mode: number, uri: string): number | Promise<number> {
    const found = this.fromList.find(run, setId, mode, uri);
    const tell = (dest: Awaited<typeof found>): number => {
      if (dest === null) return -1;
      if (setId === -1) this.#setidPv.set(run, dest.setId);
      if (dest.attrs.body !== '') this.#attrsPv.set(run, dest.attrs.body);
      return 1;
    };
    return found instanceof Promise ? found.then(tell) : tell(found);
  }

  /** Is any destination of the set usable, or the one with this URI? */
  isActive(setId: number, uri: string): boolean {
    const dests = this.table.set(setId)?.dests ?? [];
    return dests.some((dest) => dest.isUsable && (uri === '' || dest.uri === uri));
  }

  /** Checks what could only be looked at once the script is compiled. Throws with what is wrong. */
  checkVariables(): void {
    const { program } = this.ctx.server;
    for (const [param, pv] of [
      ['setid_pvname', this.#setidPv],
      ['attrs_pvname', this.#attrsPv],
    ] as const) {
      const error = pv.check(program, true);
      if (error !== null) throw new Error(`${param}: ${error}`);
    }
    if (this.settings.hashPvar !== '') program.compileFormat?.(this.settings.hashPvar);
  }

  #makePinger(): Pinger | null {
    const { ctx } = this;
    const tm = ctx.optionalApi<TmApi>('tm');
    if (tm === undefined) return null;
    return new Pinger({
      server: ctx.server,
      log: ctx.log,
      table: this.table,
      settings: this.settings,
      tm,
      method: ctx.str('ds_ping_method'),
      from: ctx.str('ds_ping_from'),
      outboundProxy: ctx.str('outbound_proxy'),
      isActive: () => this.pingState !== 0,
    });
  }

  async #load(): Promise<string | null> {
    const entries = this.#dbList === null ? await this.#readFile() : await this.#readTable(this.#dbList);
    if (typeof entries === 'string') return entries;
    const rejected = this.table.load(entries);
    for (const { entry, why } of rejected) this.ctx.log.warn(`set ${entry.setId} goes without ${entry.uri}: ${why}`);
    if (rejected[0] !== undefined && this.settings.isStrict) return rejected[0].why;
    const looked = this.names.refresh();
    if ((this.settings.dnsMode & DNS_MODE.AT_LOAD) !== 0) await looked;
    return null;
  }

  /** The entries of the table, or what is wrong with it. */
  async #readTable(list: DbList): Promise<readonly DestEntry[] | string> {
    try {
      const { entries, remarks } = await list.load();
      for (const remark of remarks) this.ctx.log.warn(remark);
      return entries;
    } catch (error) {
      return (error as Error).message;
    }
  }

  /** The entries of the list file, or what is wrong with it. */
  async #readFile(): Promise<readonly DestEntry[] | string> {
    const path = this.ctx.str('list_file');
    let text: string;
    try {
      text = await readFile(path, 'latin1');
    } catch (error) {
      return `can not read the list: ${(error as Error).message}`;
    }
    const { entries, remarks } = parseList(text);
    for (const { line, text: remark, isError } of remarks)
      if (!isError) this.ctx.log.warn(`${path}:${line}: ${remark}`);
    const errors = remarks.filter(({ isError }) => isError);
    return errors.length === 0 ? entries : errors.map(({ line, text: why }) => `${path}:${line}: ${why}`).join('\n');
  }
}
