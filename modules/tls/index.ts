import { ANY_ROUTE, command, defineModule, PROTO, REQUEST_ROUTE } from 'strowger';
import { TLS_PARAMS } from './params.ts';
import { TLS_RPC } from './rpc.ts';
import { TlsModule } from './tls-module.ts';
import { TLS_PVS, TLS_SELECT } from './variables.ts';

export default defineModule<TlsModule>({
  name: 'tls',
  summary: 'SIP over TLS: certificates, profiles, SNI.',
  params: TLS_PARAMS,
  commands: {
    is_peer_verified: command({
      doc: 'True when the request came over TLS from a peer with a good certificate.',
      args: [],
      routes: REQUEST_ROUTE,
      run: (run, tls: TlsModule) => {
        const facts = tls.facts(run);
        if (facts === null) {
          const { proto } = run.msg.rcv;
          if (proto !== PROTO.TLS && proto !== PROTO.WSS)
            tls.context.log.error('is_peer_verified: not received over TLS');
          return -1;
        }
        return facts.peerCertificate !== null && facts.verifyError === '' ? 1 : -1;
      },
    }),
    tls_set_connect_server_id: command({
      doc: 'Chooses the client profile of the next TLS connection opened by its server_id; empty takes it back.',
      args: ['str'],
      argNames: ['srvid'],
      routes: ANY_ROUTE,
      run: (_run, tls: TlsModule, id) => {
        tls.nextServerId = id;
        return 1;
      },
    }),
  },
  pseudoVariables: TLS_PVS,
  selects: { tls: TLS_SELECT },
  rpc: TLS_RPC,
  eventRoutes: {
    'connection-out': { doc: 'A TLS connection we opened is ready; drop keeps everything off it.' },
  },
  init: async (ctx) => {
    const tls = new TlsModule(ctx);
    await tls.start();
    return tls;
  },
  destroy: (tls) => tls.stop(),
});
