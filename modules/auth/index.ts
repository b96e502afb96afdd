import {
  ANY_ROUTE,
  type CommandDef,
  command,
  defineModule,
  digestAlgorithm,
  digestResponse,
  FAILURE_ROUTE,
  ha1Of,
  METHOD,
  type ModuleContext,
  ONREPLY_ROUTE,
  REQUEST_ROUTE,
  type Run,
} from 'strowger';
import type { AuthApi, AuthTarget } from './api.ts';
import { Authenticator, parseAlgorithms } from './authenticator.ts';
import { CHALLENGE, Challenger, qopOf } from './challenge.ts';
import { checkIdentity } from './identity.ts';
import { AUTH_PARAMS } from './params.ts';
import { PvAuth } from './pv-auth.ts';

/** The module's state in one server. */
interface AuthState {
  readonly auth: Authenticator;
  readonly challenger: Challenger;
  readonly pv: PvAuth;
}

function makeState(ctx: ModuleContext): AuthState {
  const auth = new Authenticator(ctx);
  const challenger = new Challenger(ctx, auth);
  return { auth, challenger, pv: new PvAuth(ctx, auth, challenger) };
}

function apiOf({ auth }: AuthState): AuthApi {
  return {
    begin: (run, target, realm) => auth.begin(run, target, realm),
    verify: (run, found, secret, method) => auth.verify(run, found, secret, method),
    checkIdentity,
    strippedRealm: (realm) => auth.strippedRealm(realm),
    digestAlgorithm,
    ha1Of,
    digestResponse,
  };
}

const CHALLENGE_ROUTES = REQUEST_ROUTE | FAILURE_ROUTE | ONREPLY_ROUTE;

/** What is wrong with a constant list of algorithms. */
function checkAlgorithms(names: string | number | undefined): string | null {
  return names === undefined || parseAlgorithms(String(names)) !== null ? null : `"${names}" has an unknown algorithm`;
}

const challenge = (doc: string, targetOf: (run: Run) => AuthTarget): CommandDef<AuthState> =>
  command({
    doc,
    args: ['text', 'int', 'str?'],
    argNames: ['realm', 'flags', 'algorithms'],
    routes: CHALLENGE_ROUTES,
    check: (values) => checkAlgorithms(values[2]),
    run: (run: Run, state: AuthState, realm, flags, algorithms) =>
      state.challenger.send(run, targetOf(run), realm(run) ?? '', flags, algorithms),
  });

const authenticate = (target: AuthTarget, header: string): CommandDef<AuthState> =>
  command({
    doc: `Checks ${header} with a password of the script.`,
    args: ['text', 'text', 'int', 'text?'],
    argNames: ['realm', 'password', 'flags', 'method'],
    routes: REQUEST_ROUTE,
    run: (run: Run, { pv }: AuthState, realm, password, flags, method) =>
      pv.authenticate(run, target, realm(run) ?? '', password(run) ?? '', flags, method?.(run) ?? undefined),
  });

const wwwAuthenticate = authenticate('www', 'Authorization');
const proxyAuthenticate = authenticate('proxy', 'Proxy-Authorization');

export default defineModule<AuthState>({
  name: 'auth',
  summary: 'Digest authentication: challenges, nonces, credentials (RFC 3261 §22, RFC 7616, RFC 8760).',
  depends: ['sl'],
  params: AUTH_PARAMS,
  commands: {
    www_challenge: challenge('Challenges with 401.', () => 'www'),
    proxy_challenge: challenge('Challenges with 407.', () => 'proxy'),
    auth_challenge: challenge('Challenges REGISTER with 401, any other request with 407.', (run) =>
      run.msg.method === METHOD.REGISTER ? 'www' : 'proxy',
    ),
    pv_www_authenticate: wwwAuthenticate,
    pv_www_authorize: wwwAuthenticate,
    pv_proxy_authenticate: proxyAuthenticate,
    pv_proxy_authorize: proxyAuthenticate,
    pv_auth_check: command({
      doc: 'Checks Authorization of REGISTER, Proxy-Authorization of any other request, and the user with checks 1.',
      args: ['text', 'text', 'int', 'int'],
      argNames: ['realm', 'password', 'flags', 'checks'],
      routes: REQUEST_ROUTE,
      run: (run: Run, { pv }: AuthState, realm, password, flags, checks) =>
        pv.check(run, realm(run) ?? '', password(run) ?? '', flags, checks),
    }),
    auth_get_www_authenticate: command({
      doc: 'Makes a challenge with WWW-Authenticate and puts it into a variable.',
      args: ['text', 'int', 'pvw'],
      argNames: ['realm', 'flags', 'variable'],
      routes: ANY_ROUTE,
      run(run: Run, { challenger }: AuthState, realmText, flags, variable) {
        const realm = realmText(run);
        if (realm === null || realm === '') return -1;
        const isStale = (flags & CHALLENGE.STALE) !== 0;
        variable.set(run, challenger.header(run.msg, 'www', realm, qopOf(flags), isStale));
        return 1;
      },
    }),
    has_credentials: command({
      doc: 'Whether the request has credentials for a realm.',
      args: ['text'],
      argNames: ['realm'],
      routes: REQUEST_ROUTE,
      run: (run: Run, { auth }: AuthState, realm) => auth.has(run.msg, realm(run) ?? ''),
    }),
    auth_algorithm: command({
      doc: 'Chooses the algorithm for this request, in the place of the parameter; several with commas between them.',
      args: ['str'],
      argNames: ['algorithm'],
      routes: REQUEST_ROUTE,
      check: (values) => checkAlgorithms(values[0]),
      run: (run: Run, { auth }: AuthState, names) => auth.choose(run.msg, names),
    }),
    consume_credentials: command({
      doc: 'Takes the credentials that were checked out of the request.',
      args: [],
      routes: REQUEST_ROUTE,
      run: (run: Run, { auth }: AuthState) => auth.consume(run.msg),
    }),
  },
  init: makeState,
  api: apiOf,
});
