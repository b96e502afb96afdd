import type { Counter, ModuleContext } from 'strowger';

/** What is counted twice: for all connections, and for those of a sub-protocol. */
const PAIRED = [
  'successful_handshakes',
  'failed_connections',
  'local_closed_connections',
  'received_frames',
  'remote_closed_connections',
  'transmitted_frames',
] as const;
type Paired = (typeof PAIRED)[number];

const GAUGES = ['current_connections', 'max_concurrent_connections'] as const;

/** Sub-protocols with statistics of their own. Nobody speaks msrp here: its stay 0. */
const PREFIXES = ['ws_', 'ws_sip_', 'ws_msrp_'] as const;

/** Numbers of connections that are no counters. */
interface ConnectionGauges {
  readonly current: number;
  readonly max: number;
}

/** The statistics of the module, all of which Kamailio has. */
export function statistics<S extends { readonly gauges: ConnectionGauges }>(): Record<
  string,
  { doc: string; get?: (state: S) => number }
> {
  const all: Record<string, { doc: string; get?: (state: S) => number }> = {
    ws_failed_handshakes: { doc: 'Handshakes refused.' },
  };
  for (const prefix of PREFIXES) {
    const isNone = prefix === 'ws_msrp_';
    for (const name of PAIRED) all[prefix + name] = { doc: words(name) };
    for (const name of GAUGES) {
      const isMax = name === 'max_concurrent_connections';
      all[prefix + name] = {
        doc: words(name),
        get: ({ gauges }) => (isNone ? 0 : isMax ? gauges.max : gauges.current),
      };
    }
  }
  return all;
}

function words(name: string): string {
  const text = name.replaceAll('_', ' ');
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

/** The counters of one server. */
export class WebSocketCounters {
  readonly failedHandshakes: Counter;
  readonly #pairs: ReadonlyMap<Paired, readonly [Counter, Counter]>;

  constructor(ctx: ModuleContext) {
    this.failedHandshakes = ctx.counter('ws_failed_handshakes');
    this.#pairs = new Map(PAIRED.map((name) => [name, [ctx.counter(`ws_${name}`), ctx.counter(`ws_sip_${name}`)]]));
  }

  /** Counts one for all and one for sip. */
  count(name: Paired): void {
    for (const counter of this.#pairs.get(name) ?? []) counter.inc();
  }

  /** Control frames count for all only. */
  countControl(name: 'received_frames' | 'transmitted_frames'): void {
    this.#pairs.get(name)?.[0].inc();
  }
}
