import {
  type BrokenDownTime,
  breakDown,
  ctime,
  type PvDef,
  type PvValue,
  type Run,
  readOnly,
  type SipMsg,
  strftime,
} from 'strowger';
import { unknownKey } from './message.ts';
import type { PvState } from './state.ts';

const PARTS: ReadonlyMap<string, (time: BrokenDownTime) => number> = new Map<string, (time: BrokenDownTime) => number>([
  ['sec', (time) => time.sec],
  ['min', (time) => time.min],
  ['hour', (time) => time.hour],
  ['mday', (time) => time.mday],
  ['mon', (time) => time.mon + 1],
  ['year', (time) => time.year],
  ['wday', (time) => time.wday + 1],
  ['yday', (time) => time.yday + 1],
  ['isdst', (time) => (time.isdst ? 1 : 0)],
]);

/** Times of the clock. Those that Kamailio caches are read once for each message. */
export const TIME_PVS: Readonly<Record<string, PvDef<PvState>>> = {
  Ts: readOnly('Seconds since 1970, the same for all of a message.', (run) => seconds(cachedWall(run))),
  TS: readOnly('Seconds since 1970, now.', (run) => seconds(run.server.clock.wall())),
  Tf: readOnly('Time in words, the same for all of a message.', (run) => ctime(cachedWall(run))),
  TF: readOnly('Time in words, now.', (run) => ctime(run.server.clock.wall())),
  Tb: readOnly('Seconds since 1970 when the server started.', (run) => seconds(run.server.startedWallMs)),
  TV: {
    doc: 'Seconds (s) and microseconds (u) of the time, the same for all of a message; sn, un: now; Sn: now as seconds.microseconds; Sm: so of a clock that only goes forward.',
    name: 'required',
    bind: (use) => {
      const key = TIMEVAL.get(use.name ?? '');
      return key === undefined ? unknownKey(use.name, TIMEVAL.keys()) : { get: key };
    },
  },
  time: brokenDown('local time', false),
  utime: brokenDown('UTC', true),
  timef: formatted('local time', false),
  utimef: formatted('UTC', true),
};

const WALL = {};

function cachedWall(run: Run): number {
  const msg: SipMsg = run.msg;
  let wall = msg.extension<number>(WALL);
  if (wall === undefined) {
    wall = run.server.clock.wall();
    msg.setExtension(WALL, wall);
  }
  return wall;
}

function seconds(wallMs: number): number {
  return Math.floor(wallMs / 1000);
}

function micros(wallMs: number): number {
  return Math.floor((wallMs % 1000) * 1000);
}

const TIMEVAL: ReadonlyMap<string, (run: Run) => PvValue> = new Map<string, (run: Run) => PvValue>([
  ['s', (run) => seconds(cachedWall(run))],
  ['u', (run) => micros(cachedWall(run))],
  ['sn', (run) => seconds(run.server.clock.wall())],
  ['un', (run) => micros(run.server.clock.wall())],
  [
    'Sn',
    (run) => {
      const wall = run.server.clock.wall();
      return `${seconds(wall)}.${String(micros(wall)).padStart(6, '0')}`;
    },
  ],
  [
    'Sm',
    (run) => {
      const now = run.server.clock.now();
      return `${seconds(now)}.${String(micros(now)).padStart(6, '0')}`;
    },
  ],
]);

function brokenDown(zone: string, isUtc: boolean): PvDef<PvState> {
  return {
    doc: `Part of the time in ${zone}: ${[...PARTS.keys()].join(', ')}; months, days of the week (Sunday) and of the year count from 1.`,
    name: 'required',
    bind: (use) => {
      const part = PARTS.get(use.name ?? '');
      if (part === undefined) return unknownKey(use.name, PARTS.keys());
      return { get: (run) => part(breakDown(run.server.clock.wall(), isUtc)) };
    },
  };
}

function formatted(zone: string, isUtc: boolean): PvDef<PvState> {
  return {
    doc: `The time in ${zone} by a strftime format.`,
    name: 'required',
    bind: (use) => {
      const format = use.name ?? '';
      return { get: (run) => strftime(format, run.server.clock.wall(), isUtc) };
    },
  };
}
