import { ANY_ROUTE, command, defineModule, REQUEST_ROUTE, type Run } from 'strowger';
import { PRES_PARAMS } from './params.ts';
import { Presence } from './presence.ts';
import { PRES_PVS } from './pvs.ts';
import { refreshWatchers } from './refresh.ts';
import { PRES_RPC } from './rpc.ts';

export default defineModule<Presence>({
  name: 'presence',
  summary: 'Event server: PUBLISH, SUBSCRIBE and NOTIFY (RFC 3903, RFC 6665).',
  depends: ['tm', 'sl?', 'db_sqlite?', 'db_mysql?', 'db_postgres?', 'db_text?'],
  params: PRES_PARAMS,
  commands: {
    handle_publish: command({
      doc: 'Takes, changes or ends a publication, answers, and tells the watchers.',
      args: ['str?'],
      argNames: ['sender_uri'],
      routes: REQUEST_ROUTE,
      isAsync: true,
      run: (run: Run, presence: Presence, sender) => presence.publish(run, sender ?? ''),
    }),
    handle_subscribe: command({
      doc: 'Makes, refreshes or ends a subscription, answers, and sends its NOTIFY.',
      args: ['str?'],
      argNames: ['watcher_uri'],
      routes: REQUEST_ROUTE,
      isAsync: true,
      run: (run: Run, presence: Presence, watcher) => presence.subscribe(run, watcher ?? ''),
    }),
    pres_auth_status: command({
      doc: 'May the watcher see presence? 1 active, 2 pending, 3 terminated, 4 waiting, 5 active but shown nothing.',
      args: ['str', 'str'],
      argNames: ['watcher_uri', 'presentity_uri'],
      routes: REQUEST_ROUTE,
      isAsync: true,
      run: (_run: Run, presence: Presence, watcher, uri) => presence.authStatus(watcher, uri),
    }),
    pres_has_subscribers: command({
      doc: 'Is anyone subscribed to the event of the presentity?',
      args: ['str', 'str'],
      argNames: ['presentity_uri', 'event'],
      routes: ANY_ROUTE,
      isAsync: true,
      run: async (_run: Run, presence: Presence, uri, event) =>
        (await presence.ask('has-subscribers', uri, event)) ? 1 : -1,
    }),
    pres_refresh_watchers: [
      command({
        doc: 'Tells watchers of a change: 0 in the rules, 1 in the table of publications.',
        args: ['str', 'str', 'int'],
        argNames: ['uri', 'event', 'type'],
        routes: ANY_ROUTE,
        isAsync: true,
        run: async (_run: Run, presence: Presence, uri, event, type) =>
          (await refreshWatchers(presence, uri, event, type, '', '')) ? 1 : -1,
      }),
      command({
        doc: 'With type 2: an XCAP document is published for the presentity, or taken back where it is gone.',
        args: ['str', 'str', 'int', 'str', 'str'],
        argNames: ['uri', 'event', 'type', 'file_uri', 'filename'],
        routes: ANY_ROUTE,
        isAsync: true,
        run: async (_run: Run, presence: Presence, uri, event, type, fileUri, fileName) =>
          (await refreshWatchers(presence, uri, event, type, fileUri, fileName)) ? 1 : -1,
      }),
    ],
    pres_update_watchers: command({
      doc: 'Decides anew who may watch, and tells those for whom it changed.',
      args: ['str', 'str'],
      argNames: ['uri', 'event'],
      routes: ANY_ROUTE,
      isAsync: true,
      run: async (_run: Run, presence: Presence, uri, event) =>
        (await presence.ask('authorize', uri, event)) ? 1 : -1,
    }),
  },
  pseudoVariables: PRES_PVS,
  eventRoutes: {
    'notify-reply': { doc: 'A NOTIFY was answered, or given up: $subs(…) and $notify_reply(…) tell.' },
  },
  rpc: PRES_RPC,
  init: (ctx) => Presence.start(ctx),
  childInit: (presence) => presence.startWork(),
  destroy: (presence) => presence.close(),
  api: (presence) => presence.api,
});
