import {
  type Destination,
  type DestinationResult,
  isDestination,
  nextHopUri,
  PROTO,
  type Proto,
  type Run,
  type SocketInfo,
} from 'strowger';
import { parseSocketAddress } from './sockets.ts';

type Sent = number | Promise<number>;

function failed(run: Run, uri: string, reason: string): -1 {
  run.server.log.error(`can not send: ${reason}`, { uri });
  return -1;
}

/** Sends text to where a URI leads, from a socket where one is given. 1 sent, -1 not. */
function sendTo(run: Run, uri: string, text: string, socket: SocketInfo | null, proto: Proto = PROTO.NONE): Sent {
  const deliver = (result: DestinationResult): number => {
    if (!isDestination(result)) return failed(run, uri, result.reason);
    const dst: Destination = result.first;
    return run.server.transport.send(text, dst) > 0 ? 1 : failed(run, uri, 'no socket or connection');
  };
  const found = run.server.destinations.resolve(uri, socket, proto);
  return found instanceof Promise ? found.then(deliver) : deliver(found);
}

/** `send_udp([host[:port]])`, `send_tcp(…)`: the message as received, to a host or to where the request goes. */
export function sendReceived(proto: Proto): (run: Run, state: unknown, host: string | undefined) => Sent {
  return (run, _state, host) => {
    const uri = host === undefined ? nextHopUri(run.msg) : hostUri(host);
    return uri === null ? failed(run, host ?? '', 'host[:port] expected') : sendTo(run, uri, run.msg.buf, null, proto);
  };
}

function hostUri(text: string): string | null {
  const address = parseSocketAddress(text);
  if (address === null || address.proto !== null) return null;
  return `sip:${address.host}${address.port === null ? '' : `:${address.port}`}`;
}

/** `send_data(uri, data)` */
export function sendData(run: Run, _state: unknown, uri: string, data: string): Sent {
  return sendTo(run, uri, data, null);
}

/** `sendx(uri, socket, data)`: an unknown socket leaves the choice to the core, as in Kamailio. */
export function sendFromSocket(run: Run, _state: unknown, uri: string, socket: string, data: string): Sent {
  const from = run.server.transport.findSocket(socket);
  if (from === null) run.server.log.warn('no such socket', { socket });
  return sendTo(run, uri, data, from);
}
