import type { Settings } from './cfg/settings.ts';
import { LOG_LEVELS } from './log/log.ts';
import { MSG_FLAG } from './parser/msg-flag.ts';
import type { SipMsg } from './parser/sip-msg.ts';
import { PROTO, type Proto } from './transport/socket-info.ts';

/**
 * Core parameters that every message is treated by, as fields: read at start, followed when they change. What a
 * message carries along (`force_rport`, `reply_to_via` …) becomes its flags on arrival.
 */
export class MessageSettings {
  /** True where `mark` has something to do. */
  marks = false;
  /** Bytes; longer messages are dropped (`msg_recv_max_size`). */
  maxBytes = 65_535;
  /** Repeated From, To, Call-ID, CSeq and Content-Length are let through (`sip_parser_mode` 0). */
  acceptsRepeated = false;
  /** Log levels of messages nobody can read: at all (`corelog`), or for one of their headers (`sip_parser_log`). */
  coreLogLevel: number = LOG_LEVELS.ERR;
  parserLogLevel: number = LOG_LEVELS.WARN;
  /** `event_route[core:msg-received]` is run. */
  runsReceivedRoute = false;
  /** onsend_route is run for replies that are passed on (`onsend_route_reply`). */
  runsOnsendForReplies = false;
  /** A connection is closed after a message nobody can read (`tcp_script_mode` 0). */
  closesOnBad = true;
  /** Bytes of a request above which it leaves UDP, 0 for never, and what it then goes by. */
  udpMtu = 0;
  udpMtuProto: Proto = PROTO.UDP;
  /** The time routes take is measured, and logged at `routeLogLevel` from this many microseconds on. */
  timesRoutes = false;
  routeLogLevel: number = LOG_LEVELS.DBG;
  routeLimitMicros = 0;
  #flags = 0;
  #advertisedAddress = '';
  #advertisedPort = 0;

  constructor(settings: Settings) {
    const number = (name: string, set: (value: number) => void): void =>
      settings.watch(name, (value) => {
        set(Number(value) || 0);
        this.marks = this.#flags !== 0 || this.#advertisedAddress !== '' || this.#advertisedPort !== 0;
      });
    const flag = (name: string, bit: number): void =>
      number(name, (value) => (this.#flags = value === 0 ? this.#flags & ~bit : this.#flags | bit));
    flag('force_rport', MSG_FLAG.FORCE_RPORT);
    flag('local_rport', MSG_FLAG.ADD_LOCAL_RPORT);
    flag('reply_to_via', MSG_FLAG.REPLY_TO_VIA);
    flag('sip_warning', MSG_FLAG.SIP_WARNING);
    this.#advertisedAddress = settings.str('advertised_address');
    number('advertised_port', (value) => (this.#advertisedPort = value));
    number('msg_recv_max_size', (value) => (this.maxBytes = value === 0 ? this.maxBytes : value));
    this.acceptsRepeated = settings.has('sip_parser_mode') && !settings.bool('sip_parser_mode');
    number('corelog', (value) => (this.coreLogLevel = value));
    number('sip_parser_log', (value) => (this.parserLogLevel = value));
    number('received_route_mode', (value) => (this.runsReceivedRoute = value !== 0));
    number('onsend_route_reply', (value) => (this.runsOnsendForReplies = value !== 0));
    number('tcp_script_mode', (value) => (this.closesOnBad = value === 0));
    number('udp_mtu', (value) => (this.udpMtu = value));
    number('udp_mtu_try_proto', (value) => (this.udpMtuProto = (value === 0 ? PROTO.UDP : value) as Proto));
    const timing = (): void => {
      this.timesRoutes = settings.int('debug') >= this.routeLogLevel;
    };
    number('latency_limit_cfg', (value) => (this.routeLimitMicros = value));
    number('latency_cfg_log', (value) => {
      this.routeLogLevel = value;
      timing();
    });
    settings.watch('debug', timing);
  }

  /** Puts on a message what holds for all of them. Call where `marks`. */
  mark(msg: SipMsg): void {
    msg.msgFlags |= this.#flags;
    msg.setGlobalAddress = this.#advertisedAddress;
    msg.setGlobalPort = this.#advertisedPort;
  }

  /** The protocol of a request of this size that was to leave by UDP: its own choice, else the script's. */
  protoBeyondMtu(msg: SipMsg, lengthBytes: number): Proto {
    if (this.udpMtu === 0 || lengthBytes <= this.udpMtu) return PROTO.UDP;
    if ((msg.msgFlags & MSG_FLAG.MTU_TCP) !== 0) return PROTO.TCP;
    if ((msg.msgFlags & MSG_FLAG.MTU_TLS) !== 0) return PROTO.TLS;
    if ((msg.msgFlags & MSG_FLAG.MTU_SCTP) !== 0) return PROTO.UDP;
    return this.udpMtuProto === PROTO.TCP || this.udpMtuProto === PROTO.TLS ? this.udpMtuProto : PROTO.UDP;
  }
}
