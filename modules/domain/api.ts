/** What other modules use of domain: `ctx.api<DomainApi>('domain')` (types only: `import type`). */
export interface DomainApi {
  /** Is it one of the domains that this server is responsible for? Case does not count. */
  isDomainLocal(domain: string): boolean;
}
