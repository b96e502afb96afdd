import process from 'node:process';
import { ANY_ROUTE, command, defineModule } from 'strowger';

/** What a bad module may do to the worker it runs in, for the tests of workers. */
export default defineModule({
  name: 'hazard',
  summary: 'Ends or blocks its worker.',
  commands: {
    hazard_exit: command({
      doc: 'Ends the thread.',
      args: [],
      routes: ANY_ROUTE,
      run: () => process.exit(7),
    }),
    hazard_block: command({
      doc: 'Blocks the event loop, milliseconds.',
      args: ['int'],
      routes: ANY_ROUTE,
      run: (_run, _state, ms) => {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
        return 1;
      },
    }),
    hazard_worker: command({
      doc: 'Number of the worker, from 1.',
      args: [],
      routes: ANY_ROUTE,
      run: ({ server }) => server.workerIndex + 1,
    }),
  },
});
