import type { ModuleContext, Run, Timer } from 'strowger';
import { bytesWaiting, CpuLoad } from './machine.ts';
import { PidController } from './pid.ts';
import { MAX_PIPES, MAX_QUEUES, Pipes, parsePipe, parseQueue, type QueueDef } from './pipes.ts';

/** The module's state in one server. */
export class Limiter {
  readonly ctx: ModuleContext;
  readonly pipes: Pipes;
  readonly queues: QueueDef[] = [];
  readonly pid = new PidController();
  /** `rl.set_dbg`: log what the pipes have counted. */
  isVerbose = false;
  readonly #cpu = new CpuLoad();
  /** Set by `rl.push_load`; null: the processors' own. */
  #pushedLoad: number | null = null;
  #timer: Timer | null = null;

  constructor(ctx: ModuleContext) {
    const { server } = ctx;
    this.ctx = ctx;
    this.pipes = new Pipes(server.sharedHeap, ctx.int('timer_interval'), server.random);
    for (const text of ctx.list('pipe')) {
      const pipe = parsePipe(text);
      if (typeof pipe === 'string') throw new Error(`pipe: ${pipe}`);
      this.pipes.defs[pipe.id] = pipe;
    }
    for (const text of ctx.list('queue')) {
      const queue = parseQueue(text);
      if (typeof queue === 'string') throw new Error(`queue: ${queue}`);
      if (this.queues.length >= MAX_QUEUES) throw new Error(`queue: there may be ${MAX_QUEUES}`);
      this.queues.push(queue);
    }
  }

  /** The first worker measures for all. */
  start(): void {
    const { server } = this.ctx;
    if (!server.isFirstWorker) return;
    this.#timer = server.wheel.every(this.ctx.int('timer_interval') * 1000, () => this.#tick());
  }

  stop(): void {
    if (this.#timer !== null) this.ctx.server.wheel.cancel(this.#timer);
  }

  /** By the queue of the request's method. */
  check({ msg }: Run): number {
    const method = msg.methodName;
    const queue = this.queues.find((each) => each.method === '*' || each.method === method);
    return queue === undefined ? -1 : this.checkPipe(queue.pipe);
  }

  checkPipe(id: number): number {
    if (this.pipes.defs[id] === undefined) this.ctx.log.error(`there is no pipe ${id}`);
    return this.pipes.push(id);
  }

  /** Takes this load instead of the processors' from now on. */
  pushLoad(load: number): void {
    this.#pushedLoad = load;
    this.#control();
  }

  #tick(): void {
    const { server, log } = this.ctx;
    if (this.isVerbose) {
      for (let id = 0; id < MAX_PIPES; id++) {
        const { algorithm, limit, counter, load } = this.pipes.state(id);
        if (algorithm !== 'NOP') log.warn(`pipe ${id}: ${counter} of ${limit} (drop rate ${load})`);
      }
    }
    this.#control();
    const readsNetwork = this.pipes.defs.some((pipe) => pipe?.algorithm === 'NETWORK');
    const ports = new Set(server.transport.sockets.map(({ port }) => port));
    this.pipes.tick(readsNetwork ? bytesWaiting(ports) : 0);
  }

  #control(): void {
    const { setpoint } = this.pipes;
    if (setpoint !== null) this.pipes.setDropRate(this.pid.update(this.#pushedLoad ?? this.#cpu.read(), setpoint));
  }
}
