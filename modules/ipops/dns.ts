/** DNS queries of the script, and the variables that hold their results. */

import {
  canonicalIp,
  ipFamily,
  type ModuleContext,
  orderSrv,
  type PvDef,
  type PvUse,
  type PvValue,
  type Run,
  type Server,
} from 'strowger';

type Lookups = Server['resolver'];
/** What `lookup` answers with. */
type Answer<T> = { readonly records: readonly { readonly data: T }[] } | null;

/** Fields of a result: single ones by name, indexed ones as columns. */
interface Result {
  readonly single: Readonly<Record<string, PvValue>>;
  readonly rows: readonly Readonly<Record<string, PvValue>>[];
}

/** Answers kept for longer than the resolver does; more are forgotten. */
const MAX_KEPT = 1000;
const NOT_FOUND = -4;
const BAD_ADDRESS = -3;

/** One server's DNS side of ipops. */
export class Dns {
  readonly #server: Server;
  /** Seconds; 0 leaves it to the resolver. */
  localTtlSec = 0;
  readonly #kept = new Map<string, { readonly answer: unknown; readonly untilMs: number }>();
  /** Name of this machine, for `$HN`. */
  readonly #results = { dns: {}, srv: {}, naptr: {} };

  constructor(ctx: ModuleContext) {
    this.#server = ctx.server;
  }

  /** dns_query: addresses of a name, IPv4 first; a literal is its own. */
  query(run: Run, name: string, id: string): number | Promise<number> {
    const store = (addresses: readonly string[]): number => {
      const v4 = addresses.filter((address) => ipFamily(address) === 4);
      const v6 = addresses.filter((address) => ipFamily(address) === 6);
      if (addresses.length === 0) {
        this.#forget(run, this.#results.dns, id);
        return NOT_FOUND;
      }
      this.#store(run, this.#results.dns, id, {
        single: { count: addresses.length, ipv4: v4.length > 0 ? 1 : 0, ipv6: v6.length > 0 ? 1 : 0 },
        rows: [...v4, ...v6].map((addr) => ({ addr, type: ipFamily(addr) })),
      });
      return 1;
    };
    return then(this.#addresses(name), store);
  }

  /** dns_sys_match_ip, dns_int_match_ip: -3 the second is no address, -4 the name has none. */
  matchIp(name: string, address: string): number | Promise<number> {
    const wanted = canonicalIp(address.replace(/^\[|\]$/g, ''));
    if (wanted === null) return BAD_ADDRESS;
    return then(this.#addresses(name), (addresses) => {
      if (addresses.length === 0) return NOT_FOUND;
      return addresses.some((found) => canonicalIp(found) === wanted) ? 1 : -1;
    });
  }

  srvQuery(run: Run, name: string, id: string): number | Promise<number> {
    if (name === '') return -1;
    return then(
      this.#answer(name, 'SRV', (resolver) => resolver.lookup(name, 'SRV')),
      (answer) => {
        const records = orderSrv(
          (answer?.records ?? []).map((record) => record.data),
          run.server.random,
        );
        this.#store(run, this.#results.srv, id, {
          single: { count: records.length },
          rows: records.map(({ port, priority, target, weight }) => ({ port, priority, target, weight })),
        });
        return 1;
      },
    );
  }

  naptrQuery(run: Run, name: string, id: string): number | Promise<number> {
    if (name === '') return -1;
    return then(
      this.#answer(name, 'NAPTR', (resolver) => resolver.lookup(name, 'NAPTR')),
      (answer) => {
        const records = (answer?.records ?? [])
          .map((record) => record.data)
          .toSorted((a, b) => a.order - b.order || a.preference - b.preference);
        this.#store(run, this.#results.naptr, id, {
          single: { count: records.length },
          rows: records.map((data) => ({
            order: data.order,
            pref: data.preference,
            flags: data.flags,
            services: data.services,
            regex: data.regexp,
            replace: data.replacement,
          })),
        });
        return 1;
      },
    );
  }

  /** Addresses of both families. */
  #addresses(name: string): readonly string[] | Promise<readonly string[]> {
    if (ipFamily(name) !== 0) return [name];
    if (name === '') return [];
    const v4 = this.#answer(name, 'A', (resolver) => resolver.lookup(name, 'A'));
    const v6 = this.#answer(name, 'AAAA', (resolver) => resolver.lookup(name, 'AAAA'));
    const join = (a: Answer<string>, b: Answer<string>): string[] =>
      [...(a?.records ?? []), ...(b?.records ?? [])].map((record) => record.data);
    if (v4 instanceof Promise || v6 instanceof Promise) return Promise.all([v4, v6]).then(([a, b]) => join(a, b));
    return join(v4, v6);
  }

  /** Asks the resolver, or takes what dns_set_local_ttl() has kept. */
  #answer<T>(
    name: string,
    type: string,
    ask: (resolver: Lookups) => Answer<T> | Promise<Answer<T>>,
  ): Answer<T> | Promise<Answer<T>> {
    const key = `${type} ${name.toLowerCase()}`;
    const now = this.#server.clock.now();
    const kept = this.#kept.get(key);
    if (kept !== undefined && kept.untilMs > now) return kept.answer as Answer<T>;
    if (this.localTtlSec === 0) return ask(this.#server.resolver);
    const untilMs = now + this.localTtlSec * 1000;
    return then(ask(this.#server.resolver), (answer) => {
      if (this.#kept.size >= MAX_KEPT) this.#kept.clear();
      this.#kept.set(key, { answer, untilMs });
      return answer;
    });
  }

  /** Results live with the message and its transaction, by the script's id. */
  #store(run: Run, kind: object, id: string, result: Result): void {
    const found = run.msg.extension<Map<string, Result>>(kind);
    if (found === undefined) run.msg.setExtension(kind, new Map([[id, result]]));
    else found.set(id, result);
  }

  #forget(run: Run, kind: object, id: string): void {
    run.msg.extension<Map<string, Result>>(kind)?.delete(id);
  }

  result(run: Run, kind: 'dns' | 'srv' | 'naptr', id: string): Result | undefined {
    return run.msg.extension<Map<string, Result>>(this.#results[kind])?.get(id);
  }
}

