import { exec } from 'node:child_process';
import { cfgReset, cfgSelect } from '../cfg/select.ts';
import { LOG_LEVELS } from '../log/log.ts';
import { type CommandDef, command } from '../module/define-module.ts';
import { ANY_ROUTE, NOT_ONSEND, type Run } from './run.ts';

type Def = CommandDef<never>;

/** Core functions that write to the log, run programs, or choose a set of custom parameters. */
export const MISC_COMMANDS: Readonly<Record<string, Def | readonly Def[]>> = {
  log: [
    command({
      doc: 'Write a line to the log at debug level.',
      args: ['const-str'],
      routes: ANY_ROUTE,
      run: (run, _state, text) => writeLog(run, LOG_LEVELS.DBG, text),
    }),
    command({
      doc: 'Write a line to the log at a level from -5 to 3.',
      args: ['const-int', 'const-str'],
      argNames: ['level', 'text'],
      routes: ANY_ROUTE,
      run: (run, _state, level, text) => writeLog(run, level, text),
    }),
  ],
  error: command({
    doc: 'Write two texts to the log at notice level.',
    args: ['const-str', 'const-str'],
    routes: NOT_ONSEND,
    run: (run, _state, first, second) => writeLog(run, LOG_LEVELS.NOTICE, `error("${first}", "${second}")`),
  }),
  exec: command({
    doc: 'Run a command line in a shell and wait for it; what it prints is dropped.',
    args: ['const-str'],
    argNames: ['command'],
    routes: NOT_ONSEND,
    isAsync: true,
    run: (run: Run, _state: unknown, line: string) => runProgram(run, line),
  }),
  cfg_select: command({
    doc: 'Read the custom parameters of a group from one of its instances, in this run.',
    args: ['const-str', 'const-int'],
    argNames: ['group', 'instance'],
    routes: NOT_ONSEND,
    run: (run, _state, group, id) => {
      if (cfgSelect(run, group, id)) return 1;
      run.server.log.error(`cfg_select: there is no ${group}[${id}]`);
      return -1;
    },
  }),
  cfg_reset: command({
    doc: 'Back from cfg_select to the group itself.',
    args: ['const-str'],
    argNames: ['group'],
    routes: NOT_ONSEND,
    run: (run, _state, group) => {
      cfgReset(run, group);
      return 1;
    },
  }),
};

function writeLog(run: Run, level: number, text: string): number {
  run.server.log.write(Math.max(-5, Math.min(3, level)), text.trimEnd());
  return 1;
}

/** A program may take this long. */
const EXEC_TIMEOUT_MS = 60_000;

function runProgram(run: Run, line: string): Promise<number> {
  return new Promise((resolve) => {
    exec(Buffer.from(line, 'latin1').toString('utf8'), { timeout: EXEC_TIMEOUT_MS }, (error) => {
      if (error !== null)
        run.server.log.notice(`exec: ${line}: ended with ${error.code ?? error.signal ?? 'an error'}`);
      resolve(1);
    });
  });
}
