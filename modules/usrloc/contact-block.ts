import type { SharedHeap } from 'strowger';
import type { ContactData } from './contact.ts';

/** Words of a contact's block. */
export const CONTACT = {
  /** The next in its bucket of the index by ruid, and the hash of the ruid. */
  RUID_NEXT: 0,
  RUID_HASH: 1,
  /** Neighbours in the record. */
  NEXT: 2,
  PREV: 3,
  RECORD: 4,
  Q: 5,
  CSEQ: 6,
  FLAGS: 7,
  CFLAGS: 8,
  METHODS: 9,
  REG_ID: 10,
  SERVER_ID: 11,
  TCPCONN: 12,
  STATE: 13,
  KEEPALIVE: 14,
  ROUNDTRIP: 15,
  /** Two words, a double. */
  EXPIRES: 16,
  MODIFIED: 18,
  LAST_KEEPALIVE: 19,
  /** Lengths of the texts, 16 bits each. */
  LENGTHS: 20,
  /** The next in its bucket of the index by connection, and the hash of the connection's id. */
  CONN_NEXT: 25,
  CONN_HASH: 26,
  TEXT: 27,
} as const;

/** Words of a record's block. */
export const RECORD = { NEXT: 0, HASH: 1, FIRST: 2, LENGTH: 3, TEXT: 4 } as const;

/** A text that is longer is cut; messages are not so long. */
const MAX_TEXT = 0xffff;

/** Words that a contact needs. */
export function contactWords(data: ContactData): number {
  const { ruid, contact, callid, userAgent, received, path, socket, instance, xavpText } = data;
  const length =
    room(ruid) +
    room(contact) +
    room(callid) +
    room(userAgent) +
    room(received) +
    room(path) +
    room(socket) +
    room(instance);
  return CONTACT.TEXT + ((length + room(xavpText) + 3) >>> 2);
}

function room(text: string): number {
  return Math.min(MAX_TEXT, text.length);
}

/** Texts of a contact in the order they are kept. Looked up by name in a loop each would cost ten times as much. */
function textsOf(data: ContactData): readonly string[] {
  const { ruid, contact, callid, userAgent, received, path, socket, instance, xavpText } = data;
  return [ruid, contact, callid, userAgent, received, path, socket, instance, xavpText];
}

/** Writes all but the links into a block that is large enough. `old` is what stands there; null where that is nothing. */
export function writeContact(heap: SharedHeap, at: number, data: ContactData, old: ContactData | null): void {
  writeNumbers(heap, at, data);
  const { bytes } = heap;
  const texts = textsOf(data);
  const oldTexts = old === null ? NO_TEXTS : textsOf(old);
  let length = (at + CONTACT.LENGTHS) * 4;
  let start = (at + CONTACT.TEXT) * 4;
  // Most often it is the Call-ID that is another, of the same length: the rest is where it was.
  let areInPlace = true;
  for (let i = 0; i < texts.length; i++) {
    const text = texts[i] as string;
    const size = room(text);
    if (!areInPlace || text !== oldTexts[i]) {
      areInPlace &&= size === oldTexts[i]?.length;
      bytes[length] = size & 0xff;
      bytes[length + 1] = size >>> 8;
      if (size > 0) bytes.latin1Write(text, start, size);
    }
    length += 2;
    start += size;
  }
}

const NO_TEXTS: readonly string[] = [];

/** Writes what is not text and no link. */
export function writeNumbers(heap: SharedHeap, at: number, data: ContactData): void {
  const { words } = heap;
  words[at + CONTACT.Q] = data.q;
  words[at + CONTACT.CSEQ] = data.cseq;
  words[at + CONTACT.FLAGS] = data.flags;
  words[at + CONTACT.CFLAGS] = data.cflags;
  words[at + CONTACT.METHODS] = data.methods;
  words[at + CONTACT.REG_ID] = data.regId;
  words[at + CONTACT.SERVER_ID] = data.serverId;
  words[at + CONTACT.TCPCONN] = data.tcpconnId;
  words[at + CONTACT.STATE] = data.state;
  words[at + CONTACT.KEEPALIVE] = data.keepalive;
  words[at + CONTACT.ROUNDTRIP] = data.keepaliveRoundtripUs;
  heap.floats[(at + CONTACT.EXPIRES) >>> 1] = data.expires;
  words[at + CONTACT.MODIFIED] = data.lastModified;
  words[at + CONTACT.LAST_KEEPALIVE] = data.lastKeepalive;
}

/** Reads a contact; its strings are copies. */
export function readContact(heap: SharedHeap, at: number): ContactData {
  const { words, bytes } = heap;
  // Two lengths a word, in the order of `textsOf`.
  const lengths = at + CONTACT.LENGTHS;
  const a = words[lengths] as number;
  const b = words[lengths + 1] as number;
  const c = words[lengths + 2] as number;
  const d = words[lengths + 3] as number;
  const ruid = a & 0xffff;
  const contact = ruid + (a >>> 16);
  const callid = contact + (b & 0xffff);
  const userAgent = callid + (b >>> 16);
  const received = userAgent + (c & 0xffff);
  const path = received + (c >>> 16);
  const socket = path + (d & 0xffff);
  const instance = socket + (d >>> 16);
  const end = instance + ((words[lengths + 4] as number) & 0xffff);
  const start = (at + CONTACT.TEXT) * 4;
  const text = bytes.latin1Slice(start, start + end);
  const word = (offset: number): number => words[at + offset] as number;
  // In the order of `contactData`, so that V8 sees one kind of object.
  return {
    contact: text.slice(ruid, contact),
    expires: heap.floats[(at + CONTACT.EXPIRES) >>> 1] as number,
    q: word(CONTACT.Q),
    callid: text.slice(contact, callid),
    cseq: word(CONTACT.CSEQ) >>> 0,
    flags: word(CONTACT.FLAGS) >>> 0,
    cflags: word(CONTACT.CFLAGS) >>> 0,
    userAgent: text.slice(callid, userAgent),
    received: text.slice(userAgent, received),
    path: text.slice(received, path),
    socket: text.slice(path, socket),
    methods: word(CONTACT.METHODS) >>> 0,
    instance: text.slice(socket, instance),
    regId: word(CONTACT.REG_ID),
    serverId: word(CONTACT.SERVER_ID),
    tcpconnId: word(CONTACT.TCPCONN),
    keepalive: word(CONTACT.KEEPALIVE),
    lastModified: word(CONTACT.MODIFIED) >>> 0,
    lastKeepalive: word(CONTACT.LAST_KEEPALIVE) >>> 0,
    keepaliveRoundtripUs: word(CONTACT.ROUNDTRIP) >>> 0,
    ruid: text.slice(0, ruid),
    xavpText: text.slice(instance),
    state: word(CONTACT.STATE),
  };
}

/** The AOR of a record. */
export function readAor(heap: SharedHeap, record: number): string {
  const start = (record + RECORD.TEXT) * 4;
  return heap.bytes.latin1Slice(start, start + (heap.words[record + RECORD.LENGTH] as number));
}

/** Whether the bytes at `start` are this text. */
export function isTextAt(bytes: Uint8Array, start: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[start + i] !== text.charCodeAt(i)) return false;
  return true;
}
