import { defineModule, intParam, type ModuleContext } from 'strowger';

/** A media engine of its own for tests: every description gets the address 192.0.2.9; the test says what else it does. */
export interface FakeEngine {
  readonly asked: string[];
  /** Packets by leg; a leg that is not in it counts up at each look. */
  readonly silent: Set<string>;
  refuses: '' | 'offer' | 'answer';
  stop(callId: string): void;
}

export default defineModule<ModuleContext>({
  name: 'fake_engine',
  summary: 'A media engine for tests.',
  params: { unused: intParam({ default: 0, noEffect: 'a module needs one to be asked for', doc: 'Nothing.' }) },
  init: (ctx) => ctx,
  api: (ctx) => {
    const told = new Set<(callId: string) => void>();
    const seen = new Map<string, Set<string>>();
    const engine: FakeEngine = {
      asked: [],
      silent: new Set(),
      refuses: '',
      stop: (callId) => {
        for (const tell of told) tell(callId);
      },
    };
    let looks = 0;
    const exchange = (kind: 'offer' | 'answer') => (party: { callId: string; from: string; to: string }, sdp: string) => {
      engine.asked.push(kind);
      const legs = seen.get(party.callId) ?? new Set<string>();
      seen.set(party.callId, legs.add(party.from));
      if (party.to !== '') legs.add(party.to);
      const passed = engine.refuses === kind ? null : sdp.replace(/c=IN IP4 \S+/g, 'c=IN IP4 192.0.2.9');
      // The answer takes a while, as a real one does.
      return new Promise<string | null>((resolve) => void ctx.server.wheel.after(20, () => resolve(passed)));
    };
    return Object.assign(engine, {
      offer: exchange('offer'),
      answer: exchange('answer'),
      delete(callId: string) {
        engine.asked.push('delete');
        seen.delete(callId);
        return Promise.resolve();
      },
      query(callId: string) {
        looks++;
        const legs = [...(seen.get(callId) ?? [])];
        return Promise.resolve({ packets: new Map(legs.map((leg) => [leg, engine.silent.has(leg) ? 5 : looks])) });
      },
      playDtmf(_callId: string, _to: string, digit: string) {
        engine.asked.push(`digit ${digit}`);
        return Promise.resolve(true);
      },
      onTimeout(tell: (callId: string) => void) {
        told.add(tell);
        return () => told.delete(tell);
      },
    });
  },
});
