/** The letters that a script hands to rtpproxy's functions. */
export interface ProxyOptions {
  /** Letters for rtpproxy, in order: A asymmetric, S symmetric, I internal, E external. */
  readonly letters: string;
  /** x: internal and external by the family of the media address. */
  readonly bridgesFamilies: boolean;
  /** Only where the session is there already. */
  readonly isLookup: boolean;
  /** f: a body that another proxy marked is taken too. */
  readonly ignoresMark: boolean;
  /** r, a: the SDP's address is used, not the source of the message. */
  readonly trustsSdp: boolean;
  /** c: the session's address too, where every stream has its own. */
  readonly fixesSession: boolean;
  /** z: milliseconds in a packet, as written; null where it is not asked for. */
  readonly repacketize: string | null;
  /** t: no To tag with delete. */
  readonly withoutToTag: boolean;
  /** What stands behind the Call-ID: a Via branch, or `extra_id_pv`. */
  readonly branch: '' | '1' | '2' | '3' | 'b';
}

/** Reads the letters, of either case. A string says which is unknown. */
export function parseOptions(text: string): ProxyOptions | string {
  let letters = '';
  let repacketize: string | null = null;
  let branch: ProxyOptions['branch'] = '';
  const on = { x: false, l: false, f: false, r: false, c: false, t: false };
  for (let i = 0; i < text.length; i++) {
    const c = text.charAt(i).toLowerCase();
    switch (c) {
      case 'a':
        letters += 'A';
        on.r = true;
        break;
      case 'w':
        letters += 'S';
        break;
      case 'i':
        letters += 'I';
        break;
      case 'e':
        letters += 'E';
        break;
      case 'x':
      case 'l':
      case 'f':
      case 'r':
      case 'c':
      case 't':
        on[c] = true;
        break;
      case 'o':
        break;
      case 'z':
        repacketize = /^\d*/.exec(text.slice(i + 1))?.[0] ?? '';
        i += repacketize.length;
        break;
      case '1':
      case '2':
      case '3':
        branch = c;
        break;
      case 'b':
        // A Via branch goes before the variable.
        if (branch === '') branch = c;
        break;
      default:
        return `unknown option "${text.charAt(i)}"`;
    }
  }
  return {
    letters,
    bridgesFamilies: on.x,
    isLookup: on.l,
    ignoresMark: on.f,
    trustsSdp: on.r,
    fixesSession: on.c,
    repacketize,
    withoutToTag: on.t,
    branch,
  };
}
