import {
  appendHeader,
  type Counter,
  type ModuleContext,
  type PvValue,
  parseQ,
  parseUri,
  ROUTE,
  type Run,
  type SipMsg,
  XavpList,
} from 'strowger';
import type { SlApi } from '../sl/api.ts';
import type { Ucontact, Udomain, UsrlocApi } from '../usrloc/api.ts';
import { type AorRules, aorOf } from './aor.ts';
import { AllowCache } from './contacts.ts';
import { reasonOf } from './errors.ts';
import { FetchedContacts } from './fetched.ts';
import { Save } from './save.ts';
import { RegistrarSettings } from './settings.ts';
import { SAVE } from './wanted.ts';

/** A reply that `save()` has prepared and not sent. */
interface HeldReply {
  readonly code: number;
  readonly reason: string;
  readonly rows: string;
}

const HELD_REPLY = { name: 'registrar: reply not sent' };

/** Results of `unregister()`. */
const UNREGISTER = { DONE: 1, BAD_AOR: -1, FAILED: -2, NOT_FOUND: -3 } as const;

/** One server's registrar. */
export class Registrar {
  readonly ctx: ModuleContext;
  readonly settings: RegistrarSettings;
  readonly ul: UsrlocApi;
  readonly allow = new AllowCache();
  readonly fetched = new FetchedContacts();
  readonly accepted: Counter;
  readonly rejected: Counter;
  readonly #sl: SlApi;
  readonly #tables = new Map<string, Udomain>();
  readonly #qs = new Map<string, number>();

  constructor(ctx: ModuleContext) {
    this.ctx = ctx;
    this.settings = new RegistrarSettings(ctx);
    this.ul = ctx.api<UsrlocApi>('usrloc');
    this.#sl = ctx.api<SlApi>('sl');
    this.accepted = ctx.counter('accepted_regs');
    this.rejected = ctx.counter('rejected_regs');
    this.ul.on('expire', (contact) => this.#tellExpired(contact));
  }

  /** A table of contacts by name. */
  table(name: string): Udomain {
    let table = this.#tables.get(name);
    if (table === undefined) this.#tables.set(name, (table = this.ul.domain(name)));
    return table;
  }

  aorRules(): AorRules {
    const { settings, ul } = this;
    return {
      useDomain: ul.useDomain,
      isCaseSensitive: settings.isCaseSensitive,
      realmPrefix: settings.realmPrefix,
    };
  }

  /** The AOR that a URI names; null (and logged) where it names none. */
  aorOfText(text: string): string | null {
    const aor = aorOf(parseUri(text), this.aorRules());
    if (typeof aor === 'string') return aor;
    this.ctx.log.error(aor.text, { uri: text });
    return null;
  }

  /** Contacts of an AOR that may be used, in order. */
  contactsOf(table: Udomain, aor: string): readonly Ucontact[] | Promise<readonly Ucontact[]> {
    return this.settings.usesExpired ? table.edit(aor, ({ contacts }) => [...contacts]) : table.lookup(aor);
  }

  /** A number that the script has put into `$xavp(xavp_cfg=>name)`; null without one. */
  cfgInt(msg: SipMsg, name: string): number | null {
    const value = this.#cfg(msg, name);
    return typeof value === 'number' ? value : null;
  }

  /** A text there; '' without one. */
  cfgText(msg: SipMsg, name: string): string {
    const value = this.#cfg(msg, name);
    return typeof value === 'string' ? value : '';
  }

  #cfg(msg: SipMsg, name: string): PvValue | undefined {
    const { vars } = msg;
    return vars === null || this.settings.xavpCfg === ''
      ? undefined
      : vars.xavps.list(this.settings.xavpCfg)?.value(name);
  }

  /** Attributes that the script gives to the contact (usrloc's xavp_contact). */
  contactXavp(msg: SipMsg): XavpList | null {
    const { vars } = msg;
    return vars === null || this.ul.xavpContact === '' ? null : (vars.xavps.list(this.ul.xavpContact) ?? null);
  }

