import { parseXml, toDbText, type XmlElement } from 'strowger';
import type { Authorization, SubscriptionState, Watcher } from '../presence/api.ts';

/** What is looked at besides the watcher. */
export interface Circumstances {
  /** Wall time in ms. */
  readonly nowMs: number;
  /** What the presentity publishes; null for nothing, or where that is not asked for. */
  readonly sphere: string | null;
}

const ACTIONS: ReadonlyMap<string, Authorization> = new Map<string, Authorization>([
  ['allow', { status: 'active', reason: '' }],
  ['polite-block', { status: 'active', reason: 'polite-block' }],
  ['confirm', { status: 'pending', reason: '' }],
  ['block', { status: 'terminated', reason: 'rejected' }],
]);
/** Weights of sub-handling: of several rules the most generous one counts (RFC 5025 §3.2.1). */
const GENEROSITY = ['block', 'confirm', 'polite-block', 'allow'];

const PENDING: Authorization = { status: 'pending', reason: '' };

/**
 * May the watcher see it, by the rules (RFC 4745, RFC 5025)? Without rules, or for a watcher that no rule is about, it
 * waits for a decision; one about whom there was a decision loses it, with `deletedReason`. Null where the rules can not be
 * read.
 */
export function authorize(
  rules: string | null,
  watcher: Watcher,
  before: SubscriptionState | null,
  deletedReason: string,
  circumstances: Circumstances,
): Authorization | null {
  if (rules === null) return PENDING;
  const root = parseXml(rules);
  if (root === null) return null;
  const actions = rulesFor(root, watcher, circumstances).map(actionOf);
  const best = Math.max(-1, ...actions.map((action) => GENEROSITY.indexOf(action)));
  const decided = ACTIONS.get(GENEROSITY[best] ?? '');
  if (decided !== undefined) return decided;
  return before === 'pending' ? PENDING : { status: 'terminated', reason: deletedReason };
}

/** The rules that are about this watcher now. */
export function rulesFor(root: XmlElement, watcher: Watcher, circumstances: Circumstances): XmlElement[] {
  return root.childrenOf('rule').filter((rule) => holds(rule.child('conditions'), watcher, circumstances));
}

function actionOf(rule: XmlElement): string {
  return rule.child('actions')?.child('sub-handling')?.text ?? '';
}

/** A rule that names no identity is about nobody, as in Kamailio; so is one with a condition that is not known. */
function holds(conditions: XmlElement | null, watcher: Watcher, circumstances: Circumstances): boolean {
  if (conditions?.child('identity') === null || conditions === null) return false;
  return conditions.elements.every((condition) => {
    switch (condition.local) {
      case 'identity':
        return isNamed(condition, watcher);
      case 'sphere':
        return circumstances.sphere !== null && condition.attribute('value') === toDbText(circumstances.sphere);
      case 'validity':
        return isValid(condition, circumstances.nowMs);
      default:
        return false;
    }
  });
}

/** RFC 4745 §7.1: `one` by one, or `many` without exceptions. */
function isNamed(identity: XmlElement, watcher: Watcher): boolean {
  const names = namesOf(watcher);
  const domain = toDbText(watcher.domain).toLowerCase();
  return identity.elements.some((element) => {
    if (element.local === 'one') return names.includes(bare(element.attribute('id') ?? ''));
    if (element.local !== 'many') return false;
    const wanted = element.attribute('domain');
    if (wanted !== null && wanted.toLowerCase() !== domain) return false;
    return !element.childrenOf('except').some((except) => {
      const excluded = except.attribute('domain');
      return excluded === null ? names.includes(bare(except.attribute('id') ?? '')) : excluded.toLowerCase() === domain;
    });
  });
}

function namesOf({ user, domain }: Watcher): string[] {
  return [bare(toDbText(`sip:${user}@${domain}`)), bare(toDbText(`sips:${user}@${domain}`)), `tel:${toDbText(user)}`];
}

/** Without parameters; hosts compare without regard to case (RFC 3261 §19.1.4). */
function bare(uri: string): string {
  const [text = ''] = uri.trim().split(/[;?]/, 1);
  const at = text.lastIndexOf('@');
  return at < 0 ? text : text.slice(0, at) + text.slice(at).toLowerCase();
}

/** RFC 4745 §7.3: pairs of from and until. */
function isValid(validity: XmlElement, nowMs: number): boolean {
  const froms = validity.childrenOf('from');
  const untils = validity.childrenOf('until');
  return froms.some((from, i) => {
    const [start, end] = [Date.parse(from.text), Date.parse(untils[i]?.text ?? '')];
    return start <= nowMs && nowMs < end;
  });
}
