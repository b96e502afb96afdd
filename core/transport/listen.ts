import type { ListenItem, Span } from '../../routing-lang/ast.ts';
import { hostPort, ipFamily, parseIpv6, unbracketed } from './ip-address.ts';
import { PROTO, PROTO_NAMES, type Proto, type SocketInfo } from './socket-info.ts';

/** What says where to listen: one `listen` line or `-l` option. */
export type ListenSpec = Omit<ListenItem, 'type' | 'span'> & { readonly span?: Span };

/** A network interface of this host, as `os.networkInterfaces()` gives them. */
interface InterfaceAddress {
  readonly address: string;
  readonly family: 'IPv4' | 'IPv6';
  /** IPv6 zone; not 0 for link-local addresses. */
  readonly scopeid?: number | undefined;
}

export interface ListenContext {
  /** `port`, `tls_port_no`: for items that give none. */
  readonly port: number;
  readonly tlsPort: number;
  readonly isTcpEnabled: boolean;
  readonly isTlsEnabled: boolean;
  /** `auto_bind_ipv6`: interfaces stand for their IPv6 addresses too. */
  readonly withIpv6: boolean;
  /** `bind_ipv6_link_local` 1: link-local addresses as well. */
  readonly withLinkLocal: boolean;
  readonly interfaces: Readonly<Record<string, readonly InterfaceAddress[] | undefined>>;
  /** Addresses of a host name, in the order of preference; rejects when there are none. */
  readonly lookup: (host: string) => Promise<readonly string[]>;
}

/** A socket to be opened. Port 0 asks the kernel for a free one. */
interface SocketPlan {
  readonly proto: Proto;
  readonly family: 4 | 6;
  readonly address: string;
  readonly port: number;
  /** Null where nothing is advertised; its port 0 means the socket's own. */
  readonly advertise: { readonly host: string; readonly port: number } | null;
  readonly name: string;
  readonly isVirtual: boolean;
  /** The host name of the item, which is an alias of the server; empty where it gave an address. */
  readonly hostName: string;
}

export interface ListenError {
  readonly message: string;
  readonly span: Span | null;
}

const PROTOS: Readonly<Record<string, Proto>> = { udp: PROTO.UDP, tcp: PROTO.TCP, tls: PROTO.TLS };

/**
 * Turns `listen` items into the sockets to open, in Kamailio's order: UDP, TCP, TLS, each in the order of the script;
 * a socket asked for twice is opened once. Without any item, all IPv4 addresses of the host. All errors are found.
 * Items of a protocol that is switched off are `ignored`, as in Kamailio, unless nothing else is left.
 */
export async function planSockets(
  specs: readonly ListenSpec[],
  context: ListenContext,
): Promise<{ plans: readonly SocketPlan[]; errors: readonly ListenError[]; ignored: readonly ListenError[] }> {
  const plans = new Map<string, SocketPlan>();
  const errors: ListenError[] = [];
  const ignored: ListenError[] = [];
  const all = specs.length > 0 ? specs : everything(context);
  for (const spec of all) {
    for (const socket of spec.sockets) {
      const span = socket.span;
      const off = switchedOff(socket.proto, context);
      if (off !== null) {
        ignored.push({ message: off, span });
        continue;
      }
      const protos = protosOf(socket.proto, context);
      if (typeof protos === 'string') {
        errors.push({ message: protos, span });
        continue;
      }
      const addresses = await addressesOf(socket.host, context).catch((error: Error) => error.message);
      if (typeof addresses === 'string') {
        errors.push({ message: addresses, span });
        continue;
      }
      for (const proto of protos) {
        for (const plan of addresses) {
          const port = portOf(socket, proto, context);
          const key = `${proto} ${plan.address} ${port === 0 ? plans.size : port}`;
          if (!plans.has(key)) plans.set(key, { ...plan, proto, port, ...attributesOf(spec) });
        }
      }
    }
  }
  if (plans.size === 0) return { plans: [], errors: [...errors, ...ignored], ignored: [] };
  return { plans: [...plans.values()].sort((a, b) => a.proto - b.proto), errors, ignored };
}

function everything(context: ListenContext): ListenSpec[] {
  const span = { start: 0, end: 0 };
  const usable = Object.entries(context.interfaces).filter(([name, addresses]) =>
    addresses?.some((each) => interfaceAddress(each, name, context).length > 0),
  );
  return usable.map(([host]) => ({
    sockets: [{ proto: null, host, port: null, span }],
    advertise: null,
    name: null,
    isVirtual: false,
  }));
}

/** The protocols of an item: the one it names, or all that are switched on. A text says why it cannot be. */
function protosOf(proto: string | null, context: ListenContext): readonly Proto[] | string {
  const { isTcpEnabled, isTlsEnabled } = context;
  if (proto === null) {
    return [PROTO.UDP, ...(isTcpEnabled ? [PROTO.TCP] : []), ...(isTcpEnabled && isTlsEnabled ? [PROTO.TLS] : [])];
  }
  const found = PROTOS[proto.toLowerCase()];
  if (found === undefined) return `cannot listen on '${proto}': udp, tcp or tls expected`;
  return [found];
}

/** Why an item's own protocol is not listened on; null where it is. */
function switchedOff(name: string | null, { isTcpEnabled, isTlsEnabled }: ListenContext): string | null {
  const proto = name === null ? PROTO.UDP : (PROTOS[name.toLowerCase()] ?? PROTO.UDP);
  if (proto !== PROTO.UDP && !isTcpEnabled) return `no listening on ${name}: disable_tcp is set`;
  return proto === PROTO.TLS && !isTlsEnabled ? 'no listening on tls: enable_tls is not set' : null;
}

