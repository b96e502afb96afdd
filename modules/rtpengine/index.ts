import { ANY_ROUTE, type CommandDef, command, defineModule, METHOD, type Run, readOnly } from 'strowger';
import { rtpengineApi } from './api.ts';
import { Rtpengine } from './engine.ts';
import { NG_PARAMS } from './params.ts';
import type { NgCommand } from './request.ts';
import { NG_RPC } from './rpc.ts';

/** A command with flags, that needs no SDP. */
function about(ngCommand: NgCommand, doc: string): CommandDef<Rtpengine> {
  return command({
    doc,
    args: ['str?'],
    argNames: ['flags'],
    routes: ANY_ROUTE,
    isAsync: true,
    run: (run: Run, engine: Rtpengine, flags) => engine.command(run, ngCommand, flags ?? ''),
  });
}

/** The same where flags must be given: they say what to play. */
function playing(ngCommand: NgCommand, doc: string): CommandDef<Rtpengine> {
  return command({
    doc,
    args: ['str'],
    argNames: ['flags'],
    routes: ANY_ROUTE,
    isAsync: true,
    run: (run: Run, engine: Rtpengine, flags) => engine.command(run, ngCommand, flags),
  });
}

/** Requests that bring an answer; others bring offers. */
const ANSWERING = METHOD.ACK | METHOD.PRACK;

function exchange(operation: 'offer' | 'answer', doc: string): CommandDef<Rtpengine> {
  return command({
    doc,
    args: ['str?'],
    argNames: ['flags'],
    routes: ANY_ROUTE,
    isAsync: true,
    run: (run: Run, engine: Rtpengine, flags) => {
      const { msg } = run;
      if (operation === 'answer' && msg.isRequest && (msg.method & ANSWERING) === 0) return -1;
      return engine.offerAnswer(run, operation, flags ?? '');
    },
  });
}

const statistics = readOnly<Rtpengine>('Packet counts that the last query or delete has told.', ({ msg }, engine) =>
  engine.statistics(msg),
);

export default defineModule<Rtpengine>({
  name: 'rtpengine',
  summary: 'Media through rtpengine: relaying, transcoding, recording, by its NG protocol.',
  depends: ['tm?', 'db_sqlite?', 'db_mysql?', 'db_postgres?', 'db_text?'],
  params: NG_PARAMS,
  commands: {
    set_rtpengine_set: command({
      doc: 'Chooses the set of nodes for this message, or two that are asked one after the other.',
      args: ['int', 'int?'],
      argNames: ['set', 'second'],
      routes: ANY_ROUTE,
      check: (values, engine: Rtpengine) => {
        // A script that is only checked has no module: its sets are not known.
        const known = engine as Rtpengine | undefined;
        if (known === undefined || known.usesTable) return null;
        const missing = values.find((value) => value !== undefined && !known.nodes.has(Number(value)));
        return missing === undefined ? null : `there is no set ${missing} of rtpengines`;
      },
      run: (run: Run, engine: Rtpengine, first, second) => engine.chooseSets(run, first, second),
    }),
    rtpengine_offer: exchange('offer', 'Offers the SDP of the message, and puts what comes back in its place.'),
    rtpengine_answer: exchange('answer', 'Answers with the SDP of the message, and puts what comes back in its place.'),
    rtpengine_info: command({
      doc: 'Tells rtpengine of ICE candidates that came in an INFO; the message stays as it is.',
      args: ['str?'],
      argNames: ['flags'],
      routes: ANY_ROUTE,
      isAsync: true,
      run: (run: Run, engine: Rtpengine, flags) => engine.info(run, flags ?? ''),
    }),
    rtpengine_manage: command({
      doc: 'Offers, answers or deletes, whichever the message asks for.',
      args: ['str?'],
      argNames: ['flags'],
      routes: ANY_ROUTE,
      isAsync: true,
      run: (run: Run, engine: Rtpengine, flags) => engine.manage(run, flags ?? ''),
    }),
    rtpengine_delete: about('delete', 'Ends the media of the call.'),
    rtpengine_query: about('query', 'Asks for the state of the call; fills the MOS variables.'),
    rtpengine_query_v: command({
      doc: 'Asks for the state of the call, as JSON: j in one line, jp over several.',
      args: ['str', 'pvw'],
      argNames: ['format', 'target'],
      routes: ANY_ROUTE,
      isAsync: true,
      run: (run: Run, engine: Rtpengine, format, target) => engine.queryInto(run, format, target),
    }),
    start_recording: about('start recording', 'Records the call.'),
    stop_recording: about('stop recording', 'Stops recording the call.'),
    block_dtmf: about('block DTMF', 'Lets no DTMF events through, of the call or of one party.'),
    unblock_dtmf: about('unblock DTMF', 'Lets DTMF events through again.'),
    block_media: about('block media', 'Lets no media through, of the call or of one party.'),
    unblock_media: about('unblock media', 'Lets media through again.'),
    silence_media: about('silence media', 'Puts silence in the place of media.'),
    unsilence_media: about('unsilence media', 'Takes the silence away.'),
    start_forwarding: about('start forwarding', 'Forwards PCM to the recording daemon.'),
    stop_forwarding: about('stop forwarding', 'Stops forwarding PCM.'),
    play_media: playing('play media', 'Plays a file to one party: file=, blob= or db-id=.'),
    stop_media: about('stop media', 'Stops what play_media plays.'),
    play_dtmf: playing('play DTMF', 'Plays a DTMF event: code=, duration=, volume=, pause=.'),
  },
  pseudoVariables: { rtpstat: statistics, rtpestat: statistics },
  rpc: NG_RPC,
  async init(ctx) {
    const engine = new Rtpengine(ctx);
    await engine.start();
    return engine;
  },
  childInit: (engine) => engine.childInit(),
  destroy: (engine) => engine.close(),
  api: rtpengineApi,
});
