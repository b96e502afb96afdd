import { type DbCondition, type DbRow, type ModuleContext, type SocketInfo, type TableRow } from 'strowger';
import { type Columns, columnsOf } from './columns.ts';
import { Dialog, LEG } from './dialog.ts';
import { type DialogState, STATE } from './fsm.ts';

/** A profile membership as the column xdata has it. */
export interface StoredLink {
  readonly name: string;
  readonly value?: string;
  readonly puid?: string;
}

/** A dialog as the database has it. */
export interface StoredDialog {
  readonly dialog: Dialog;
  readonly links: readonly StoredLink[];
}

/** Dialogs and their variables as rows of Kamailio's tables. */
export class DialogRows {
  readonly columns: Columns;
  /** Columns of dialogs that are read. */
  readonly names: readonly string[];
  readonly #findSocket: (text: string) => SocketInfo | null;
  readonly #nowSec: () => number;

  constructor(ctx: ModuleContext, nowSec: () => number) {
    this.columns = columnsOf(ctx);
    const { varsHId: _1, varsHEntry: _2, varsKey: _3, varsValue: _4, ...own } = this.columns;
    this.names = Object.values(own);
    this.#findSocket = (text) => (text === '' ? null : ctx.server.transport.findSocket(text));
    this.#nowSec = nowSec;
  }

  ofDialog({ hEntry, hId }: Pick<Dialog, 'hEntry' | 'hId'>): DbCondition[] {
    return [
      { column: this.columns.hEntry, value: hEntry },
      { column: this.columns.hId, value: hId },
    ];
  }

  varsOfDialog({ hEntry, hId }: Pick<Dialog, 'hEntry' | 'hId'>): DbCondition[] {
    return [
      { column: this.columns.varsHEntry, value: hEntry },
      { column: this.columns.varsHId, value: hId },
    ];
  }

  /** All columns. */
  row(dialog: Dialog): DbRow {
    const { columns } = this;
    return {
      [columns.hEntry]: dialog.hEntry,
      [columns.hId]: dialog.hId,
      [columns.callId]: dialog.callId,
      [columns.fromUri]: dialog.fromUri,
      [columns.fromTag]: dialog.fromTag,
      [columns.toUri]: dialog.toUri,
      [columns.toTag]: dialog.toTag,
      [columns.callerSocket]: dialog.callerSocket?.uri ?? '',
      [columns.calleeSocket]: dialog.calleeSocket?.uri ?? '',
      [columns.startTime]: dialog.startSec,
      [columns.callerRoutes]: dialog.routeSet(LEG.CALLER) || null,
      [columns.calleeRoutes]: dialog.routeSet(LEG.CALLEE) || null,
      [columns.requestUri]: dialog.requestUri,
      ...this.changing(dialog),
    };
  }

  /** What may change in a row. */
  changing(dialog: Dialog): DbRow {
    const { columns } = this;
    return {
      [columns.state]: dialog.state,
      [columns.timeout]: dialog.timeoutSec,
      [columns.callerCseq]: String(dialog.callerCseq),
      [columns.calleeCseq]: String(dialog.calleeCseq),
      [columns.callerContact]: dialog.contact(LEG.CALLER),
      [columns.calleeContact]: dialog.contact(LEG.CALLEE),
      [columns.sflags]: dialog.sflags | 0,
      [columns.iflags]: dialog.iflags,
      [columns.timeoutRoute]: dialog.timeoutRoute || null,
      [columns.xdata]: xdataOf(dialog),
    };
  }

  varRow(dialog: Dialog, name: string, value: string): DbRow {
    const { columns } = this;
    return {
      [columns.varsHEntry]: dialog.hEntry,
      [columns.varsHId]: dialog.hId,
      [columns.varsKey]: name,
      [columns.varsValue]: value,
    };
  }

  /** Null for a row that is of no use: of a call that is not answered or over. */
  read(row: TableRow): StoredDialog | null {
    const { columns } = this;
    const state = row.int(columns.state);
    const callId = row.str(columns.callId);
    if ((state !== STATE.CONFIRMED_NA && state !== STATE.CONFIRMED) || callId === '') return null;
    const startSec = row.int(columns.startTime);
    const timeoutSec = row.int(columns.timeout);
    const dialog = new Dialog({
      hEntry: row.int(columns.hEntry),
      hId: row.int(columns.hId),
      callId,
      fromTag: row.str(columns.fromTag),
      fromUri: row.str(columns.fromUri),
      toUri: row.str(columns.toUri),
      requestUri: row.str(columns.requestUri),
      callerContact: row.str(columns.callerContact),
      callerRoutes: row.str(columns.callerRoutes),
      initSec: startSec,
      lifetimeSec: Math.max(0, timeoutSec - Math.max(startSec, 0)),
    });
    dialog.state = state as DialogState;
    dialog.startSec = startSec;
    dialog.timeoutSec = timeoutSec > 0 ? timeoutSec : this.#nowSec();
    dialog.sflags = row.int(columns.sflags);
    dialog.iflags = row.int(columns.iflags);
    dialog.timeoutRoute = row.str(columns.timeoutRoute);
    dialog.callerCseq = row.int(columns.callerCseq);
    dialog.calleeCseq = row.int(columns.calleeCseq);
    dialog.setCallee(row.str(columns.toTag), row.str(columns.calleeContact), row.str(columns.calleeRoutes));
    dialog.callerSocket = this.#findSocket(row.str(columns.callerSocket));
    dialog.calleeSocket = this.#findSocket(row.str(columns.calleeSocket));
    dialog.isStored = true;
    return { dialog, links: linksOf(row.str(columns.xdata)) };
  }
}

/** `{"profiles":[{"name":"caller","value":"x","puid":"…"}]}`, null without profiles. */
function xdataOf({ profiles }: Dialog): string | null {
  if (profiles === null) return null;
  const items = profiles.map(({ profile, value, puid }) => ({
    name: profile.name,
    ...(value === null ? {} : { value }),
    puid,
  }));
  return JSON.stringify({ profiles: items });
}

function linksOf(xdata: string): StoredLink[] {
  if (xdata === '') return [];
  try {
    const { profiles } = JSON.parse(xdata) as { readonly profiles?: readonly StoredLink[] };
    return Array.isArray(profiles) ? profiles.filter((link) => typeof link?.name === 'string') : [];
  } catch {
    return [];
  }
}
