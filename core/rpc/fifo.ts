import { execFile } from 'node:child_process';
import { close, constants, fstatSync, open, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { promisify } from 'node:util';
import { StrowgerError } from '../errors.ts';
import type { Clock } from '../timer/clock.ts';
import { type FileAccess, makeRoomFor, removeQuietly, setAccess } from './socket-file.ts';

export interface Fifo {
  readonly path: string;
  /** Stops reading and removes the file. */
  close(): void;
}

/**
 * Makes a FIFO and hands over what is written to it, as latin1 text in pieces. It is opened for writing too, so that
 * it does not end when a writer closes. Rejects with RPC_PATH.
 */
export async function openFifo(path: string, access: FileAccess, onText: (text: string) => void): Promise<Fifo> {
  makeRoomFor(path);
  try {
    // Node has no mkfifo of its own.
    await promisify(execFile)('mkfifo', ['--', path]);
  } catch (error) {
    throw new StrowgerError('RPC_PATH', `FIFO ${path}: ${(error as Error).message.trim()}`, error);
  }
  setAccess(path, access);
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  const stream = new Socket({ fd, readable: true, writable: false });
  stream.setEncoding('latin1');
  stream.on('data', (text: string) => onText(text));
  stream.on('error', () => stream.destroy());
  return {
    path,
    close: () => {
      stream.destroy();
      removeQuietly(path);
    },
  };
}

/** Tries to find a reader, and the time between them. */
const OPEN_TRIES = 5;
const OPEN_RETRY_MS = 100;
/** A reader that takes nothing for this long loses the rest. */
const WRITE_TIMEOUT_MS = 2000;

/**
 * Writes a reply (latin1) to a FIFO that the asking side made and reads. Rejects with RPC_PATH when it is no FIFO, or
 * nobody reads it.
 */
export async function writeFifo(path: string, text: string, clock: Clock): Promise<void> {
  const fd = await openForWriting(path, clock);
  if (!fstatSync(fd).isFIFO()) {
    close(fd);
    throw new StrowgerError('RPC_PATH', `${path} is not a FIFO`);
  }
  const stream = new Socket({ fd, readable: false, writable: true });
  await new Promise<void>((resolve, reject) => {
    const timer = clock.schedule(WRITE_TIMEOUT_MS, () => stream.destroy(new Error('its reader takes nothing')));
    stream.on('error', (error) => reject(new StrowgerError('RPC_PATH', `${path}: ${error.message}`, error)));
    stream.on('close', () => {
      clock.unschedule(timer);
      resolve();
    });
    stream.end(text, 'latin1');
  });
}

async function openForWriting(path: string, clock: Clock): Promise<number> {
  for (let tries = 1; ; tries++) {
    try {
      return await promisify(open)(path, constants.O_WRONLY | constants.O_NONBLOCK);
    } catch (error) {
      // ENXIO: there is no reader yet.
      if ((error as NodeJS.ErrnoException).code !== 'ENXIO' || tries === OPEN_TRIES) {
        throw new StrowgerError('RPC_PATH', `${path}: ${(error as Error).message}`, error);
      }
    }
    await new Promise<void>((resolve) => {
      clock.schedule(OPEN_RETRY_MS, resolve);
    });
  }
}
