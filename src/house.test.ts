import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';

const SRC = fileURLToPath(new URL('.', import.meta.url));

/** Ground first; a room imports only from rooms that stand before it. docs/design.md, The house. */
const ROOMS = [
  'platform',
  'resources',
  'policies',
  'documents',
  'templates',
  'secrets',
  'catalog',
  'images',
  'instances',
  'runner',
  'distribution',
  'workflows',
  'launches',
  'pipelines',
  'api',
  'service',
  'doctor',
  'commands',
];
/** Import nothing that reads the clock, the disk or the network. */
const PURE = ['resources', 'policies', 'documents'];
const IMPURE_MODULES = /^node:(fs|net|http|https|child_process|os|dns|sqlite|timers|worker_threads)/;

interface Import {
  readonly file: string;
  readonly room: string;
  readonly from: string;
  /** The room it is of, when it is one of Ingot's own. */
  readonly target: string | undefined;
  readonly typeOnly: boolean;
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
      const target = from.startsWith('.') ? relative(SRC, resolve(SRC, dirname(file), from)).split('/')[0] : undefined;
      return {
        file,
        room: file.split('/')[0]!,
        from,
        target: target?.startsWith('..') ? undefined : target,
        typeOnly: match[1] !== undefined && match[1] !== '',
      };
    });
  });

test('every folder is a room of the house', () => {
  assert.deepEqual(
    [...new Set(imports.map(({ room }) => room))].filter((room) => !ROOMS.includes(room)),
    [],
  );
});

test('a room imports only from rooms before it', () => {
  const wrong = imports.filter(
    ({ room, target }) => target !== undefined && target !== room && ROOMS.indexOf(target) > ROOMS.indexOf(room),
  );
  assert.deepEqual(
    wrong.map(({ file, from }) => `${file} imports ${from}`),
    [],
  );
});

test('the pure rooms read neither clock, disk nor network', () => {
  const wrong = imports.filter(
    ({ room, from, typeOnly }) => PURE.includes(room) && IMPURE_MODULES.test(from) && !typeOnly,
  );
  assert.deepEqual(
    wrong.map(({ file, from }) => `${file} imports ${from}`),
    [],
  );
});

test('processes are spawned in platform/ only', () => {
  assert.deepEqual(
    imports.filter(({ room, from }) => room !== 'platform' && from === 'node:child_process').map(({ file }) => file),
    [],
  );
});

test('the API knows no driver and no disk', () => {
  const wrong = imports.filter(
    ({ room, target, typeOnly }) => room === 'api' && (target === 'instances' || target === 'images') && !typeOnly,
  );
  assert.deepEqual(
    wrong.map(({ file, from }) => `${file} imports ${from}`),
    [],
  );
});

test('who gives a child all of the environment is on this list', () => {
  const asking = globSync('**/*.ts', { cwd: SRC }).filter(
    (file) => !file.endsWith('.test.ts') && /\binherit: 'all'/.test(readFileSync(resolve(SRC, file), 'utf8')),
  );
  assert.deepEqual(asking.sort(), [
    'commands/client.ts', // the server that a command starts in the background
    'instances/ssh/windows-instance.ts', // ssh, run for the user who asked for it
    'secrets/command.ts', // the user's own program for secrets
    'service/worker-link.ts', // the worker
  ]);
});

/**
 * Where a regular expression is made while Ingot runs, and of what: of its own words, of the API's model, or of a
 * stranger's and tried in time.
 */
const MADE_EXPRESSIONS: Readonly<Record<string, string>> = {
  'api/canonical.ts': 'the name of a Region, whose form the signature has',
  'api/sts/query.ts': 'the name of a parameter',
  'api/validate.ts': 'patterns of the model',
  'doctor/blocking.ts': 'names of packages',
  'documents/component/conditions.ts': "a document's pattern, tried by matchesInTime",
  'documents/component/machine-rule.ts': 'its own words',
  'documents/component/secrets.ts': 'its own words',
  'images/names/debian.ts': 'its own words',
  'images/names/rocky.ts': 'its own words',
  'images/names/ubuntu.ts': 'its own words',
  'resources/arns.ts': 'its own words',
  'resources/dockerfile-template.ts': 'its own words',
  'runner/service-journal.ts': 'its own words',
  'templates/parameters.ts': "a template's pattern, tried by matchesInTime",
};

test('no regular expression is made of what a stranger wrote: wildcards have policies/globs.ts, patterns resources/timed-match.ts', () => {
  const files = globSync('*/**/*.ts', { cwd: SRC }).filter(
    (file) => !file.endsWith('.test.ts') && readFileSync(resolve(SRC, file), 'utf8').includes('new RegExp('),
  );
  assert.deepEqual(files.sort(), Object.keys(MADE_EXPRESSIONS));
});
