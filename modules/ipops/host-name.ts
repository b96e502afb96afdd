import { hostname } from 'node:os';
import type { ModuleContext, PvDef } from 'strowger';

/** The machine's name, for `$HN(x)`. */
export class HostName {
  readonly fqdn: string;
  readonly name: string;
  /** Null where the name has no dot. */
  readonly domain: string | null;
  /** Null until it is known, or where the name leads nowhere. */
  address: string | null = null;

  constructor(ctx: ModuleContext, fqdn = hostname()) {
    const dot = fqdn.indexOf('.');
    this.fqdn = fqdn;
    this.name = dot < 0 ? fqdn : fqdn.slice(0, dot);
    this.domain = dot < 0 ? null : fqdn.slice(dot + 1);
    const addresses = ctx.server.resolver.addresses(fqdn);
    if (addresses instanceof Promise) void addresses.then((found) => this.#use(found));
    else this.#use(addresses);
  }

  #use(addresses: readonly string[]): void {
    this.address = addresses[0] ?? null;
  }
}

export const HN: PvDef<{ readonly host: HostName }> = {
  doc: '$HN(n) name, $HN(f) full name, $HN(d) domain, $HN(i) address of this machine.',
  name: 'required',
  bind: (use, { host }) => {
    switch (use.name?.trim() ?? '') {
      case 'n':
        return { get: () => host.name };
      case 'f':
        return { get: () => host.fqdn };
      case 'd':
        return { get: () => host.domain };
      case 'i':
        return { get: () => host.address };
      default:
        return `'${use.name}' is none of n, f, d, i`;
    }
  },
};
