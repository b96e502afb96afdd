/** The files that `strowger create-module` writes. */

export interface TemplateOptions {
  /** `loadmodule` name: a word of small letters, digits and _. */
  readonly name: string;
  /** Version of this package. */
  readonly version: string;
  /** Folder of this package, for a development dependency that needs no registry. */
  readonly corePackage: string;
}

/** File names with their texts. */
export function moduleFiles({ name, version, corePackage }: TemplateOptions): Readonly<Record<string, string>> {
  return {
    'package.json': packageJson(name, version, corePackage),
    'tsconfig.json': TSCONFIG,
    'index.ts': indexTs(name),
    'greeter.ts': greeterTs(name),
    'greeter.test.ts': testTs(name),
    'README.md': readme(name),
  };
}

function packageJson(name: string, version: string, corePackage: string): string {
  const content = {
    name: `strowger-module-${name.replaceAll('_', '-')}`,
    version: '0.1.0',
    description: 'A module for Strowger',
    type: 'module',
    keywords: ['strowger-module'],
    exports: './index.ts',
    engines: { node: '>=24' },
    scripts: { test: 'node --test', types: 'tsc' },
    peerDependencies: { strowger: `^${version}` },
    devDependencies: {
      '@types/node': '^26.0.0',
      strowger: `file:${corePackage.replace(/\/$/, '')}`,
      typescript: '^7.0.0',
    },
  };
  return `${JSON.stringify(content, null, 2)}\n`;
}

const TSCONFIG = `{
  "compilerOptions": {
    "target": "es2025",
    "module": "nodenext",
    "types": ["node"],
    "strict": true,
    "noEmit": true,
    "erasableSyntaxOnly": true,
    "verbatimModuleSyntax": true,
    "allowImportingTsExtensions": true,
    "skipLibCheck": true
  },
  "include": ["*.ts"]
}
`;

function indexTs(name: string): string {
  return `import { ANY_ROUTE, command, defineModule, strParam } from 'strowger';
import { Greeter } from './greeter.ts';

/** What this module declares; greeter.ts does the work. */
export default defineModule<Greeter>({
  name: '${name}',
  summary: 'Greets callers.',
  params: {
    greeting: strParam({ default: 'Hello', doc: 'Word before the name.', runtime: true }),
  },
  commands: {
    ${name}_greet: command({
      doc: 'Logs a greeting for a name, or for the caller; true.',
      args: ['str?'],
      argNames: ['name'],
      routes: ANY_ROUTE,
      run: (run, greeter: Greeter, name) => greeter.greet(name ?? run.msg.fromTag),
    }),
  },
  pseudoVariables: {
    ${name}: {
      doc: 'The last greeting; null before the first.',
      name: 'none',
      bind: (_use, greeter) => ({ get: () => greeter.last }),
    },
  },
  rpc: {
    '${name}.count': { doc: 'How many were greeted.', run: (_params, greeter) => greeter.count },
  },
  statistics: {
    greetings: { doc: 'Greetings so far.', get: (greeter) => greeter.count },
  },
  init: (ctx) => new Greeter(() => ctx.str('greeting'), ctx.log),
});
`;
}

function greeterTs(name: string): string {
  return `import type { Log } from 'strowger';

/** The state of the module in one server: everything that lives longer than a message. */
export class Greeter {
  count = 0;
  last: string | null = null;
  readonly #word: () => string;
  readonly #log: Pick<Log, 'info'>;

  /** \`word\` is asked each time: the parameter may change while the server runs. */
  constructor(word: () => string, log: Pick<Log, 'info'>) {
    this.#word = word;
    this.#log = log;
  }

  /** The command ${name}_greet. Above 0 is true in the script. */
  greet(who: string): number {
    this.count++;
    this.last = \`\${this.#word()}, \${who}!\`;
    this.#log.info(this.last);
    return 1;
  }
}
`;
}

function testTs(name: string): string {
  return `import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Greeter } from './greeter.ts';
import module from './index.ts';

test('greets by name and counts', () => {
  const lines: string[] = [];
  const greeter = new Greeter(() => 'Hello', { info: (text) => void lines.push(text) });
  assert.equal(greeter.greet('bob'), 1);
  assert.equal(greeter.last, 'Hello, bob!');
  assert.equal(greeter.count, 1);
  assert.deepEqual(lines, ['Hello, bob!']);
});

test('declares what the README says', () => {
  assert.equal(module.name, '${name}');
  assert.deepEqual(Object.keys(module.commands ?? {}), ['${name}_greet']);
});
`;
}

function readme(name: string): string {
  return `# ${name}

## Overview

Greets callers: a module to begin from.

## Parameters

- \`greeting\` (string, default \`Hello\`, settable while running): word before the name.

      modparam("${name}", "greeting", "Good morning")

## Functions

- \`${name}_greet([name])\`: logs a greeting for the name, or for the caller's tag. Any route. Always true.

## Pseudo-variables

- \`$${name}\`: the last greeting.

## RPC Commands

- \`${name}.count\`: how many were greeted.

## Statistics

- \`${name}:greetings\`: greetings so far.

## Examples

    loadmodule "pv.so"
    loadmodule "./${name}"

    request_route {
        ${name}_greet("$fU");
        exit;
    }

## Working on it

\`npm install\` once, then \`npm test\` runs the test and \`npm run types\` checks the types. A running server takes a
changed module with its next reload (\`strowger reload\`).
`;
}
