/** What a thread with a database is started with. */
export interface ThreadSetup {
  readonly path: string;
  readonly isReadOnly: boolean;
  /** '' leaves the database's own. */
  readonly journalMode: string;
  /** Ms to wait for another process's lock. */
  readonly busyTimeoutMs: number;
}

/** Values as the library has them: text is text, not bytes. */
export type SqliteValue = string | number | bigint | null | Uint8Array;

export interface ThreadRequest {
  readonly id: number;
  readonly sql: string;
  readonly params: readonly SqliteValue[];
}

export interface ThreadReply {
  readonly id: number;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly SqliteValue[])[];
  readonly affected: number;
  readonly lastId: number | bigint | null;
  readonly error: { readonly message: string; readonly code: number } | null;
}

/** The first message of the thread. */
export interface ThreadOpened {
  readonly opened: boolean;
  readonly error: string;
}
