import { ANY_ROUTE, command, type PvDef, type PvValue, type Run } from 'strowger';
import type { Dest } from './destination.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { DsSet } from './sets.ts';

/** What `$dsg(…)` is about: chosen by ds_dsg_fetch() and ds_dsg_fetch_uri(). */
interface Chosen {
  readonly setId: number;
  /** '' where only the set was chosen. */
  readonly uri: string;
}

/** Key of the Chosen on a message. */
const CHOSEN: object = { name: 'dispatcher-group' };

export const DSG_FETCH = command({
  doc: 'Chooses the set that $dsg(…) is about.',
  args: ['int'],
  argNames: ['set'],
  routes: ANY_ROUTE,
  run: (run: Run, ds: Dispatcher, setId) => choose(run, ds, setId, ''),
});

export const DSG_FETCH_URI = command({
  doc: 'Chooses the set that $dsg(…) is about, and its destination for the keys of overload control.',
  args: ['int', 'str'],
  argNames: ['set', 'uri'],
  routes: ANY_ROUTE,
  run: (run: Run, ds: Dispatcher, setId, uri) => choose(run, ds, setId, uri),
});

function choose(run: Run, { table }: Dispatcher, setId: number, uri: string): number {
  run.msg.setExtension(CHOSEN, { setId, uri } satisfies Chosen);
  return table.set(setId) === undefined || (uri !== '' && table.find(setId, uri) === undefined) ? -1 : 1;
}

const active = ({ dests }: DsSet): number => dests.filter((dest) => dest.isUsable).length;
const percent = (part: number, { dests }: DsSet): number =>
  dests.length === 0 ? 0 : Math.trunc((part * 100) / dests.length);

const OF_SET: Readonly<Record<string, (set: DsSet) => number>> = {
  count: ({ dests }) => dests.length,
  active,
  inactive: (set) => set.dests.length - active(set),
  pactive: (set) => percent(active(set), set),
  pinactive: (set) => percent(set.dests.length - active(set), set),
};

const OF_DEST: Readonly<Record<string, (dest: Dest) => number>> = {
  octime_sec: ({ overload }) => Math.floor(overload.untilMs / 1000),
  octime_usec: ({ overload }) => (overload.untilMs % 1000) * 1000,
  ocseq: ({ overload }) => overload.seq,
  ocrate: ({ overload }) => overload.rate,
};

/** `$dsg(key)` (Kamailio 6.0): null before ds_dsg_fetch(), and for a set that is not there. */
export const DSG: PvDef<Dispatcher> = {
  doc: 'Of the set that ds_dsg_fetch() chose: count, active, inactive, and of a hundred pactive, pinactive; of the destination that ds_dsg_fetch_uri() chose: ocrate, ocseq, octime_sec, octime_usec.',
  name: 'required',
  bind({ name }, { table }) {
    const key = name ?? '';
    const ofSet = Object.hasOwn(OF_SET, key) ? OF_SET[key] : undefined;
    const ofDest = Object.hasOwn(OF_DEST, key) ? OF_DEST[key] : undefined;
    if (ofSet === undefined && ofDest === undefined)
      return `$dsg(${key}): expected one of ${[...Object.keys(OF_SET), ...Object.keys(OF_DEST)].join(', ')}`;
    return {
      get(run): PvValue {
        const chosen = run.msg.extension<Chosen>(CHOSEN);
        if (chosen === undefined) return null;
        const set = table.set(chosen.setId);
        if (ofSet !== undefined) return set === undefined ? null : ofSet(set);
        const dest = table.find(chosen.setId, chosen.uri);
        return dest === undefined || ofDest === undefined ? null : ofDest(dest);
      },
    };
  },
};
