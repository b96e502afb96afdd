import process from 'node:process';
import { processSurroundings, runProgram } from './cli/program.ts';
import type { Program } from './cli/run-server.ts';

/** The process: runs one of the two programs and sets the exit code. */
export async function main(program: Program, argv: readonly string[]): Promise<void> {
  try {
    if (program === 'strowger') process.exitCode = await runProgram(argv, processSurroundings());
    else {
      const { runLikeKamailio } = await import('./cli/kamailio-program.ts');
      process.exitCode = await runLikeKamailio(argv, processSurroundings());
    }
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.stderr.write(`${program}: ${text}\n`);
    process.exitCode = program === 'strowger' ? 1 : 255;
  }
}

if (import.meta.main) await main('strowger', process.argv.slice(2));
