import { ipBytes, ipText, type ModuleContext, type Timer } from 'strowger';
import { IpTree, type Leaf, VERDICT } from './ip-tree.ts';

/** How often nodes are looked at that were not heard of, milliseconds. */
const CLEAN_MS = 1000;

/** The module's state in one server. */
export class Pike {
  readonly ctx: ModuleContext;
  readonly limit: number;
  readonly #tree: IpTree;
  readonly #logLevel: number;
  #timers: Timer[] = [];

  constructor(ctx: ModuleContext) {
    this.ctx = ctx;
    this.limit = ctx.int('reqs_density_per_unit');
    this.#tree = new IpTree(ctx.server.sharedHeap, this.limit, ctx.int('remove_latency'));
    this.#logLevel = ctx.int('pike_log_level');
  }

  /** The tree is one for all workers: the first keeps its time. */
  start(): void {
    const { server, log } = this.ctx;
    if (!server.isFirstWorker) return;
    this.#timers = [
      server.wheel.every(this.ctx.int('sampling_time_unit') * 1000, () =>
        this.#tree.swap((bytes) => log.write(this.#logLevel, `unblocking ${ipText(bytes)}`)),
      ),
      server.wheel.every(CLEAN_MS, () => this.#tree.clean(this.nowSec())),
    ];
  }

  stop(): void {
    for (const timer of this.#timers.splice(0)) this.ctx.server.wheel.cancel(timer);
  }

  /** Counts a request from an address: 1 it may pass, -2 it is blocked from now on, -1 it was before. */
  check(ip: string): number {
    const bytes = ipBytes(ip);
    if (bytes === null) {
      this.ctx.log.error(`"${ip}" is no IP address`);
      return -1;
    }
    const verdict = this.#tree.mark(bytes, this.nowSec());
    if (verdict === VERDICT.OK) return 1;
    if (verdict === VERDICT.BLOCKED) return -1;
    this.ctx.counter('blocked_ips').inc();
    this.ctx.log.write(this.#logLevel, `blocking ${ip}`);
    return -2;
  }

  leaves(): Leaf[] {
    return this.#tree.leaves();
  }

  nowSec(): number {
    return Math.floor(this.ctx.server.clock.wall() / 1000);
  }
}
