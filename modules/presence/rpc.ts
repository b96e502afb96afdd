import { coreHash, type RpcArgs, RpcFault, RpcMany, type RpcMethod, RpcStruct } from 'strowger';
import type { Presence } from './presence.ts';
import type { Publication } from './publication.ts';
import { REFRESH, refreshWatchers } from './refresh.ts';

/** presence.*, with Kamailio's replies. */
export const PRES_RPC: Readonly<Record<string, RpcMethod<Presence>>> = {
  'presence.cleanup': {
    scope: 'all',
    doc: 'Ends what has expired, and writes subscriptions to the database.',
    run: async (_args, presence) => {
      await presence.cleanup();
      return 'Reload OK';
    },
  },
  'presence.refreshWatchers': {
    doc: 'Tells watchers of a change: 0 in the rules, 1 in the table of publications, 2 in a document.',
    params: ['uri', 'event', 'type', '[file uri]', '[file name]'],
    run: async (args, presence) => {
      const uri = given(args, 0);
      const event = given(args, 1);
      const type = Number(given(args, 2));
      const fileUri = args.str(3, '');
      const fileName = args.str(4, '');
      if (type === REFRESH.DOCUMENT && (fileUri === '' || fileName === ''))
        throw new RpcFault(500, 'No file uri or name parameters');
      if (!(await refreshWatchers(presence, uri, event, type, fileUri, fileName)))
        throw new RpcFault(500, 'Execution failed');
      return undefined;
    },
  },
  'presence.updateWatchers': {
    doc: 'Decides anew who may watch.',
    params: ['uri', 'event'],
    run: async (args, presence) => {
      if (!(await presence.ask('authorize', given(args, 0), given(args, 1))))
        throw new RpcFault(500, 'Execution failed');
      return undefined;
    },
  },
  'presence.presentity_list': {
    scope: 'all',
    doc: 'Shows the publications in memory (publ_cache 2).',
    params: ['[full]'],
    run: (args, presence) => {
      const isFull = args.str(0, '') === 'full';
      const list = [...presence.publications.inMemory()].reverse();
      return new RpcMany(list.map((publication) => describe(publication, isFull)));
    },
  },
};

function given(args: RpcArgs, index: number): string {
  if (!args.has(index)) throw new RpcFault(500, 'Not enough parameters');
  return args.str(index);
}

function describe(publication: Publication, isFull: boolean): RpcStruct {
  const { user, domain, event, etag, sender, expires, receivedTime, priority, ruid, body } = publication;
  const struct = new RpcStruct().add('user', user).add('domain', domain).add('event', event).add('etag', etag);
  struct.add('sender', sender).add('expires', expires);
  if (!isFull) return struct;
  struct.add('received_time', receivedTime).add('priority', priority).add('ruid', ruid).add('body', body);
  return struct.add('hashid', coreHash(user, 0, domain) | 0);
}
