import {
  ANY_ROUTE,
  type CommandDef,
  command,
  defineModule,
  FAILURE_ROUTE,
  intParam,
  ONREPLY_ROUTE,
  REQUEST_ROUTE,
  type StatDef,
  strParam,
} from 'strowger';
import { bindUlc } from './fetched.ts';
import { lookup, lookupBranches, registered } from './lookup.ts';
import { Registrar } from './registrar.ts';

const SAVE_ROUTES = REQUEST_ROUTE | FAILURE_ROUTE | ONREPLY_ROUTE;
const LOOKUP_ROUTES = REQUEST_ROUTE | FAILURE_ROUTE;

/**
 * Opens the table that a command names while the script is compiled, so that usrloc can fill it at start. Where a script is
 * only checked there is no registrar.
 */
function openTable(values: readonly (string | number | undefined)[], reg: Registrar | undefined): string | null {
  const name = values[0];
  if (name === undefined || name === '') return 'needs the name of a table';
  reg?.table(String(name));
  return null;
}

/** Bits as Kamailio writes them, `0x04` or `4`; null for anything else. */
function bits(text: string): number | null {
  return /^(0x[0-9a-f]+|\d+)$/i.test(text) ? Number(text) : null;
}

function checkSave(values: readonly (string | number | undefined)[], reg: Registrar): string | null {
  const flags = values[1];
  if (flags !== undefined && bits(String(flags)) === null) return `has flags "${flags}", which is no number`;
  return openTable(values, reg);
}

function lookupCommand(mode: 'ruri' | 'dset', doc: string): CommandDef<Registrar> {
  return command({
    doc,
    args: ['const-str', 'str?'],
    argNames: ['domain', 'uri'],
    routes: LOOKUP_ROUTES,
    isAsync: true,
    check: openTable,
    run: (run, reg: Registrar, domain, uri) => lookup(run, reg, reg.table(domain), uri ?? null, mode),
  });
}

/** A setting as a statistic: statistics are sums over the workers, so one of them tells it. */
function setting(name: string, get: (reg: Registrar) => number): StatDef<Registrar> {
  return { doc: `Value of ${name}.`, get: (reg) => (reg.ctx.server.isFirstWorker ? get(reg) : 0) };
}

