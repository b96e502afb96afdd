import {
  coreHash,
  RpcArgs,
  RpcDouble,
  RpcFault,
  type RpcMethod,
  RpcStruct,
  type RpcValue,
  requireArgs,
} from 'strowger';
import { DB_MODE, Q_UNSPECIFIED, type Ucontact, type Udomain } from './api.ts';
import { EXPIRED_TIME, STATE, type StoredContact } from './contact.ts';
import type { Usrloc } from './usrloc.ts';

const ALL_METHODS = 0xffffffff;
/** Call-ID, CSeq and User-Agent of contacts that an RPC adds. */
const RPC_CALLID = 'dfjrewr12386fd6-343@kamailio.rpc';
const RPC_CSEQ = 1;
const RPC_USER_AGENT = 'kamailio SIP Router - RPC Server';

/** Contacts that one ul.dump shows at most, and AORs with "brief": a reply is made in memory. */
const MOST_SHOWN = 100_000;
const MOST_NAMED = 1_000_000;

/** ul.* in memory, with Kamailio's replies. */
export const UL_RPC: Readonly<Record<string, RpcMethod<Usrloc>>> = {
  'ul.dump': {
    doc: 'Shows all contacts; "brief": the AORs only.',
    params: ['[brief]'],
    run: (args, usrloc) => dump(usrloc, args.str(0, '') === 'brief'),
  },
  'ul.lookup': {
    doc: 'Shows the contacts of an AOR.',
    params: ['table', 'aor'],
    run: async (args, usrloc) => {
      const [table, aor] = tableAndAor(args, usrloc, 'Not enough parameters (table and AOR to lookup)');
      const found = await allOf(table, aor);
      if (found.length === 0) throw new RpcFault(500, `AOR not found in location table`);
      const nowSec = usrloc.nowSec();
      const valid = found.filter((contact) => contact.isValid(nowSec));
      if (valid.length === 0) throw new RpcFault(500, 'AOR has no contacts');
      return { AoR: aor, Contacts: describeAll(valid, nowSec) };
    },
  },
  'ul.rm': {
    doc: 'Deletes all contacts of an AOR.',
    params: ['table', 'aor'],
    run: async (args, usrloc) => {
      const [table, aor] = tableAndAor(args, usrloc, 'Not enough parameters (table and AOR to lookup)');
      await table.deleteAor(aor);
      return undefined;
    },
  },
  'ul.rm_contact': {
    doc: 'Deletes a contact of an AOR.',
    params: ['table', 'aor', 'contact'],
    run: async (args, usrloc) => {
      const missing = 'Not enough parameters (table, AOR and contact)';
      const [table, aor] = tableAndAor(args, usrloc, missing);
      const uri = textArg(args, 2, missing);
      const found = await table.edit(aor, (record) => {
        if (record.contacts.length === 0) return 'no-aor';
        const contact = record.contacts.find((each) => each.contact === uri);
        if (contact !== undefined) record.delete(contact);
        return contact === undefined ? 'no-contact' : 'done';
      });
      if (found === 'no-aor') throw new RpcFault(404, 'AOR not found');
      if (found === 'no-contact') throw new RpcFault(404, 'Contact not found');
      return undefined;
    },
  },
  'ul.flush': {
    doc: 'Writes the changes that the database does not have yet.',
    run: async (_args, usrloc) => {
      await usrloc.flush();
      return undefined;
    },
  },
  'ul.add': {
    doc: 'Adds a contact to an AOR, or changes it. Path, received and socket are "." or "0" where there is none.',
    params: ['table', 'aor', 'contact', 'expires', 'q', 'path', 'flags', 'cflags', 'methods', '[received]', '[socket]'],
    run: async (args, usrloc) => {
      await add(args, usrloc);
      return undefined;
    },
  },
};

function tableAndAor(args: RpcArgs, usrloc: Usrloc, missing: string): [Udomain, string] {
  const name = textArg(args, 0, missing);
  const aor = textArg(args, 1, missing);
  const table = usrloc.findDomain(name);
  if (table === undefined) throw new RpcFault(500, 'Domain table not found');
  return [table, usrloc.rpcAor(aor)];
}

function textArg(args: RpcArgs, at: number, missing: string): string {
  return requireArgs(500, missing, () => args.str(at));
}

/** Contacts of an AOR, those that have expired too. */
async function allOf(table: Udomain, aor: string): Promise<readonly StoredContact[]> {
  return (await table.edit(aor, (record) => record.contacts)) as readonly StoredContact[];
}

async function add(args: RpcArgs, usrloc: Usrloc): Promise<void> {
  const missing = 'Not enough parameters or wrong format';
  const fields = requireArgs(500, missing, () => ({
    contact: args.str(2),
    expiresSec: args.int(3),
    q: numberArg(args, 4),
    path: optionalText(args.str(5)),
    flags: args.int(6),
    cflags: args.int(7),
    methods: args.int(8) >>> 0,
    received: optionalText(args.str(9, '')),
    socket: optionalText(args.str(10, '')),
  }));
  const [table, aor] = tableAndAor(args, usrloc, missing);
  const socket = fields.socket === '' ? null : usrloc.socketOf(fields);
  await table.edit(aor, (record) => {
    const info = {
      contact: fields.contact,
      expires: fields.expiresSec === 0 ? 0 : usrloc.nowSec() + fields.expiresSec,
      q: Math.round(fields.q * 1000),
      callid: RPC_CALLID,
      cseq: RPC_CSEQ,
      flags: fields.flags,
      cflags: fields.cflags,
      userAgent: RPC_USER_AGENT,
      received: fields.received,
      path: fields.path,
      socket: socket?.uri ?? '',
      methods: fields.methods,
      instance: '',
      regId: 0,
      tcpconnId: -1,
      keepalive: 0,
      xavp: null,
      lastModified: 0,
      ruid: usrloc.newRpcRuid(),
    };
    const known = record.contacts.find(({ contact }) => contact === fields.contact);
    if (known === undefined) record.insert(info);
    else record.update(known, info);
  });
}

