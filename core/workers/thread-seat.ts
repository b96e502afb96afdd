import type { RpcParam } from '../rpc/registry.ts';
import type { ReloadResult, Server } from '../server.ts';
import type { ReloadSteps } from '../start/reload.ts';
import { SharedHeap } from '../store/shared-heap.ts';
import type { Clock, ClockHandle } from '../timer/clock.ts';
import { WorkerBus } from './bus.ts';
import { replicateCfg } from './cfg-replica.ts';
import type { Channel } from './channel.ts';
import { Exchange } from './exchange.ts';
import { Handover } from './handover.ts';
import { CONTROL, controlWord } from './memory.ts';
import { type ConnectionList, RemoteTable } from './remote-table.ts';
import { fromWire, toWire, type WireReply } from './rpc-wire.ts';
import type { Seat } from './seat.ts';
import { SharedCounters } from './shared-counters.ts';
import { type ThreadData, TOPIC } from './thread-data.ts';

/** Between two beats of a worker's event loop, milliseconds. */
const HEARTBEAT_MS = 500;

/** Topics of the bus that the core itself uses. */
const CONNECTIONS = 'core.connections';
const RPC = 'core.rpc';

interface RpcCall {
  readonly name: string;
  readonly params: readonly WireReply[];
}

/** The seat of a server in a worker thread: ties it to the others as it starts. */
export class ThreadSeat implements Seat {
  readonly index: number;
  readonly count: number;
  readonly bus: WorkerBus;
  readonly heap: SharedHeap;
  readonly source = null;
  readonly ports: readonly number[] | null;
  readonly isReplacement: boolean;
  readonly position: Int32Array;
  readonly #channel: Channel;
  readonly #clock: Clock;
  readonly #exchange: Exchange;
  readonly #setFiles: (files: ReadonlyMap<string, string | null>) => void;
  #files: ReadonlyMap<string, string | null>;
  #server: Server | null = null;
  #remote: RemoteTable | null = null;
  #counters: SharedCounters | null = null;
  #heartbeat: ClockHandle | null = null;

  /** `setFiles` is told of the files of each script that is to be read. */
  constructor(
    data: ThreadData,
    channel: Channel,
    clock: Clock,
    setFiles: (files: ReadonlyMap<string, string | null>) => void,
  ) {
    this.index = data.index;
    this.count = data.memory.count;
    this.ports = data.ports;
    this.isReplacement = data.isReplacement;
    this.#files = data.files;
    this.#channel = channel;
    this.#clock = clock;
    this.#setFiles = setFiles;
    this.bus = new WorkerBus(channel, data.index);
    this.heap = new SharedHeap(data.memory.heap, data.index);
    this.#exchange = new Exchange(data.memory, data.index, clock);
    const at = controlWord(data.index, CONTROL.POSITION);
    this.position = this.#exchange.control.subarray(at, at + 1);
  }

  attach(server: Server): void {
    this.#server = server;
    const remote = new RemoteTable(this.#exchange, server.connections, () => server.transport);
    this.#remote = remote;
    server.connections.remote = remote;
    server.handover = new Handover(server, this.#exchange);
    const counters = new SharedCounters(server.counters, this.bus);
    this.#counters = counters;
    this.bus.answer(CONNECTIONS, () => remote.list());
    this.#channel.onPost(TOPIC.DIED, (worker) => {
      remote.forget(Number(worker));
      counters.forget(Number(worker));
    });
    this.#offerRpc(server);
    replicateCfg(server, this.bus);
  }

  async join(): Promise<void> {
    await this.bus.join();
    for (const list of await this.bus.ask(CONNECTIONS, null)) this.#remote?.learn(list as ConnectionList);
  }

  begin(reload: ReloadSteps): void {
    const server = this.#server as Server;
    server.reload = async () => (await this.#channel.request(TOPIC.RELOAD, null)) as ReloadResult;
    let next = this.#files;
    this.#channel.onRequest(TOPIC.PREPARE, (files) => {
      next = files as ReadonlyMap<string, string | null>;
      this.#setFiles(next);
      return reload.prepare();
    });
    this.#channel.onRequest(TOPIC.COMMIT, () => {
      this.#files = next;
      return reload.commit();
    });
    this.#channel.onRequest(TOPIC.ABORT, () => {
      this.#setFiles(this.#files);
      return reload.abort();
    });
    this.#exchange.start((error) => server.log.crit('a record of another worker failed', { err: error }));
    this.#beat();
  }

  end(): void {
    if (this.#heartbeat !== null) this.#clock.unschedule(this.#heartbeat);
    this.#exchange.close();
  }

  /** Methods of scope `all` run on every worker; what is asked of one counts what all have counted. */
  #offerRpc(server: Server): void {
    const { rpc } = server;
    rpc.elsewhere = async (name, params) => {
      const call: RpcCall = { name, params: params.map(toWire) };
      return (await this.bus.ask(RPC, call)).map((reply) => fromWire(reply));
    };
    rpc.before = () => this.#counters?.refresh() ?? Promise.resolve();
    this.bus.answer(RPC, async (call) => {
      const { name, params } = call as RpcCall;
      return toWire(
        await rpc.callHere(
          name,
          params.map((param) => fromWire(param) as RpcParam),
        ),
      );
    });
  }

  #beat(): void {
    Atomics.add(this.#exchange.control, controlWord(this.index, CONTROL.HEARTBEAT), 1);
    this.#counters?.publish();
    this.#heartbeat = this.#clock.schedule(HEARTBEAT_MS, () => this.#beat());
  }
}
