import type { DialogKey, SubsFacts } from './subscription.ts';

/** A SUBSCRIBE, as the owner of the presentity gets it. */
export interface SubscribeJob extends DialogKey {
  readonly kind: 'subscribe';
  readonly presUri: string;
  readonly isInDialog: boolean;
  readonly watcherUser: string;
  readonly watcherDomain: string;
  readonly toUser: string;
  readonly toDomain: string;
  readonly fromUser: string;
  readonly fromDomain: string;
  readonly event: string;
  readonly eventId: string;
  readonly cseq: number;
  readonly contact: string;
  readonly localContact: string;
  readonly recordRoute: string;
  readonly socket: string;
  /** Seconds, within bounds. */
  readonly expires: number;
  readonly userAgent: string;
}

/** A PUBLISH. */
export interface PublishJob {
  readonly kind: 'publish';
  readonly presUri: string;
  readonly user: string;
  readonly domain: string;
  readonly event: string;
  /** SIP-If-Match; '' for a first publication. */
  readonly etag: string;
  readonly expires: number;
  readonly body: string;
  readonly sender: string;
  readonly priority: number;
}

/** Something else that is asked of the owner. */
export interface AskJob {
  readonly kind: 'has-subscribers' | 'notify' | 'authorize' | 'presentity' | 'sphere' | 'hard-state';
  readonly presUri: string;
  readonly event: string;
  /** `hard-state`: the publication's fixed tag, and its body; '' takes it back. */
  readonly etag?: string;
  readonly body?: string;
}

export type Job = SubscribeJob | PublishJob | AskJob;

/** What becomes of it. Of an AskJob, `code` 200 is yes. */
export interface JobResult {
  readonly code: number;
  readonly reason: string;
  readonly expires?: number;
  readonly etag?: string;
  readonly localContact?: string;
  readonly subs?: SubsFacts;
  readonly text?: string | null;
}

export const REFUSED: JobResult = { code: 500, reason: 'Server Internal Error' };
export const DONE: JobResult = { code: 200, reason: 'OK' };