function optionalText(text: string): string {
  return text === '0' || text === '.' ? '' : text;
}

function numberArg(args: RpcArgs, at: number): number {
  const value = Number(args.str(at));
  if (Number.isNaN(value)) throw new RpcFault(500, '');
  return value;
}

/** Contacts as ul.dump and ul.lookup show them. */
function describeAll(contacts: readonly StoredContact[], nowSec: number): RpcValue {
  return contacts.map((contact) => ({ Contact: describe(contact, nowSec) }));
}

function describe(contact: StoredContact, nowSec: number): RpcStruct {
  return new RpcStruct()
    .add('Address', contact.contact)
    .add('Expires', expiresText(contact, nowSec))
    .add('Q', contact.q === Q_UNSPECIFIED ? -1 : new RpcDouble(contact.q / 1000))
    .add('Call-ID', contact.callid)
    .add('CSeq', contact.cseq | 0)
    .add('User-Agent', shown(contact.userAgent))
    .add('Received', shown(contact.received))
    .add('Path', shown(contact.path))
    .add('State', stateText(contact.state))
    .add('Flags', contact.flags | 0)
    .add('CFlags', contact.cflags | 0)
    .add('Socket', shown(contact.socket))
    .add('Methods', contact.methods === ALL_METHODS ? -1 : contact.methods)
    .add('Ruid', shown(contact.ruid))
    .add('Instance', shown(contact.instance))
    .add('Reg-Id', contact.regId)
    .add('Server-Id', contact.serverId)
    .add('Tcpconn-Id', contact.tcpconnId)
    .add('Keepalive', contact.keepalive)
    .add('Last-Keepalive', contact.lastKeepalive)
    .add('KA-Roundtrip', contact.keepaliveRoundtripUs)
    .add('Last-Modified', contact.lastModified);
}

function shown(text: string): string {
  return text === '' ? '[not set]' : text;
}

function expiresText({ expires }: Ucontact, nowSec: number): RpcValue {
  if (expires === 0) return 'permanent';
  if (expires === EXPIRED_TIME) return 'deleted';
  return expires > nowSec ? expires - nowSec : 'expired';
}

function stateText(state: number): string {
  if ((state & STATE.IN_DB) === 0) return 'CS_NEW';
  return (state & STATE.DIRTY) === 0 ? 'CS_SYNC' : 'CS_DIRTY';
}

/** All tables, their AORs in the order of Kamailio's slots. */
function dump(usrloc: Usrloc, isBrief: boolean): RpcValue {
  const count = usrloc.memoryTables().reduce((sum, { contacts }) => sum + contacts, 0);
  if (count > (isBrief ? MOST_NAMED : MOST_SHOWN)) throw new RpcFault(500, `${count} contacts are too many to show`);
  const domains: RpcValue[] = [];
  const size = 2 ** usrloc.ctx.int('hash_size');
  const nowSec = usrloc.nowSec();
  for (const table of usrloc.domains()) {
    const byAor = usrloc.dbMode === DB_MODE.DB_ONLY ? [] : recordsOf(usrloc, table.name, size);
    const aors: RpcValue[] = [];
    const perSlot = new Map<number, number>();
    for (const { aor, hash, contacts } of byAor) {
      const slot = hash % size;
      perSlot.set(slot, (perSlot.get(slot) ?? 0) + 1);
      if (isBrief) aors.push({ AoR: aor });
      else aors.push({ Info: { AoR: aor, HashID: hash | 0, Contacts: describeAll(contacts, nowSec) } });
    }
    let maxSlots = 0;
    for (const count of perSlot.values()) maxSlots = Math.max(maxSlots, count);
    const stats = { Records: byAor.length, 'Max-Slots': maxSlots };
    domains.push({ Domain: { Domain: table.name, Size: size, AoRs: aors, Stats: stats } });
  }
  return { Domains: domains };
}

interface DumpedRecord {
  readonly aor: string;
  readonly hash: number;
  readonly contacts: StoredContact[];
}

function recordsOf(usrloc: Usrloc, name: string, size: number): DumpedRecord[] {
  const records = new Map<string, DumpedRecord>();
  const table = usrloc.memoryTables().find((each) => each.name === name);
  table?.each(
    (contact) => {
      let record = records.get(contact.aor);
      if (record === undefined)
        records.set(contact.aor, (record = { aor: contact.aor, hash: coreHash(contact.aor, 0), contacts: [] }));
      record.contacts.push(contact as StoredContact);
    },
    { expired: true },
  );
  return [...records.values()].sort((a, b) => (a.hash % size) - (b.hash % size));
}
