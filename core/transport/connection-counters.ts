import type { Counter, CounterRegistry } from '../counters/counters.ts';

export type ConnectionCounters = Readonly<
  Record<
    | 'established'
    | 'passiveOpen'
    | 'connectSuccess'
    | 'connectFailed'
    | 'localReject'
    | 'timeout'
    | 'reset'
    | 'sendTimeout'
    | 'sendqFull',
    Counter
  >
>;

/** Registers Kamailio's `tcp` statistics. */
export function connectionCounters(
  registry: CounterRegistry,
  table: { readonly size: number; readonly queuedBytes: number },
): ConnectionCounters {
  const counter = (name: string, doc: string): Counter => registry.register('tcp', name, doc);
  registry.register('tcp', 'current_opened_connections', 'Connections open now.', () => table.size);
  registry.register('tcp', 'current_write_queue_size', 'Bytes queued for sending now.', () => table.queuedBytes);
  return {
    established: counter('established', 'Connections opened or accepted.'),
    passiveOpen: counter('passive_open', 'Connections accepted.'),
    connectSuccess: counter('connect_success', 'Connections opened.'),
    connectFailed: counter('connect_failed', 'Attempts to connect that failed.'),
    localReject: counter('local_reject', 'Connections refused because of a limit.'),
    timeout: counter('con_timeout', 'Connections closed because nothing came in time.'),
    reset: counter('con_reset', 'Connections reset by the peer.'),
    sendTimeout: counter('send_timeout', 'Connections closed because nothing could be sent in time.'),
    sendqFull: counter('sendq_full', 'Sends refused because too much was queued.'),
  };
}
