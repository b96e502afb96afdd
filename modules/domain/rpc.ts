import { RpcElement, RpcFault, type RpcMethod } from 'strowger';
import type { Domain } from './domain.ts';
import { inDumpOrder } from './domain-table.ts';

/** domain.*, with Kamailio's replies. */
export const DOMAIN_RPC: Readonly<Record<string, RpcMethod<Domain>>> = {
  'domain.reload': {
    scope: 'all',
    doc: 'Reads the tables anew.',
    isReload: true,
    run: async (_args, domain) => {
      const error = await domain.reload();
      if (error !== null) throw new RpcFault(400, 'Reload of domain tables failed');
      return undefined;
    },
  },
  'domain.dump': {
    doc: 'Shows the domains, and the names of the attributes of each did.',
    run: (_args, { domains }) => ({
      domains: inDumpOrder(domains).map(({ domain, did }) => RpcElement.of({ domain, did })),
      attributes: [...domains.attributes]
        .toReversed()
        .map(([did, attributes]) => RpcElement.of({ did, attrs: attributes.map(({ name }) => name) })),
    }),
  },
};
