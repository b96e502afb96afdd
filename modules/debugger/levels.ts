import type { ModuleContext } from 'strowger';

/** How the log calls what the script calls `core`. */
const CORE = '<core>';
const FACILITY = /^(?:LOG_)?(?:KERN|USER|MAIL|DAEMON|AUTH|SYSLOG|LPR|NEWS|UUCP|CRON|AUTHPRIV|FTP|LOCAL[0-7])$/i;

/** Parses `module=value`; null where it is none. */
export function parseSetting(text: string): readonly [module: string, value: string] | null {
  const match = /^\s*([^=\s]+)\s*=\s*(\S+)\s*$/.exec(text);
  return match === null ? null : [match[1] ?? '', match[2] ?? ''];
}

/** A syslog facility as Kamailio writes it; null where there is none of this name. */
export function facilityName(text: string): string | null {
  if (!FACILITY.test(text)) return null;
  const upper = text.toUpperCase();
  return upper.startsWith('LOG_') ? upper : `LOG_${upper}`;
}

/** Log levels and facilities that modules have for themselves. */
export class ModuleLevels {
  readonly #ctx: ModuleContext;
  readonly #levels = new Map<string, number>();
  readonly #facilities = new Map<string, string>();
  /** `mod_level_mode`: the levels count. */
  #isOn: boolean;
  #isFacilityOn: boolean;

  constructor(ctx: ModuleContext) {
    this.#ctx = ctx;
    this.#isOn = ctx.int('mod_level_mode') !== 0;
    this.#isFacilityOn = ctx.int('mod_facility_mode') !== 0;
    for (const [module, value] of ctx
      .list('mod_level')
      .map(parseSetting)
      .filter((pair) => pair !== null))
      this.setLevel(module, Number.parseInt(value, 10) || 0);
    for (const [module, value] of ctx
      .list('mod_facility')
      .map(parseSetting)
      .filter((pair) => pair !== null))
      this.setFacility(module, facilityName(value) ?? value);
  }

  /** `mod_hash_size`, which switches all of it on. */
  get isEnabled(): boolean {
    return this.#ctx.int('mod_hash_size') > 0;
  }

  /** The names that Kamailio's cfg framework has for the modes. */
  declareCfg(): void {
    const vars = [
      {
        name: 'mod_hash_size',
        type: 'int' as const,
        doc: 'power of two as size of internal hash table',
        isReadOnly: true,
      },
      { name: 'mod_level_mode', type: 'int' as const, doc: 'Enable or disable per module log level' },
      { name: 'mod_facility_mode', type: 'int' as const, doc: 'Enable or disable per module log facility' },
    ];
    this.#ctx.server.settings.groups.declare('dbg', vars, {
      get: (name) => {
        if (name === 'mod_hash_size') return this.#ctx.int(name);
        return Number(name === 'mod_level_mode' ? this.#isOn : this.#isFacilityOn);
      },
      set: (name, value) => {
        if (name === 'mod_level_mode') this.#setMode(Number(value) !== 0);
        else this.#isFacilityOn = Number(value) !== 0;
        return null;
      },
    });
  }

  close(): void {
    this.#ctx.server.settings.groups.undeclare('dbg');
    this.#setMode(false);
  }

  /** Its own level, or the server's. */
  level(module: string): number {
    const { settings } = this.#ctx.server;
    return (this.isEnabled ? this.#levels.get(module) : undefined) ?? settings.int('debug');
  }

  setLevel(module: string, level: number): void {
    this.#levels.set(module, level);
    if (this.#isOn && this.isEnabled) this.#apply(module, level);
  }

  facility(module: string): string {
    const { settings } = this.#ctx.server;
    return (this.isEnabled ? this.#facilities.get(module) : undefined) ?? settings.str('log_facility');
  }

  setFacility(module: string, facility: string): void {
    this.#facilities.set(module, facility);
  }

  #setMode(isOn: boolean): void {
    this.#isOn = isOn;
    if (!this.isEnabled) return;
    for (const [module, level] of this.#levels) this.#apply(module, isOn ? level : null);
  }

  #apply(module: string, level: number | null): void {
    this.#ctx.server.log.setLevel?.(module === 'core' ? CORE : module, level);
  }
}
