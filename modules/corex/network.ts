import {
  type AvpName,
  type Destination,
  type PvValue,
  parseAvpParam,
  type ReceiveInfo,
  RUN_DROP,
  type Run,
  type Server,
  SipMsg,
} from 'strowger';

/** Key under which a message of event_route[network:msg] carries its direction. */
const DIRECTION = {};

interface NetworkOptions {
  /** Shorter texts are passed by. */
  readonly minLength: number;
  /** AVP that holds the text to go on with; null leaves the text alone. */
  readonly avp: string | number | null;
}

/** Reads `$avp(name)`, `$avp(s:name)`, `$avp(i:5)` or a bare name; null for anything else. */
export function parseAvpName(text: string): AvpName | null {
  return parseAvpParam(text) ?? (/^[\w-]+$/.test(text) ? text : null);
}

/** Runs event_route[network:msg] for all that comes in and goes out. Returns what undoes it. */
export function interceptNetwork(server: Server, options: NetworkOptions): () => void {
  const undo = [
    server.hooks.dataIn.add((text, rcv) => passThrough(server, options, text, rcv, 'in')),
    server.hooks.dataOut.add((text, dst) => {
      const rcv = sendingFrom(server, dst);
      return rcv === null ? undefined : passThrough(server, options, text, rcv, 'out');
    }),
  ];
  return () => {
    for (const remove of undo) remove();
  };
}

function passThrough(
  server: Server,
  { minLength, avp }: NetworkOptions,
  text: string,
  rcv: ReceiveInfo,
  direction: 'in' | 'out',
): string | undefined {
  if (text.length < minLength || !server.program.event.has('network:msg')) return undefined;
  const msg = new SipMsg(text, rcv);
  msg.setExtension(DIRECTION, direction);
  const result = server.runEventRoute('network:msg', msg);
  if (result instanceof Promise) {
    refuseWaiting(server, 'network:msg', result);
    return undefined;
  }
  const value: PvValue = avp === null ? null : (msg.vars?.avp(avp) ?? null);
  return value === null ? undefined : String(value);
}

/** `is_incoming()` */
export function isIncoming(run: Run): number {
  return run.msg.extensions?.get(DIRECTION) === 'in' ? 1 : -1;
}

/** Runs event_route[corex:reply-out] for each reply that leaves; its `drop` keeps the reply back. Returns what undoes it. */
export function watchReplies(server: Server): () => void {
  return server.hooks.dataOut.add((text, dst) => {
    if (!text.startsWith('SIP/2.0 ') || !server.program.event.has('corex:reply-out')) return undefined;
    const rcv = sendingFrom(server, dst);
    if (rcv === null) return undefined;
    const result = server.runEventRoute('corex:reply-out', new SipMsg(text, rcv));
    if (result instanceof Promise) {
      refuseWaiting(server, 'corex:reply-out', result);
      return undefined;
    }
    return (result & RUN_DROP) !== 0 ? '' : undefined;
  });
}

/** A text on its way out is seen as from our socket to its destination. */
function sendingFrom(server: Server, { socket, proto, ip, port, conId }: Destination): ReceiveInfo | null {
  const from = socket ?? server.transport.socketFor(proto, ip, null);
  if (from === null) return null;
  return { proto, srcIp: from.address, srcPort: from.port, dstIp: ip, dstPort: port, socket: from, conId };
}

/** The text can not be held back until a command that waits is done. */
function refuseWaiting(server: Server, name: string, result: Promise<number>): void {
  server.log.error(`event_route[${name}] called a command that waits: what it did to the message is lost`);
  result.catch(() => {});
}
