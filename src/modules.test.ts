import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { MODULES } from './modules.ts';

const SRC = fileURLToPath(new URL('.', import.meta.url));

const NAMES = MODULES.map(({ name }) => name);
/** Import nothing that reads the clock, the disk or the network. */
const PURE = MODULES.flatMap(({ name, pure }) => (pure === undefined ? [] : [name]));
const IMPURE_MODULES = /^node:(fs|net|http|https|child_process|os|dns|sqlite|timers|worker_threads)/;

interface Import {
  readonly file: string;
  readonly module: string;
  readonly from: string;
  /** The module it is of, when it is one of Ingot's own. */
  readonly target: string | undefined;
  /** The file it is of, when it is one of Ingot's own. */
  readonly path: string | undefined;
  readonly typeOnly: boolean;
  /** Loaded when it is needed, by `import()`. */
  readonly late: boolean;
}

const imports: readonly Import[] = globSync('*/**/*.ts', { cwd: SRC })
  .filter((file) => !file.endsWith('.test.ts'))
  .flatMap((file) => {
    const text = readFileSync(resolve(SRC, file), 'utf8');
    return [
      ...text.matchAll(/^(?:import|export) (type )?[^;]*?from '([^']+)'/gm),
      ...text.matchAll(/()\bimport\('([^']+)'\)/g),
    ].map((match): Import => {
      const from = match[2]!;
      const path = from.startsWith('.') ? relative(SRC, resolve(SRC, dirname(file), from)) : undefined;
      const target = path?.split('/')[0];
      return {
        file,
        module: file.split('/')[0]!,
        from,
        target: target?.startsWith('..') ? undefined : target,
        path,
        typeOnly: match[1] !== undefined && match[1] !== '',
        late: match[0].startsWith('import('),
      };
    });
  });

const importsOf = Map.groupBy(imports, ({ file }) => file);

test('every folder is a module with a README', () => {
  assert.deepEqual([...new Set(imports.map(({ module }) => module))].sort(), [...NAMES].sort());
  assert.deepEqual(
    NAMES.filter((name) => !existsSync(resolve(SRC, name, 'README.md'))),
    [],
  );
});

test('a module imports only from modules before it', () => {
  const wrong = imports.filter(
    ({ module, target }) => target !== undefined && target !== module && NAMES.indexOf(target) > NAMES.indexOf(module),
  );
  assert.deepEqual(
    wrong.map(({ file, from }) => `${file} imports ${from}`),
    [],
  );
});

/** What is loaded with a file, and by whom: a shortest way to each. Imports of types load nothing. */
function loadedWith(start: string): ReadonlyMap<string, string | undefined> {
  const found = new Map<string, string | undefined>([[start, undefined]]);
  for (const file of found.keys())
    for (const { path, typeOnly } of importsOf.get(file) ?? [])
      if (path !== undefined && !typeOnly && !found.has(path)) found.set(path, file);
  return found;
}

/** The way to a file, from the file that all of it is loaded with. */
function wayTo(file: string, found: ReadonlyMap<string, string | undefined>): string {
  const by = found.get(file);
  return by === undefined ? file : `${wayTo(by, found)} > ${file}`;
}

test('the pure modules read neither clock, disk nor network, and load nothing that does', () => {
  for (const start of [...importsOf.keys()].filter((file) => PURE.includes(file.split('/')[0]!))) {
    const found = loadedWith(start);
    const wrong = [...found.keys()].flatMap((file) =>
      (importsOf.get(file) ?? []).filter(({ from, typeOnly }) => IMPURE_MODULES.test(from) && !typeOnly),
    );
    assert.deepEqual(
      wrong.map(({ file, from }) => `${wayTo(file, found)} > ${from}`),
      [],
    );
  }
});

test('processes are spawned in platform/ only', () => {
  assert.deepEqual(
    imports
      .filter(({ module, from }) => module !== 'platform' && from === 'node:child_process')
      .map(({ file }) => file),
    [],
  );
});

/** What bash, sh and PowerShell have and sentences have not. */
const PROGRAM_TEXT =
  /\]; then\b|; do |"\$[@1]"|\|\| exit \d|\$EXIT_STATUS|ingot-\$1|-LiteralPath|-CimInstance|\$args\b/;
/** Files that write shell text which is no program of an instance, and what it is. */
const SHELL_TEXT: Readonly<Record<string, string>> = {
  'commands/completion/shells.ts': 'completion, made of the register of commands',
  'images/base/debian-files.ts': 'files of a base image',
  'runner/kit/failing-command.ts': 'a trap in front of a script of a document, on its first line',
};

