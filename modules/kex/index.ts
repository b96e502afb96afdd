import { ANY_ROUTE, command, defineModule, type Log, PROTO, parseUri, type Run, readOnly, type Server } from 'strowger';
import { MessageCounts, STATISTICS } from './core-stats.ts';
import { FLAG_COMMANDS } from './flags.ts';
import { Sruid } from './sruid.ts';
import { memoryRpc, statsRpc } from './stats-rpc.ts';

interface KexState {
  readonly server: Server;
  readonly log: Log;
  readonly sruid: Sruid;
  readonly undo: (() => void)[];
}

const printf = command<KexState, ['pvw', 'str']>({
  doc: 'Assigns a text with variables to a variable.',
  args: ['pvw', 'str'],
  argNames: ['variable', 'text'],
  routes: ANY_ROUTE,
  run: (run, _state, variable, text) => (variable.set(run, text) === false ? -1 : 1),
});

export default defineModule<KexState>({
  name: 'kex',
  summary: 'What Kamailio has beside its core: script and branch flags, statistics, debug level.',
  commands: {
    ...FLAG_COMMANDS,
    setdsturi: command({
      doc: 'Sets the destination URI; empty text takes it away.',
      args: ['str'],
      argNames: ['uri'],
      routes: ANY_ROUTE,
      check: ([uri]) =>
        uri === undefined || uri === '' || parseUri(String(uri)) !== null ? null : `"${uri}" is no URI`,
      run: (run, _state, uri) => {
        if (uri !== '' && parseUri(uri) === null) return -1;
        run.msg.dstUri = uri;
        return 1;
      },
    }),
    resetdsturi: command({
      doc: 'Takes the destination URI away.',
      args: [],
      routes: ANY_ROUTE,
      run: (run) => {
        run.msg.dstUri = '';
        return 1;
      },
    }),
    isdsturiset: command({
      doc: 'Is there a destination URI?',
      args: [],
      routes: ANY_ROUTE,
      run: (run) => (run.msg.dstUri === '' ? -1 : 1),
    }),
    pv_printf: printf,
    avp_printf: printf,
    is_myself: command({
      doc: 'Is the URI or host one of ours? Without a port any port matches.',
      args: ['str'],
      argNames: ['uri'],
      routes: ANY_ROUTE,
      run: (run, _state, text) => (isMyself(run, text) ? 1 : -1),
    }),
    is_myhost: command({
      doc: 'Is the host name or address one of ours?',
      args: ['str'],
      argNames: ['host'],
      routes: ANY_ROUTE,
      run: (run, _state, host) => (run.server.isMyself(host, 0, PROTO.NONE) ? 1 : -1),
    }),
    setdebug: command({
      doc: 'Sets the log level until resetdebug().',
      args: ['int'],
      argNames: ['level'],
      routes: ANY_ROUTE,
      run: (_run, { log }, level) => {
        log.setLevel?.(null, level);
        return 1;
      },
    }),
    resetdebug: command({
      doc: 'Sets the log level back to the parameter debug.',
      args: [],
      routes: ANY_ROUTE,
      run: (_run, { log, server }) => {
        log.setLevel?.(null, server.settings.int('debug'));
        return 1;
      },
    }),
  },
  pseudoVariables: {
    sruid: readOnly('A new unique id at each reading.', (_run, { sruid }: KexState) => sruid.next()),
  },
  statistics: STATISTICS,
  rpc: { ...statsRpc<KexState>(), ...memoryRpc<KexState>() },

  init(ctx) {
    const { server } = ctx;
    const counts = new MessageCounts(server.counters);
    return {
      server,
      log: server.log,
      sruid: new Sruid(server.settings.int('server_id'), server.startedWallMs, server.random),
      undo: [
        server.hooks.requestIn.add((msg) => counts.request(msg)),
        server.hooks.replyIn.add((msg) => {
          counts.reply(msg);
          return true;
        }),
      ],
    };
  },
  destroy({ undo }) {
    for (const remove of undo.splice(0)) remove();
  },
});

/** A sip: or sips: URI by its host, port and transport; anything else as a host. */
function isMyself(run: Run, text: string): boolean {
  if (!/^sips?:/i.test(text)) return run.server.isMyself(text, 0, PROTO.NONE);
  const uri = parseUri(text);
  return uri !== null && run.server.isMyself(uri.host, uri.port, uri.transport);
}