  /** A q value in thousandths, -2 where it is none. Clients write few different ones. */
  qOf(text: string): number {
    let q = this.#qs.get(text);
    if (q !== undefined) return q;
    q = parseQ(text);
    if (q < 0) return -2;
    if (this.#qs.size < 128 && text.length <= 5) this.#qs.set(Buffer.from(text, 'latin1').toString('latin1'), q);
    return q;
  }

  // ---- commands

  save(run: Run, table: string, flags: number, uri: string | null): number | Promise<number> {
    return new Save(this, run, this.table(table), flags).start(uri);
  }

  /** Answers a REGISTER, or keeps the answer for reg_send_reply. No answer is given to a reply. */
  answer(run: Run, code: number, reason: string | null, rows: string, flags: number): void {
    const { msg } = run;
    if (!msg.isRequest) return;
    const text = reason ?? reasonOf(code);
    if ((flags & SAVE.NO_REPLY) === 0) {
      this.#send(run, { code, reason: text, rows });
      return;
    }
    const areAdded = (flags & SAVE.REPLY_HEADERS) !== 0 && code === 200;
    if (areAdded) addReplyRows(msg, rows);
    msg.setExtension(HELD_REPLY, { code, reason: text, rows: areAdded ? '' : rows } satisfies HeldReply);
  }

  /** reg_send_reply: the reply that `save(…, 2)` has kept. */
  sendReply(run: Run): number {
    const held = run.msg.extension<HeldReply | null>(HELD_REPLY) ?? null;
    if (held === null) return -1;
    run.msg.setExtension(HELD_REPLY, null);
    return this.#send(run, held);
  }

  #send(run: Run, reply: HeldReply): number {
    addReplyRows(run.msg, reply.rows);
    return this.#sl.sendReply(run, reply.code, reply.reason) < 0 ? -1 : 1;
  }

  /** unregister(): all contacts of an AOR, or the one of that ruid (whose AOR may be left out). */
  unregister(table: string, uri: string, ruid: string | undefined): number | Promise<number> {
    const domain = this.table(table);
    if (uri === '' && ruid !== undefined && ruid !== '')
      return awaited(domain.deleteByRuid(ruid), (found) => (found ? UNREGISTER.DONE : UNREGISTER.NOT_FOUND), this);
    const aor = this.aorOfText(uri);
    if (aor === null) return UNREGISTER.BAD_AOR;
    if (ruid === undefined || ruid === '') return awaited(domain.deleteAor(aor), () => UNREGISTER.DONE, this);
    const removed = domain.edit(aor, (record) => {
      const contact = record.contacts.find((each) => each.ruid === ruid);
      if (contact !== undefined) record.delete(contact);
      return contact !== undefined;
    });
    return awaited(removed, (found) => (found ? UNREGISTER.DONE : UNREGISTER.NOT_FOUND), this);
  }

  /** add_sock_hdr(): the socket a REGISTER came in on, for another registrar. */
  static addSockHeader(run: Run, name: string): number {
    const { msg } = run;
    if (!/^[A-Za-z0-9\-.!%*_+`'~]+$/.test(name)) return -1;
    appendHeader(msg, `${name}: ${msg.rcv.socket.uri}\r\n`);
    return 1;
  }

  /** reg_fetch_contacts(): 1 with contacts, -1 without. */
  fetch(run: Run, table: string, uri: string, profile: string): number | Promise<number> {
    this.fetched.free(run.msg, profile);
    const aor = this.aorOfText(uri);
    if (aor === null) return -1;
    const take = (contacts: readonly Ucontact[]): number => {
      if (contacts.length === 0) return -1;
      this.fetched.set(run.msg, profile, contacts);
      return 1;
    };
    return awaited(this.contactsOf(this.table(table), aor), take, this);
  }

  /** event_route[usrloc:contact-expired], with the contact in `$ulc(exp=>…)`. */
  #tellExpired(contact: Ucontact): void {
    const { server } = this.ctx;
    const route = server.program.event.get('usrloc:contact-expired');
    const msg = route === undefined ? null : server.fakeMessage();
    if (route === undefined || msg === null) return;
    this.fetched.set(msg, 'exp', [contact]);
    void server.runRoute(route, msg, ROUTE.EVENT);
  }
}

/** What comes of a table's answer, now or later; -2 where the database fails. */
export function awaited<T>(
  answer: T | Promise<T>,
  use: (value: T) => number,
  reg: Registrar,
  failed = -2,
): number | Promise<number> {
  if (!(answer instanceof Promise)) return use(answer);
  return answer.then(use, (fault: unknown) => {
    reg.ctx.log.error('the location table can not be reached', { err: fault });
    return failed;
  });
}

function addReplyRows(msg: SipMsg, rows: string): void {
  if (rows === '') return;
  if (msg.replyLumps === null) msg.replyLumps = [rows];
  else msg.replyLumps.push(rows);
}
