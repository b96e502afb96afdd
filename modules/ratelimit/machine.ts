import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';

/** Where Linux lists sockets with what waits in them. */
const SOCKET_TABLES = ['/proc/net/udp', '/proc/net/udp6', '/proc/net/tcp', '/proc/net/tcp6'];

/** How busy the processors were since the last look. */
export class CpuLoad {
  #busy = 0;
  #total = 0;

  constructor() {
    this.read();
  }

  /** 0 … 1; of all processors together. */
  read(): number {
    let busy = 0;
    let total = 0;
    for (const { times } of cpus()) {
      const sum = times.user + times.nice + times.sys + times.irq;
      busy += sum;
      total += sum + times.idle;
    }
    const [busyNow, totalNow] = [busy - this.#busy, total - this.#total];
    this.#busy = busy;
    this.#total = total;
    return totalNow > 0 ? busyNow / totalNow : 0;
  }
}

/** Bytes that wait in the sockets of these local ports; 0 where the system does not tell. */
export function bytesWaiting(ports: ReadonlySet<number>): number {
  let sum = 0;
  for (const path of SOCKET_TABLES) sum += waitingIn(tableText(path), ports);
  return sum;
}

function tableText(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

/** Sum over one such table: `sl local:port remote:port st tx_queue:rx_queue …`, in hexadecimal. */
export function waitingIn(table: string, ports: ReadonlySet<number>): number {
  let sum = 0;
  for (const line of table.split('\n').slice(1)) {
    const match = /^\s*\d+:\s+[0-9A-F]+:([0-9A-F]{4})\s+\S+\s+\S+\s+[0-9A-F]+:([0-9A-F]+)/.exec(line);
    if (match !== null && ports.has(Number.parseInt(match[1] ?? '', 16))) sum += Number.parseInt(match[2] ?? '', 16);
  }
  return sum;
}
