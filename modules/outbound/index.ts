import { command, defineModule, intParam, REQUEST_ROUTE, strParam } from 'strowger';
import { Outbound } from './outbound.ts';

export default defineModule<Outbound>({
  name: 'outbound',
  summary: 'Flow tokens for an edge proxy (RFC 5626 §5).',
  params: {
    force_outbound_flag: intParam({
      default: -1,
      min: -1,
      max: 31,
      doc: 'Message flag: Path and Record-Route get a flow token, whatever the request says.',
    }),
    force_no_outbound_flag: intParam({ default: -1, min: -1, max: 31, doc: 'Message flag: they get none.' }),
    flow_token_secret: strParam({ default: null, doc: 'Key of the tokens; a random one where not given.' }),
  },
  commands: {
    check_flow_token: command({
      doc: 'Says whether the topmost Route is a flow of ours that is still there.',
      args: [],
      routes: REQUEST_ROUTE,
      run: (run, outbound: Outbound) => outbound.check(run),
    }),
  },
  init: (ctx) => new Outbound(ctx),
  childInit: (outbound) => outbound.start(),
  api: (outbound) => outbound.api(),
});
