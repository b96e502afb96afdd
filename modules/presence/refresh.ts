import type { Presence } from './presence.ts';

/** What has changed (Kamailio: pres_refresh_watchers). */
export const REFRESH = { RULES: 0, PUBLICATIONS: 1, DOCUMENT: 2 } as const;

/**
 * pres_refresh_watchers() and presence.refreshWatchers. A document becomes a publication with the file's name as its tag,
 * and ends with it. False where it can not be done.
 */
export async function refreshWatchers(
  presence: Presence,
  uri: string,
  event: string,
  type: number,
  fileUri: string,
  fileName: string,
): Promise<boolean> {
  switch (type) {
    case REFRESH.RULES:
      return await presence.ask('authorize', uri, event);
    case REFRESH.PUBLICATIONS:
      return await presence.ask('notify', uri, event);
    case REFRESH.DOCUMENT: {
      const body = await presence.document(fileUri);
      return body !== null && (await presence.setHardState(uri, event, fileName, body));
    }
    default:
      return false;
  }
}