test('programs for instances are files beside the code, which linters read', () => {
  const files = globSync('*/**/*.ts', { cwd: SRC }).filter((file) => {
    if (/\.(test|cases)\.ts$/.test(file)) return false;
    const code = readFileSync(resolve(SRC, file), 'utf8').replace(/^\s*(\/\*\*|\*|\/\/).*$/gm, '');
    return PROGRAM_TEXT.test(code);
  });
  assert.deepEqual(files.sort(), Object.keys(SHELL_TEXT));
});

test('the API knows no driver, no disk and no program for instances, by whatever way', () => {
  const unknown = ['images', 'instances', 'guest', 'runner', 'launches', 'worker', 'storage'];
  for (const start of [...importsOf.keys()].filter((file) => file.startsWith('api/'))) {
    const found = loadedWith(start);
    const wrong = [...found.keys()].filter((file) => unknown.includes(file.split('/')[0]!));
    assert.deepEqual(
      wrong.map((file) => wayTo(file, found)),
      [],
    );
  }
});

/** Rings of files that import each other, types included: strongly connected components of several files (Tarjan). */
function rings(): readonly (readonly string[])[] {
  const found: string[][] = [];
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const open: string[] = [];
  const visit = (file: string): number => {
    order.set(file, order.size);
    lowest.set(file, order.get(file)!);
    open.push(file);
    for (const { path, late } of importsOf.get(file) ?? []) {
      if (path === undefined || late) continue;
      const seen = order.get(path);
      const reached = seen === undefined ? visit(path) : open.includes(path) ? seen : Infinity;
      lowest.set(file, Math.min(lowest.get(file)!, reached));
    }
    if (lowest.get(file) === order.get(file)) found.push(open.splice(open.indexOf(file)).sort());
    return lowest.get(file)!;
  };
  for (const file of importsOf.keys()) if (!order.has(file)) visit(file);
  return found.filter((ring) => ring.length > 1);
}

/** Files that import each other because what they do is recursive. */
const RINGS: readonly (readonly string[])[] = [
  // A document runs documents.
  ['runner/attempt-context.ts', 'runner/nested.ts', 'runner/run-document.ts', 'runner/run-step.ts'],
];

test('no files import each other in a ring, but for those that are recursive', () => {
  assert.deepEqual(rings(), RINGS);
});

test('who gives a child all of the environment is on this list', () => {
  const asking = globSync('**/*.ts', { cwd: SRC }).filter(
    (file) => !file.endsWith('.test.ts') && /\binherit: 'all'/.test(readFileSync(resolve(SRC, file), 'utf8')),
  );
  assert.deepEqual(asking.sort(), [
    'commands/client.ts', // the server that a command starts in the background
    'distribution/registry/login.ts', // the user's own program for registries
    'events/receivers/command.ts', // the user's own program for events
    'instances/ssh/windows-instance.ts', // ssh, run for the user who asked for it
    'secrets/command.ts', // the user's own program for secrets
    'service/worker-link.ts', // the worker
    'workflows/state-machines/run.ts', // the operator's own program for a name of config.yaml
  ]);
});

/**
 * Where a regular expression is made while Ingot runs, and of what: of its own words, of the API's model, or of a
 * stranger's and tried in time.
 */
const MADE_EXPRESSIONS: Readonly<Record<string, string>> = {
  'api/validate.ts': 'patterns of the model',
  'doctor/blocking.ts': 'names of packages',
  'documents/component/machine-tables.ts': 'its own words',
  'documents/component/secrets.ts': 'its own words',
  'guest/service-journal.ts': 'its own words',
  'images/names/debian.ts': 'its own words',
  'images/names/rocky.ts': 'its own words',
  'images/names/ubuntu.ts': 'its own words',
  'resources/arns.ts': 'its own words',
  'resources/dockerfile-template.ts': 'its own words',
  'templates/parameters.ts': "a template's pattern, tried by matchesInTime",
  'templates/shapes.ts': 'patterns of the model',
};

test('no regular expression is made of untrusted text: wildcards have policies/globs.ts, patterns resources/timed-match.ts', () => {
  const files = globSync('*/**/*.ts', { cwd: SRC }).filter(
    (file) => !file.endsWith('.test.ts') && readFileSync(resolve(SRC, file), 'utf8').includes('new RegExp('),
  );
  assert.deepEqual(files.sort(), Object.keys(MADE_EXPRESSIONS));
});
