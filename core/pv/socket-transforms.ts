import { protoByName } from '../parser/uri.ts';
import { PROTO } from '../transport/socket-info.ts';
import type { TransformDef } from './spec.ts';
import { textTransform } from './transform-args.ts';

/** {sock.…}: parts of a socket's address, proto:host:port. */
export const SOCK_TRANSFORMS: Readonly<Record<string, TransformDef>> = {
  host: socketTransform('Host of proto:host:port.', (socket) => socket.host),
  port: socketTransform('Port of proto:host:port as text.', (socket) => socket.port),
  proto: socketTransform('Protocol of proto:host:port.', (socket) => socket.proto),
  touri: socketTransform('proto:host:port as a SIP URI.', ({ proto, host, port }) => {
    const withPort = port === '' ? `sip:${host}` : `sip:${host}:${port}`;
    return proto === '' ? withPort : `${withPort};transport=${proto}`;
  }),
};

interface SocketText {
  readonly proto: string;
  readonly host: string;
  readonly port: string;
}

function socketTransform(doc: string, part: (socket: SocketText) => string): TransformDef {
  return textTransform(doc, (text) => {
    const match = /^(?:([A-Za-z]+):)?(\[[^\]]+\]|[^:[\]]+)(?::(\d{1,5}))?$/.exec(text);
    if (match === null) return null;
    const [, proto = '', host = '', port = ''] = match;
    return proto !== '' && protoByName(proto) === PROTO.NONE ? null : part({ proto, host, port });
  });
}
