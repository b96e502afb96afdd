import { ANY_ROUTE, command, defineModule, type Run } from 'strowger';
import { Accountant } from './accountant.ts';
import { ACC_PARAMS } from './params.ts';

export default defineModule<Accountant>({
  name: 'acc',
  summary: 'Accounts transactions and calls to the log and to databases.',
  depends: ['tm', 'rr?', 'dialog?', 'db_sqlite?', 'db_mysql?', 'db_postgres?', 'db_text?'],
  params: ACC_PARAMS,
  commands: {
    acc_log_request: command({
      doc: 'Accounts the request to the log now, with a comment: `404 Not found`, or any text.',
      args: ['str'],
      argNames: ['comment'],
      routes: ANY_ROUTE,
      run: (run: Run, acc: Accountant, comment) => acc.logRequest(run, comment),
    }),
    acc_db_request: command({
      doc: 'Accounts the request to a table of the database now.',
      args: ['str', 'str'],
      argNames: ['comment', 'table'],
      routes: ANY_ROUTE,
      isAsync: true,
      run: (run: Run, acc: Accountant, comment, table) => acc.dbRequest(run, comment, table),
    }),
    acc_request: command({
      doc: 'Accounts the request now: to the log, and to the table where there is a database.',
      args: ['str', 'str'],
      argNames: ['comment', 'table'],
      routes: ANY_ROUTE,
      isAsync: true,
      run: (run: Run, acc: Accountant, comment, table) => acc.request(run, comment, table),
    }),
  },
  async init(ctx) {
    const acc = new Accountant(ctx);
    await acc.open();
    return acc;
  },
  childInit: (acc) => acc.bind(),
  destroy: (acc) => acc.close(),
});
