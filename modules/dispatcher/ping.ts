import type { Log, Server, SipMsg } from 'strowger';
import type { TmApi } from '../tm/api.ts';
import { type Dest, DS_FLAG } from './destination.ts';
import type { DsSettings } from './params.ts';
import { eventMessage, runStateEvent } from './states.ts';
import type { DsTable } from './table.ts';

export interface PingParts {
  readonly server: Server;
  readonly log: Log;
  readonly table: DsTable;
  readonly settings: DsSettings;
  readonly tm: TmApi;
  readonly method: string;
  readonly from: string;
  readonly outboundProxy: string;
  /** `dispatcher.ping_active`. */
  isActive(): boolean;
}

const MODE = { MARKED: 0, ALL: 1, INACTIVE: 2, MARKED_STAY: 3 } as const;

/** Asks destinations whether they live, and believes them (Kamailio: dispatcher, ds_probing_mode). */
export class Pinger {
  readonly #parts: PingParts;
  constructor(parts: PingParts) {
    this.#parts = parts;
  }

  /** One round. */
  pingAll(): void {
    if (!this.#parts.isActive()) return;
    for (const dest of this.#parts.table.dests()) if (this.#isDue(dest)) this.#ping(dest);
  }

  #isDue({ flags }: Dest): boolean {
    if ((flags & (DS_FLAG.DISABLED | DS_FLAG.NO_PING)) !== 0) return false;
    const isMarked = (flags & DS_FLAG.PROBING) !== 0;
    switch (this.#parts.settings.probingMode) {
      case MODE.ALL:
        return true;
      case MODE.INACTIVE:
        return isMarked && (flags & DS_FLAG.INACTIVE) !== 0;
      default:
        return isMarked;
    }
  }

  #ping(dest: Dest): void {
    const { tm, method, from, outboundProxy, server, log, settings } = this.#parts;
    const nextHop = dest.attrs.obproxy || outboundProxy;
    const sentMs = server.clock.now();
    const isSent = tm.send({
      method,
      uri: dest.uri,
      ...(nextHop === '' ? {} : { nextHop }),
      from: `<${dest.attrs.pingFrom || from}>`,
      to: `<${dest.uri}>`,
      socket: dest.pingSocket,
      ...(settings.pingTimeoutMs === 0 ? {} : { frTimeoutMs: settings.pingTimeoutMs }),
      onReply: (reply, code) => this.#answered(dest, reply, code, server.clock.now() - sentMs),
    });
    if (isSent === null) log.error(`no socket to ping ${dest.uri} from`);
  }

  #answered(dest: Dest, reply: SipMsg | null, code: number, latencyMs: number): void {
    const { table, settings, server } = this.#parts;
    const present = table.find(dest.setId, dest.uri);
    // A reload may have made another of it, or taken it out; an administrator may have disabled it.
    if (present === undefined || (present.flags & DS_FLAG.DISABLED) !== 0) return;
    if (settings.measuresLatency) this.#measure(present, reply, latencyMs);
    const event = table.update(present, this.#stateAfter(settings.isGoodReply(code)));
    if (event === null) return;
    const msg = eventMessage(server, present);
    if (msg === null) return;
    const facts = {
      code,
      reason: reply === null ? null : reply.reason,
      flags: reply === null ? 0 : 1,
      uri: present.uri,
      setid: present.setId,
    };
    void runStateEvent(server, event, msg, facts);
  }

  #measure(dest: Dest, reply: SipMsg | null, latencyMs: number): void {
    if (reply === null) dest.latency.timeouts++;
    else dest.latency.add(latencyMs, this.#parts.settings.latencyAlpha);
    this.#parts.table.measured(dest);
  }

  #stateAfter(isAlive: boolean): number {
    const { probingMode } = this.#parts.settings;
    const isProbedOn = probingMode === MODE.ALL || probingMode === MODE.MARKED_STAY;
    if (isAlive) return isProbedOn ? DS_FLAG.PROBING : 0;
    return probingMode === MODE.MARKED ? DS_FLAG.TRYING : DS_FLAG.TRYING | DS_FLAG.PROBING;
  }
}
