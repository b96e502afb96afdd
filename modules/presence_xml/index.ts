import { ANY_ROUTE, command, defineModule, type Run } from 'strowger';
import type { PresenceApi } from '../presence/api.ts';
import { packagesOf } from './packages.ts';
import { XML_PARAMS } from './params.ts';
import { hasActivity, hasBasic } from './pidf.ts';
import { XcapDocuments } from './xcap-documents.ts';

/** The module's state. */
interface PresenceXml {
  /** Null in passive mode. */
  readonly presence: PresenceApi | null;
  /** Null where no rules are asked for. */
  readonly documents: XcapDocuments | null;
}

/** What is published as presence; null for nothing, or where it can not be asked for. */
async function published(run: Run, { presence }: PresenceXml, uri: string): Promise<string | null> {
  try {
    return (await presence?.presentity(uri, 'presence')) ?? null;
  } catch (err) {
    run.server.log.error(`what ${uri} publishes can not be read`, { err });
    return null;
  }
}

export default defineModule<PresenceXml>({
  name: 'presence_xml',
  summary: 'Event packages presence, presence.winfo, dialog;sla and xcap-diff, with rules of who may watch.',
  depends: ['presence', 'sl?', 'db_sqlite?', 'db_mysql?', 'db_postgres?', 'db_text?'],
  params: XML_PARAMS,
  commands: {
    pres_check_basic: command({
      doc: 'Is a service of the presentity in this status (`open`, `closed`)?',
      args: ['str', 'str'],
      argNames: ['presentity_uri', 'status'],
      routes: ANY_ROUTE,
      isAsync: true,
      run: async (run: Run, state: PresenceXml, uri, status) => {
        const body = await published(run, state, uri);
        return body !== null && hasBasic(body, status) ? 1 : -1;
      },
    }),
    pres_check_activities: command({
      doc: 'Does the person do this? 1 yes, -1 no, -2 it says nothing of it.',
      args: ['str', 'str'],
      argNames: ['presentity_uri', 'activity'],
      routes: ANY_ROUTE,
      isAsync: true,
      run: async (run: Run, state: PresenceXml, uri, activity) => {
        const body = await published(run, state, uri);
        return body === null ? -1 : hasActivity(body, activity);
      },
    }),
  },
  async init(ctx) {
    if (ctx.int('passive_mode') !== 0) return { presence: null, documents: null };
    const presence = ctx.api<PresenceApi>('presence');
    const needsRules = ctx.int('force_active') === 0 && ctx.int('disable_presence') === 0;
    if (needsRules && ctx.str('db_url') === '')
      throw new Error('db_url is needed for the rules of presence; or force_active=1 lets everyone see everything');
    const documents = needsRules ? await XcapDocuments.open(ctx) : null;
    for (const event of packagesOf(ctx, documents)) presence.addEvent(event);
    return { presence, documents };
  },
  async destroy({ documents }) {
    await documents?.close();
  },
});
