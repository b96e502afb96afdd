import {
  command,
  defineModule,
  intParam,
  type ModuleContext,
  ONREPLY_ROUTE,
  REQUEST_ROUTE,
  type Run,
  strParam,
} from 'strowger';
import type { SlApi } from '../sl/api.ts';
import { type Failure, optionTags, sanityFailure } from './checks.ts';

const ROUTES = REQUEST_ROUTE | ONREPLY_ROUTE;

class Sanity {
  readonly ctx: ModuleContext;
  readonly #sl: SlApi;
  readonly #proxyRequire: ReadonlySet<string>;

  constructor(ctx: ModuleContext) {
    this.ctx = ctx;
    this.#sl = ctx.api<SlApi>('sl');
    this.#proxyRequire = optionTags(ctx.str('proxy_require'));
  }

  /** sanity_check: 1 passed; 0 (the script ends) or, without autodrop, -1. */
  check(run: Run, checks: number, uriChecks: number): number {
    const failure = sanityFailure(run.msg, checks, { uriChecks, proxyRequire: this.#proxyRequire });
    if (failure === null) return 1;
    this.ctx.log.info(`sanity: ${failure.reason}`, { callId: run.msg.callId, from: run.msg.rcv.srcIp });
    if (this.ctx.int('noreply') === 0) this.#answer(run, failure);
    else run.msg.setExtension(this, failure);
    return this.ctx.int('autodrop') === 0 ? -1 : 0;
  }

  /** sanity_reply: the answer to what was found wrong; 1 also when nothing was, or the answer was sent already. */
  reply(run: Run): number {
    const failure = run.msg.extension<Failure>(this);
    return failure !== undefined && this.ctx.int('noreply') !== 0 ? this.#answer(run, failure) : 1;
  }

  #answer(run: Run, failure: Failure): number {
    const { msg } = run;
    if (!msg.isRequest) return -1;
    if (failure.headers !== undefined) {
      msg.replyLumps ??= [];
      msg.replyLumps.push(failure.headers);
    }
    return this.#sl.sendReply(run, failure.code, failure.reason);
  }
}

export default defineModule<Sanity>({
  name: 'sanity',
  summary: 'Checks requests and replies for what the RFCs ask of them.',
  depends: ['sl'],
  params: {
    default_checks: intParam({
      default: 3047,
      min: 0,
      max: 32767,
      doc: 'Checks made where the call names none; a sum of bits.',
    }),
    uri_checks: intParam({
      default: 7,
      min: 0,
      max: 15,
      doc: 'URIs read by check 1024: 1 Request-URI, 2 From, 4 To, 8 Contact.',
    }),
    proxy_require: strParam({ default: '', doc: 'Option tags that Proxy-Require may ask for, separated by commas.' }),
    autodrop: intParam({ default: 1, min: 0, max: 1, doc: 'Whether a failed check ends the script.' }),
    noreply: intParam({
      default: 0,
      min: 0,
      max: 1,
      doc: 'Whether a failed check is left to sanity_reply() to answer.',
    }),
  },
  commands: {
    sanity_check: command({
      doc: 'Makes the checks; answers and ends the script (autodrop) or returns false when one fails.',
      args: ['int?', 'int?'],
      argNames: ['msg_checks', 'uri_checks'],
      routes: ROUTES,
      run: (run, state: Sanity, checks, uriChecks) =>
        state.check(run, checks ?? state.ctx.int('default_checks'), uriChecks ?? state.ctx.int('uri_checks')),
    }),
    sanity_reply: command({
      doc: 'Answers with the failure of the last check, where noreply is set.',
      args: [],
      routes: ROUTES,
      run: (run, state: Sanity) => state.reply(run),
    }),
  },
  init: (ctx) => new Sanity(ctx),
});
