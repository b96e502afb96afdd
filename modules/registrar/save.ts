import { HDR, hasToken, parseUri, type Run, type SipMsg, type SipUri, urisEqual, viaCount } from 'strowger';
import type { Ucontact, Udomain, Urecord } from '../usrloc/api.ts';
import { aorOf, isOwnGruu } from './aor.ts';
import { expiresHeader, type RegContacts, readContacts } from './contacts.ts';
import { REG_ERROR, type RegError } from './errors.ts';
import { hasOutboundEdge } from './path.ts';
import type { Registrar } from './registrar.ts';
import { contactRow, type ListingRules } from './reply.ts';
import { OUTBOUND_MODE, PATH_MODE } from './settings.ts';
import { SAVE, type Wanted, WantedContacts } from './wanted.ts';

/** What `save()` returns. */
const RESULT = { TOO_MANY: -2, FAILED: -1, INSERTED: 1, UPDATED: 2, DELETED: 3, LISTED: 4 } as const;

/** Longest Call-ID of the location table. */
const MAX_CALL_ID = 255;

/** One run of `save()` (RFC 3261 §10.3, in Kamailio's way). */
export class Save {
  readonly #reg: Registrar;
  readonly #run: Run;
  readonly #msg: SipMsg;
  readonly #table: Udomain;
  readonly #flags: number;
  readonly #nowSec: number;
  readonly #wanted: WantedContacts;
  #aor = '';
  #uri: SipUri | null = null;
  #supportsOutbound = false;
  #listing = '';
  /** The contacts as they are now, where that is known without reading them again. */
  #contacts: readonly Ucontact[] | null = null;

  constructor(reg: Registrar, run: Run, table: Udomain, flags: number) {
    this.#reg = reg;
    this.#run = run;
    this.#msg = run.msg;
    this.#table = table;
    this.#flags = flags;
    this.#nowSec = reg.ul.nowSec();
    this.#wanted = new WantedContacts(reg, run, flags, this.#nowSec);
  }

  /** `uriText` stands for the To URI; null takes that. */
  start(uriText: string | null): number | Promise<number> {
    const msg = this.#msg;
    const { to } = msg;
    if (to === null) return this.#refuse(REG_ERROR.noTo);
    const contacts = readContacts(msg);
    if (contacts === null) return this.#refuse(REG_ERROR.contactParse);
    const fault = this.#checkMessage(contacts);
    if (fault !== null) return this.#refuse(fault);
    this.#uri = uriText === null ? to.uri : parseUri(uriText);
    const aor = aorOf(this.#uri, this.#reg.aorRules());
    if (typeof aor !== 'string') return this.#refuse(aor);
    this.#aor = aor;
    if (contacts.isStar) return this.#removeAll();
    if (contacts.values.length === 0) return this.#list(RESULT.LISTED, null);
    const wanted = this.#wanted.readAll(contacts.values);
    if (!Array.isArray(wanted)) return this.#list(RESULT.FAILED, wanted);
    return this.#edit((record) => this.#apply(record, wanted));
  }

  /** What can be said before looking at the table. */
  #checkMessage(contacts: RegContacts): RegError | null {
    const msg = this.#msg;
    if (msg.callId === null) return REG_ERROR.noCallId;
    if (msg.callId.length > MAX_CALL_ID) return REG_ERROR.callIdLength;
    if (msg.cseqNumber < 0) return REG_ERROR.noCseq;
    const fault = this.#checkOutbound(contacts);
    if (fault !== null) return fault;
    const { contactMaxSize } = this.#reg.settings;
    for (const { uriStart, uriEnd } of contacts.values)
      if (uriEnd - uriStart > contactMaxSize) return REG_ERROR.contactLength;
    if (!contacts.isStar) return null;
    if (contacts.count > 1) return REG_ERROR.starContacts;
    return expiresHeader(msg) === 0 ? null : REG_ERROR.starExpires;
  }

  /** RFC 5626 §6 */
  #checkOutbound(contacts: RegContacts): RegError | null {
    const msg = this.#msg;
    const mode = this.#reg.settings.outboundMode;
    const isRequired = msg.findHdr(HDR.REQUIRE) >= 0 && hasToken(msg, HDR.REQUIRE, 'outbound');
    if (mode === OUTBOUND_MODE.NONE) return isRequired ? REG_ERROR.outboundUnsupported : null;
    this.#supportsOutbound = isRequired || hasToken(msg, HDR.SUPPORTED, 'outbound');
    if (!this.#supportsOutbound) return mode === OUTBOUND_MODE.REQUIRED ? REG_ERROR.outboundRequired : null;
    const isFlow = contacts.values.some((contact) => contact.param('reg-id') !== null);
    return isFlow && viaCount(msg) > 1 && !hasOutboundEdge(msg) ? REG_ERROR.edgeLacksOutbound : null;
  }