/** As Kamailio: an item for all protocols gives TLS the port after its own. */
function portOf(socket: ListenSpec['sockets'][number], proto: Proto, context: ListenContext): number {
  if (socket.port === null) return proto === PROTO.TLS ? context.tlsPort : context.port;
  return proto === PROTO.TLS && socket.proto === null && socket.port > 0 ? socket.port + 1 : socket.port;
}

function attributesOf(spec: ListenSpec): Pick<SocketPlan, 'advertise' | 'name' | 'isVirtual'> {
  const { advertise } = spec;
  return {
    advertise: advertise === null ? null : { host: unbracketed(advertise.host), port: advertise.port ?? 0 },
    name: spec.name ?? '',
    isVirtual: spec.isVirtual,
  };
}

type Found = Pick<SocketPlan, 'address' | 'family' | 'hostName'>;

/** An address, `any`, an interface or a host name: in this order. Rejects when it is none of them. */
async function addressesOf(host: string, context: ListenContext): Promise<readonly Found[]> {
  const text = unbracketed(host);
  const family = ipFamily(text);
  if (family !== 0) return [{ address: text, family, hostName: '' }];
  if (text === 'any' || text === '*') return [{ address: '0.0.0.0', family: 4, hostName: '' }];
  const own = context.interfaces[text];
  if (own !== undefined) {
    const addresses = own.flatMap((each) => interfaceAddress(each, text, context));
    if (addresses.length === 0) throw new Error(`interface ${text} has no usable address`);
    return addresses;
  }
  let found: readonly string[];
  try {
    found = await context.lookup(text);
  } catch (error) {
    throw new Error(`'${text}' is no address, no interface, and cannot be resolved`, { cause: error });
  }
  const first = found.find((address) => ipFamily(address) !== 0);
  if (first === undefined) throw new Error(`'${text}' has no address`);
  return [{ address: first, family: first.includes(':') ? 6 : 4, hostName: text }];
}

function interfaceAddress(each: InterfaceAddress, name: string, context: ListenContext): Found[] {
  if (each.family === 'IPv4') return [{ address: each.address, family: 4, hostName: '' }];
  if (!context.withIpv6) return [];
  const isLinkLocal = ((parseIpv6(each.address)?.words[0] ?? 0) & 0xffc0_0000) === (0xfe80_0000 | 0);
  if (isLinkLocal && !context.withLinkLocal) return [];
  return [{ address: isLinkLocal ? `${each.address}%${name}` : each.address, family: 6, hostName: '' }];
}

/** What the rest of the server sees of an opened socket; `port` is the one it got. */
export function makeSocketInfo(plan: SocketPlan, index: number, port: number): SocketInfo {
  const { proto, family, address, advertise } = plan;
  const advertisedHost = advertise === null ? address : advertise.host;
  const advertisedPort = advertise === null || advertise.port === 0 ? port : advertise.port;
  return {
    index,
    proto,
    family,
    address,
    port,
    advertisedHost,
    advertisedPort,
    isAdvertised: advertise !== null,
    name: plan.name,
    isVirtual: plan.isVirtual,
    uri: `${PROTO_NAMES[proto]}:${hostPort(address, port)}`,
    sentBy: hostPort(advertisedHost, advertisedPort),
    isReliable: proto !== PROTO.UDP,
  };
}

/**
 * Reads a `-l` option: `[proto:]ADDRESS[:port][/ADVERTISED[:port]]`, where ADDRESS is an address, an interface, a host
 * name, or several of them in parentheses. Returns it, or a text saying what is wrong.
 */
export function parseListenOption(text: string): ListenSpec | string {
  const slash = text.indexOf('/');
  const main = slash < 0 ? text : text.slice(0, slash);
  const match = /^(?:(udp|tcp|tls|sctp):)?(\([^()]*\)|\[[^\]]*\]|[^:()[\]]+)(?::(\d{1,5}))?$/i.exec(main.trim());
  if (match === null) return `'${text}': [proto:]address[:port][/advertised[:port]] expected`;
  const [, proto, hosts = '', portText] = match;
  const port = portText === undefined ? null : Number(portText);
  if (port !== null && port > 65535) return `'${text}': ${port} is no port`;
  const list = hosts.startsWith('(') ? hosts.slice(1, -1).split(',') : [hosts];
  if (list.some((host) => host.trim() === '')) return `'${text}': an address is missing`;
  const advertise = slash < 0 ? null : parseAdvertised(text.slice(slash + 1));
  if (typeof advertise === 'string') return `'${text}': ${advertise}`;
  const span = { start: 0, end: 0 };
  return {
    sockets: list.map((host) => ({ proto: proto?.toLowerCase() ?? null, host: unbracketed(host.trim()), port, span })),
    advertise,
    name: null,
    isVirtual: false,
  };
}

function parseAdvertised(text: string): { host: string; port: number | null } | string {
  const match = /^(\[[^\]]*\]|[^:[\]]+)(?::(\d{1,5}))?$/.exec(text.trim());
  if (match === null) return `'${text}' is no address to advertise`;
  const port = match[2] === undefined ? null : Number(match[2]);
  return port !== null && port > 65535 ? `${port} is no port` : { host: unbracketed(match[1] ?? ''), port };
}
