import type { Run } from '../script/run.ts';

/** Iterators that a run has at a time under one key. */
const MAX_ITERATORS = 4;

interface LineIterator {
  /** The text that it was started on. */
  readonly buf: string;
  /** Where its lines end. */
  readonly last: number;
  /** The line it stands at; empty before the first. */
  start: number;
  end: number;
}

/**
 * Iterators over lines of a message, by name; they live with the run, under the key of the module that has them. They
 * return what commands return: 1, or -1 where there is no such iterator, no line, or another text than it was started on.
 */
export class LineIterators {
  readonly #byName = new Map<string, LineIterator>();

  /** Those of a run. */
  static of(run: Run, key: object): LineIterators {
    run.locals ??= new Map();
    let found = run.locals.get(key) as LineIterators | undefined;
    if (found === undefined) run.locals.set(key, (found = new LineIterators()));
    return found;
  }

  /** Starts, or starts again, over the lines from `start` to `last` of the message. */
  start(run: Run, name: string, start: number, last: number): number {
    if (!this.#byName.has(name) && this.#byName.size >= MAX_ITERATORS) return -1;
    this.#byName.set(name, { buf: run.msg.buf, last, start, end: start });
    return 1;
  }

  end(name: string): number {
    return this.#byName.delete(name) ? 1 : -1;
  }

  next(run: Run, name: string): number {
    const { msg } = run;
    const iterator = this.#byName.get(name);
    if (iterator === undefined || iterator.buf !== msg.buf || iterator.end >= iterator.last) return -1;
    const eol = msg.buf.indexOf('\n', iterator.end);
    iterator.start = iterator.end;
    iterator.end = eol < 0 || eol >= iterator.last ? iterator.last : eol + 1;
    return 1;
  }

  /** The line it stands at, line end included; null before the first. */
  text(run: Run, name: string): string | null {
    const line = this.#line(run, name);
    return line === null ? null : run.msg.buf.slice(line.start, line.end);
  }

  remove(run: Run, name: string): number {
    const line = this.#line(run, name);
    if (line === null) return -1;
    run.msg.lumps.del(line.start, line.end - line.start);
    return 1;
  }

  /** Puts text behind the line. */
  append(run: Run, name: string, text: string): number {
    return this.#put(run, name, text, 'end');
  }

  /** Puts text in front of the line. */
  insert(run: Run, name: string, text: string): number {
    return this.#put(run, name, text, 'start');
  }

  #put(run: Run, name: string, text: string, side: 'start' | 'end'): number {
    const line = this.#line(run, name);
    if (line === null || text === '') return -1;
    run.msg.lumps.anchor(line[side]).insertAfter(text);
    return 1;
  }

  #line(run: Run, name: string): LineIterator | null {
    const iterator = this.#byName.get(name);
    if (iterator === undefined || iterator.buf !== run.msg.buf || iterator.end === iterator.start) return null;
    return iterator;
  }
}
