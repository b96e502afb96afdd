/** Tools for tests, importable as `strowger/testing`. */
export { SeededRandom } from '../../core/timer/random.ts';
export { VirtualClock } from '../../core/timer/virtual-clock.ts';
export * from './fake-msg.ts';
export * from './fake-run.ts';
export * from './kamailio.ts';
export * from './msg.ts';
export * from './sim-dns.ts';
export * from './sim-network.ts';
export * from './sip-peer.ts';
