import {
  PROTO_NAMES,
  type PvDef,
  type PvValue,
  RECEIVED_DATA,
  type ReceivedData,
  type Run,
  type SocketInfo,
} from 'strowger';
import { unknownKey } from './message.ts';
import type { PvState } from './state.ts';

/** $snd(…), $sndto(…), $sndfrom(…) in an onsend_route; $rcv(…) in event_route[core:msg-received]. Null elsewhere. */
export const SENDING_PVS: Readonly<Record<string, PvDef<PvState>>> = {
  snd: sendingPv('Where the message is sent to', remote),
  sndto: sendingPv('Where the message is sent to', remote),
  sndfrom: sendingPv('The socket the message is sent from', local),
  rcv: {
    doc: 'What was received, before it is parsed: buf (can be assigned), len, srcip, srcport, rcvip, rcvport, proto, sproto, af.',
    name: 'required',
    writable: true,
    bind: (use) => {
      const key = RECEIVED_KEYS.get(use.name ?? '');
      if (key === undefined) return unknownKey(use.name, RECEIVED_KEYS.keys());
      const isBuffer = use.name === 'buf';
      return {
        get: (run) => {
          const data = received(run);
          return data === null ? null : key(data);
        },
        set: (run, value) => {
          const data = received(run);
          if (!isBuffer || data === null || typeof value !== 'string') return false;
          data.text = value;
          return true;
        },
      };
    },
  },
};

interface Side {
  readonly ip: string;
  readonly port: number;
  readonly proto: number;
}

type Sending = NonNullable<Run['sending']>;

function remote(sending: Sending): Side {
  return sending;
}

function local(sending: Sending, run: Run): Side {
  const forced: SocketInfo | null = run.msg.forceSocket;
  const socket = run.server.transport.socketFor(sending.proto as SocketInfo['proto'], sending.ip, forced);
  return socket === null
    ? { ip: '', port: 0, proto: sending.proto }
    : { ip: socket.address, port: socket.port, proto: socket.proto };
}

type SendingKey = (sending: Sending, side: Side) => PvValue;

const SENDING_KEYS: ReadonlyMap<string, SendingKey> = new Map<string, SendingKey>([
  ['ip', (_sending, side) => side.ip],
  ['af', (_sending, side) => family(side.ip)],
  ['port', (_sending, side) => side.port],
  ['proto', (_sending, side) => side.proto],
  ['sproto', (_sending, side) => PROTO_NAMES[side.proto] ?? 'none'],
  ['buf', (sending) => sending.text],
  ['len', (sending) => sending.text.length],
]);

function sendingPv(doc: string, sideOf: (sending: Sending, run: Run) => Side): PvDef<PvState> {
  return {
    doc: `${doc}, in an onsend_route: ip, af, port, proto, sproto; buf and len of the message.`,
    name: 'required',
    bind: (use) => {
      const key = SENDING_KEYS.get(use.name ?? '');
      if (key === undefined) return unknownKey(use.name, SENDING_KEYS.keys());
      return { get: (run) => (run.sending === null ? null : key(run.sending, sideOf(run.sending, run))) };
    },
  };
}

/** AF_INET or AF_INET6, by their numbers on Linux. */
function family(ip: string): number {
  return ip.includes(':') ? 10 : 2;
}

function received(run: Run): ReceivedData | null {
  return (run.locals?.get(RECEIVED_DATA) as ReceivedData | undefined) ?? null;
}

type ReceivedKey = (data: ReceivedData) => PvValue;

const RECEIVED_KEYS: ReadonlyMap<string, ReceivedKey> = new Map<string, ReceivedKey>([
  ['buf', (data) => data.text],
  ['len', (data) => data.text.length],
  ['srcip', (data) => data.rcv.srcIp],
  ['srcport', (data) => data.rcv.srcPort],
  // As the documentation spells it.
  ['scrport', (data) => data.rcv.srcPort],
  ['rcvip', (data) => data.rcv.dstIp],
  ['rcvport', (data) => data.rcv.dstPort],
  ['proto', (data) => data.rcv.proto],
  ['sproto', (data) => PROTO_NAMES[data.rcv.proto]],
  ['af', (data) => family(data.rcv.srcIp)],
]);
