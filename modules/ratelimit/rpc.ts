import { type RpcArgs, RpcDouble, RpcFault, RpcMany, type RpcMethod } from 'strowger';
import type { Limiter } from './limiter.ts';
import { ALGORITHMS, algorithmOf, MAX_PIPES } from './pipes.ts';

type Method = RpcMethod<Limiter>;

/** A number with a fraction, as kamcmd and JSON write it. */
function float(args: RpcArgs, index: number): number {
  const value = args.all[index];
  if (value instanceof RpcDouble) return value.value;
  if (typeof value === 'number' && !Number.isInteger(value)) return value;
  const why = args.has(index) ? "record doesn't match type" : 'end of packet encountered';
  throw new RpcFault(400, `error at parameter ${index}: expected float type but ${why}`);
}

const PIPES = Array.from({ length: MAX_PIPES }, (_, id) => id);

export const RPC: Readonly<Record<string, Method>> = {
  'rl.stats': {
    doc: 'Shows what all pipes counted in the last interval.',
    run: (_args, { pipes }) =>
      new RpcMany(
        PIPES.map((id) => {
          const { lastCounter, limit, load } = pipes.state(id);
          return `PIPE[${id}]: ${lastCounter}/${limit} (drop rate: ${load})`;
        }),
      ),
  },
  'rl.get_pipes': {
    doc: 'Shows the pipes that are in use.',
    run: (_args, { pipes }) =>
      new RpcMany(
        PIPES.filter((id) => pipes.defs[id] !== undefined).map((id) => {
          const { algorithm, lastCounter, limit, load, counter } = pipes.state(id);
          const number = ALGORITHMS.indexOf(algorithm);
          return `PIPE[${id}]: ${number}:${algorithm} ${lastCounter}/${limit} (drop rate: ${load}) [${counter}]`;
        }),
      ),
  },
  'rl.set_pipe': {
    doc: 'Gives a pipe another algorithm and limit.',
    params: ['pipe', 'algorithm', 'limit'],
    scope: 'all',
    run: (args, { pipes }) => {
      const [id, name, limit] = [args.int(0), args.str(1), args.int(2)];
      const algorithm = algorithmOf(name);
      if (algorithm === null) throw new RpcFault(400, 'Unknown algorithm');
      if (id < 0 || id >= MAX_PIPES) throw new RpcFault(400, 'Unknown pipe');
      pipes.defs[id] = { algorithm, limit };
      return undefined;
    },
  },
  'rl.get_queues': {
    doc: 'Shows the queues.',
    run: (_args, { queues }) => new RpcMany(queues.map(({ pipe, method }, i) => `QUEUE[${i}]: ${pipe}:${method}`)),
  },
  'rl.set_queue': {
    doc: 'Gives a queue another method and pipe.',
    params: ['queue', 'method', 'pipe'],
    scope: 'all',
    run: (args, { queues }) => {
      const [id, method, pipe] = [args.int(0), args.str(1), args.int(2)];
      if (id < 0 || id >= queues.length) throw new RpcFault(400, 'MAX_QUEUES reached');
      if (pipe < 0 || pipe >= MAX_PIPES) throw new RpcFault(400, 'Invalid pipe number');
      queues[id] = { pipe, method };
      return undefined;
    },
  },
  'rl.get_pid': {
    doc: 'Shows the weights of the controller of FEEDBACK.',
    run: (_args, { pid }) => {
      const { ki, kp, kd } = pid.weights;
      return `ki[${ki.toFixed(6)}] kp[${kp.toFixed(6)}] kd[${kd.toFixed(6)}] `;
    },
  },
  'rl.set_pid': {
    doc: 'Sets the weights: integral, proportional, differential.',
    params: ['ki', 'kp', 'kd'],
    scope: 'all',
    run: (args, { pid }) => {
      pid.weights = { ki: float(args, 0), kp: float(args, 1), kd: float(args, 2) };
      return undefined;
    },
  },
  'rl.push_load': {
    doc: "Sets the load that FEEDBACK goes by from now on, instead of the processors'.",
    params: ['load'],
    scope: 'all',
    run: (args, limiter) => {
      const load = float(args, 0);
      if (load < 0 || load > 1) throw new RpcFault(400, 'Value out of range');
      // The first worker measures for all.
      if (limiter.ctx.server.isFirstWorker) limiter.pushLoad(load);
      return undefined;
    },
  },
  'rl.set_dbg': {
    doc: 'Logs what the pipes count, as warnings: 1 yes, 0 no.',
    params: ['on'],
    scope: 'all',
    run: (args, limiter) => {
      limiter.isVerbose = args.int(0) !== 0;
      return undefined;
    },
  },
};
