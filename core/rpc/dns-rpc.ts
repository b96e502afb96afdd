/**
 * `dns.*` and `dst_blocklist.*` with the reply shapes of Kamailio 5.6.3, observed with kamcmd. The `stats_get` and
 * `server_state` methods are compiled out of the common packages; they follow the core RPC documentation.
 */

import {
  DNS_TYPE_CODES,
  DNS_TYPES,
  type DnsDataOf,
  type DnsEntry,
  type DnsType,
  normalizeName,
} from '../resolve/dns-records.ts';
import { literalEntry, type Resolver } from '../resolve/resolver.ts';
import { canonicalIp, ipFamily } from '../transport/ip-address.ts';
import { BLOCKLIST_METHODS } from './dst-blocklist-rpc.ts';
import {
  type RpcArgs,
  RpcFault,
  RpcMany,
  type RpcRegistry,
  type RpcReply,
  RpcStruct,
  type RpcValue,
} from './registry.ts';
import { EVERYWHERE, type ResolverMethod as Method, now, readStat, secondsLeft, statOf } from './resolver-rpc.ts';

/** Kamailio's DNS_FLAG_* of the add methods. */
const FLAG_NEGATIVE = 1;
const FLAG_PERMANENT = 2;

function yesNo(value: boolean): string {
  return value ? 'yes' : 'no';
}

function addData(struct: RpcStruct, data: DnsDataOf[DnsType], type: DnsType): void {
  if (typeof data === 'string') struct.add(type === 'A' || type === 'AAAA' ? 'rr_ip' : 'rr_name', data);
  else if ('target' in data) {
    struct
      .add('rr_name', data.target)
      .add('rr_port', data.port)
      .add('rr_priority', data.priority)
      .add('rr_weight', data.weight);
  } else if ('services' in data) {
    struct.add('rr_order', data.order).add('rr_preference', data.preference).add('rr_flags', data.flags);
    // Kamailio names the replacement rr_regexp too.
    struct.add('rr_service', data.services).add('rr_regexp', data.regexp).add('rr_regexp', data.replacement);
  } else if ('apex' in data) {
    struct.add('rr_position', data.position).add('rr_separator', data.separator).add('rr_apex', data.apex);
  } else {
    struct.add(
      'txt',
      data.map((text, idx) => ({ idx, rr_txt: text })),
    );
  }
}

function showEntry(entry: DnsEntry, nowMs: number, references: number): RpcStruct {
  const struct = new RpcStruct()
    .add('name', entry.name)
    .add('type', entry.type)
    .add('size_bytes', entry.sizeBytes)
    .add('reference_counter', references)
    .add('permanent', yesNo(entry.isPermanent))
    .add('expires', secondsLeft(entry.expiresMs, nowMs))
    .add('last_used', entry.expiresMs < 0 ? 0 : Math.floor((nowMs - entry.lastUsedMs) / 1000))
    .add('negative_entry', yesNo(entry.isNegative));
  if (entry.isNegative) return struct;
  const records = entry.records.map((record, i) => {
    const rr = new RpcStruct().add('rr_idx', i);
    addData(rr, record.data, entry.type);
    return rr.add('rr_permanent', yesNo(entry.isPermanent)).add('rr_expires', secondsLeft(record.expiresMs, nowMs));
  });
  return struct.add('records', records);
}

/** The fields that `dns.debug` and `dns.debug_all` print one after the other. */
function debugFields(entry: DnsEntry, nowMs: number): RpcValue[] {
  const lastUsed = Math.floor((nowMs - entry.lastUsedMs) / 1000);
  return [entry.sizeBytes, 1, secondsLeft(entry.expiresMs, nowMs), lastUsed, entry.isNegative ? 1 : 0];
}

function debugData(data: DnsDataOf[DnsType], type: DnsType): RpcValue[] {
  if (typeof data === 'string') return [type === 'A' || type === 'AAAA' ? 'ip' : type.toLowerCase(), data];
  if ('target' in data) return ['srv', data.target];
  if ('services' in data) return ['naptr ', data.flags + data.services + data.regexp + data.replacement];
  if ('apex' in data) return ['ebl', data.apex];
  return ['txt', data[0] ?? ''];
}

function readType(args: RpcArgs): DnsType {
  const text = args.str(0).toUpperCase();
  const type = DNS_TYPES.find((known) => known === text);
  if (type === undefined) throw new RpcFault(400, 'Invalid type');
  return type;
}

function show(entry: DnsEntry | null, resolver: Resolver): RpcStruct {
  if (entry === null || entry.isNegative) throw new RpcFault(400, 'Not found');
  return showEntry(entry, now(resolver), entry.expiresMs < 0 ? 1 : 2);
}

function lookup(args: RpcArgs, resolver: Resolver): RpcReply | Promise<RpcReply> {
  const type = readType(args);
  const name = args.str(1);
  const literal = literalEntry(name, type);
  if (literal !== null) return show(literal, resolver);
  const found = resolver.lookup(name, type);
  return found instanceof Promise ? found.then((entry) => show(entry, resolver)) : show(found, resolver);
}

function addRecord<T extends DnsType>(
  resolver: Resolver,
  type: T,
  name: string,
  data: DnsDataOf[T] | null,
  ttlSec: number,
  flags: number,
): void {
  const key = normalizeName(name);
  const isDone =
    key !== null &&
    data !== null &&
    ((flags & FLAG_NEGATIVE) !== 0
      ? resolver.cache.addNegative(key, type, ttlSec, (flags & FLAG_PERMANENT) !== 0)
      : resolver.cache.addRecord(key, type, data, ttlSec, (flags & FLAG_PERMANENT) !== 0));
  if (!isDone) throw new RpcFault(400, 'Failed to add the entry to the cache');
}

