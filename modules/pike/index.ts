import {
  command,
  defineModule,
  intParam,
  ipText,
  ONREPLY_ROUTE,
  REQUEST_ROUTE,
  RpcElement,
  RpcFault,
  type RpcMethod,
  type Run,
} from 'strowger';
import { Pike } from './pike.ts';

const routes = REQUEST_ROUTE | ONREPLY_ROUTE;

const FILTERS = ['ALL', 'HOT', 'WARM'];

const top: RpcMethod<Pike> = {
  doc: 'Lists the addresses that are kept one by one: those that are blocked (HOT, the default), or ALL.',
  params: ['[filter]'],
  run(args, pike) {
    const filter = args.str(0, 'HOT').toUpperCase();
    if (!FILTERS.includes(filter)) throw new RpcFault(500, 'Bad argument. Select: ALL, HOT or WARM');
    const nowSec = pike.nowSec();
    const shown = pike
      .leaves()
      .filter(({ isHot }) => filter === 'ALL' || (filter === 'HOT' && isHot))
      .toReversed();
    return {
      max_hits: pike.limit,
      list: shown.map((leaf) =>
        RpcElement.of({
          ip_addr: ipText(leaf.bytes),
          leaf_hits_prev: leaf.previous,
          leaf_hits_curr: leaf.current,
          expires: Math.max(0, leaf.expiresSec - nowSec),
          status: leaf.isHot ? 'HOT' : '',
        }),
      ),
      number_of_rows: shown.length,
    };
  },
};

export default defineModule<Pike>({
  name: 'pike',
  summary: 'Finds out addresses that send too many requests.',
  params: {
    sampling_time_unit: intParam({ default: 2, min: 1, doc: 'Seconds over which requests are counted.' }),
    reqs_density_per_unit: intParam({
      default: 30,
      min: 1,
      doc: 'Requests of one address in that time beyond which it is blocked.',
    }),
    remove_latency: intParam({ default: 120, min: 1, doc: 'Seconds after which an address is forgotten.' }),
    pike_log_level: intParam({ default: 1, doc: 'Log level of blocking and unblocking.' }),
  },
  commands: {
    pike_check_req: command({
      doc: 'Counts the request; false where its address sends too many: -2 the first time, then -1.',
      args: [],
      routes,
      run: ({ msg }: Run, pike: Pike) => pike.check(msg.rcv.srcIp),
    }),
    pike_check_ip: command({
      doc: 'The same for an address given.',
      args: ['str'],
      argNames: ['address'],
      routes,
      run: (_run: Run, pike: Pike, ip) => pike.check(ip),
    }),
  },
  rpc: { 'pike.top': top, 'pike.list': top },
  statistics: { blocked_ips: { doc: 'How often an address was blocked.' } },
  init: (ctx) => new Pike(ctx),
  childInit: (pike) => pike.start(),
  destroy: (pike) => pike.stop(),
});
