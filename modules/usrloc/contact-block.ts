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
  let length = 0;
  for (const text of textsOf(data)) length += Math.min(MAX_TEXT, text.length);
  return CONTACT.TEXT + ((length + 3) >>> 2);
}

/** Texts of a contact in the order they are kept. Looked up by name in a loop each would cost ten times as much. */
function textsOf(data: ContactData): readonly string[] {
  const { ruid, contact, callid, userAgent, received, path, socket, instance, xavpText } = data;
  return [ruid, contact, callid, userAgent, received, path, socket, instance, xavpText];
}

/** Writes all but the links into a block that is large enough. */
export function writeContact(heap: SharedHeap, at: number, data: ContactData): void {
  writeNumbers(heap, at, data);
  const { bytes } = heap;
  let length = (at + CONTACT.LENGTHS) * 4;
  let start = (at + CONTACT.TEXT) * 4;
  for (const text of textsOf(data)) {
    const size = Math.min(MAX_TEXT, text.length);
    bytes[length] = size & 0xff;
    bytes[length + 1] = size >>> 8;
    length += 2;
    if (size > 0) bytes.latin1Write(text, start, size);
    start += size;
  }
}

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
  return {
    ruid: text.slice(0, ruid),
    contact: text.slice(ruid, contact),
    callid: text.slice(contact, callid),
    userAgent: text.slice(callid, userAgent),
    received: text.slice(userAgent, received),
    path: text.slice(received, path),
    socket: text.slice(path, socket),
    instance: text.slice(socket, instance),
    xavpText: text.slice(instance),
    q: word(CONTACT.Q),
    cseq: word(CONTACT.CSEQ) >>> 0,
    flags: word(CONTACT.FLAGS) >>> 0,
    cflags: word(CONTACT.CFLAGS) >>> 0,
    methods: word(CONTACT.METHODS) >>> 0,
    regId: word(CONTACT.REG_ID),
    serverId: word(CONTACT.SERVER_ID),
    tcpconnId: word(CONTACT.TCPCONN),
    state: word(CONTACT.STATE),
    keepalive: word(CONTACT.KEEPALIVE),
    keepaliveRoundtripUs: word(CONTACT.ROUNDTRIP) >>> 0,
    expires: heap.floats[(at + CONTACT.EXPIRES) >>> 1] as number,
    lastModified: word(CONTACT.MODIFIED) >>> 0,
    lastKeepalive: word(CONTACT.LAST_KEEPALIVE) >>> 0,
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
