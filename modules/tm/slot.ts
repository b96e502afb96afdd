import type { Saved } from './on-wait.ts';
import type { Transaction } from './transaction.ts';

/**
 * One place of the transaction table: its number is `$T(id_index)`. Slots are made once and used again, so that what the
 * table itself notes of a transaction costs the garbage collector nothing.
 */
export class Slot {
  readonly index: number;
  /** Makes the transaction unique: `$T(id_label)`. */
  label = 0;
  /** Null while the slot is free or its transaction is on wait. */
  live: Transaction | null = null;
  /** What is left of a transaction on wait; meaningless while there is none. */
  saved: Saved | null = null;
  isOnWait = false;
  /** Of a request received, so with a key; of an INVITE, so found by its Call-ID, too. */
  isReceived = false;
  isInvite = false;
  /** Where the key is (in the request, mostly), hashes of it and of the Call-ID, and who comes next in the chains. */
  keyText = '';
  keyStart = 0;
  keyEnd = 0;
  keyHash = 0;
  callHash = 0;
  nextByKey: Slot | null = null;
  nextByCall: Slot | null = null;

  constructor(index: number) {
    this.index = index;
  }
}
