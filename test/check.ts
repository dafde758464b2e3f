/** What `npm run check` checks, without running any of Ingot: the first list of `npm test`, and a list of its own. */
import { existsSync, globSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { powerShellFaults } from './harness/powershell-syntax.ts';
import { findProgram } from '../src/platform/files.ts';
import { run } from './harness/processes.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const MAX_COLUMNS = 120;
const SOURCES = '{src,test,bench,docs,schemas,managed,examples}/**/*';
const SHELL_SCRIPTS = [`${SOURCES}.sh`, 'ingot', '.ci/run'];
const MEASURED = [`${SOURCES}.{ts,sh,ps1,pl,md}`, '{data,release}/**/*.md', '*.md', 'ingot', '.ci/run'];

/** Lines that may be longer than {@link MAX_COLUMNS}: what is in them cannot be broken. */
const LONG_LINES: readonly { readonly pattern: RegExp; readonly reason: string }[] = [
  { pattern: /https?:\/\/[^\s'"`]{60,}/, reason: 'a URL' },
  { pattern: /[A-Za-z0-9+/=_-]{80,}/, reason: 'a key, a checksum or a token' },
  { pattern: /^\s*(\w+: )?\/(?![/*]).+\/[a-z]*(\.(test|exec)\(|[,;)]*)$/, reason: 'a regular expression' },
  {
    pattern: /^\s*test\((['`"]).+\1, (async )?(\(.*\) => )?\{$/,
    reason: "a test's name: one string, so that grep finds it",
  },
];

/** Everything that is wrong, as text; empty when nothing is. */
type Faults = string;
/** A check that could not run, and why. */
interface Skipped {
  readonly skipped: string;
}

export interface CheckOptions {
  /** Whether Debian packages that a check needs may be installed. */
  readonly install: boolean;
}

export interface CheckCounts {
  readonly passed: number;
  readonly failed: number;
  /** A line for each check that did not run. */
  readonly skips: readonly string[];
}

const checks: Readonly<Record<string, (options: CheckOptions) => Promise<Faults | Skipped>>> = {
  'types (tsc)': () => tool('typescript/bin/tsc', '-p', '.'),
  'format and lint (biome)': () => tool('@biomejs/biome/bin/biome', 'ci', '--colors=off', '--error-on-warnings', '.'),
  'unused files, exports and dependencies (knip)': unused,
  'shell scripts (shellcheck)': shellScripts,
  'PowerShell scripts (grammar)': powerShellScripts,
  [`lines of at most ${MAX_COLUMNS} columns`]: longLines,
};

/** Runs every check, and prints a line for each, with what it found. */
export async function check(options: CheckOptions): Promise<CheckCounts> {
  let passed = 0;
  let failed = 0;
  const skips: string[] = [];
  process.stdout.write(`\n# check: ${Object.keys(checks).length} checks\n`);
  for (const [name, look] of Object.entries(checks)) {
    const found = await look(options);
    if (typeof found !== 'string') {
      skips.push(`${name}: ${found.skipped}`);
      process.stdout.write(`﹣ ${name} # ${found.skipped}\n`);
    } else if (found === '') {
      passed++;
      process.stdout.write(`✔ ${name}\n`);
    } else {
      failed++;
      process.stdout.write(`✖ ${name}\n${found.trimEnd().replace(/^/gm, '  ')}\n`);
    }
  }
  return { passed, failed, skips };
}

/** A tool of `node_modules`: what it says when it fails. */
async function tool(file: string, ...args: readonly string[]): Promise<Faults> {
  return ran([process.execPath, join(root, 'node_modules', file), ...args]);
}

async function ran(argv: readonly string[]): Promise<Faults> {
  const { code, stdout, stderr } = await run(argv, { cwd: root, okCodes: 'any' });
  return code === 0 ? '' : `${stdout}\n${stderr}`.trim() || `exit code ${code}`;
}

/**
 * npm leaves out optional packages that want a newer Node than the one that npm itself runs on, as Debian 12's does:
 * knip's parser is one. npm brings them when it runs on the project's own Node.
 */
async function unused(): Promise<Faults | Skipped> {
  const found = (): boolean =>
    globSync('node_modules/@oxc-parser/binding-linux-*/package.json', { cwd: root }).length > 0;
  const npm = findProgram('npm');
  if (!found() && npm !== undefined)
    await run(
      [process.execPath, realpathSync(npm), 'install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund'],
      { cwd: root, okCodes: 'any' },
    );
  if (!found()) return { skipped: "npm did not install knip's parser, which needs Node 20.19 or newer" };
  return tool('knip/bin/knip.js', '--no-progress');
}

async function shellScripts({ install }: CheckOptions): Promise<Faults | Skipped> {
  const found = (): boolean =>
    (process.env['PATH'] ?? '').split(':').some((folder) => existsSync(join(folder, 'shellcheck')));
  if (!found() && install) {
    const options = { okCodes: 'any', env: { DEBIAN_FRONTEND: 'noninteractive' } } as const;
    const apt = ['apt-get', 'install', '-y', '-q', '--no-install-recommends', 'shellcheck'];
    if ((await run(apt, options)).code !== 0) {
      await run(['apt-get', 'update', '-q'], options);
      await run(apt, options);
    }
  }
  if (!found()) return { skipped: 'shellcheck is not installed: apt-get install shellcheck' };
  return ran(['shellcheck', ...filesOf(SHELL_SCRIPTS)]);
}

async function powerShellScripts(): Promise<Faults> {
  const faults: string[] = [];
  for (const file of filesOf([`${SOURCES}.ps1`]))
    for (const fault of await powerShellFaults(readFileSync(join(root, file), 'utf8'))) faults.push(`${file}:${fault}`);
  return faults.join('\n');
}

async function longLines(): Promise<Faults> {
  const faults: string[] = [];
  for (const file of filesOf(MEASURED)) {
    const text = readFileSync(join(root, file), 'utf8');
    for (const [index, line] of (file.endsWith('.md') ? proseOf(text) : text).split('\n').entries()) {
      const columns = [...line].length;
      if (columns <= MAX_COLUMNS || LONG_LINES.some(({ pattern }) => pattern.test(line))) continue;
      faults.push(`${file}:${index + 1}: ${columns} columns`);
    }
  }
  return faults.join('\n');
}

/** Markdown with blank lines for what cannot be wrapped: rows of tables, and what is typed or printed. */
function proseOf(markdown: string): string {
  return markdown.replace(/^( *)```[\s\S]*?^\1```$/gm, (block) => block.replace(/.+/g, '')).replace(/^ *\|.*$/gm, '');
}

function filesOf(patterns: readonly string[]): readonly string[] {
  return globSync([...patterns], { cwd: root, exclude: ['**/node_modules/**', 'test/data/**'] }).sort();
}
