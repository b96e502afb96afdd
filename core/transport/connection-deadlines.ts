import type { Connection } from './connection.ts';
import type { ConnectionSettings } from './connection-settings.ts';
import { PROTO } from './socket-info.ts';

/** When a connection must be closed unless something happens before, and what the log then says. */
interface Deadline {
  readonly dueMs: number;
  readonly why: 'idle' | 'no data came in time' | 'a message did not end in time';
}

/** When the peer must have taken something of the `queued` bytes, or Infinity. Notes what it has taken by now. */
export function sendDeadline(conn: Connection, queued: number, settings: ConnectionSettings, nowMs: number): number {
  if (conn.stuckSinceMs < 0 || settings.sendTimeoutMs <= 0) return Infinity;
  noteProgress(conn, queued, nowMs);
  return conn.stuckSinceMs + settings.sendTimeoutMs;
}

/** Begins, or begins anew after progress, the time in which the peer takes nothing. True when it did. */
export function noteProgress(conn: Connection, queued: number, nowMs: number): boolean {
  const taken = conn.writtenBytes - queued;
  if (conn.stuckSinceMs >= 0 && taken <= conn.takenBytes) return false;
  conn.stuckSinceMs = nowMs;
  conn.takenBytes = taken;
  return true;
}

/** The soonest of: idle for too long, a half-read message, silence since it was accepted. */
export function receiveDeadline(conn: Connection, settings: ConnectionSettings): Deadline {
  let deadline: Deadline = { dueMs: Infinity, why: 'idle' };
  const sooner = (dueMs: number, why: Deadline['why']): void => {
    if (dueMs < deadline.dueMs) deadline = { dueMs, why };
  };
  const lifetimeMs = Number.isNaN(conn.lifetimeMs) ? usualLifetime(conn, settings) : conn.lifetimeMs;
  if (lifetimeMs >= 0) sooner(conn.lastActivityMs + lifetimeMs, 'idle');
  // While we do not read, what does not come is our doing.
  if (conn.isPaused) return deadline;
  if (settings.messageReadTimeoutMs > 0 && !conn.framer.isBetweenMessages) {
    sooner(conn.messageStartMs + settings.messageReadTimeoutMs, 'a message did not end in time');
  }
  if (settings.firstDataTimeoutMs > 0 && !conn.hasReceived && !conn.isOutgoing) {
    sooner(conn.openedMs + settings.firstDataTimeoutMs, 'no data came in time');
  }
  return deadline;
}

function usualLifetime(conn: Connection, settings: ConnectionSettings): number {
  const isNew = !conn.hasReceived && conn.writtenBytes === 0;
  return isNew && conn.socket.proto === PROTO.TLS ? settings.tlsFirstLifetimeMs() : settings.lifetimeMs;
}
