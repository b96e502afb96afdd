import type { AvpName, Branch, ModuleContext, PvValue } from 'strowger';

/** What one server's pv module keeps. */
export interface PvState {
  readonly ctx: ModuleContext;
  /** `$shv(name)`: lives as long as the server. */
  readonly shared: Map<string, PvValue>;
  /** `$var(name)` values that every run begins with, from the parameter `varset`. */
  readonly initialVars: ReadonlyMap<string, PvValue>;
  /** `$avp(alias)`: the AVP an alias stands for, from the parameter `avp_aliases`. */
  readonly avpAliases: ReadonlyMap<string, AvpName>;
  /** `$sbranch(…)`, until sbranch_reset(). */
  sbranch: Branch;
}
