import { ANY_ROUTE, BRANCH_ROUTE, type CommandDef, command, FAILURE_ROUTE, REQUEST_ROUTE, type Run } from 'strowger';
import { isFilter } from './reg-rpc.ts';
import type { Side } from './replace.ts';
import type { Uac } from './uac.ts';
import { fieldsOf } from './uac-req.ts';

/** uac_replace_from, uac_replace_to. */
function replacing(side: Side, header: string): CommandDef<Uac>[] {
  return [
    command({
      doc: `Replaces the URI of ${header}.`,
      args: ['text'],
      argNames: ['uri'],
      routes: REQUEST_ROUTE | BRANCH_ROUTE,
      run: (run: Run, uac: Uac, uri) => uac.replacements.replace(run, side, null, uri(run) ?? ''),
    }),
    command({
      doc: `Replaces display name and URI of ${header}: an empty name takes it away, an empty URI stays.`,
      args: ['text', 'text'],
      argNames: ['display', 'uri'],
      routes: REQUEST_ROUTE | BRANCH_ROUTE,
      run: (run: Run, uac: Uac, display, uri) =>
        uac.replacements.replace(run, side, display(run) ?? '', uri(run) ?? ''),
    }),
  ];
}

function restoring(side: Side, header: string): CommandDef<Uac> {
  return command({
    doc: `Brings the original URI of ${header} back, by the parameter of our Route.`,
    args: [],
    routes: REQUEST_ROUTE,
    run: (run: Run, uac: Uac) => uac.replacements.restore(run, side),
  });
}

const NOT_FOUND = -2;
const NO_FILTER = -3;

/** uac_reg_enable, uac_reg_disable. */
function switching(op: 'enable' | 'disable', doc: string): CommandDef<Uac> {
  return command({
    doc,
    args: ['str', 'str'],
    argNames: ['attribute', 'value'],
    routes: ANY_ROUTE,
    check: ([name]) =>
      name === undefined || isFilter(String(name))
        ? null
        : `"${name}" is no attribute: l_uuid, l_username, r_username or auth_username`,
    run: (_run: Run, { registrations }: Uac, name, value) => {
      if (!isFilter(name)) return NO_FILTER;
      const entry = registrations.find(name, value);
      if (entry === undefined) return NOT_FOUND;
      registrations[op](entry.record.uuid);
      return 1;
    },
  });
}

/** uac's functions (Kamailio: uac, Functions). */
export const UAC_COMMANDS: Readonly<Record<string, CommandDef<Uac> | readonly CommandDef<Uac>[]>> = {
  uac_replace_from: replacing('from', 'From'),
  uac_replace_to: replacing('to', 'To'),
  uac_restore_from: restoring('from', 'From'),
  uac_restore_to: restoring('to', 'To'),
  uac_auth: command({
    doc: 'Answers the challenge of the reply, in the request; mode 1: passwords are H(A1).',
    args: ['int?'],
    argNames: ['mode'],
    routes: FAILURE_ROUTE,
    run: (run: Run, uac: Uac, mode) => uac.challenged.answer(run, (mode ?? 0) !== 0),
  }),
  uac_auth_mode: command({
    doc: 'As uac_auth.',
    args: ['int'],
    argNames: ['mode'],
    routes: FAILURE_ROUTE,
    run: (run: Run, uac: Uac, mode) => uac.challenged.answer(run, mode !== 0),
  }),
  uac_req_send: command({
    doc: 'Sends the request that $uac_req(…) describes.',
    args: [],
    routes: ANY_ROUTE,
    run: (run: Run, uac: Uac) => uac.requests.send(fieldsOf(run)),
  }),
  uac_reg_lookup: command({
    doc: 'Sets a variable to the local URI of a registration.',
    args: ['str', 'pvw'],
    argNames: ['uuid', 'dst'],
    routes: ANY_ROUTE,
    run: (run: Run, { registrations }: Uac, uuid, dst) => {
      const record = registrations.get(uuid)?.record;
      if (record === undefined) return -1;
      dst.set(run, `sip:${record.localUser}@${record.localDomain}`);
      return 1;
    },
  }),
  uac_reg_lookup_uri: command({
    doc: 'Sets a variable to the uuid of the registration of a local URI.',
    args: ['str', 'pvw'],
    argNames: ['uri', 'dst'],
    routes: ANY_ROUTE,
    run: (run: Run, uac: Uac, uri, dst) => {
      const entry = uac.byUri(uri);
      if (entry === null) return NOT_FOUND;
      if (entry === undefined) return -1;
      dst.set(run, entry.record.uuid);
      return 1;
    },
  }),
  uac_reg_status: command({
    doc: 'Is it registered? 1 yes, -1 unknown, -2 under way, -3 disabled, -99 waiting.',
    args: ['str'],
    argNames: ['uuid'],
    routes: ANY_ROUTE,
    run: (_run: Run, uac: Uac, uuid) => uac.status(uuid),
  }),
  uac_reg_request_to: command({
    doc: 'Sets Request-URI, destination and credentials to those of a registration.',
    args: ['str', 'int'],
    argNames: ['user', 'mode'],
    routes: REQUEST_ROUTE | FAILURE_ROUTE | BRANCH_ROUTE,
    run: (run: Run, uac: Uac, user, mode) => uac.requestTo(run, user, mode),
  }),
  uac_reg_enable: switching('enable', 'Registers a record from now on.'),
  uac_reg_disable: switching('disable', 'Registers a record no more; what is registered ends by itself.'),
  uac_reg_refresh: command({
    doc: 'Reads a record anew from the table, and registers it anew.',
    args: ['str'],
    argNames: ['uuid'],
    routes: ANY_ROUTE,
    isAsync: true,
    run: async (_run: Run, { database, ctx }: Uac, uuid) => {
      try {
        return (await database.refresh(uuid)) ? 1 : -1;
      } catch (error) {
        ctx.log.error(`uac_reg_refresh: ${(error as Error).message}`);
        return -1;
      }
    },
  }),
};
