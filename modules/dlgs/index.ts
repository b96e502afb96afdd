import {
  ANY_ROUTE,
  BRANCH_ROUTE,
  command,
  defineModule,
  flatCopy,
  intParam,
  ONREPLY_ROUTE,
  ONSEND_ROUTE,
  REQUEST_ROUTE,
  type Run,
} from 'strowger';
import { FIELDS, OPERATORS } from './filter.ts';
import { RPC } from './rpc.ts';
import { Tracker } from './tracker.ts';

const ROUTES = REQUEST_ROUTE | BRANCH_ROUTE | ONSEND_ROUTE;

function checkFilter([field, operator]: readonly (string | number | undefined)[]): string | null {
  if (field !== undefined && !FIELDS.some((name) => name === field))
    return `"${field}" is none of ${FIELDS.join(', ')}`;
  if (operator === undefined || OPERATORS.some((name) => name === operator)) return null;
  return `"${operator}" is none of ${OPERATORS.join(', ')}`;
}

export default defineModule<Tracker>({
  name: 'dlgs',
  summary: 'Knows the calls that go through, without transactions.',
  params: {
    active_lifetime: intParam({ default: 10_800, min: 1, doc: 'Seconds that a confirmed dialog is kept.' }),
    init_lifetime: intParam({ default: 180, min: 1, doc: 'Seconds that a dialog is kept which is not confirmed.' }),
    finish_lifetime: intParam({ default: 10, min: 1, doc: 'Seconds that a dialog is kept which is over.' }),
    timer_interval: intParam({ default: 30, min: 1, doc: 'Seconds between two looks for dialogs to forget.' }),
    hash_size: intParam({ default: 9, doc: 'Size of the table.', noEffect: 'it grows as it needs' }),
  },
  commands: {
    dlgs_init: command({
      doc: 'Follows the dialog of this INVITE, under these names.',
      args: ['str', 'str', 'str'],
      argNames: ['src', 'dst', 'data'],
      routes: ROUTES | ONREPLY_ROUTE,
      run: (run: Run, tracker: Tracker, src, dst, data) => tracker.init(run, src, dst, data),
    }),
    dlgs_update: command({
      doc: 'Takes note of a request of a dialog: ACK, BYE, CANCEL.',
      args: [],
      routes: ROUTES,
      run: (run: Run, tracker: Tracker) => tracker.update(run),
    }),
    dlgs_count: command({
      doc: 'How many dialogs go on whose src, dst or data fits; any: all. -1 where there are none.',
      args: ['str', 'str', 'str'],
      argNames: ['field', 'operator', 'text'],
      routes: ANY_ROUTE,
      isAsync: true,
      check: checkFilter,
      run: (_run: Run, tracker: Tracker, field, operator, text) => tracker.count(field, operator, text),
    }),
    dlgs_tags_add: command({
      doc: 'Gives the dialog of this message a tag.',
      args: ['str'],
      argNames: ['tag'],
      routes: ANY_ROUTE,
      run: ({ msg }: Run, tracker: Tracker, tag) => {
        const dialog = tracker.of(msg);
        dialog?.tags.add(flatCopy(tag));
        return dialog === undefined ? -1 : 1;
      },
    }),
    dlgs_tags_rm: command({
      doc: 'Takes a tag off the dialog of this message.',
      args: ['str'],
      argNames: ['tag'],
      routes: ANY_ROUTE,
      run: ({ msg }: Run, tracker: Tracker, tag) => (tracker.of(msg)?.tags.delete(tag) === true ? 1 : -1),
    }),
    dlgs_tags_count: command({
      doc: 'How many dialogs with this tag go on; -1 where there are none.',
      args: ['str'],
      argNames: ['tag'],
      routes: ANY_ROUTE,
      isAsync: true,
      run: (_run: Run, tracker: Tracker, tag) => tracker.countTags(tag),
    }),
  },
  rpc: RPC,
  init: (ctx) => new Tracker(ctx),
  childInit: (tracker) => tracker.start(),
  destroy: (tracker) => tracker.stop(),
});
