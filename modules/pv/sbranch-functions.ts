import { ANY_ROUTE, type CommandDef, command, newBranch, rewriteUri } from 'strowger';
import type { PvState } from './state.ts';

/** Commands about the static branch, $sbranch(…). */
export const SBRANCH_COMMANDS: Readonly<Record<string, CommandDef<PvState>>> = {
  sbranch_set_ruri: command({
    doc: 'Makes the static branch the Request-URI with its destination, path, socket, q and flags.',
    args: [],
    routes: ANY_ROUTE,
    run: (run, state: PvState) => {
      const { sbranch } = state;
      const { msg } = run;
      if (sbranch.uri === '') return -1;
      rewriteUri(msg, sbranch.uri);
      msg.dstUri = sbranch.dstUri;
      msg.pathVec = sbranch.path;
      msg.ruriQ = sbranch.q;
      msg.bflags = sbranch.flags;
      msg.forceSocket = sbranch.socket;
      msg.instance = sbranch.instance;
      msg.regId = sbranch.regId;
      msg.ruid = sbranch.ruid;
      msg.locationUa = sbranch.userAgent;
      msg.otcpid = sbranch.otcpid;
      return 1;
    },
  }),
  sbranch_append: command({
    doc: 'Adds the static branch to the destination set.',
    args: [],
    routes: ANY_ROUTE,
    run: (run, state: PvState) => {
      if (state.sbranch.uri === '') return -1;
      Object.assign(run.msg.appendBranch(state.sbranch.uri), state.sbranch);
      return 1;
    },
  }),
  sbranch_reset: command({
    doc: 'Empties the static branch.',
    args: [],
    routes: ANY_ROUTE,
    run: (_run, state: PvState) => {
      state.sbranch = newBranch('');
      return 1;
    },
  }),
};
