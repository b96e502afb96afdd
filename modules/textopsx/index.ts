import {
  BRANCH_ROUTE,
  type CommandDef,
  commandsOf,
  compilePosix,
  defineModule,
  FAILURE_ROUTE,
  HF_VALUE_SELECTS,
  ONREPLY_ROUTE,
  PosixCache,
  REQUEST_ROUTE,
  type Run,
} from 'strowger';
import * as hf from './hf-value.ts';
import * as iterators from './iterators.ts';
import * as message from './message.ts';

const HF_ROUTES = REQUEST_ROUTE | FAILURE_ROUTE | BRANCH_ROUTE | ONREPLY_ROUTE;
const APPLY_ROUTES = REQUEST_ROUTE | ONREPLY_ROUTE;

/** One server's textopsx; also the key of what it keeps with runs. */
class Textopsx {
  readonly regexes = new PosixCache({ ignoreCase: true });
  readonly #places = new Map<string, hf.HfPlace | null>();

  /** A constant place, parsed once. */
  place(text: string): hf.HfPlace | null {
    let place = this.#places.get(text);
    if (place === undefined) this.#places.set(text, (place = hf.parsePlace(text)));
    return place;
  }
}

type Check = NonNullable<CommandDef['check']>;

const cmd = commandsOf<Textopsx>();

/** The first argument is a place; `param` and `star` say whether it may have them. */
function placeCheck(param: boolean, star: 'no' | 'param' | 'yes'): Check {
  return ([text]) => {
    if (text === undefined) return null;
    const place = hf.parsePlace(String(text));
    if (place === null) return `'${text}' is no header, header[index] or header[index].parameter`;
    if (place.param !== null && !param) return 'a parameter is not supported here';
    if (place.index !== '*' || star === 'yes' || (star === 'param' && place.param !== null)) return null;
    return star === 'param' ? 'an asterisk needs a parameter here' : 'an asterisk is not supported here';
  };
}

/** A command on a place, with a text. */
function placeCmd(
  doc: string,
  check: Check,
  run: (run: Run, place: hf.HfPlace, text: string) => number,
): CommandDef<Textopsx> {
  return cmd(
    doc,
    ['const-str', 'str'],
    ['hf', 'hvalue'],
    (r, s, text, value) => {
      const place = s.place(text);
      return place === null ? -1 : run(r, place, value);
    },
    { routes: HF_ROUTES, check },
  );
}

function placeOnlyCmd(doc: string, run: (run: Run, place: hf.HfPlace) => number): CommandDef<Textopsx> {
  return cmd(
    doc,
    ['const-str'],
    ['hf_par'],
    (r, s, text) => {
      const place = s.place(text);
      return place === null ? -1 : run(r, place);
    },
    { routes: HF_ROUTES, check: placeCheck(true, 'yes') },
  );
}

function setCmd(doc: string, run: (run: Run, name: string, value: string) => number): CommandDef<Textopsx> {
  return cmd(doc, ['const-str', 'str'], ['hf', 'hvalue'], (r, _s, name, value) => run(r, name, value), {
    routes: HF_ROUTES,
  });
}

/** A command on the iterator of a name. */
function iteratorCmd(doc: string, run: (run: Run, key: object, name: string) => number): CommandDef<Textopsx> {
  return cmd(doc, ['str'], ['iname'], (r, s, name) => run(r, s, name));
}
function iteratorTextCmd(
  doc: string,
  run: (run: Run, key: object, name: string, text: string) => number,
): CommandDef<Textopsx> {
  return cmd(doc, ['str', 'str'], ['iname', 'text'], (r, s, name, text) => run(r, s, name, text));
}

const isRegex: Check = ([value]) => {
  const compiled = value === undefined ? null : compilePosix(String(value), { ignoreCase: true });
  return typeof compiled === 'string' ? compiled : null;
};

