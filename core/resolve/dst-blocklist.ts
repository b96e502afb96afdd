import type { Settings } from '../cfg/settings.ts';
import { Timer } from '../timer/timer.ts';
import type { TimerWheel } from '../timer/wheel.ts';
import { PROTO, type Proto } from '../transport/socket-info.ts';
import { flatCopy } from '../values.ts';

/** Why a destination is listed; bits, as `dst_blocklist.view` shows them and the `*_imask` parameters name them. */
export const BLST = {
  IS_IPV6: 1,
  ERR_SEND: 2,
  ERR_CONNECT: 4,
  ICMP_RCVD: 8,
  ERR_TIMEOUT: 16,
  REPLY_503: 32,
  ADM_PROHIBITED: 64,
  PERMANENT: 128,
} as const;

interface BlockedDestination {
  readonly proto: Proto;
  readonly ip: string;
  readonly port: number;
  /** BLST bits, all reasons seen so far. */
  flags: number;
  expiresMs: number;
}

/** What Kamailio uses for an entry, so that `dst_blocklist_mem` means the same. */
function sizeOf(ip: string): number {
  return ip.includes(':') ? 36 : 24;
}

const IMASKS: readonly (readonly [Proto, string])[] = [
  [PROTO.UDP, 'dst_blocklist_udp_imask'],
  [PROTO.TCP, 'dst_blocklist_tcp_imask'],
  [PROTO.TLS, 'dst_blocklist_tls_imask'],
  [PROTO.SCTP, 'dst_blocklist_sctp_imask'],
];

/**
 * Destinations that did not answer or could not be reached: while one is listed, nothing is sent there and failover
 * goes on at once (Kamailio: core, use_dst_blocklist). Protocol 0 and port 0 in an entry stand for any.
 */
export class DstBlocklist {
  readonly #wheel: TimerWheel;
  readonly #entries = new Map<string, BlockedDestination>();
  readonly #ignored: number[] = [];
  readonly #sweeper: Timer<DstBlocklist>;
  #isEnabled = false;
  #expireSec = 60;
  #maxBytes = 250 * 1024;
  #gcIntervalSec = 60;
  #usedBytes = 0;
  /** Entries for any protocol or any port. */
  #wildcards = 0;
  readonly stats = { hits: 0, evicted: 0 };

  constructor(wheel: TimerWheel, settings: Settings) {
    this.#wheel = wheel;
    this.#sweeper = new Timer((list: DstBlocklist) => list.#sweep(), this);
    settings.watch('use_dst_blocklist', (value) => {
      this.#isEnabled =
        Number(value) !== 0 && (!settings.has('dst_blocklist_init') || settings.bool('dst_blocklist_init'));
    });
    settings.watch('dst_blocklist_expire', (value) => {
      this.#expireSec = Number(value);
    });
    settings.watch('dst_blocklist_mem', (value) => {
      this.#maxBytes = Number(value) * 1024;
    });
    settings.watch('dst_blocklist_gc_interval', (value) => {
      this.#gcIntervalSec = Math.max(1, Number(value));
    });
    for (const [proto, name] of IMASKS) {
      settings.watch(name, (value) => {
        this.#ignored[proto] = Number(value);
      });
    }
  }

  get isEnabled(): boolean {
    return this.#isEnabled;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  get maxBytes(): number {
    return this.#maxBytes;
  }

  /** Reports a failure (one BLST bit). Does nothing while the list is off or the protocol's mask ignores this reason. */
  report(proto: Proto, ip: string, port: number, reason: number, expireSec = this.#expireSec): void {
    if (this.#isEnabled && ((this.#ignored[proto] ?? 0) & reason) === 0) this.add(proto, ip, port, reason, expireSec);
  }

  /** Lists a destination, or renews it and adds the reason. False when there is no room. */
  add(proto: Proto, ip: string, port: number, flags: number, expireSec = this.#expireSec): boolean {
    const allFlags = flags | (ip.includes(':') ? BLST.IS_IPV6 : 0);
    const expiresMs = this.#wheel.now() + expireSec * 1000;
    const key = keyOf(proto, ip, port);
    const old = this.#entries.get(key);
    if (old !== undefined) {
      old.flags |= allFlags;
      old.expiresMs = expiresMs;
      return true;
    }
    if (!this.#makeRoom(sizeOf(ip))) return false;
    this.#entries.set(key, { proto, ip: flatCopy(ip), port, flags: allFlags, expiresMs });
    this.#usedBytes += sizeOf(ip);
    if (proto === PROTO.NONE || port === 0) this.#wildcards++;
    if (!this.#sweeper.isArmed) this.#wheel.arm(this.#sweeper, this.#gcIntervalSec * 1000);
    return true;
  }

  /** The reasons (BLST bits) not to send there, 0 when there is none or the list is off. */
  check(proto: Proto, ip: string, port: number): number {
    if (!this.#isEnabled || this.#entries.size === 0) return 0;
    let flags = this.#current(keyOf(proto, ip, port));
    if (flags === 0 && this.#wildcards > 0) {
      flags =
        this.#current(keyOf(PROTO.NONE, ip, port)) ||
        this.#current(keyOf(proto, ip, 0)) ||
        this.#current(keyOf(PROTO.NONE, ip, 0));
    }
    if (flags !== 0) this.stats.hits++;
    return flags;
  }

  /** Takes everything off but what was added as permanent. */
  clear(): void {
    for (const entry of this.#entries.values()) if ((entry.flags & BLST.PERMANENT) === 0) this.#remove(entry);
  }

  /** What is listed now, in order of first listing. */
  entries(): BlockedDestination[] {
    return [...this.#entries.values()].filter((entry) => this.#isCurrent(entry));
  }

  close(): void {
    this.#wheel.cancel(this.#sweeper);
  }

  /** An entry listed by hand without a reason still counts. */
  #current(key: string): number {
    const entry = this.#entries.get(key);
    return entry !== undefined && this.#isCurrent(entry) ? entry.flags || BLST.ADM_PROHIBITED : 0;
  }

  #isCurrent(entry: BlockedDestination): boolean {
    return (entry.flags & BLST.PERMANENT) !== 0 || entry.expiresMs > this.#wheel.now();
  }

  #remove(entry: BlockedDestination): void {
    if (!this.#entries.delete(keyOf(entry.proto, entry.ip, entry.port))) return;
    this.#usedBytes -= sizeOf(entry.ip);
    if (entry.proto === PROTO.NONE || entry.port === 0) this.#wildcards--;
  }

  #makeRoom(bytes: number): boolean {
    if (this.#usedBytes + bytes <= this.#maxBytes) return true;
    for (const entry of this.#entries.values()) {
      if (this.#usedBytes + bytes <= this.#maxBytes) break;
      if ((entry.flags & BLST.PERMANENT) !== 0) continue;
      this.#remove(entry);
      this.stats.evicted++;
    }
    return this.#usedBytes + bytes <= this.#maxBytes;
  }

  #sweep(): void {
    for (const entry of this.#entries.values()) if (!this.#isCurrent(entry)) this.#remove(entry);
    if (this.#entries.size > 0) this.#wheel.arm(this.#sweeper, this.#gcIntervalSec * 1000);
  }
}

function keyOf(proto: Proto, ip: string, port: number): string {
  return `${proto} ${ip} ${port}`;
}