  /** `*`: every binding of the AOR goes (RFC 3261 §10.3 step 6). */
  #removeAll(): number | Promise<number> {
    return this.#edit((record) => {
      for (const contact of record.contacts) record.delete(contact);
      return RESULT.DELETED;
    });
  }

  /** The contacts as they are, with a 200 or an error. */
  #list(result: number, error: RegError | null): number | Promise<number> {
    const found = this.#reg.contactsOf(this.#table, this.#aor);
    const finish = (contacts: readonly Ucontact[]): number => {
      this.#listing = contactRow(contacts, this.#listingRules());
      return error === null ? this.#accept(result) : this.#refuse(error);
    };
    return found instanceof Promise
      ? found.then(finish, (fault: unknown) => this.#databaseFailed(fault))
      : finish(found);
  }

  /** Works on the record, answers with what it then is. */
  #edit(work: (record: Urecord) => number | RegError): number | Promise<number> {
    const result = this.#table.edit(this.#aor, (record) => {
      const outcome = work(record);
      this.#listing = contactRow(this.#contacts ?? record.contacts, this.#listingRules());
      return outcome;
    });
    if (result instanceof Promise)
      return result.then(
        (outcome) => this.#finish(outcome),
        (fault: unknown) => this.#databaseFailed(fault),
      );
    return this.#finish(result);
  }

  #finish(outcome: number | RegError): number {
    return typeof outcome === 'number' ? this.#accept(outcome) : this.#refuse(outcome);
  }

  #databaseFailed(fault: unknown): number {
    this.#reg.ctx.log.error('the location table can not be reached', { err: fault });
    this.#listing = '';
    return this.#refuse(REG_ERROR.database);
  }

  // ---- the record

  #apply(record: Urecord, wanted: readonly Wanted[]): number | RegError {
    const fault = this.#match(record, wanted) ?? this.#checkRoom(record, wanted);
    if (fault !== null) return fault;
    const only = (this.#flags & SAVE.ONE_CONTACT) === 0 ? undefined : wanted.find((one) => !one.isRemoval);
    return only === undefined ? this.#applyAll(record, wanted) : this.#applyOnly(record, only);
  }

  /** Flag 4: nothing but this contact stays. */
  #applyOnly(record: Urecord, only: Wanted): number {
    const { existing } = only;
    for (const other of record.contacts) if (other.ruid !== existing?.ruid) record.delete(other);
    if (existing === null) record.insert(only.info);
    else if (!only.isRepeated) put(record, existing, only);
    return existing === null ? RESULT.INSERTED : RESULT.UPDATED;
  }

  #applyAll(record: Urecord, wanted: readonly Wanted[]): number {
    let result: number = RESULT.INSERTED;
    for (const one of wanted) {
      if (one.isRepeated) continue;
      if (one.isRemoval) {
        if (one.existing === null) continue;
        record.delete(one.existing);
        result = RESULT.DELETED;
        continue;
      }
      const known = one.existing ?? (wanted.length > 1 ? sameAs(record, one) : null);
      if (wanted.length === 1) this.#putOne(record, known, one);
      else if (known === null) record.insert(one.info);
      else put(record, known, one);
      result = known === null ? RESULT.INSERTED : RESULT.UPDATED;
    }
    return result;
  }

  /** The usual REGISTER: one contact, most often there already, whose place among the others stays. */
  #putOne(record: Urecord, known: Ucontact | null, one: Wanted): void {
    const { contacts } = record;
    const kept = known === null ? record.insert(one.info) : put(record, known, one);
    if (contacts.length === 0 || (contacts.length === 1 && known !== null)) this.#contacts = [kept];
    else if (kept.q === known?.q && !this.#reg.ul.descTimeOrder)
      this.#contacts = contacts.map((contact) => (contact.ruid === kept.ruid ? kept : contact));
  }

  /** Finds what each contact is in the table, and whether CSeq lets it be changed (RFC 3261 §10.3 step 7). */
  #match(record: Urecord, wanted: readonly Wanted[]): RegError | null {
    const callId = this.#msg.callId ?? '';
    const cseq = this.#msg.cseqNumber;
    for (const one of wanted) {
      const { instance, regId } = one.info;
      let match =
        instance === ''
          ? record.match(one.uri, callId, this.#wanted.path, cseq)
          : record.matchInstance(instance, regId, callId, cseq);
      if (match.found === 'none' && instance === '') {
        const alike = this.#alike(record, one.uri);
        if (alike !== null) match = record.match(alike.contact, callId, this.#wanted.path, cseq);
      }
      if (match.found === 'none') {
        if (one.isRemoval) continue;
        if (one.info.contact.includes(';gr') && isOwnGruu(one.uri, this.#aor, this.#reg.aorRules()))
          return REG_ERROR.ownGruu;
        if (parseUri(one.uri) === null) return REG_ERROR.contactParse;
        continue;
      }
      // What has expired is no binding any more: nothing has to be newer than it.
      if (match.found === 'contact' || !match.contact.isValid(this.#nowSec)) one.existing = match.contact;
      else if (match.found === 'out-of-order') return REG_ERROR.badCseq;
      else {
        one.existing = match.contact;
        one.isRepeated = true;
      }
    }
    return null;
  }

  /** A contact whose URI is the same by the rules of RFC 3261 §19.1.4, though written otherwise. */
  #alike(record: Urecord, text: string): Ucontact | null {
    const { contacts } = record;
    if (contacts.length === 0) return null;
    const uri = parseUri(text);
    if (uri === null) return null;
    for (const contact of contacts) {
      if (contact.instance !== '') continue;
      const other = parseUri(contact.contact);
      if (other !== null && urisEqual(uri, other)) return contact;
    }
    return null;
  }

  /** max_contacts, of the module or of this AOR. */
  #checkRoom(record: Urecord, wanted: readonly Wanted[]): RegError | null {
    const max = this.#reg.cfgInt(this.#msg, 'max_contacts') ?? this.#reg.settings.maxContacts;
    if (max <= 0 || (this.#flags & SAVE.ONE_CONTACT) !== 0) return null;
    let added = 0;
    let count = 0;
    for (const one of wanted) {
      if (one.isRepeated) continue;
      const isLive = one.existing?.isValid(this.#nowSec) === true;
      if (one.isRemoval) count -= isLive ? 1 : 0;
      else if (!isLive) added++;
    }
    if (added === 0) return null;
    for (const contact of record.contacts) if (contact.isValid(this.#nowSec)) count++;
    return count + added > max ? REG_ERROR.tooMany : null;
  }

  // ---- the answer

  #listingRules(): ListingRules {
    const { settings } = this.#reg;
    const uri = this.#uri;
    return {
      nowSec: this.#nowSec,
      receivedParam: settings.receivedParam,
      gruuBase: () =>
        settings.isGruuEnabled && uri !== null && hasToken(this.#msg, HDR.SUPPORTED, 'gruu') ? uri : null,
      withExpired: settings.usesExpired,
    };
  }

  #accept(result: number): number {
    this.#reg.accepted.value++;
    this.#answer(200, 'OK', this.#listing + this.#pathRow() + this.#outboundRows());
    return result;
  }

  #refuse(error: RegError): number {
    const { settings } = this.#reg;
    this.#reg.rejected.value++;
    let rows = `${this.#listing}${error.rows ?? ''}P-Registrar-Error: ${error.text}\r\n`;
    if (error.code >= 500 && settings.retryAfterSec > 0) rows += `Retry-After: ${settings.retryAfterSec}\r\n`;
    this.#answer(error.code, null, rows);
    return error === REG_ERROR.tooMany ? RESULT.TOO_MANY : RESULT.FAILED;
  }

  /** Path goes back to those who understand it (RFC 3327 §5.3). */
  #pathRow(): string {
    if (this.#wanted.path === '') return '';
    const { pathMode } = this.#reg.settings;
    return pathMode !== PATH_MODE.OFF && hasToken(this.#msg, HDR.SUPPORTED, 'path')
      ? `Path: ${this.#wanted.path}\r\n`
      : '';
  }

  #outboundRows(): string {
    const { outboundMode, flowTimerSec } = this.#reg.settings;
    if (outboundMode === OUTBOUND_MODE.NONE) return '';
    if (!this.#supportsOutbound) return 'Supported: outbound\r\n';
    const flow = flowTimerSec > 0 ? `Flow-Timer: ${flowTimerSec}\r\n` : '';
    return outboundMode === OUTBOUND_MODE.REQUIRED
      ? `Require: outbound\r\nSupported: outbound\r\n${flow}`
      : `Supported: outbound\r\nRequire: outbound\r\n${flow}`;
  }

  #answer(code: number, reason: string | null, rows: string): void {
    this.#reg.answer(this.#run, code, reason, rows, this.#flags);
  }
}

/** A contact that an earlier value of the same REGISTER has put in. */
function sameAs(record: Urecord, one: Wanted): Ucontact | null {
  const { instance, regId, contact, callid, cseq } = one.info;
  return (
    record.contacts.find(
      (other) =>
        other.contact === contact &&
        other.callid === callid &&
        other.cseq === cseq &&
        other.instance === instance &&
        other.regId === regId,
    ) ?? null
  );
}

/** Refreshes a contact. One that comes without its instance keeps what it had. */
function put(record: Urecord, known: Ucontact, { info }: Wanted): Ucontact {
  const { instance, regId } = known;
  return record.update(known, info.instance === '' && instance !== '' ? { ...info, instance, regId } : info);
}
