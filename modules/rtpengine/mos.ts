import { type ModuleContext, ParamPv, type Run } from 'strowger';
import { BDict } from './bencode.ts';

/** Facts about a MOS value: key in the reply, end of the parameter's name. */
const FACTS = [
  ['packet loss', 'packetloss'],
  ['jitter', 'jitter'],
  ['round-trip time', 'roundtrip'],
  ['round-trip time leg', 'roundtrip_leg'],
] as const;

type FactName = (typeof FACTS)[number][1];
const FACT_NAMES: readonly FactName[] = FACTS.map(([, name]) => name);

/** One value with what was measured with it. */
interface Mos {
  /** Tenths. */
  readonly mos: number;
  readonly facts: Readonly<Partial<Record<FactName, number>>>;
  /** Seconds since 1970; null for averages. */
  readonly at: number | null;
  readonly samples: number;
}

/** Lowest, highest and average of some streams; null where nothing was measured. */
interface MosSummary {
  readonly min: Mos | null;
  readonly max: Mos | null;
  readonly average: Mos | null;
}

/** Names of the parameters of one scope: `` for the call, `_A` and `_B` for the legs with a label. */
export function mosParamNames(scope: '' | '_A' | '_B'): string[] {
  const ranged = ['min', 'max'].flatMap((kind) => [
    `mos_${kind}${scope}_pv`,
    `mos_${kind}_at${scope}_pv`,
    ...FACT_NAMES.map((fact) => `mos_${kind}_${fact}${scope}_pv`),
  ]);
  const average = [
    `mos_average${scope}_pv`,
    ...FACT_NAMES.map((fact) => `mos_average_${fact}${scope}_pv`),
    `mos_average_samples${scope}_pv`,
  ];
  const label = scope === '' ? [] : [`mos${scope}_label_pv`];
  return [...label, ...ranged, ...average];
}

function readMos(source: BDict | null): Mos | null {
  const mos = source?.int('MOS') ?? null;
  if (source === null || mos === null || mos <= 0) return null;
  const facts: Partial<Record<FactName, number>> = {};
  for (const [key, name] of FACTS) {
    const value = source.int(key);
    if (value !== null) facts[name] = value;
  }
  return { mos, facts, at: source.int('reported at'), samples: source.int('samples') ?? 0 };
}

/** Of all streams in a reply to query or delete, or of those with the ids given. */
function summarize(reply: BDict, ids: ReadonlySet<string> | null): MosSummary {
  let min: Mos | null = null;
  let max: Mos | null = null;
  const averages: Mos[] = [];
  for (const [id, stream] of reply.dict('SSRC')?.entries ?? []) {
    if (!(stream instanceof BDict) || (ids !== null && !ids.has(id))) continue;
    const lowest = readMos(stream.dict('lowest MOS'));
    const highest = readMos(stream.dict('highest MOS'));
    const average = readMos(stream.dict('average MOS'));
    if (lowest !== null && (min === null || lowest.mos < min.mos)) min = lowest;
    if (highest !== null && (max === null || highest.mos > max.mos)) max = highest;
    if (average !== null) averages.push(average);
  }
  return { min, max, average: meanOf(averages) };
}

/** Mean of streams' averages, rounded down. */
function meanOf(averages: readonly Mos[]): Mos | null {
  if (averages.length === 0) return null;
  const mean = (of: (mos: Mos) => number): number =>
    Math.floor(averages.reduce((sum, mos) => sum + of(mos), 0) / averages.length);
  const facts: Partial<Record<FactName, number>> = {};
  for (const name of FACT_NAMES)
    if (averages.some((mos) => mos.facts[name] !== undefined)) facts[name] = mean((mos) => mos.facts[name] ?? 0);
  return { mos: mean((mos) => mos.mos), facts, at: null, samples: mean((mos) => mos.samples) };
}

