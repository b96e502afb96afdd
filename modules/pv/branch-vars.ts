import {
  type Branch,
  flatCopy,
  formatQ,
  indexOf,
  type PvDef,
  type PvUse,
  type PvValue,
  parseUri,
  type Run,
  readOnly,
  readWrite,
  type SipMsg,
} from 'strowger';
import { unknownKey } from './message.ts';
import type { PvState } from './state.ts';

/** $branch(…), $sbranch(…), $br, $bR, $ds: the destination set beside the Request-URI. */
export const BRANCH_PVS: Readonly<Record<string, PvDef<PvState>>> = {
  branch: {
    doc: 'Attribute of an additional branch, the first or the one the index names; count is their number. uri = $null drops it.',
    name: 'required',
    writable: true,
    indexed: true,
    bind: bindBranch,
  },
  sbranch: {
    doc: 'Attribute of the static branch, which sbranch_append() and sbranch_set_ruri() use.',
    name: 'required',
    writable: true,
    bind: (use, state) => {
      if (use.name === 'count') return { get: () => 0 };
      const attribute = ATTRIBUTES.get(use.name ?? '');
      if (attribute === undefined) return unknownKey(use.name, ['count', ...ATTRIBUTES.keys()]);
      const isUri = use.name === 'uri';
      return {
        // Nothing can be read of a branch without a URI.
        get: () => (state.sbranch.uri === '' ? null : attribute.get(state.sbranch)),
        set: (run, value) => {
          if (!isUri || value !== null) return attribute.set(state.sbranch, value, run);
          state.sbranch.uri = '';
          return true;
        },
      };
    },
  },
  br: readWrite(
    'First additional branch; assigning adds one.',
    (run) => {
      const first = run.msg.branches?.[0];
      return first === undefined ? null : printBranch(first);
    },
    (run, value) => {
      if (typeof value !== 'string' || value === '') return false;
      run.msg.appendBranch(flatCopy(value));
      return true;
    },
  ),
  bR: readOnly('All additional branches.', (run) => run.msg.branches?.map(printBranch).join(', ') || null),
  ds: readOnly('The destination set: the rewritten Request-URI and the branches, as a Contact header.', (run) =>
    destinationSet(run.msg),
  ),
};

interface BranchAttribute {
  get(branch: Branch): PvValue;
  set(branch: Branch, value: PvValue, run: Run): boolean;
}

const ATTRIBUTES: ReadonlyMap<string, BranchAttribute> = new Map<string, BranchAttribute>([
  [
    'uri',
    {
      get: (branch) => branch.uri,
      set: (branch, value) => {
        if (typeof value !== 'string' || parseUri(value) === null) return false;
        branch.uri = flatCopy(value);
        return true;
      },
    },
  ],
  ['dst_uri', textAttribute('dstUri')],
  ['path', textAttribute('path')],
  ['ruid', textAttribute('ruid')],
  ['location_ua', textAttribute('userAgent')],
  ['instance', textAttribute('instance')],
  [
    'q',
    {
      get: (branch) => (branch.q < 0 ? null : branch.q),
      set: (branch, value) => {
        if (typeof value === 'string') return false;
        branch.q = value ?? -1;
        return true;
      },
    },
  ],
  [
    'flags',
    {
      get: (branch) => branch.flags | 0,
      set: (branch, value) => {
        if (typeof value === 'string') return false;
        branch.flags = value ?? 0;
        return true;
      },
    },
  ],
  [
    'otcpid',
    {
      get: (branch) => branch.otcpid || null,
      set: (branch, value) => {
        if (typeof value === 'string') return false;
        branch.otcpid = value ?? 0;
        return true;
      },
    },
  ],
  [
    'send_socket',
    {
      get: (branch) => branch.socket?.uri ?? null,
      set: (branch, value, run) => {
        const socket = typeof value === 'string' ? run.server.transport.findSocket(value) : null;
        if (value !== null && socket === null) return false;
        branch.socket = socket;
        return true;
      },
    },
  ],
]);

function textAttribute(field: 'dstUri' | 'path' | 'ruid' | 'userAgent' | 'instance'): BranchAttribute {
  return {
    get: (branch) => branch[field] || null,
    set: (branch, value) => {
      if (typeof value === 'number') return false;
      branch[field] = value === null ? '' : flatCopy(value);
      return true;
    },
  };
}

function bindBranch(use: PvUse): ReturnType<PvDef<PvState>['bind']> {
  if (use.name === 'count') return { get: (run) => run.msg.branches?.length ?? 0 };
  const attribute = ATTRIBUTES.get(use.name ?? '');
  if (attribute === undefined) return unknownKey(use.name, ['count', ...ATTRIBUTES.keys()]);
  const isUri = use.name === 'uri';
  return {
    get: (run) => {
      const branch = branchAt(use, run);
      return branch === undefined ? null : attribute.get(branch);
    },
    set: (run, value) => {
      const branch = branchAt(use, run);
      if (branch === undefined) return false;
      if (!isUri || value !== null) return attribute.set(branch, value, run);
      const { msg } = run;
      msg.branches = msg.branches?.filter((other) => other !== branch) ?? null;
      if (msg.branches?.length === 0) msg.branches = null;
      return true;
    },
    getAll: (run) => run.msg.branches?.map((branch) => attribute.get(branch)) ?? [],
  };
}

function branchAt(use: PvUse, run: Run): Branch | undefined {
  const index = indexOf(use.index, run);
  return index === null ? undefined : run.msg.branches?.at(index === '*' ? 0 : index);
}

/** `sip:a@b`, or `<sip:a@b>;q=0.7` where the branch has a q. */
function printBranch(branch: Branch): string {
  return branch.q < 0 ? branch.uri : `<${branch.uri}>;q=${formatQ(branch.q)}`;
}

function destinationSet(msg: SipMsg): PvValue {
  const parts: string[] = [];
  if (msg.newUri !== null) parts.push(contact(msg.newUri, msg.ruriQ));
  for (const branch of msg.branches ?? []) parts.push(contact(branch.uri, branch.q));
  return parts.length === 0 ? null : `Contact: ${parts.join(', ')}`;
}

function contact(uri: string, q: number): string {
  return q < 0 ? `<${uri}>` : `<${uri}>;q=${formatQ(q)}`;
}