function addAddress(type: 'A' | 'AAAA'): Method {
  return {
    doc: `adds an ${type} record to the DNS cache`,
    params: ['name', 'ttl', 'ip', 'flags'],
    ...EVERYWHERE,
    run: (args, resolver) => {
      const ip = canonicalIp(args.str(2));
      const isFitting = ip !== null && ipFamily(ip) === (type === 'A' ? 4 : 6);
      addRecord(resolver, type, args.str(0), isFitting ? ip : null, args.int(1), args.int(3));
      return undefined;
    },
  };
}

function addSrv(args: RpcArgs, resolver: Resolver): undefined {
  const target = normalizeName(args.str(5));
  const data = target === null ? null : { priority: args.int(2), weight: args.int(3), port: args.int(4), target };
  addRecord(resolver, 'SRV', args.str(0), data, args.int(1), args.int(6));
}

function deleteRecords(type: DnsType): Method {
  return {
    doc: `deletes ${/^[AE]/.test(type) ? 'an' : 'a'} ${type} record from the DNS cache`,
    params: ['name'],
    ...EVERYWHERE,
    run: (args, resolver) => {
      const name = normalizeName(args.str(0));
      if (name === null || !resolver.cache.delete(name, type)) throw new RpcFault(400, 'Not found');
      return undefined;
    },
  };
}

function deleteAll(withPermanent: boolean, doc: string): Method {
  return {
    doc,
    ...EVERYWHERE,
    run: (_args, resolver) => {
      resolver.cache.clear(withPermanent);
      return { status: 'ok' };
    },
  };
}

const DNS_METHODS: readonly (readonly [string, Method])[] = [
  [
    'dns.mem_info',
    { doc: 'dns cache memory info.', run: (_args, r) => new RpcMany([r.cache.usedBytes, r.cache.maxBytes]) },
  ],
  [
    'dns.debug',
    {
      doc: 'dns debug info.',
      run: (_args, r) =>
        new RpcMany([...r.cache.entries()].flatMap((e) => [e.name, DNS_TYPE_CODES[e.type], ...debugFields(e, now(r))])),
    },
  ],
  [
    'dns.debug_all',
    {
      doc: 'complete dns debug dump',
      run: (_args, r) =>
        new RpcMany(
          [...r.cache.entries()].flatMap((e) =>
            e.records.flatMap((record, i) => [
              e.name,
              DNS_TYPE_CODES[e.type],
              i,
              ...debugFields(e, now(r)),
              ...debugData(record.data, e.type),
              secondsLeft(record.expiresMs, now(r)),
            ]),
          ),
        ),
    },
  ],
  [
    'dns.view',
    {
      doc: 'dns cache dump in a human-readable format',
      run: (_args, r) => new RpcMany([...r.cache.entries()].map((entry) => showEntry(entry, now(r), 1))),
    },
  ],
  ['dns.lookup', { doc: 'perform a dns lookup', params: ['type', 'name'], run: lookup }],
  ['dns.delete_all', deleteAll(false, 'deletes all the non-permanent entries from the DNS cache')],
  ['dns.delete_all_force', deleteAll(true, 'deletes all the entries from the DNS cache including the permanent ones')],
  ['dns.add_a', addAddress('A')],
  ['dns.add_aaaa', addAddress('AAAA')],
  [
    'dns.add_srv',
    {
      doc: 'adds an SRV record to the DNS cache',
      params: ['name', 'ttl', 'priority', 'weight', 'port', 'target', 'flags'],
      ...EVERYWHERE,
      run: addSrv,
    },
  ],
  ...DNS_TYPES.map((type) => [`dns.delete_${type.toLowerCase()}`, deleteRecords(type)] as const),
  [
    'dns.stats_get',
    {
      doc: 'a DNS counter: dns_req_cnt, dc_hits_cnt, dc_neg_hits_cnt or dc_lru_cnt',
      params: ['name', '[reset]'],
      run: (args, r) =>
        readStat(
          args,
          new Map([
            ['dns_req_cnt', statOf(r.stats, 'requests')],
            ['dc_hits_cnt', statOf(r.stats, 'hits')],
            ['dc_neg_hits_cnt', statOf(r.stats, 'negativeHits')],
            ['dc_lru_cnt', statOf(r.cache, 'evicted')],
          ]),
        ),
    },
  ],
  [
    'dns.set_server_state',
    {
      doc: 'says whether the name servers can be reached (1) or not (0: nothing is asked, old answers serve on)',
      params: ['state'],
      ...EVERYWHERE,
      run: (args, r) => {
        r.areServersUp = args.int(0) !== 0;
        return undefined;
      },
    },
  ],
  [
    'dns.get_server_state',
    { doc: 'the state set by dns.set_server_state', run: (_args, r) => (r.areServersUp ? 1 : 0) },
  ],
];

/** All methods by name; their state is the resolver. */
const dnsRpc: ReadonlyMap<string, Method> = new Map([...DNS_METHODS, ...BLOCKLIST_METHODS]);

/** Registers `dns.*` and `dst_blocklist.*` for a server's resolver. */
export function registerDnsRpc(registry: RpcRegistry, resolver: Resolver): void {
  for (const [name, method] of dnsRpc) registry.register(name, method, resolver);
}
