import { type CommandDef, command, defineModule, intParam, REQUEST_ROUTE, strParam } from 'strowger';
import { Path } from './path.ts';

function addPath(withReceived: boolean): CommandDef<Path> {
  return command({
    doc: withReceived ? 'Adds Path with where the request came from.' : 'Adds Path.',
    args: ['str?', 'str?'],
    argNames: ['user', 'parameters'],
    routes: REQUEST_ROUTE,
    run: (run, path: Path, user, params) => path.add(run, user, params ?? '', withReceived),
  });
}

export default defineModule<Path>({
  name: 'path',
  summary: 'Path for proxies in front of a registrar (RFC 3327).',
  depends: ['rr?', 'outbound?'],
  params: {
    use_received: intParam({
      default: 0,
      min: 0,
      max: 1,
      doc: 'loose_route() follows the received parameter of our Route.',
    }),
    received_format: intParam({ default: 0, min: 0, max: 1, doc: '0: an escaped URI; 1: ip~port~protocol.' }),
    received_name: strParam({ default: 'received', doc: 'Name of that parameter.' }),
    enable_r2: intParam({ default: 0, min: 0, max: 1, doc: 'Two rows, for the outgoing and the incoming socket.' }),
    sockname_mode: intParam({ default: 0, min: 0, max: 1, doc: 'The socket name goes into the parameter sn.' }),
  },
  commands: { add_path: addPath(false), add_path_received: addPath(true) },
  init: (ctx) => new Path(ctx),
});
