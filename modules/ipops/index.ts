import { ANY_ROUTE, type CommandDef, command, defineModule, type ModuleContext } from 'strowger';
import * as addresses from './addresses.ts';
import { Dns, resultPv } from './dns.ts';
import { HN, HostName } from './host-name.ts';

interface Ipops {
  readonly dns: Dns;
  readonly host: HostName;
}

const routes = ANY_ROUTE;

function one(doc: string, run: (text: string) => number): CommandDef<Ipops> {
  return command({ doc, args: ['str'], argNames: ['ip'], routes, run: (_run, _state: Ipops, text) => run(text) });
}
function two(doc: string, argNames: readonly string[], run: (a: string, b: string) => number): CommandDef<Ipops> {
  return command({ doc, args: ['str', 'str'], argNames, routes, run: (_run, _state: Ipops, a, b) => run(a, b) });
}
function detailed(doc: string, family: 4 | 6 | null): CommandDef<Ipops> {
  return command({
    doc,
    args: ['str', 'pvw'],
    argNames: ['ip', 'result'],
    routes,
    run: (run, _state: Ipops, text, target) => addresses.setDetailedType(run, text, family, target),
  });
}

const MATCH_NAMES = ['hostname', 'ipaddr'];

export default defineModule<Ipops>({
  name: 'ipops',
  summary: 'IP addresses, subnets and DNS queries.',
  commands: {
    is_ip: one('True for an IPv4 or IPv6 address, or an IPv6 reference.', addresses.isIp),
    is_pure_ip: one('True for an IPv4 or IPv6 address.', addresses.isPureIp),
    is_ipv4: one('True for an IPv4 address.', addresses.isIpv4),
    is_ipv6: one('True for an IPv6 address.', addresses.isIpv6),
    is_ipv6_reference: one('True for an IPv6 address in brackets.', addresses.isIpv6Reference),
    ip_type: one('1 IPv4, 2 IPv6, 3 IPv6 reference.', addresses.ipType),
    detailed_ip_type: detailed('Sets a variable to the kind of an address.', null),
    detailed_ipv4_type: detailed('Sets a variable to the kind of an IPv4 address.', 4),
    detailed_ipv6_type: detailed('Sets a variable to the kind of an IPv6 address.', 6),
    compare_ips: two(
      'True when both are one address; a reference is its address.',
      ['ip1', 'ip2'],
      addresses.compareIps,
    ),
    compare_pure_ips: two('True when both are one address.', ['ip1', 'ip2'], addresses.comparePureIps),
    is_ip_rfc1918: one('True for a private IPv4 address.', addresses.isRfc1918),
    is_in_subnet: two('True when the address is in one of the subnets.', ['ip', 'subnets'], addresses.isInSubnet),
    dns_sys_match_ip: command({
      doc: 'True when the name has this address.',
      args: ['str', 'str'],
      argNames: MATCH_NAMES,
      routes,
      isAsync: true,
      run: (_run, s: Ipops, name, ip) => s.dns.matchIp(name, ip),
    }),
    dns_int_match_ip: command({
      doc: 'True when the name has this address.',
      args: ['str', 'str'],
      argNames: MATCH_NAMES,
      routes,
      isAsync: true,
      run: (_run, s: Ipops, name, ip) => s.dns.matchIp(name, ip),
    }),
    dns_query: command({
      doc: 'Asks for addresses, into $dns(id=>…).',
      args: ['str', 'str'],
      argNames: ['hostname', 'pvid'],
      routes,
      isAsync: true,
      run: (run, s: Ipops, name, id) => s.dns.query(run, name, id),
    }),
    srv_query: command({
      doc: 'Asks for SRV records, into $srvquery(id=>…).',
      args: ['str', 'str'],
      argNames: ['srvcname', 'pvid'],
      routes,
      isAsync: true,
      run: (run, s: Ipops, name, id) => s.dns.srvQuery(run, name, id),
    }),
    naptr_query: command({
      doc: 'Asks for NAPTR records, into $naptrquery(id=>…).',
      args: ['str', 'str'],
      argNames: ['domain', 'pvid'],
      routes,
      isAsync: true,
      run: (run, s: Ipops, name, id) => s.dns.naptrQuery(run, name, id),
    }),
    dns_set_local_ttl: command({
      doc: 'Keeps the answers to the queries of this module for so many seconds; 0 leaves it to the resolver.',
      args: ['int'],
      argNames: ['vttl'],
      routes,
      run: (_run, s: Ipops, seconds) => {
        s.dns.localTtlSec = Math.max(0, seconds);
        return 1;
      },
    }),
  },
  pseudoVariables: {
    dns: resultPv('Result of dns_query(): $dns(id=>count), ipv4, ipv6, addr[i], type[i].', 'dns'),
    srvquery: resultPv(
      'Result of srv_query(): $srvquery(id=>count), port[i], priority[i], target[i], weight[i].',
      'srv',
    ),
    naptrquery: resultPv(
      'Result of naptr_query(): $naptrquery(id=>count), order[i], pref[i], flags[i], services[i], regex[i], replace[i].',
      'naptr',
    ),
    HN,
  },
  init: (ctx: ModuleContext) => ({ dns: new Dns(ctx), host: new HostName(ctx) }),
});
