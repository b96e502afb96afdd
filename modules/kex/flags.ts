import { ANY_ROUTE, type CommandDef, command, type Run } from 'strowger';

/** Bit of flag 0 … 31; 0 for another number. */
function bitOf(flag: number): number {
  return flag >= 0 && flag <= 31 ? 1 << flag : 0;
}

/** Branch flags of branch `index`: 0 is the Request-URI's, then those appended. Null when there is no such branch. */
function branchFlags(run: Run, index: number): { get: () => number; set: (flags: number) => void } | null {
  const { msg } = run;
  if (index === 0) {
    return {
      get: () => msg.bflags,
      set: (flags) => {
        msg.bflags = flags;
      },
    };
  }
  const branch = msg.branches?.[index - 1];
  if (branch === undefined) return null;
  return {
    get: () => branch.flags,
    set: (flags) => {
      branch.flags = flags;
    },
  };
}

function onScript(doc: string, change: (run: Run, bit: number) => number): CommandDef {
  return command({
    doc,
    args: ['int'],
    argNames: ['flag'],
    routes: ANY_ROUTE,
    run: (run, _state, flag) => {
      const bit = bitOf(flag);
      return bit === 0 ? -1 : change(run, bit);
    },
  });
}

function onBranch(doc: string, change: (flags: number, bit: number) => number | boolean): CommandDef {
  return command({
    doc,
    args: ['int', 'int?'],
    argNames: ['flag', 'branch'],
    routes: ANY_ROUTE,
    run: (run, _state, flag, index) => {
      const bit = bitOf(flag);
      const flags = branchFlags(run, index ?? 0);
      if (bit === 0 || flags === null) return -1;
      const result = change(flags.get(), bit);
      if (typeof result === 'boolean') return result ? 1 : -1;
      flags.set(result);
      return 1;
    },
  });
}

/** Commands on script flags (of a run) and branch flags (of a branch). */
export const FLAG_COMMANDS: Readonly<Record<string, CommandDef>> = {
  setsflag: onScript('Sets a script flag.', (run, bit) => {
    run.scriptFlags |= bit;
    return 1;
  }),
  resetsflag: onScript('Clears a script flag.', (run, bit) => {
    run.scriptFlags &= ~bit;
    return 1;
  }),
  issflagset: onScript('Is the script flag set?', (run, bit) => ((run.scriptFlags & bit) === 0 ? -1 : 1)),
  setbflag: onBranch('Sets a branch flag.', (flags, bit) => flags | bit),
  resetbflag: onBranch('Clears a branch flag.', (flags, bit) => flags & ~bit),
  isbflagset: onBranch('Is the branch flag set?', (flags, bit) => (flags & bit) !== 0),
};
