import {
  isDestination,
  type ModuleContext,
  PROTO,
  PROTO_VIA,
  parseNameAddr,
  type Run,
  type SipMsg,
  type SocketInfo,
} from 'strowger';
import type { StoredContact } from './contact.ts';
import type { MemoryTable } from './memory-table.ts';

/** Bits of `ka_mode`. */
const KA = { ALL: 1, NATED: 2, UDP: 4 } as const;
/** `ka_loglevel` that turns the lines off. */
const NO_LOG = 255;

/** How Call-IDs begin; answers may come to another worker than the one that asked. */
const PREFIX = 'ksrulka-';
const MAX_ROUNDTRIP_US = 0x7fffffff;

/** Keepalives of usrloc itself: requests to contacts, and how long their answers take (Kamailio: ka_mode). */
export class Keepalives {
  readonly #ctx: ModuleContext;
  readonly #natFlag: number;
  readonly #useDomain: boolean;
  readonly #mode: number;
  readonly #tables: () => readonly MemoryTable[];
  #count = 0;
  #logText: ((run: Run) => string) | null = null;

  constructor(ctx: ModuleContext, natFlag: number, tables: () => readonly MemoryTable[]) {
    this.#ctx = ctx;
    this.#natFlag = natFlag;
    this.#mode = ctx.int('ka_mode');
    this.#useDomain = ctx.int('use_domain') !== 0;
    this.#tables = tables;
  }

  /** Sends keepalives to a part of a table. */
  send(table: MemoryTable, part: number, parts: number): void {
    if (this.#mode === 0) return;
    const filter = { part, parts, ownOnly: this.#ctx.int('ka_filter') === 1 };
    table.each((contact) => {
      if (this.#wants(contact as StoredContact)) this.#ping(contact as StoredContact);
    }, filter);
  }

  /** True for an answer to one of ours: it goes no further. */
  takes(reply: SipMsg, run: () => Run): boolean {
    if (this.#mode === 0 || reply.callId?.startsWith(PREFIX) !== true) return false;
    const match = /^([\w-]+)-(\d+)\.[0-9a-z]+$/.exec(reply.fromTag);
    const [, ruid = '', sentMs = ''] = match ?? [];
    if (match === null) return false;
    const roundtripUs = Math.min(
      MAX_ROUNDTRIP_US,
      Math.max(0, (this.#ctx.server.clock.wall() - Number(sentMs)) * 1000),
    );
    if (this.#tables().some((table) => table.refreshKeepalive(ruid, roundtripUs))) this.#log(ruid, roundtripUs, run);
    return true;
  }

  #wants(contact: StoredContact): boolean {
    if ((this.#mode & KA.NATED) !== 0 && (contact.cflags & this.#natFlag) === 0) return false;
    if ((this.#mode & KA.UDP) !== 0 && !/^(?:udp:|$)/i.test(contact.socket)) return false;
    return (this.#mode & (KA.ALL | KA.NATED | KA.UDP)) !== 0;
  }

  #ping(contact: StoredContact): void {
    const { server, log } = this.#ctx;
    const socket = contact.socket === '' ? null : server.transport.findSocket(contact.socket);
    const found = server.destinations.resolve(nextHop(contact), socket, PROTO.UDP);
    const send = (result: Awaited<typeof found>): void => {
      if (!isDestination(result)) return;
      const dst = result.first;
      if (contact.tcpconnId > 0) dst.conId = contact.tcpconnId;
      if (dst.socket === null || server.transport.send(this.#request(contact, dst.socket), dst) < 0)
        log.info(`a keepalive to ${contact.contact} could not be sent`);
    };
    if (found instanceof Promise) void found.then(send, () => {});
    else send(found);
  }

  #request(contact: StoredContact, socket: SocketInfo): string {
    const ctx = this.#ctx;
    const { random, clock } = ctx.server;
    const method = ctx.str('ka_method');
    const to = this.#useDomain && contact.aor.includes('@') ? contact.aor : `${contact.aor}@${ctx.str('ka_domain')}`;
    const route = contact.path === '' ? '' : `Route: ${contact.path}\r\n`;
    const count = (++this.#count).toString(36);
    return (
      `${method} ${contact.contact} SIP/2.0\r\n` +
      `Via: SIP/2.0/${PROTO_VIA[socket.proto]} ${socket.sentBy};branch=z9hG4bKx.${random.token(8)}.${count}\r\n` +
      `Max-Forwards: 70\r\n${route}From: <${ctx.str('ka_from')}>;tag=${contact.ruid}-${Math.round(clock.wall())}.${count}\r\n` +
      `To: <sip:${to}>\r\nCall-ID: ${PREFIX}${random.token(10)}-${count}\r\n` +
      `CSeq: 80 ${method}\r\nContent-Length: 0\r\n\r\n`
    );
  }

  #log(ruid: string, roundtripUs: number, run: () => Run): void {
    const level = this.#ctx.int('ka_loglevel');
    if (level === NO_LOG || !this.#ctx.log.isEnabled(level)) return;
    const { program } = this.#ctx.server;
    this.#logText ??= program.compileFormat?.(this.#ctx.str('ka_logmsg')) ?? null;
    const seconds = `${Math.floor(roundtripUs / 1e6)}.${String(roundtripUs % 1_000_000).padStart(6, '0')}`;
    const text = this.#logText?.(run()) ?? '';
    this.#ctx.log.write(level, `keepalive roundtrip: ${seconds} sec - ruid [${ruid}]${text}`);
  }
}

/** Where a request to a contact goes: along its Path, else where it came from, else what it says. */
function nextHop({ path, received, contact }: StoredContact): string {
  if (path === '') return received === '' ? contact : received;
  return parseNameAddr(path, 0, path.length)?.uriText ?? contact;
}
