import { type FirstLine, usualLine } from './first-line.ts';
import type { RowIndex } from './header-index.ts';
import { NameAddr } from './name-addr.ts';
import { Via } from './via.ts';

/**
 * What a receiver has found out about the rows that every message is asked for (native/facts.h): the words of each fact
 * begin with where the row's value starts, 0 where it has left the row to the parser. What is made of them here is what the
 * parser makes of the row, at a fifth of the cost.
 */
const VIA_AT = 0;
const VIA2_AT = 9;
const FROM_AT = 18;
const TO_AT = 24;
const CSEQ_AT = 30;
const LINE_AT = 33;

/** The first line, right until the next one is read; undefined where the parser has to look. */
export function firstLineOf(buf: string, { facts, factsAt }: RowIndex): FirstLine | undefined {
  const at = factsAt + LINE_AT;
  const end = facts[at] as number;
  return end === 0
    ? undefined
    : usualLine(buf, end, facts[at + 1] as number, facts[at + 2] as number, facts[at + 3] as number);
}

/** The message that was read last, whose facts still stand in the receiver's memory: the second Via is seldom asked for. */
const latest: { buf: string; index: RowIndex | null; at: number } = { buf: '', index: null, at: 0 };

/** To be called before the memory is used for other datagrams. */
export function forgetFacts(): void {
  latest.index = null;
}

/** The topmost Via, whose row's value is `buf[start … end)`; undefined where the parser has to look. */
export function viaOf(buf: string, index: RowIndex, start: number, end: number): Via | undefined {
  latest.buf = buf;
  latest.index = index;
  latest.at = index.factsAt;
  return viaAt(buf, index.facts, index.factsAt + VIA_AT, start, end);
}

/** The Via of the second row, if this is the message read last. */
export function secondViaOf(buf: string, start: number, end: number): Via | undefined {
  const { index, at } = latest;
  return index === null || latest.buf !== buf ? undefined : viaAt(buf, index.facts, at + VIA2_AT, start, end);
}

function viaAt(buf: string, facts: Int32Array, at: number, start: number, end: number): Via | undefined {
  return facts[at] === start ? Via.ofFacts(buf, facts, at, end) : undefined;
}

export function fromOf(buf: string, index: RowIndex, start: number, end: number): NameAddr | undefined {
  return nameAddrAt(buf, index.facts, index.factsAt + FROM_AT, start, end);
}

export function toOf(buf: string, index: RowIndex, start: number, end: number): NameAddr | undefined {
  return nameAddrAt(buf, index.facts, index.factsAt + TO_AT, start, end);
}

function nameAddrAt(buf: string, facts: Int32Array, at: number, start: number, end: number): NameAddr | undefined {
  return facts[at] === start ? NameAddr.ofFacts(buf, facts, at, end) : undefined;
}

/** Where the method begins in the CSeq whose value begins at `start`; 0 where the parser has to look. */
export function cseqMethodStart({ facts, factsAt }: RowIndex, start: number): number {
  return facts[factsAt + CSEQ_AT] === start ? (facts[factsAt + CSEQ_AT + 2] as number) : 0;
}

export function cseqNumberOf({ facts, factsAt }: RowIndex): number {
  return facts[factsAt + CSEQ_AT + 1] as number;
}
