import {
  isMulticast,
  PROTO,
  PROTO_NAMES,
  type Proto,
  parseUri,
  protoByName,
  type RpcValue,
  type Run,
  type Server,
  type SocketInfo,
  type TransformDef,
  valueToString,
} from 'strowger';

/** The parts of `[proto:]host[:port]`; absent ones are null, the host keeps its brackets. */
interface SocketAddress {
  readonly proto: string | null;
  readonly host: string;
  readonly port: string | null;
}

/** Reads `[proto:]host[:port]`; null when it is not of that form. */
export function parseSocketAddress(text: string): SocketAddress | null {
  const match = /^(?:(udp|tcp|tls|sctp|wss?):)?(\[[0-9a-f:.]+\]|[^:[\]]+)(?::(\d{1,5}))?$/i.exec(text);
  if (match?.[2] === undefined || Number(match[3] ?? 0) > 65535) return null;
  return { proto: match[1] ?? null, host: match[2], port: match[3] ?? null };
}

/** The socket at an address, `udp:127.0.0.1:5060`; null (and a line in the log) when there is none. */
function socketAt(run: Run, text: string): SocketInfo | null {
  const found = run.server.transport.findSocket(text);
  if (found === null) run.server.log.warn('no such socket', { socket: text });
  return found;
}

function socketNamed(run: Run, name: string): SocketInfo | null {
  const found = run.server.transport.sockets.find((socket) => socket.name === name) ?? null;
  if (found === null) run.server.log.warn('no socket of this name', { name });
  return found;
}

/** Kamailio goes on with what was set when there is no such socket, and so do these. */
function sendFrom(run: Run, socket: SocketInfo | null): number {
  if (socket !== null) run.msg.forceSocket = socket;
  return 1;
}

function receivedAt(run: Run, socket: SocketInfo | null): number {
  if (socket === null) return 1;
  const { msg } = run;
  msg.rcv = { ...msg.rcv, socket, dstIp: socket.address, dstPort: socket.port };
  return 1;
}

export const setSendSocket = (run: Run, _state: unknown, text: string): number => sendFrom(run, socketAt(run, text));
export const setSendSocketName = (run: Run, _state: unknown, name: string): number =>
  sendFrom(run, socketNamed(run, name));
export const setRecvSocket = (run: Run, _state: unknown, text: string): number => receivedAt(run, socketAt(run, text));
export const setRecvSocketName = (run: Run, _state: unknown, name: string): number =>
  receivedAt(run, socketNamed(run, name));

/** `set_source_address("udp:10.0.0.1:5060")`: the message counts as received from there. */
export function setSourceAddress(run: Run, _state: unknown, text: string): number {
  const address = parseSocketAddress(text);
  const host = address?.host.replace(/^\[|\]$/g, '') ?? '';
  if (address === null || !/^[\d.]+$|:/.test(host)) {
    run.server.log.error('set_source_address: an IP address expected', { address: text });
    return -1;
  }
  const { msg } = run;
  const port = address.port === null ? 5060 : Number(address.port);
  msg.rcv = { ...msg.rcv, srcIp: host, srcPort: port, conId: 0 };
  return 1;
}

export function isSocketName(run: Run, _state: unknown, name: string): number {
  return run.server.transport.sockets.some((socket) => socket.name === name) ? 1 : -1;
}

/**
 * `$lsock(key/value/attribute)`: key `n` (name), `l` (address) or `i` (index); attribute `listen`, `name`, `advertise` or
 * `index`, of which the first letter counts. A function that reads it, or null when it has another form.
 */
export function socketExpression(text: string): ((server: Server) => string | number | null) | null {
  const match = /^([nli])\/(.*)\/([lnai])\w*$/.exec(text);
  if (match === null) return null;
  const [, key, value = '', attribute] = match;
  return ({ transport }) => {
    const { sockets } = transport;
    const socket =
      key === 'n'
        ? sockets.find(({ name }) => name === value)
        : key === 'i'
          ? sockets[Number(value)]
          : (transport.findSocket(value) ?? undefined);
    if (socket === undefined) return null;
    if (attribute === 'l') return socket.uri;
    if (attribute === 'i') return socket.index;
    return attribute === 'n' ? socket.name : advertiseText(socket, '');
  };
}

function advertiseText(socket: SocketInfo, absent: string): string {
  return socket.isAdvertised ? `${socket.advertisedHost}:${socket.advertisedPort}` : absent;
}

/** `corex.list_sockets` */
export function socketList({ transport }: Server): RpcValue[] {
  return transport.sockets.map((socket) => ({
    PROTO: PROTO_NAMES[socket.proto],
    NAME: socket.address,
    ADDRLIST: { ADDR: socket.address },
    PORT: String(socket.port),
    MCAST: isMulticast(socket.address) ? 'yes' : 'no',
    MHOMED: 'no',
    VIRTUAL: socket.isVirtual ? 'yes' : 'no',
    SOCKNAME: socket.name === '' ? '-' : socket.name,
    ADVERTISE: advertiseText(socket, '-'),
  }));
}

/** `corex.list_aliases` */
export function aliasList({ addresses }: Server): RpcValue[] {
  return addresses.aliases.map(({ host, port, proto }) => ({
    PROTO: proto === 0 ? '*' : (PROTO_NAMES[proto] ?? '*'),
    ADDR: host,
    PORT: port,
  }));
}

/** `alias_subdomains`: claims a domain and everything below it, `[proto:]domain[:port]`. An error text, or null. */
export function claimSubdomains(server: Server, text: string): string | null {
  const address = parseSocketAddress(text);
  if (address === null) return `"${text}" is not [proto:]domain[:port]`;
  const domain = address.host.toLowerCase();
  const wantedPort = Number(address.port ?? 0);
  const wantedProto: Proto = address.proto === null ? PROTO.NONE : protoByName(address.proto);
  server.addresses.addClaim((host, port, proto) => {
    if (wantedPort !== 0 && port !== 0 && port !== wantedPort) return false;
    if (wantedProto !== PROTO.NONE && proto !== PROTO.NONE && proto !== wantedProto) return false;
    const lower = host.toLowerCase();
    return lower === domain || lower.endsWith(`.${domain}`);
  });
  return null;
}

function sockTransform(doc: string, read: (address: SocketAddress) => string): TransformDef {
  return {
    doc,
    params: [0, 0],
    bind: () => (_run, value) => {
      const address = parseSocketAddress(valueToString(value));
      return address === null ? '' : read(address);
    },
  };
}

/** `{sock.*}`: the parts of a socket address. */
export const SOCK_TRANSFORMS: Readonly<Record<string, TransformDef>> = {
  host: sockTransform('Host of a socket address.', ({ host }) => host),
  port: sockTransform('Port of a socket address.', ({ port }) => port ?? ''),
  proto: sockTransform('Protocol of a socket address.', ({ proto }) => proto ?? ''),
  touri: sockTransform('The address as a SIP URI.', ({ proto, host, port }) => {
    const uri = `sip:${host}${port === null ? '' : `:${port}`}${proto === null ? '' : `;transport=${proto}`}`;
    return parseUri(uri) === null ? '' : uri;
  }),
};
