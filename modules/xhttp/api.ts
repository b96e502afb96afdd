import type { Run } from 'strowger';

/** What other modules use of xhttp: `ctx.optionalApi<XhttpApi>('xhttp')` (types only: `import type`). */
export interface XhttpApi {
  /**
   * Answers the HTTP request the run is about: 1, or -1 where it is none, has been answered, or what is given can not be
   * sent. An empty content type adds no header.
   */
  reply(run: Run, code: number, reason: string, contentType: string, body: string): number;
}
