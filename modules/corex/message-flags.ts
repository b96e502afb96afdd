import { MSG_FLAG, type Run } from 'strowger';

const INTERNAL: Readonly<Record<string, number>> = {
  USE_UAC_FROM: MSG_FLAG.USE_UAC_FROM,
  USE_UAC_TO: MSG_FLAG.USE_UAC_TO,
  UAC_AUTH: MSG_FLAG.UAC_AUTH,
};

/** Checks the constant name of an internal flag. */
export function checkInternalFlag([name]: readonly (string | number | undefined)[]): string | null {
  if (name === undefined || Object.hasOwn(INTERNAL, String(name))) return null;
  return `"${name}" is none of ${Object.keys(INTERNAL).join(', ')}`;
}

const bit = (name: string): number => (Object.hasOwn(INTERNAL, name) ? (INTERNAL[name] ?? 0) : 0);

/** `msg_iflag_set`, `msg_iflag_reset`, `msg_iflag_is_set`: -1 for an unknown name; -2 (false) when it is not set. */
export function setInternalFlag(run: Run, _state: unknown, name: string): number {
  run.msg.msgFlags |= bit(name);
  return bit(name) === 0 ? -1 : 1;
}
export function resetInternalFlag(run: Run, _state: unknown, name: string): number {
  run.msg.msgFlags &= ~bit(name);
  return bit(name) === 0 ? -1 : 1;
}
export function hasInternalFlag(run: Run, _state: unknown, name: string): number {
  if (bit(name) === 0) return -1;
  return (run.msg.msgFlags & bit(name)) === 0 ? -2 : 1;
}

const WORDS = 2;

/** Extended flags 0 … 63: -1 beyond. */
function word(run: Run, flag: number): number[] | null {
  if (flag < 0 || flag >= 32 * WORDS) return null;
  run.msg.xflags ??= new Array<number>(WORDS).fill(0);
  return run.msg.xflags;
}

export function setExtendedFlag(run: Run, _state: unknown, flag: number): number {
  const words = word(run, flag);
  if (words === null) return -1;
  words[flag >> 5] = (words[flag >> 5] ?? 0) | (1 << (flag & 31));
  return 1;
}
export function resetExtendedFlag(run: Run, _state: unknown, flag: number): number {
  const words = word(run, flag);
  if (words === null) return -1;
  words[flag >> 5] = (words[flag >> 5] ?? 0) & ~(1 << (flag & 31));
  return 1;
}
export function hasExtendedFlag(run: Run, _state: unknown, flag: number): number {
  if (flag < 0 || flag >= 32 * WORDS) return -1;
  return (((run.msg.xflags?.[flag >> 5] ?? 0) >>> (flag & 31)) & 1) === 1 ? 1 : -1;
}
