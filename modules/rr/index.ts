import {
  ANY_ROUTE,
  BRANCH_ROUTE,
  command,
  defineModule,
  FAILURE_ROUTE,
  intParam,
  ONREPLY_ROUTE,
  REQUEST_ROUTE,
  type Run,
  strParam,
} from 'strowger';
import { firstRouteUri, PRELOADED_ONLY_US, resultOf } from './loose-route.ts';
import { addRrParam, recordRoute, recordRouteAdvertised, recordRoutePreset } from './record-route.ts';
import { RrModule } from './rr.ts';

const RR_ROUTES = REQUEST_ROUTE | BRANCH_ROUTE | FAILURE_ROUTE;

export default defineModule<RrModule>({
  name: 'rr',
  summary: 'Record-Route and loose routing (RFC 3261 §16.4, §16.6, §16.12).',
  depends: ['outbound?'],
  params: {
    enable_full_lr: intParam({
      default: 0,
      min: 0,
      max: 1,
      doc: 'Write ;lr=on instead of ;lr, for clients that need a value.',
    }),
    append_fromtag: intParam({
      default: 1,
      min: 0,
      max: 1,
      doc: 'Add ;ftag with the From tag: is_direction needs it.',
    }),
    enable_double_rr: intParam({
      default: 1,
      min: 0,
      max: 2,
      doc: 'Two Record-Routes where the sockets differ; 2 always.',
    }),
    add_username: intParam({ default: 0, min: 0, max: 1, doc: "Put the Request-URI's user into Record-Route." }),
    enable_socket_mismatch_warning: intParam({
      default: 1,
      min: 0,
      max: 1,
      doc: 'Warn when the second of two Record-Routes names no socket of ours.',
    }),
    custom_user_avp: strParam({ default: null, doc: 'AVP whose value becomes the user part of Record-Route.' }),
    ignore_sips: intParam({ default: 0, min: 0, max: 1, doc: 'Write sip: even where the Request-URI is sips:.' }),
    sockname_mode: intParam({
      default: 0,
      min: 0,
      max: 1,
      doc: "Put the socket's name into Record-Route as `sn`, and send from the socket so named.",
    }),
    signature_key: strParam({
      default: null,
      doc: 'File with the key that Record-Routes are signed with, made where it is not there; check_route_signature asks for it.',
    }),
    loose_route_mode: intParam({
      default: 0,
      min: 0,
      max: 3,
      doc: 'The mode of loose_route(), as loose_route_mode() takes it.',
    }),
    force_send_socket: intParam({
      default: 1,
      min: 0,
      max: 1,
      doc: 'Send from the socket that the second of two Routes names.',
    }),
  },
  commands: {
    record_route: [
      command({
        doc: 'Adds Record-Route; `text` becomes parameters of it.',
        args: ['str?'],
        argNames: ['params'],
        routes: RR_ROUTES,
        run: (run: Run, rr: RrModule, text) => recordRoute(run, rr.optionsFor(run), text ?? ''),
      }),
    ],
    record_route_preset: command({
      doc: 'Adds Record-Route with the given address; two addresses make two rows.',
      args: ['str', 'str?'],
      argNames: ['address', 'address2'],
      routes: RR_ROUTES,
      run: (run: Run, rr: RrModule, a, b) => recordRoutePreset(run, rr.optionsFor(run), a, b),
    }),
    record_route_advertised_address: command({
      doc: "Adds Record-Route with the given address and our sockets' transports.",
      args: ['str'],
      argNames: ['address'],
      routes: RR_ROUTES,
      run: (run: Run, rr: RrModule, address) => recordRouteAdvertised(run, rr.optionsFor(run), address),
    }),
    add_rr_param: command({
      doc: 'Adds parameters to the Record-Route of this request.',
      args: ['str'],
      argNames: ['params'],
      routes: RR_ROUTES,
      run: (run: Run, _rr: RrModule, text) => addRrParam(run, text),
    }),
    loose_route: command({
      doc: 'Routes by the Route set of the request.',
      args: [],
      routes: REQUEST_ROUTE,
      run: (run: Run, rr: RrModule) => rr.route(run, rr.routeMode),
    }),
    loose_route_preloaded: command({
      doc: 'As loose_route; true only for a preloaded Route set that named nobody but us.',
      args: [],
      routes: REQUEST_ROUTE,
      run: (run: Run, rr: RrModule) => (rr.route(run, rr.routeMode) === PRELOADED_ONLY_US ? 1 : -1),
    }),
    loose_route_mode: command({
      doc: 'As loose_route; bits of the mode: 1 never takes the request for one of a strict router before us, 2 passes over flow tokens.',
      args: ['int'],
      argNames: ['mode'],
      routes: REQUEST_ROUTE,
      run: (run: Run, rr: RrModule, mode) => rr.route(run, mode),
    }),
    rr_next_hop_route: command({
      doc: 'True when loose_route took the next hop from a Route header that is left.',
      args: [],
      routes: ANY_ROUTE,
      run: (run: Run) => (resultOf(run.msg)?.isNextHopRoute === true ? 1 : -1),
    }),
    remove_record_route: command({
      doc: 'Takes the Record-Route of this request back.',
      args: [],
      routes: RR_ROUTES,
      run: (run: Run, rr: RrModule) => rr.removeRecordRoute(run),
    }),
    check_route_param: command({
      doc: 'True when the parameters of our Route match.',
      args: ['regex'],
      argNames: ['regex'],
      routes: REQUEST_ROUTE | FAILURE_ROUTE | ONREPLY_ROUTE,
      run: (run: Run, rr: RrModule, re) => rr.checkRouteParam(run, re),
    }),
    check_route_signature: command({
      doc: 'True when our Route was written here, for the dialog of this request (`signature_key`).',
      args: [],
      routes: REQUEST_ROUTE | FAILURE_ROUTE | ONREPLY_ROUTE,
      run: (run: Run, rr: RrModule) => rr.checkRouteSignature(run),
    }),
    is_direction: command({
      doc: 'True when the in-dialog request goes `upstream` or `downstream`.',
      args: ['str'],
      argNames: ['direction'],
      routes: REQUEST_ROUTE | FAILURE_ROUTE | ONREPLY_ROUTE,
      run: (run: Run, rr: RrModule, direction) => rr.isDirection(run, direction),
    }),
  },
  pseudoVariables: {
    route_uri: {
      doc: 'URI of the first Route.',
      name: 'none',
      bind: () => ({ get: (run) => firstRouteUri(run.msg) }),
    },
    rdir: {
      doc: 'Direction of an in-dialog request: (id) 1 downstream, 2 upstream; (name).',
      name: 'optional',
      bind: (use) => ({ get: (run) => RrModule.direction(run, use.name) }),
    },
    fti: {
      doc: 'ftag parameter: the tag of the one who began the dialog.',
      name: 'none',
      bind: () => ({ get: (run) => RrModule.fromTagInitial(run) }),
    },
    tti: { doc: 'The other tag than $fti.', name: 'none', bind: () => ({ get: (run) => RrModule.toTagInitial(run) }) },
  },
  init: (ctx) => new RrModule(ctx),
  api: (rr) => rr.api(),
});
