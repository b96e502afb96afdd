import type { HeaderPolicy } from './headers.ts';
import type { Rel100 } from './reliable.ts';
import type { ReferMode } from './settings.ts';

/** One line of a call's history. */
export interface HistoryLine {
  readonly atMs: number;
  readonly leg: string;
  readonly what: string;
}

/** Options of a call (`b2b_call` flags and module parameters). */
export interface CallOptions {
  policy: HeaderPolicy;
  /** Longest a leg rings, in ms; 0: tm's fr_inv_timer. */
  readonly ringMs: number;
  readonly contactUser: string;
  /** `host` or `host:port` of Contact; '' for the socket's. */
  readonly advertise: string;
  readonly callIdMode: 'new' | 'keep' | 'suffix';
  readonly tagMode: 'new' | 'keep';
  referMode: ReferMode;
  rel100: Rel100;
  lateOffer: 'pass' | 'convert';
  /** Neither side learns anything of the other's network. */
  isTopologyHidden: boolean;
  /** Media go through the engine of media_module. */
  usesMedia: boolean;
  /** Only credentials of this user answer challenges; '' for any. */
  authUser: string;
}