export default defineModule<Textopsx>({
  name: 'textopsx',
  summary: 'More text operations: applying changes, values of list headers, iterators.',
  selects: HF_VALUE_SELECTS,
  commands: {
    msg_apply_changes: cmd('Makes the edits part of the message.', [], [], (run) => message.msgApplyChanges(run), {
      routes: APPLY_ROUTES,
    }),
    msg_set_buffer: cmd(
      'Replaces the whole message.',
      ['str'],
      ['data'],
      (run, _s, data) => message.msgSetBuffer(run, data),
      { routes: APPLY_ROUTES },
    ),
    change_reply_status: cmd(
      'Changes status and reason of a reply.',
      ['int', 'str'],
      ['code', 'reason'],
      (run, _s, code, reason) => message.changeReplyStatus(run, code, reason),
      { routes: ONREPLY_ROUTE },
    ),
    change_reply_status_code: cmd(
      'Changes the status of a reply.',
      ['int'],
      ['code'],
      (run, _s, code) => message.changeReplyStatus(run, code, null),
      { routes: ONREPLY_ROUTE },
    ),
    remove_body: cmd('Removes the body.', [], [], (run) => message.removeBody(run)),
    keep_hf: cmd(
      'Removes headers but for the needed ones and those that match.',
      ['const-str?'],
      ['regexp'],
      (run, s, re) => {
        const regex = re === undefined || re === '' ? null : s.regexes.get(re);
        return message.keepHf(run, typeof regex === 'string' ? null : regex);
      },
      { check: isRegex },
    ),
    fnmatch: cmd(
      'Matches with shell wildcards.',
      ['str', 'str', 'str?'],
      ['value', 'expr', 'flags'],
      (_run, _s, value, pattern, flags) =>
        message.fnmatch(value, pattern, flags?.toLowerCase().includes('i') === true) ? 1 : -1,
    ),

    append_hf_value: placeCmd('Adds a value behind another, or a header.', placeCheck(false, 'no'), hf.appendHfValue),
    insert_hf_value: placeCmd(
      'Adds a value in front of another, or a header.',
      placeCheck(false, 'no'),
      hf.insertHfValue,
    ),
    remove_hf_value: placeOnlyCmd('Removes a value or a parameter.', hf.removeHfValue),
    remove_hf_value2: placeOnlyCmd('Removes a row such as Authorization, or a parameter of it.', hf.removeHfValue2),
    assign_hf_value: placeCmd('Sets a value or a parameter.', placeCheck(true, 'param'), hf.assignHfValue),
    assign_hf_value2: placeCmd(
      'Sets a row such as Authorization, or a parameter of it.',
      placeCheck(true, 'param'),
      hf.assignHfValue2,
    ),
    include_hf_value: setCmd('Adds a value where it is not among them.', hf.includeHfValue),
    exclude_hf_value: setCmd('Removes a value where it is among them.', hf.excludeHfValue),
    hf_value_exists: setCmd('True when the value is among them.', hf.hfValueExists),

    hf_iterator_start: iteratorCmd('Starts an iterator over headers.', iterators.hfStart),
    hf_iterator_end: iteratorCmd('Ends it.', iterators.hfEnd),
    hf_iterator_next: iteratorCmd('Goes to the next header.', iterators.hfNext),
    hf_iterator_prev: iteratorCmd('Goes back.', iterators.hfPrev),
    hf_iterator_rm: iteratorCmd('Removes the header.', iterators.hfRemove),
    hf_iterator_append: iteratorTextCmd('Adds rows behind the header.', iterators.hfAppend),
    hf_iterator_insert: iteratorTextCmd('Adds rows in front of the header.', iterators.hfInsert),
    bl_iterator_start: iteratorCmd('Starts an iterator over lines of the body.', (run, _key, name) =>
      iterators.bodyLines(run).start(run, name, run.msg.bodyStart, run.msg.bodyEnd),
    ),
    bl_iterator_end: iteratorCmd('Ends it.', (run, _key, name) => iterators.bodyLines(run).end(name)),
    bl_iterator_next: iteratorCmd('Goes to the next line.', (run, _key, name) =>
      iterators.bodyLines(run).next(run, name),
    ),
    bl_iterator_rm: iteratorCmd('Removes the line.', (run, _key, name) => iterators.bodyLines(run).remove(run, name)),
    bl_iterator_append: iteratorTextCmd('Adds text behind the line.', (run, _key, name, text) =>
      iterators.bodyLines(run).append(run, name, text),
    ),
    bl_iterator_insert: iteratorTextCmd('Adds text in front of the line.', (run, _key, name, text) =>
      iterators.bodyLines(run).insert(run, name, text),
    ),
  },
  pseudoVariables: iterators.ITERATOR_PVS,
  init: () => new Textopsx(),
});
