import { type PvDef, type PvValue, type Run, readWrite } from 'strowger';
import type { PvState } from './state.ts';

interface FlagWord {
  readonly doc: string;
  get(run: Run): number;
  set(run: Run, flags: number): void;
}

const MESSAGE: FlagWord = {
  doc: 'Message flags',
  get: (run) => run.msg.flags,
  set: (run, flags) => {
    run.msg.flags = flags;
  },
};
const BRANCH: FlagWord = {
  doc: 'Branch flags of the Request-URI',
  get: (run) => run.msg.bflags,
  set: (run, flags) => {
    run.msg.bflags = flags;
  },
};
const SCRIPT: FlagWord = {
  doc: 'Script flags',
  get: (run) => run.scriptFlags,
  set: (run, flags) => {
    run.scriptFlags = flags;
  },
};

/** $mf, $mF, $Mf(n) and the same for branch and script flags. */
export const FLAG_PVS: Readonly<Record<string, PvDef<PvState>>> = {
  mf: decimal(MESSAGE),
  mF: hexadecimal(MESSAGE),
  Mf: single(MESSAGE),
  bf: decimal(BRANCH),
  bF: hexadecimal(BRANCH),
  Bf: single(BRANCH),
  sf: decimal(SCRIPT),
  sF: hexadecimal(SCRIPT),
  Sf: single(SCRIPT),
};

function decimal(word: FlagWord): PvDef<PvState> {
  return readWrite(`${word.doc} as an integer.`, (run) => word.get(run) | 0, assign(word));
}

function hexadecimal(word: FlagWord): PvDef<PvState> {
  return readWrite(
    `${word.doc} as eight hexadecimal digits.`,
    (run) => (word.get(run) >>> 0).toString(16).padStart(8, '0'),
    assign(word),
  );
}

function assign(word: FlagWord): (run: Run, value: PvValue) => boolean {
  return (run, value) => {
    if (typeof value === 'string') return false;
    word.set(run, value ?? 0);
    return true;
  };
}

function single(word: FlagWord): PvDef<PvState> {
  return {
    doc: `One of the ${word.doc.toLowerCase()}, by number 0 to 31: 1 or 0.`,
    name: 'required',
    writable: true,
    bind: (use) => {
      const flag = Number(use.name);
      if (!Number.isInteger(flag) || flag < 0 || flag > 31) return `a flag is a number 0 to 31, not '${use.name}'`;
      const bit = 1 << flag;
      return {
        get: (run) => ((word.get(run) & bit) === 0 ? 0 : 1),
        set: (run, value) => {
          if (typeof value === 'string') return false;
          word.set(run, value === null || value === 0 ? word.get(run) & ~bit : word.get(run) | bit);
          return true;
        },
      };
    },
  };
}