export default defineModule<Registrar>({
  name: 'registrar',
  summary: 'Registrar: bindings of addresses of record (RFC 3261 §10), Path, GRUU, outbound.',
  depends: ['usrloc', 'sl'],
  params: {
    default_expires: intParam({
      default: 3600,
      min: 0,
      runtime: true,
      doc: 'Life of a contact that says nothing of it, seconds.',
    }),
    default_expires_range: intParam({
      default: 0,
      min: 0,
      max: 100,
      runtime: true,
      doc: 'Percent of default_expires that are taken off at random, at most.',
    }),
    expires_range: intParam({
      default: 0,
      min: 0,
      max: 100,
      runtime: true,
      doc: 'The same for an expiry that the contact asks for.',
    }),
    default_q: intParam({
      default: -1,
      min: -1,
      max: 1000,
      runtime: true,
      doc: 'q in thousandths of a contact that gives none; -1 leaves it without.',
    }),
    append_branches: intParam({
      default: 1,
      min: 0,
      max: 1,
      runtime: true,
      doc: 'lookup() adds further contacts as branches.',
    }),
    case_sensitive: intParam({
      default: 0,
      min: 0,
      max: 1,
      runtime: true,
      doc: 'User parts of addresses of record compare with case.',
    }),
    realm_prefix: strParam({ default: '', runtime: true, doc: 'Cut off in front of domains of addresses of record.' }),
    min_expires: intParam({ default: 60, min: 0, runtime: true, doc: 'Shortest life, seconds; 0 any.' }),
    min_expires_mode: intParam({ default: 0, min: 0, max: 1, doc: 'Shorter ones: 0 are raised, 1 get a 423.' }),
    max_expires: intParam({ default: 0, min: 0, runtime: true, doc: 'Longest life, seconds; 0 any.' }),
    received_param: strParam({
      default: 'received',
      doc: "Parameter of contacts in replies that tells their NAT's address.",
    }),
    received_avp: strParam({ default: null, doc: 'AVP with the address the REGISTER came from, as a URI.' }),
    max_contacts: intParam({ default: 0, min: 0, runtime: true, doc: 'Most contacts of one AOR; 0 any number.' }),
    retry_after: intParam({ default: 0, min: 0, runtime: true, doc: 'Seconds in the Retry-After of a 5xx; 0 none.' }),
    sock_flag: intParam({ default: -1, min: -1, max: 31, doc: 'Message flag that makes save() read sock_hdr_name.' }),
    sock_mode: intParam({ default: 0, min: 0, max: 1, doc: '1: sockets are stored with their advertised address.' }),
    sock_hdr_name: strParam({ default: null, doc: 'Header with the socket of the contact.' }),
    method_filtering: intParam({
      default: 0,
      min: 0,
      max: 1,
      doc: 'lookup() passes over contacts that do not allow the method.',
    }),
    use_path: intParam({ default: 0, min: 0, max: 1, runtime: true, doc: 'Path is stored and used (RFC 3327).' }),
    path_mode: intParam({
      default: 2,
      min: 0,
      max: 2,
      runtime: true,
      doc: 'Path in the reply: 0 never, 1 where Supported has path, 2 a 420 where it has not.',
    }),
    path_use_received: intParam({
      default: 0,
      min: 0,
      max: 1,
      doc: "received of the first Path URI becomes the contact's.",
    }),
    path_check_local: intParam({
      default: 0,
      min: 0,
      max: 1,
      runtime: true,
      doc: 'lookup() leaves out a first Path hop that is this server.',
    }),
    xavp_cfg: strParam({ default: null, doc: 'XAVP with settings for the message.' }),
    xavp_rcd: strParam({ default: null, doc: 'XAVP that gets what the location table says.' }),
    xavp_rcd_mask: intParam({
      default: 0,
      min: 0,
      doc: 'What is left out: 1 ruid, 2 contact, 4 expires, 8 received, 16 path.',
    }),
    gruu_enabled: intParam({ default: 1, min: 0, max: 1, doc: 'GRUUs in replies (RFC 5627).' }),
    outbound_mode: intParam({
      default: 0,
      min: 0,
      max: 2,
      doc: 'RFC 5626: 0 not supported, 1 supported, 2 required of clients.',
    }),
    regid_mode: intParam({
      default: 0,
      min: 0,
      max: 1,
      doc: 'Whether reg-id counts where the client does not support outbound.',
      noEffect: 'reg-id counts always, as it does in Kamailio 5.6.3 whatever the value',
    }),
    flow_timer: intParam({ default: 0, min: 0, doc: 'Flow-Timer of replies, seconds; 0 none.' }),
    contact_max_size: intParam({ default: 512, min: 1, doc: 'Longest contact URI.' }),
    event_callback: strParam({
      default: null,
      doc: 'KEMI function for expired contacts.',
      noEffect: 'there is no KEMI; use event_route[usrloc:contact-expired]',
    }),
    lookup_filter_mode: intParam({
      default: 0,
      min: 0,
      max: 3,
      runtime: true,
      doc: 'lookup() takes only contacts 1 with a flag of rlf_bflags, 2 whose connection is open.',
    }),
    use_expired_contacts: intParam({
      default: 0,
      min: 0,
      max: 1,
      runtime: true,
      doc: 'Contacts that have expired and are still there are used.',
    }),
  },
  commands: {
    save: command({
      doc: 'Registers the contacts of a REGISTER and answers it.',
      args: ['const-str', 'const-str?', 'str?'],
      argNames: ['domain', 'flags', 'uri'],
      routes: SAVE_ROUTES,
      isAsync: true,
      check: checkSave,
      run: (run, reg: Registrar, domain, flags, uri) =>
        reg.save(run, domain, flags === undefined ? 0 : (bits(flags) ?? 0), uri ?? null),
    }),
    lookup: lookupCommand('ruri', 'Makes the contacts of the Request-URI (or `uri`) the destination set.'),
    lookup_to_dset: lookupCommand('dset', 'Adds the contacts of the Request-URI (or `uri`) as branches.'),
    lookup_branches: command({
      doc: 'lookup() of the Request-URI and of the branches that are only URIs.',
      args: ['const-str'],
      argNames: ['domain'],
      routes: LOOKUP_ROUTES,
      isAsync: true,
      check: openTable,
      run: (run, reg: Registrar, domain) => lookupBranches(run, reg, reg.table(domain)),
    }),
    registered: command({
      doc: 'True where the Request-URI (of a reply: the To URI; or `uri`) is registered.',
      args: ['const-str', 'str?', 'int?', 'int?'],
      argNames: ['domain', 'uri', 'match_option', 'match_action'],
      routes: ANY_ROUTE,
      isAsync: true,
      check: openTable,
      run: (run, reg: Registrar, domain, uri, options, actions) =>
        registered(run, reg, reg.table(domain), uri ?? null, options ?? 0, actions ?? 0),
    }),
    add_sock_hdr: command({
      doc: 'Adds a header with the socket the REGISTER came in on.',
      args: ['str'],
      argNames: ['hdr_name'],
      routes: REQUEST_ROUTE,
      run: (run, _reg: Registrar, name) => Registrar.addSockHeader(run, name),
    }),
    unregister: command({
      doc: 'Removes the contacts of an AOR, or the one with a ruid.',
      args: ['const-str', 'str', 'str?'],
      argNames: ['domain', 'uri', 'ruid'],
      routes: ANY_ROUTE,
      isAsync: true,
      check: openTable,
      run: (_run, reg: Registrar, domain, uri, ruid) => reg.unregister(domain, uri, ruid),
    }),
    reg_fetch_contacts: command({
      doc: 'Puts the contacts of a URI into $ulc(profile=>…).',
      args: ['const-str', 'str', 'const-str'],
      argNames: ['domain', 'uri', 'profile'],
      routes: LOOKUP_ROUTES,
      isAsync: true,
      check: openTable,
      run: (run, reg: Registrar, domain, uri, profile) => reg.fetch(run, domain, uri, profile),
    }),
    reg_free_contacts: command({
      doc: 'Frees $ulc(profile=>…).',
      args: ['const-str'],
      argNames: ['profile'],
      routes: LOOKUP_ROUTES,
      run(run, reg: Registrar, profile) {
        reg.fetched.free(run.msg, profile);
        return 1;
      },
    }),
    reg_send_reply: command({
      doc: 'Sends the reply that save() with flag 2 has kept.',
      args: [],
      routes: LOOKUP_ROUTES,
      run: (run, reg: Registrar) => reg.sendReply(run),
    }),
  },
  pseudoVariables: {
    ulc: {
      doc: 'Attribute of a contact that reg_fetch_contacts has found.',
      name: 'required',
      writable: true,
      indexed: true,
      bind: (use, reg) => bindUlc(use, () => reg.fetched),
    },
  },
  statistics: {
    max_expires: setting('max_expires', (reg) => reg.settings.maxExpiresSec),
    max_contacts: setting('max_contacts', (reg) => reg.settings.maxContacts),
    default_expire: setting('default_expires', (reg) => reg.settings.defaultExpiresSec),
    default_expires_range: setting('default_expires_range', (reg) => reg.settings.defaultExpiresRange),
    expires_range: setting('expires_range', (reg) => reg.settings.expiresRange),
    accepted_regs: { doc: 'Registrations accepted.' },
    rejected_regs: { doc: 'Registrations refused.' },
  },
  eventRoutes: { 'usrloc:contact-expired': { doc: 'A contact has expired: $ulc(exp=>…).' } },
  init: (ctx) => new Registrar(ctx),
});
