import { isDestination, type ModuleContext, PROTO, type Run, type SipMsg } from 'strowger';
import type { StoredContact } from './contact.ts';
import type { MemoryTable } from './memory-table.ts';

/** Bits of `ka_mode`. */
const KA = { ALL: 1, NATED: 2, UDP: 4 } as const;
/** `ka_loglevel` that turns the lines off. */
const NO_LOG = 255;

/** Keepalives of usrloc itself: requests to contacts, and how long their answers take (Kamailio: ka_mode). */
export class Keepalives {
  readonly #ctx: ModuleContext;
  readonly #natFlag: number;
  readonly #useDomain: boolean;
  readonly #mode: number;
  readonly #tables: () => readonly MemoryTable[];
  /** Tells ours from other requests of this server; answers come to any worker. */
  readonly #prefix: string;
  #count = 0;
  #logText: ((run: Run) => string) | null = null;

  constructor(ctx: ModuleContext, natFlag: number, tables: () => readonly MemoryTable[]) {
    this.#ctx = ctx;
    this.#natFlag = natFlag;
    this.#mode = ctx.int('ka_mode');
    this.#useDomain = ctx.int('use_domain') !== 0;
    this.#tables = tables;
    this.#prefix = 'ulka-';
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
    const callId = reply.callId ?? '';
    if (this.#mode === 0 || !callId.startsWith(this.#prefix)) return false;
    const match = /^ulka-([0-9a-z]+)-(\d+)-(uloc-[0-9a-f-]+|ulcx-[0-9a-f-]+)$/.exec(callId);
    if (match === null) return false;
    const [, , sentMs = '', ruid = ''] = match;
    const roundtripUs = Math.max(0, Math.round((this.#ctx.server.clock.wall() - Number(sentMs)) * 1000));
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
    const target = contact.received === '' ? contact.contact : contact.received;
    const socket = contact.socket === '' ? null : server.transport.findSocket(contact.socket);
    const found = server.destinations.resolve(target, socket, PROTO.UDP);
    const send = (result: Awaited<typeof found>): void => {
      if (!isDestination(result)) return;
      const dst = result.first;
      if (contact.tcpconnId > 0) dst.conId = contact.tcpconnId;
      if (dst.socket === null || server.transport.send(this.#request(contact, dst.socket.sentBy), dst) < 0)
        log.info(`a keepalive to ${contact.contact} could not be sent`);
    };
    if (found instanceof Promise) void found.then(send, () => {});
    else send(found);
  }

  #request(contact: StoredContact, sentBy: string): string {
    const { ctx } = { ctx: this.#ctx };
    const { server } = ctx;
    const method = ctx.str('ka_method');
    const to = this.#useDomain && contact.aor.includes('@') ? contact.aor : `${contact.aor}@${ctx.str('ka_domain')}`;
    const socket = /^(\w+):/.exec(contact.socket)?.[1]?.toUpperCase() ?? 'UDP';
    const route = contact.path === '' ? '' : `Route: ${contact.path}\r\n`;
    const count = (++this.#count).toString(36);
    return (
      `${method} ${contact.contact} SIP/2.0\r\n` +
      `Via: SIP/2.0/${socket} ${sentBy};rport;branch=z9hG4bK${server.random.token(12)}\r\n` +
      `${route}From: <${ctx.str('ka_from')}>;tag=${server.random.token(10)}\r\nTo: <sip:${to}>\r\n` +
      `Call-ID: ${this.#prefix}${count}-${Math.round(server.clock.wall())}-${contact.ruid}\r\n` +
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
