import { coreHash, TextMap } from 'strowger';
import type { Dialog, Leg } from './dialog.ts';

/** A dialog, and the side that a message of it comes from. */
export interface Match {
  readonly dialog: Dialog;
  readonly sender: Leg;
}

/**
 * The dialogs of one worker, by Call-ID, and by the entry and id that Kamailio calls them by: the entry is a hash of the
 * Call-ID, the id is unique within it.
 */
export class DialogTable {
  readonly #entries: (Dialog | null)[];
  readonly #byCall: TextMap<Dialog>;
  #size = 0;

  /** `entryCount` is a power of two; `seed` is what `TextMap` takes. */
  constructor(entryCount: number, seed: number) {
    this.#byCall = new TextMap(seed);
    this.#entries = new Array<Dialog | null>(entryCount).fill(null);
  }

  get size(): number {
    return this.#size;
  }

  get entryCount(): number {
    return this.#entries.length;
  }

  entryOf(callId: string): number {
    return coreHash(callId, this.#entries.length);
  }

  add(dialog: Dialog): void {
    const head = this.#entries[dialog.hEntry] ?? null;
    dialog.next = head;
    if (head !== null) head.previous = dialog;
    this.#entries[dialog.hEntry] = dialog;
    dialog.sameCall = this.#byCall.get(dialog.callId) ?? null;
    this.#byCall.set(dialog.callId, dialog);
    this.#size++;
  }

  /** False where it is not there any more. */
  remove(dialog: Dialog): boolean {
    const { next, previous } = dialog;
    if (next === null && previous === null && this.#entries[dialog.hEntry] !== dialog) return false;
    if (previous === null) this.#entries[dialog.hEntry] = next;
    else previous.next = next;
    if (next !== null) next.previous = previous;
    dialog.next = dialog.previous = null;
    this.#removeFromCall(dialog);
    this.#size--;
    return true;
  }

  find(hEntry: number, hId: number): Dialog | null {
    for (let dialog = this.#entries[hEntry] ?? null; dialog !== null; dialog = dialog.next)
      if (dialog.hId === hId) return dialog;
    return null;
  }

  /** The newest dialog of a call; `sameCall` leads to the others. */
  ofCall(callId: string): Dialog | null {
    return this.#byCall.get(callId) ?? null;
  }

  /** Dialogs that are not over come first. */
  match(callId: string, fromTag: string, toTag: string): Match | null {
    let over: Match | null = null;
    for (let dialog = this.ofCall(callId); dialog !== null; dialog = dialog.sameCall) {
      const sender = dialog.senderOf(fromTag, toTag);
      if (sender === null) continue;
      if (dialog.endSec === 0) return { dialog, sender };
      over ??= { dialog, sender };
    }
    return over;
  }

  /** By entry. Those that are added meanwhile may be left out. */
  *all(): Generator<Dialog> {
    for (const head of this.#entries) {
      for (let dialog = head; dialog !== null; ) {
        // The visitor may remove the one it was given.
        const { next } = dialog;
        yield dialog;
        dialog = next;
      }
    }
  }

  #removeFromCall(dialog: Dialog): void {
    const first = this.#byCall.get(dialog.callId);
    if (first === dialog) {
      if (dialog.sameCall === null) this.#byCall.delete(dialog.callId);
      else this.#byCall.set(dialog.callId, dialog.sameCall);
    } else {
      for (let at = first ?? null; at !== null; at = at.sameCall)
        if (at.sameCall === dialog) at.sameCall = dialog.sameCall;
    }
    dialog.sameCall = null;
  }
}

/** `e65.666`: entry and id in hexadecimal, the lowest digit first, as the Record-Route parameter carries them. */
export function cookieOf({ hEntry, hId }: Pick<Dialog, 'hEntry' | 'hId'>): string {
  return `${reversedHex(hEntry)}.${reversedHex(hId)}`;
}

/** Reads such a parameter; null for anything else. */
export function parseCookie(text: string): { readonly hEntry: number; readonly hId: number } | null {
  const dot = text.indexOf('.');
  const hEntry = fromReversedHex(text, 0, dot);
  const hId = fromReversedHex(text, dot + 1, text.length);
  return hEntry < 0 || hId < 0 ? null : { hEntry, hId };
}

/** Hexadecimal digits of a number, at most eight. */
const MAX_DIGITS = 8;
const DIGITS = '0123456789abcdef';

function reversedHex(value: number): string {
  let text = '';
  let rest = value;
  do {
    text += DIGITS.charAt(rest & 15);
    rest >>>= 4;
  } while (rest > 0);
  return text;
}

/** -1 for what is no number. */
function fromReversedHex(text: string, start: number, end: number): number {
  if (end <= start || end - start > MAX_DIGITS) return -1;
  let value = 0;
  for (let i = end - 1; i >= start; i--) {
    const c = text.charCodeAt(i) | 32;
    const digit = c >= 97 ? c - 87 : c - 48;
    if (digit < 0 || digit > 15 || (c > 57 && c < 97)) return -1;
    value = value * 16 + digit;
  }
  return value;
}
