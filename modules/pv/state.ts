import type { AvpName, Branch, ModuleContext, Run, ScriptProgram, SharedMap } from 'strowger';

/** What one server's pv module keeps. */
export interface PvState {
  readonly ctx: ModuleContext;
  /** `$shv(name)`: lives as long as the server, in all workers. Holds a name once a script or a parameter has named it. */
  readonly shared: SharedMap<string | number>;
  /** `$var(name)` values that every run begins with, from the parameter `varset`. */
  readonly initialVars: ReadonlyMap<string, string | number>;
  /** `$avp(alias)`: the AVP an alias stands for, from the parameter `avp_aliases`. */
  readonly avpAliases: ReadonlyMap<string, AvpName>;
  /** `$sbranch(…)`, until sbranch_reset(). */
  sbranch: Branch;
  /** Texts that pv_evalx() has compiled, by text, for the program it ran in. */
  readonly compiled: Map<string, CompiledText>;
}

/** A text compiled at run time; a reload brings another program. */
interface CompiledText {
  readonly program: ScriptProgram;
  readonly expand: (run: Run) => string;
}