/** Ids of the streams that the party with this label sends. */
function streamsOfLabel(reply: BDict, label: string): ReadonlySet<string> {
  const ids = new Set<string>();
  for (const [, party] of reply.dict('tags')?.entries ?? []) {
    if (!(party instanceof BDict) || party.str('label') !== label) continue;
    for (const media of party.list('medias')) {
      if (!(media instanceof BDict)) continue;
      for (const stream of media.list('streams')) if (stream instanceof BDict) addIds(ids, stream);
    }
  }
  return ids;
}

/** One SSRC a stream, or with newer rtpengines several. */
function addIds(ids: Set<string>, stream: BDict): void {
  const own = stream.int('SSRC');
  if (own !== null) ids.add(String(own));
  for (const ingress of stream.list('ingress SSRCs')) {
    const id = ingress instanceof BDict ? ingress.int('SSRC') : null;
    if (id !== null) ids.add(String(id));
  }
}

/** `4.3` */
function tenths(mos: number): string {
  return `${Math.floor(mos / 10)}.${mos % 10}`;
}

/** `1:05`: minutes and seconds from the begin of the call. */
function sinceBegin(at: number, created: number): string {
  const seconds = Math.max(0, at - created);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

/** The variables of one scope. */
class MosVariables {
  readonly scope: '' | '_A' | '_B';
  readonly #pvs: ReadonlyMap<string, ParamPv>;

  constructor(ctx: ModuleContext, scope: '' | '_A' | '_B') {
    this.scope = scope;
    this.#pvs = new Map(mosParamNames(scope).map((name) => [name, new ParamPv(ctx.str(name))]));
  }

  get isUsed(): boolean {
    for (const pv of this.#pvs.values()) if (pv.isNamed) return true;
    return false;
  }

  get label(): ParamPv | null {
    return this.#pvs.get(`mos${this.scope}_label_pv`) ?? null;
  }

  *named(): Generator<readonly [name: string, pv: ParamPv]> {
    for (const entry of this.#pvs) if (entry[1].isNamed) yield entry;
  }

  fill(run: Run, { min, max, average }: MosSummary, created: number): void {
    this.#fillOne(run, 'min', min, created);
    this.#fillOne(run, 'max', max, created);
    this.#fillOne(run, 'average', average, created);
    if (average !== null) this.#set(run, 'average_samples', average.samples);
  }

  #fillOne(run: Run, kind: string, value: Mos | null, created: number): void {
    if (value === null) return;
    this.#set(run, kind, tenths(value.mos));
    if (value.at !== null) this.#set(run, `${kind}_at`, sinceBegin(value.at, created));
    for (const name of FACT_NAMES) {
      const fact = value.facts[name];
      if (fact !== undefined) this.#set(run, `${kind}_${name}`, fact);
    }
  }

  #set(run: Run, what: string, value: string | number): void {
    const pv = this.#pvs.get(`mos_${what}${this.scope}_pv`);
    if (pv?.isNamed === true) pv.set(run, String(value));
  }
}

/** The variables that query and delete fill with the quality of the call (Kamailio: rtpengine, mos_…_pv). */
export class MosReport {
  readonly #scopes: readonly MosVariables[];

  constructor(ctx: ModuleContext) {
    this.#scopes = (['', '_A', '_B'] as const)
      .map((scope) => new MosVariables(ctx, scope))
      .filter((scope) => scope.isUsed);
  }

  *named(): Generator<readonly [name: string, pv: ParamPv]> {
    for (const scope of this.#scopes) yield* scope.named();
  }

  fill(run: Run, reply: BDict): void {
    const created = reply.int('created') ?? 0;
    for (const scope of this.#scopes) {
      const { label } = scope;
      if (label === null) {
        scope.fill(run, summarize(reply, null), created);
        continue;
      }
      const text = label.get(run);
      if (typeof text === 'string' && text !== '')
        scope.fill(run, summarize(reply, streamsOfLabel(reply, text)), created);
    }
  }
}
