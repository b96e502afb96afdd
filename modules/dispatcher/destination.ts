import { type Proto, parseUri, type SocketInfo, URI_SCHEME, type XavpFields } from 'strowger';
import type { LatencyStats } from './latency.ts';
import { type OverloadBounds, OverloadControl } from './overload.ts';

/** Bits of a destination's state and of the flags column (Kamailio: dispatcher, Destination List File). */
export const DS_FLAG = { INACTIVE: 1, TRYING: 2, DISABLED: 4, PROBING: 8, NO_DNS: 16, NO_PING: 32 } as const;

/** The bits that states are made of. */
export const STATE_BITS = DS_FLAG.INACTIVE | DS_FLAG.TRYING | DS_FLAG.DISABLED | DS_FLAG.PROBING;
/** A destination with one of them is passed over. */
export const SKIP_BITS = DS_FLAG.INACTIVE | DS_FLAG.DISABLED;

/** Attributes with a meaning here; the others are only in `body`. */
export interface DestAttrs {
  /** As written. */
  readonly body: string;
  /** Unique id, for call load. */
  readonly duid: string;
  /** Calls at a time; 0 for any number. */
  readonly maxLoad: number;
  /** Percent of the calls, 1-100; 0 where there is none. */
  readonly weight: number;
  /** 1-100; 0 where there is none. */
  readonly rweight: number;
  readonly socket: string;
  readonly sockname: string;
  /** Socket for pings; '' for the one above. */
  readonly pingSocket: string;
  readonly pingFrom: string;
  readonly obproxy: string;
  /** cc=1. */
  readonly hasCongestionControl: boolean;
  /** Latency to begin with, in ms; 0 where unknown. */
  readonly latencyMs: number;
  /** ocmin, ocmax. */
  readonly overload: OverloadBounds;
}

/** A line of the list, or a row of the table, read. */
export interface DestEntry {
  readonly setId: number;
  readonly uri: string;
  readonly flags: number;
  readonly priority: number;
  readonly attrs: DestAttrs;
}

/** Addresses of a destination as last looked up. */
interface DestAddresses {
  readonly ips: readonly string[];
  /** By SRV, which also gives the port and protocol; 0 where it is the URI's own. */
  readonly port: number;
  readonly expiresMs: number;
  /** When they were looked up, seconds since 1970; 0 for a literal. */
  readonly lookedUpSec: number;
}

/** One destination: what the list says of it, and how it fares. Its state is changed by the table only. */
export class Dest {
  readonly setId: number;
  readonly uri: string;
  readonly priority: number;
  readonly attrs: DestAttrs;
  /** Flags as loaded: a reload keeps the state of a destination whose flags are the same. */
  readonly loadedFlags: number;
  readonly scheme: string;
  readonly host: string;
  /** Everything of the URI after its scheme and user: what takes the place of a Request-URI's host. */
  readonly hostPart: string;
  readonly port: number;
  /** By `transport=`; NONE where it has none. */
  readonly proto: Proto;
  readonly socket: SocketInfo | null;
  /** For pings. */
  readonly pingSocket: SocketInfo | null;
  /** Fields of its XAVP, without dstid. */
  readonly fields: XavpFields;
  /** DS_FLAG bits now. */
  flags: number;
  /** Failures (or successes, while inactive) in a row. */
  count = 0;
  /** Calls on it. */
  load = 0;
  latency: LatencyStats;
  addresses: DestAddresses | null = null;
  overload = new OverloadControl();

  constructor(
    entry: DestEntry,
    uri: {
      readonly scheme: string;
      readonly host: string;
      readonly hostPart: string;
      readonly port: number;
      readonly proto: Proto;
    },
    socket: SocketInfo | null,
    pingSocket: SocketInfo | null,
    fields: XavpFields,
    latency: LatencyStats,
  ) {
    this.setId = entry.setId;
    this.uri = entry.uri;
    this.priority = entry.priority;
    this.attrs = entry.attrs;
    this.loadedFlags = entry.flags;
    this.flags = entry.flags;
    this.scheme = uri.scheme;
    this.host = uri.host;
    this.hostPart = uri.hostPart;
    this.port = uri.port;
    this.proto = uri.proto;
    this.socket = socket;
    this.pingSocket = pingSocket;
    this.fields = fields;
    this.latency = latency;
  }

  /** Neither inactive nor disabled: it may be selected. */
  get isUsable(): boolean {
    return (this.flags & SKIP_BITS) === 0;
  }

  /** Two letters: A, I, T or D; P where it is probed, else X. */
  get stateText(): string {
    const { flags } = this;
    const state =
      (flags & DS_FLAG.INACTIVE) !== 0
        ? 'I'
        : (flags & DS_FLAG.DISABLED) !== 0
          ? 'D'
          : (flags & DS_FLAG.TRYING) !== 0
            ? 'T'
            : 'A';
    return state + ((flags & DS_FLAG.PROBING) !== 0 ? 'P' : 'X');
  }
}

/** What a destination needs of its URI; null when it is no SIP URI. */
export function splitDestUri(
  text: string,
): { scheme: string; host: string; hostPart: string; port: number; proto: Proto } | null {
  const uri = parseUri(text);
  if (uri === null || (uri.scheme !== URI_SCHEME.SIP && uri.scheme !== URI_SCHEME.SIPS)) return null;
  const start = uri.hasUser ? text.indexOf('@') + 1 : text.indexOf(':') + 1;
  return {
    scheme: uri.schemeText.toLowerCase(),
    host: uri.bareHost.toLowerCase(),
    hostPart: text.slice(start),
    port: uri.port,
    proto: uri.transport,
  };
}
