import { ANY_ROUTE, type CommandDef, command, defineModule, intParam, listParam, type Run } from 'strowger';
import { Limiter } from './limiter.ts';
import { parsePipe, parseQueue } from './pipes.ts';
import { RPC } from './rpc.ts';

const routes = ANY_ROUTE;

function errorOf(parsed: unknown): string | null {
  return typeof parsed === 'string' ? parsed : null;
}

function byPipe(doc: string): CommandDef<Limiter> {
  return command({
    doc,
    args: ['int'],
    argNames: ['pipe'],
    routes,
    run: (_run: Run, limiter: Limiter, pipe) => limiter.checkPipe(pipe),
  });
}

export default defineModule<Limiter>({
  name: 'ratelimit',
  summary: 'Lets so many requests pass in a time.',
  params: {
    timer_interval: intParam({ default: 10, min: 1, doc: 'Seconds of an interval.' }),
    queue: listParam({
      doc: 'Method that goes through a pipe: pipe:METHOD; the first that fits counts, * fits all.',
      check: (value) => errorOf(parseQueue(String(value))),
    }),
    pipe: listParam({
      doc: 'A pipe: number:ALGORITHM:limit.',
      check: (value) => errorOf(parsePipe(String(value))),
    }),
  },
  commands: {
    rl_check: [
      command({
        doc: 'May the request pass, by the queue of its method?',
        args: [],
        routes,
        run: (run: Run, limiter: Limiter) => limiter.check(run),
      }),
      byPipe('May the request pass, by this pipe?'),
    ],
    rl_check_pipe: byPipe('May the request pass, by this pipe?'),
  },
  rpc: RPC,
  init: (ctx) => new Limiter(ctx),
  childInit: (limiter) => limiter.start(),
  destroy: (limiter) => limiter.stop(),
});
