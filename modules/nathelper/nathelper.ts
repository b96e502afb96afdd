import { type ModuleContext, ParamPv, type Run, type SharedMap, type SipMsg, sharedMap } from 'strowger';
import type { UsrlocApi } from '../usrloc/api.ts';
import { receivedUri } from './addresses.ts';
import { NatTest } from './nat-test.ts';
import { NatPinger, type PingSettings, takeAnswer } from './pings.ts';
import type { SdpSettings } from './sdp.ts';

/** Key of the pings' Call-ID prefix in the table all workers share: an answer may come to any of them. */
const PREFIX = 'call-id';

/** One server's nathelper. */
export class Nathelper {
  readonly ctx: ModuleContext;
  readonly natTest: NatTest;
  readonly sdp: SdpSettings;
  readonly aliasName: string;
  readonly receivedAvp: ParamPv;
  readonly #usrloc: UsrlocApi | undefined;
  readonly #shared: SharedMap<string>;
  readonly pinger: NatPinger | null;

  constructor(ctx: ModuleContext) {
    this.ctx = ctx;
    this.natTest = new NatTest(ctx.int('nat_addr_mode') !== 0);
    this.sdp = { marker: ctx.str('nortpproxy_str'), keepsOldAddress: ctx.int('append_sdp_oldmediaip') !== 0 };
    this.aliasName = ctx.str('alias_name');
    if (this.aliasName === '') throw new Error('alias_name is empty');
    this.receivedAvp = new ParamPv(ctx.str('received_avp'));
    this.#usrloc = ctx.optionalApi<UsrlocApi>('usrloc');
    this.#shared = sharedMap<string>(ctx.server, 'nathelper');
    this.pinger = this.#makePinger();
  }

  #makePinger(): NatPinger | null {
    const { ctx } = this;
    const usrloc = this.#usrloc;
    if (ctx.int('natping_interval') === 0) return null;
    if (usrloc === undefined) throw new Error('natping_interval needs the module usrloc, loaded before nathelper');
    usrloc.setKeepaliveTimeout(ctx.int('keepalive_timeout'));
    return new NatPinger({
      server: ctx.server,
      wheel: ctx.server.wheel,
      usrloc,
      log: ctx.log,
      settings: this.#pingSettings(usrloc),
      callIdPrefix: () => this.#shared.get(PREFIX) ?? '',
    });
  }

  #pingSettings(usrloc: UsrlocApi): PingSettings {
    const { ctx } = this;
    const sipFlag = flagBit(ctx.int('sipping_bflag'));
    const from = ctx.str('sipping_from');
    if (sipFlag !== 0 && from === '') throw new Error('sipping_bflag asks for SIP pings, and they need sipping_from');
    const onlyNated = ctx.int('ping_nated_only') !== 0;
    if (onlyNated && usrloc.natFlag === 0) throw new Error("ping_nated_only needs usrloc's parameter nat_bflag");
    const socketText = ctx.str('force_socket');
    const forcedSocket = socketText === '' ? null : ctx.server.transport.findSocket(socketText);
    if (socketText !== '' && forcedSocket === null)
      throw new Error(`force_socket: "${socketText}" is no socket of ours`);
    return {
      intervalSec: ctx.int('natping_interval'),
      natFlag: usrloc.natFlag,
      sipFlag,
      disableFlag: flagBit(ctx.int('natping_disable_bflag')),
      onlyNated,
      ownOnly: ctx.int('filter_server_id') !== 0,
      from,
      method: ctx.str('sipping_method'),
      forcedSocket,
    };
  }

  /** Checks what needs the program, and agrees with the other workers on how pings are known. */
  childInit(): void {
    const { server } = this.ctx;
    const error = this.receivedAvp.check(server.program, true);
    if (error !== null) throw new Error(`received_avp: ${error}`);
    if (this.pinger !== null && server.isFirstWorker && !this.#shared.has(PREFIX))
      this.#shared.set(PREFIX, server.random.token(16));
  }

  startPings(): void {
    this.pinger?.start();
  }

  /** False for the answer to a ping: nobody else is to see it. */
  onReply(reply: SipMsg): boolean {
    if (this.pinger === null) return true;
    return !takeAnswer(reply, this.#shared.get(PREFIX) ?? '', this.#usrloc, this.ctx.server.clock.now());
  }

  /** fix_nated_register: hands the source to registrar. */
  fixNatedRegister(run: Run): number {
    if (!this.receivedAvp.isNamed) return -1;
    return this.receivedAvp.set(run, receivedUri(run.msg.rcv)) ? 1 : -1;
  }
}

function flagBit(flag: number): number {
  return flag < 0 ? 0 : (1 << flag) >>> 0;
}
