import { HDR, type SipMsg } from 'strowger';

/**
 * Headers that belong to one side of a call and are made anew on the other: the hop's, the dialog's, what is negotiated
 * for each side, and credentials, which are for us.
 */
const OWN = new Set<number>([
  HDR.VIA,
  HDR.TO,
  HDR.FROM,
  HDR.CSEQ,
  HDR.CALLID,
  HDR.CONTACT,
  HDR.ROUTE,
  HDR.RECORDROUTE,
  HDR.MAXFORWARDS,
  HDR.CONTENTTYPE,
  HDR.CONTENTLENGTH,
  HDR.AUTHORIZATION,
  HDR.PROXYAUTH,
  HDR.WWWAUTHENTICATE,
  HDR.PROXYAUTHENTICATE,
  HDR.SUPPORTED,
  HDR.REQUIRE,
  HDR.PROXYREQUIRE,
  HDR.SESSIONEXPIRES,
  HDR.MINSE,
  HDR.USERAGENT,
  HDR.SERVER,
  HDR.RACK,
  HDR.RSEQ,
  HDR.PATH,
  HDR.REPLACES,
  HDR.REFERTO,
  HDR.REFERREDBY,
  HDR.IDENTITY,
]);
const OWN_NAMES = new Set([
  'service-route',
  'p-charging-vector',
  'target-dialog',
  'proxy-authentication-info',
  'authentication-info',
  'timestamp',
]);

/** Which headers go from one side of a call to the other. */
export class HeaderPolicy {
  /** Lower-case names that do not pass; `*` for all. */
  readonly dropped: ReadonlySet<string>;
  /** Lower-case names that pass although they would not. */
  readonly passed: ReadonlySet<string>;
  readonly pattern: RegExp | null;

  constructor(passed: Iterable<string> = [], dropped: Iterable<string> = [], pattern: RegExp | null = null) {
    this.passed = new Set([...passed].map((name) => name.toLowerCase()));
    this.dropped = new Set([...dropped].map((name) => name.toLowerCase()));
    this.pattern = pattern;
  }

  passes(kind: number, name: string): boolean {
    const lower = name.toLowerCase();
    if (this.passed.has(lower) || this.pattern?.test(name) === true) return true;
    if (this.dropped.has(lower) || this.dropped.has('*')) return false;
    return !OWN.has(kind) && !OWN_NAMES.has(lower);
  }

  /** The rows of a message that pass, in its order; the edits the script made (append_hf …) come with it. */
  rows(msg: SipMsg): string {
    let out = '';
    for (let row = 0; row < msg.hdrCount; row++) {
      if (this.passes(msg.hdrKind(row), msg.hdrName(row))) out += msg.buf.slice(msg.hdrStart(row), msg.hdrEnd(row));
    }
    return out;
  }
}

/** Option tags of a Supported or Require header. */
export function optionTags(msg: SipMsg, kind: number): string[] {
  const tags: string[] = [];
  for (let row = msg.findHdr(kind); row >= 0; row = msg.findHdr(kind, row + 1))
    for (const tag of msg.hdrValue(row).split(',')) if (tag.trim() !== '') tags.push(tag.trim().toLowerCase());
  return tags;
}
