import process from 'node:process';
import type { Settings } from '../cfg/settings.ts';
import { FdSink, facilityNumber, SyslogSink } from '../log/log-sink.ts';
import { PinoLog } from '../log/pino-log.ts';
import { RealClock } from '../timer/real-clock.ts';
import { openUnixDatagram } from '../transport/unix-dgram.ts';
import type { ProcessOptions } from './run-options.ts';

/** Where syslog listens on this system. */
const SYSLOG_PATH = '/dev/log';
const STDERR = 2;

/** The thread whose log it is: workers have numbers from 1, as Kamailio's processes. */
interface WorkerLog {
  readonly number: number;
  readonly isTerminal: boolean;
}

/**
 * Makes the log of a server process, or of one of its workers' threads: on standard error until the script's parameters
 * are known.
 */
export function serverLog(options: ProcessOptions, program: string, worker: WorkerLog | null = null): PinoLog {
  const isTerminal = worker?.isTerminal ?? process.stderr.isTTY;
  const isText = program === 'strowger-kamailio' || isTerminal || options.isStderrForced;
  const clock = new RealClock();
  const log = PinoLog.create({
    sink: new FdSink(STDERR),
    format: options.logFormat ?? (isText ? 'text' : 'json'),
    level: 0,
    color: options.color ?? (program === 'strowger' && wantsColor(process.env, isTerminal)),
    timestamps: program === 'strowger',
    wall: () => clock.wall(),
    ...(worker === null ? {} : { worker: worker.number }),
  });
  process.on('exit', () => log.flush());
  return log;
}

/** NO_COLOR and FORCE_COLOR as everybody reads them. */
export function wantsColor(env: NodeJS.ProcessEnv, isTerminal: boolean | undefined): boolean {
  if ((env['NO_COLOR'] ?? '') !== '') return false;
  const forced = env['FORCE_COLOR'];
  return forced === undefined ? isTerminal === true : forced !== '0';
}

/** Lets level, form, colour and destination of the log follow the core parameters; syslog where Kamailio would use it. */
export function followSettings(
  log: PinoLog,
  settings: Settings,
  options: ProcessOptions,
  program: string,
  syslogPath = SYSLOG_PATH,
): void {
  settings.watch('debug', (level) => log.setLevel(null, Number(level)));
  if (options.color === null && settings.bool('log_color')) log.setColor(true);
  if (options.logFormat === null && settings.str('log_engine_type') === 'json') log.setFormat('json');
  const isSyslog = program === 'strowger-kamailio' && !options.isStderrForced && !settings.bool('log_stderror');
  if (!isSyslog) return;
  const name = settings.str('log_name') || program;
  const sink = syslogSink(syslogPath, `${name}[${process.pid}]`, settings.str('log_facility'));
  if (typeof sink === 'string') {
    log.notice(`the log stays on standard error: ${sink}`);
    return;
  }
  log.setSink(sink);
  settings.watch('log_facility', (facility) => {
    sink.facility = facilityNumber(String(facility)) ?? sink.facility;
  });
}

/** Syslog's socket, or why it can not be had. */
function syslogSink(path: string, ident: string, facility: string): SyslogSink | string {
  const clock = new RealClock();
  try {
    const socket = openUnixDatagram('', () => {});
    const send = (datagram: string): string | null => socket.send(datagram, path);
    const refused = send('');
    if (refused === null || refused === 'EAGAIN') {
      const close = (): void => socket.close();
      return new SyslogSink({ send, ident, facility: facilityNumber(facility) ?? 3, wall: () => clock.wall(), close });
    }
    socket.close();
    return `${path}: ${refused}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
