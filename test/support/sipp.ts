import { readFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join, resolve } from 'node:path';
import { askOptions, freePort, StrowgerProcess } from './strowger-process.ts';

const SCENARIOS = join(import.meta.dirname, '../interop/testdata');

/** sipp's numbers at one moment of a run. */
export interface SippCounts {
  /** Seconds since its start. */
  readonly atS: number;
  readonly started: number;
  readonly successful: number;
  readonly failed: number;
  readonly retransmissions: number;
}

interface SippCalls {
  /** Where the calls go. */
  readonly port: number;
  /** One socket for all calls, or one (`n`) for each. */
  readonly transport?: 'u1' | 't1' | 'un' | 'tn';
  readonly count: number;
  /** Calls a second. */
  readonly rate: number;
  /** For its statistics and errors. */
  readonly folder: string;
  /** File of the scenario; a call where not given. */
  readonly scenario?: string;
  /** Its account, for scenarios that answer challenges. */
  readonly user?: string;
  readonly password?: string;
}

/** A sipp that answers calls on loopback until it is stopped. Resolves once it listens. */
export async function sippCallee(
  transport: 'u1' | 't1' = 'u1',
  file = 'callee.xml',
): Promise<{ readonly sipp: StrowgerProcess; readonly port: number }> {
  const port = await freePort();
  const scenario = resolve(SCENARIOS, file);
  const args = ['-sf', scenario, '-i', '127.0.0.1', '-p', String(port), '-t', transport, '-aa', '-nostdin'];
  const sipp = new StrowgerProcess('sipp', args);
  const isThere = transport === 'u1' ? (await askOptions(port)) !== null : await accepts(port);
  if (!isThere) throw new Error(`sipp does not listen: ${(await sipp.stop('SIGKILL')).stderr}`);
  return { sipp, port };
}

/** Connects until somebody accepts. */
async function accepts(port: number): Promise<boolean> {
  for (const end = performance.now() + 10_000; performance.now() < end; ) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = createConnection({ port, host: '127.0.0.1' });
      socket.once('connect', () => resolve(true)).once('error', () => setTimeout(() => resolve(false), 20));
      socket.once('connect', () => socket.destroy());
    });
    if (isOpen) return true;
  }
  return false;
}

/** A sipp that makes calls, each INVITE, ACK, 50 ms, BYE (or what another scenario says). */
export class SippCaller {
  readonly #process: StrowgerProcess;
  readonly #statistics: string;
  readonly #errors: string;

  private constructor(process: StrowgerProcess, statistics: string, errors: string) {
    this.#process = process;
    this.#statistics = statistics;
    this.#errors = errors;
  }

  static async start(calls: SippCalls): Promise<SippCaller> {
    const port = await freePort();
    const statistics = join(calls.folder, `${port}.csv`);
    const errors = join(calls.folder, `${port}.log`);
    const args = ['-sf', resolve(SCENARIOS, calls.scenario ?? 'caller.xml'), '-i', '127.0.0.1', '-p', String(port)];
    args.push('-t', calls.transport ?? 'u1', '-m', String(calls.count), '-r', String(calls.rate), '-nostdin');
    args.push('-timeout', '60', '-timeout_error', '-recv_timeout', '20000', '-max_socket', '1000');
    args.push('-trace_stat', '-stf', statistics, '-fd', '1', '-trace_err', '-error_file', errors);
    if (calls.user !== undefined) args.push('-s', calls.user, '-au', calls.user, '-ap', calls.password ?? '');
    args.push(`127.0.0.1:${calls.port}`);
    return new SippCaller(new StrowgerProcess('sipp', args), statistics, errors);
  }

  /** Its numbers, a row a second, the last one at its end. */
  get history(): readonly SippCounts[] {
    const [head = '', ...rows] = this.#read(this.#statistics).trimEnd().split('\n');
    const columns = head.split(';');
    return rows.map((row) => {
      const fields = row.split(';');
      const get = (name: string): number => Number(fields[columns.indexOf(name)] ?? 0);
      return {
        atS: seconds(fields[columns.indexOf('ElapsedTime(C)')] ?? ''),
        started: get('TotalCallCreated'),
        successful: get('SuccessfulCall(C)'),
        failed: get('FailedCall(C)'),
        retransmissions: get('Retransmissions(C)'),
      };
    });
  }

  /** The messages it did not expect. */
  get errors(): string {
    return this.#read(this.#errors);
  }

  /** Resolves with its last numbers when all calls have ended. */
  async end(): Promise<SippCounts> {
    const { code, stderr } = await this.#process.end(90_000);
    const last = this.history.at(-1);
    if (last === undefined) throw new Error(`sipp ended with ${code}: ${stderr}`);
    return last;
  }

  #read(file: string): string {
    try {
      return readFileSync(file, 'latin1');
    } catch {
      return '';
    }
  }
}

/** `00:01:02:345000` in seconds. */
function seconds(text: string): number {
  const [hours = 0, minutes = 0, whole = 0] = text.split(':').map(Number);
  return hours * 3600 + minutes * 60 + whole;
}
