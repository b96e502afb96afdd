/** `dst_blocklist.*`, see dns-rpc.ts. */

import { BLST } from '../resolve/dst-blocklist.ts';
import type { Resolver } from '../resolve/resolver.ts';
import { canonicalIp, ipFamily } from '../transport/ip-address.ts';
import { PROTO, PROTO_NAMES, type Proto } from '../transport/socket-info.ts';
import { type RpcArgs, RpcFault, RpcMany } from './registry.ts';
import { EVERYWHERE, now, type ResolverMethod, readStat, secondsLeft, statOf } from './resolver-rpc.ts';

function addBlocked(args: RpcArgs, resolver: Resolver): undefined {
  const [text, port, proto, flags] = [args.str(0), args.int(1), args.int(2), args.int(3)];
  // SCTP (4) is the last that Kamailio takes; 0 stands for any.
  if (proto < 0 || proto > PROTO.SCTP) throw new RpcFault(400, 'Unknown protocol');
  const ip = canonicalIp(text);
  const isFlaggedIpv6 = (flags & BLST.IS_IPV6) !== 0;
  if (ip === null || (isFlaggedIpv6 && ipFamily(ip) !== 6)) throw new RpcFault(400, 'Malformed ip address');
  if (!resolver.blocklist.add(proto as Proto, ip, port, flags))
    throw new RpcFault(400, 'Failed to add the entry to the blocklist');
}

function protoName(proto: Proto): string {
  return proto === 0 ? '*' : PROTO_NAMES[proto];
}

export const BLOCKLIST_METHODS: readonly (readonly [string, ResolverMethod])[] = [
  [
    'dst_blocklist.mem_info',
    {
      doc: 'dst blocklist memory usage info.',
      run: (_args, r) => new RpcMany([r.blocklist.usedBytes, r.blocklist.maxBytes]),
    },
  ],
  [
    'dst_blocklist.debug',
    {
      doc: 'dst blocklist debug info.',
      run: (_args, r) =>
        new RpcMany(
          r.blocklist
            .entries()
            .flatMap((e) => [protoName(e.proto), e.ip, e.port, secondsLeft(e.expiresMs, now(r)), e.flags]),
        ),
    },
  ],
  [
    'dst_blocklist.view',
    {
      doc: 'dst blocklist dump in human-readable format.',
      // Lines of text in Kamailio, not a struct.
      run: (_args, r) =>
        new RpcMany(
          r.blocklist
            .entries()
            .flatMap((e) => [
              `{\n    protocol: ${protoName(e.proto)}`,
              `    ip: ${e.ip}`,
              `    port: ${e.port}`,
              `    expires in (s): ${secondsLeft(e.expiresMs, now(r))}`,
              `    flags: ${e.flags}\n}`,
            ]),
        ),
    },
  ],
  [
    'dst_blocklist.delete_all',
    {
      doc: 'Deletes all the entries from the dst blocklist except the permanent ones.',
      ...EVERYWHERE,
      run: (_args, r) => {
        r.blocklist.clear();
        return undefined;
      },
    },
  ],
  [
    'dst_blocklist.add',
    {
      doc: 'Adds a new entry to the dst blocklist.',
      params: ['ip', 'port', 'proto', 'flags'],
      ...EVERYWHERE,
      run: addBlocked,
    },
  ],
  [
    'dst_blocklist.stats_get',
    {
      doc: 'a blocklist counter: bkl_hit_cnt or bkl_lru_cnt',
      params: ['name', '[reset]'],
      run: (args, r) =>
        readStat(
          args,
          new Map([
            ['bkl_hit_cnt', statOf(r.blocklist.stats, 'hits')],
            ['bkl_lru_cnt', statOf(r.blocklist.stats, 'evicted')],
          ]),
        ),
    },
  ],
];
