import { defineModule, type PvDef } from 'strowger';
import { randomUuid, TimeUuids } from './uuid.ts';

const UUID: PvDef<TimeUuids> = {
  doc: '$uuid(g), $uuid(r): a random UUID; $uuid(t), $uuid(s): one made from the time.',
  name: 'required',
  bind: (use, times) => {
    switch (use.name?.trim() ?? '') {
      case 'g':
      case 'r':
        return { get: (run) => randomUuid(run.server.random) };
      case 't':
      case 's':
        return { get: (run) => times.next(run.server.clock.wall()) };
      default:
        return `'${use.name}' is none of g, r, t, s`;
    }
  },
};

export default defineModule<TimeUuids>({
  name: 'uuid',
  summary: 'Universally unique identifiers (RFC 9562).',
  pseudoVariables: { uuid: UUID },
  init: (ctx) => new TimeUuids(ctx.server.random),
});
