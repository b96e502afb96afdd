import type { CallOptions } from './call.ts';
import { HeaderPolicy } from './headers.ts';
import type { Rel100 } from './reliable.ts';
import type { ReferMode, TimerMode } from './settings.ts';

/** What flags of b2b_call and b2b_dial change of one call. */
export interface CallFlags {
  readonly isTopologyHidden: boolean;
  /** Null where nothing is said. */
  readonly media: boolean | null;
  readonly refer: ReferMode | null;
  readonly prack: Rel100 | null;
  readonly lateOffer: 'pass' | 'convert' | null;
  readonly auth: string;
  readonly timer: TimerMode | null;
  readonly headers: readonly string[];
}

const VALUES: Readonly<Record<string, readonly string[]>> = {
  refer: ['local', 'pass', 'reject'],
  prack: ['off', 'pass', 'leg'],
  'late-offer': ['pass', 'convert'],
  timer: ['both', 'a', 'b', 'off'],
};

/** `topoh;media=none;hdrs=X-A,X-B`: with `;` or spaces between. An error text where it can not be read. */
export function parseCallFlags(text: string, engine: string): CallFlags | string {
  const found = new Map<string, string>();
  for (const word of text.split(/[;\s]+/)) {
    if (word === '') continue;
    const equals = word.indexOf('=');
    const name = equals < 0 ? word : word.slice(0, equals);
    const value = equals < 0 ? '' : word.slice(equals + 1);
    const allowed = VALUES[name];
    if (allowed !== undefined && !allowed.includes(value)) return `${name}= is one of ${allowed.join(', ')}`;
    if (name === 'media' && value !== 'none' && (value !== engine || engine === ''))
      return engine === '' ? `media=${value}: media_module names no engine` : `media= is ${engine} or none`;
    if ((name === 'topoh') !== equals < 0) return `"${word}" is no flag`;
    if (!['topoh', 'media', 'auth', 'hdrs'].includes(name) && allowed === undefined) return `"${name}" is no flag`;
    if (value === '' && equals >= 0) return `${name}= needs a value`;
    found.set(name, value);
  }
  const media = found.get('media');
  return {
    isTopologyHidden: found.has('topoh'),
    media: media === undefined ? null : media !== 'none',
    refer: (found.get('refer') as ReferMode | undefined) ?? null,
    prack: (found.get('prack') as Rel100 | undefined) ?? null,
    lateOffer: (found.get('late-offer') as 'pass' | 'convert' | undefined) ?? null,
    auth: found.get('auth') ?? '',
    timer: (found.get('timer') as TimerMode | undefined) ?? null,
    headers: (found.get('hdrs') ?? '').split(',').filter((name) => name !== ''),
  };
}

/** Sets what the flags say; the rest stays as the module's parameters have it. Session timers are the call's own business. */
export function applyFlags(options: CallOptions, flags: CallFlags): void {
  if (flags.isTopologyHidden) options.isTopologyHidden = true;
  if (flags.media !== null) options.usesMedia = flags.media;
  if (flags.refer !== null) options.referMode = flags.refer;
  if (flags.prack !== null) options.rel100 = flags.prack;
  if (flags.lateOffer !== null) options.lateOffer = flags.lateOffer;
  if (flags.auth !== '') options.authUser = flags.auth;
  if (flags.headers.length > 0) {
    const { passed, dropped, pattern } = options.policy;
    options.policy = new HeaderPolicy([...passed, ...flags.headers], dropped, pattern);
  }
}