function then<A, B>(value: A | Promise<A>, next: (value: A) => B): B | Promise<B> {
  return value instanceof Promise ? value.then(next) : next(value);
}

const FIELDS = {
  dns: { single: ['count', 'ipv4', 'ipv6'], rows: ['addr', 'type'] },
  srv: { single: ['count'], rows: ['port', 'priority', 'target', 'weight'] },
  naptr: { single: ['count'], rows: ['order', 'pref', 'flags', 'services', 'regex', 'replace'] },
} as const;

/** `$dns(id=>count)`, `$dns(id=>addr[1])`: the index may be a variable, negative ones count from the end. */
export function resultPv(doc: string, kind: keyof typeof FIELDS): PvDef<{ readonly dns: Dns }> {
  return {
    doc,
    name: 'required',
    bind: (use: PvUse, state) => {
      const match = /^\s*(.+?)\s*=>\s*([a-z0-9]+)\s*(?:\[\s*(.+?)\s*\])?\s*$/.exec(use.name ?? '');
      if (match === null) return `'${use.name}' is not id=>field or id=>field[index]`;
      const [, idText = '', field = '', indexText] = match;
      const { single, rows } = FIELDS[kind];
      const isSingle = (single as readonly string[]).includes(field);
      if (!isSingle && !(rows as readonly string[]).includes(field))
        return `no field '${field}': ${[...single, ...rows].join(', ')}`;
      const id = use.format(idText);
      const index = use.format(indexText ?? '0');
      return {
        get: (run) => {
          const result = state.dns.result(run, kind, id(run));
          // a count of nothing is 0 for SRV and NAPTR, and null for addresses, as in Kamailio
          if (result === undefined) return field === 'count' && kind !== 'dns' ? 0 : null;
          if (isSingle) return result.single[field] ?? null;
          const at = Number(index(run));
          return Number.isInteger(at) ? (result.rows.at(at)?.[field] ?? null) : null;
        },
      };
    },
  };
}
