import {
  type CommandDef,
  commandsOf,
  defineModule,
  findContent,
  LineIterators,
  type Log,
  type Run,
  SDP_VARIABLE,
} from 'strowger';
import * as ops from './sdpops.ts';

interface Sdpops {
  readonly log: Log;
}

const cmd = commandsOf<Sdpops>();

/** A command with a list and, if it is to be for some streams only, their media type. */
function listCmd(doc: string, run: (run: Run, list: string, media: string | undefined) => number): CommandDef<Sdpops> {
  return cmd(doc, ['str', 'str?'], ['list', 'mtype'], (r, _s, list, media) => run(r, list, media));
}
function textCmd(doc: string, name: string, run: (run: Run, text: string) => number): CommandDef<Sdpops> {
  return cmd(doc, ['str'], [name], (r, _s, text) => run(r, text));
}

/** Key of the iterators of a run. */
const ITERATORS: object = { name: 'sdpops-lines' };

function linesOf(run: Run): LineIterators {
  return LineIterators.of(run, ITERATORS);
}

/** -1 also where there is no SDP. */
function startIterator(run: Run, name: string): number {
  const span = findContent(run.msg, 'application/sdp');
  return span === null ? -1 : linesOf(run).start(run, name, span.start, span.end);
}

export default defineModule<Sdpops>({
  name: 'sdpops',
  summary: 'Checks and edits of SDP bodies.',
  commands: {
    sdp_remove_codecs_by_id: listCmd('Removes payload types.', ops.removeCodecsById),
    sdp_remove_codecs_by_name: listCmd('Removes codecs by name.', ops.removeCodecsByName),
    sdp_keep_codecs_by_id: listCmd('Removes all payload types but these.', ops.keepCodecsById),
    sdp_keep_codecs_by_name: listCmd('Removes all codecs but these.', ops.keepCodecsByName),
    sdp_remove_line_by_prefix: listCmd('Removes lines that begin with a text.', ops.removeLineByPrefix),
    sdp_with_media: textCmd('True when there is a stream of this type.', 'type', ops.withMedia),
    sdp_with_active_media: textCmd('True when there is an active stream of this type.', 'type', ops.withActiveMedia),
    sdp_remove_media: textCmd('Removes streams of this type.', 'type', ops.removeMedia),
    sdp_with_transport: textCmd('True when a stream has this transport.', 'type', ops.withTransport),
    sdp_with_transport_like: textCmd('True when a transport has this text in it.', 'type', ops.withTransportLike),
    sdp_remove_transport: textCmd('Removes streams with this transport.', 'type', ops.removeTransport),
    sdp_transport: cmd('Sets a variable to the transport of all streams.', ['pvw'], ['pv'], (run, _s, target) =>
      ops.commonTransport(run, target),
    ),
    sdp_with_codecs_by_id: textCmd('1 all of these payload types, 2 some.', 'list', ops.withCodecsById),
    sdp_with_codecs_by_name: textCmd('1 all of these codecs, 2 some.', 'list', ops.withCodecsByName),
    sdp_print: cmd('Logs what was read of the SDP.', ['int'], ['level'], (run, s, level) =>
      ops.sdpPrint(run, s.log, level),
    ),
    sdp_get: cmd('Sets a variable to the SDP.', ['pvw'], ['avpvar'], (run, _s, target) => ops.sdpGet(run, target)),
    sdp_content: cmd('True when there is an SDP.', ['str?'], ['sloppy'], (run, _s, sloppy) =>
      ops.sdpContent(run, sloppy !== undefined),
    ),
    sdp_with_ice: cmd('True when there are ICE candidates.', [], [], (run) => ops.withIce(run)),
    sdp_get_line_startswith: cmd(
      'Sets a variable to the first line that begins with a text.',
      ['pvw', 'str'],
      ['avpvar', 'string'],
      (run, _s, target, text) => ops.getLineStartsWith(run, target, text),
    ),
    sdp_iterator_start: textCmd('Starts an iterator over the lines of the SDP.', 'iname', startIterator),
    sdp_iterator_end: textCmd('Ends it.', 'iname', (run, name) => linesOf(run).end(name)),
    sdp_iterator_next: textCmd('Goes to the next line, at first to the first.', 'iname', (run, name) =>
      linesOf(run).next(run, name),
    ),
    sdp_iterator_rm: textCmd('Removes the line.', 'iname', (run, name) => linesOf(run).remove(run, name)),
    sdp_iterator_append: cmd('Adds text behind the line.', ['str', 'str'], ['iname', 'text'], (run, _s, name, text) =>
      linesOf(run).append(run, name, text),
    ),
    sdp_iterator_insert: cmd(
      'Adds text in front of the line.',
      ['str', 'str'],
      ['iname', 'text'],
      (run, _s, name, text) => linesOf(run).insert(run, name, text),
    ),
    sdp_get_address_family: cmd('4 or 6: address family of the connection line.', [], [], (run) =>
      ops.addressFamily(run),
    ),
  },
  pseudoVariables: {
    sdp: SDP_VARIABLE,
    sdpitval: {
      doc: 'Line of the SDP that an iterator stands at, line end included.',
      name: 'required',
      bind: (use) => {
        const name = use.nameFormat();
        return { get: (run) => linesOf(run).text(run, name(run)) };
      },
    },
  },
  init: (ctx) => ({ log: ctx.log }),
});
