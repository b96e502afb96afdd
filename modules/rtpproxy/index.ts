import {
  ANY_ROUTE,
  type CommandDef,
  command,
  defineModule,
  METHOD,
  RpcFault,
  RpcMany,
  type RpcValue,
  type Run,
} from 'strowger';
import { RTPP_PARAMS } from './params.ts';
import { Rtpproxy } from './proxy.ts';

function exchange(operation: 'offer' | 'answer', doc: string): CommandDef<Rtpproxy> {
  return command({
    doc,
    args: ['str?', 'str?'],
    argNames: ['options', 'ip'],
    routes: ANY_ROUTE,
    isAsync: true,
    run: (run: Run, proxy: Rtpproxy, options, ip) => {
      const { msg } = run;
      if (operation === 'answer' && msg.isRequest && msg.method !== METHOD.ACK) return -1;
      return proxy.offerAnswer(run, operation, options ?? '', ip ?? '');
    },
  });
}

const destroy: CommandDef<Rtpproxy> = command({
  doc: 'Ends the session of the call.',
  args: ['str?'],
  argNames: ['options'],
  routes: ANY_ROUTE,
  isAsync: true,
  run: (run: Run, proxy: Rtpproxy, options) => proxy.destroy(run, options ?? ''),
});

function streaming(toCaller: boolean, doc: string): CommandDef<Rtpproxy> {
  return command({
    doc,
    args: ['str', 'int'],
    argNames: ['prompt', 'count'],
    routes: ANY_ROUTE,
    isAsync: true,
    run: (run: Run, proxy: Rtpproxy, prompt, count) => proxy.stream(run, toCaller, prompt, count),
  });
}

function stopping(toCaller: boolean, doc: string): CommandDef<Rtpproxy> {
  return command({
    doc,
    args: [],
    routes: ANY_ROUTE,
    isAsync: true,
    run: (run: Run, proxy: Rtpproxy) => proxy.stopStream(run, toCaller),
  });
}

const statistics = {
  doc: 'Counts of the session, as rtpproxy told when it ended.',
  name: 'none',
  bind: (_use: unknown, proxy: Rtpproxy) => {
    // Bound while a script is checked, there is no module yet.
    if (proxy !== undefined) proxy.wantsCounts = true;
    return { get: ({ msg }: Run) => proxy.counts(msg) };
  },
} as const;

export default defineModule<Rtpproxy>({
  name: 'rtpproxy',
  summary: 'Media through rtpproxy, by its text protocol.',
  depends: ['tm?', 'db_sqlite?', 'db_mysql?', 'db_postgres?', 'db_text?'],
  params: RTPP_PARAMS,
  commands: {
    set_rtp_proxy_set: command({
      doc: 'Chooses the set of nodes for this message.',
      args: ['int'],
      argNames: ['set'],
      routes: ANY_ROUTE,
      run: (run: Run, proxy: Rtpproxy, setId) => proxy.chooseSet(run, setId),
    }),
    rtpproxy_offer: exchange('offer', 'Makes room for the media of an offer, and puts it into the SDP.'),
    rtpproxy_answer: exchange('answer', 'Makes room for the media of an answer, and puts it into the SDP.'),
    rtpproxy_manage: command({
      doc: 'Offers, answers or ends the session, whichever the message asks for.',
      args: ['str?', 'str?'],
      argNames: ['options', 'ip'],
      routes: ANY_ROUTE,
      isAsync: true,
      run: (run: Run, proxy: Rtpproxy, options, ip) => proxy.manage(run, options ?? '', ip ?? ''),
    }),
    rtpproxy_destroy: destroy,
    unforce_rtp_proxy: destroy,
    start_recording: command({
      doc: 'Records the session.',
      args: [],
      routes: ANY_ROUTE,
      isAsync: true,
      run: (run: Run, proxy: Rtpproxy) => proxy.record(run),
    }),
    rtpproxy_stream2uac: streaming(true, 'Plays a file to the caller; -1 times: on and on.'),
    rtpproxy_stream2uas: streaming(false, 'Plays a file to the called; -1 times: on and on.'),
    rtpproxy_stop_stream2uac: stopping(true, 'Stops playing to the caller.'),
    rtpproxy_stop_stream2uas: stopping(false, 'Stops playing to the called.'),
  },
  pseudoVariables: { rtpstat: statistics, rtppstat: statistics },
  rpc: {
    'rtpproxy.list': {
      doc: 'Shows nodes and their states.',
      run: (_args, { nodes, ctx }) =>
        new RpcMany(
          nodes.shown(null).map((node): RpcValue => {
            const waitMs = node.isDisabled ? Math.max(0, node.recheckMs - ctx.server.clock.now()) : 0;
            return {
              setid: node.setId,
              url: node.url,
              index: node.index,
              disabled: Number(node.isDisabled),
              weight: node.weight,
              recheck: node.isPermanent ? -1 : Math.ceil(waitMs / 1000),
            };
          }),
        ),
    },
    'rtpproxy.enable': {
      doc: 'Enables a node (above 0), or disables it for good (0).',
      params: ['url', 'state'],
      run: (args, { nodes }) => {
        if (args.length < 2) throw new RpcFault(500, 'Not enough parameters');
        const found = nodes.shown(args.str(0));
        if (found.length === 0) throw new RpcFault(404, 'RTPProxy not found');
        for (const node of found) {
          if (args.int(1) > 0) nodes.enable(node);
          else nodes.disableForGood(node);
        }
        return undefined;
      },
    },
  },
  async init(ctx) {
    const proxy = new Rtpproxy(ctx);
    await proxy.start();
    return proxy;
  },
  childInit: (proxy) => proxy.childInit(),
  destroy: (proxy) => proxy.close(),
});
