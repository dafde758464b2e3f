/** The package as it runs: compiled modules, the data beside them, production dependencies. */
import { cp, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { globSync } from 'node:fs';
import { dirname, join } from 'node:path';
import packageJson from '../package.json' with { type: 'json' };
import { ROOT, tool } from './files.ts';

/** What is copied as it is. */
const COPIED = [
  'ingot',
  'managed',
  'data',
  'schemas',
  'examples',
  'docs',
  'README.md',
  'CHANGELOG.md',
  'SECURITY.md',
  'LICENSE',
];
/** Sources of what is beside them: no package needs them when it runs. */
const NOT_COPIED = /\.ts$|\/docs\/generator(\/|$)/;

interface LockedPackage {
  readonly dev?: boolean;
  readonly version?: string;
  readonly integrity?: string;
  readonly devDependencies?: unknown;
}

interface LockFile {
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

/**
 * Fills `folder` with the package. Its `lib/` is `src/` compiled, at the same depth, so that relative paths to data hold.
 * @param work a folder for what the compiler writes, removed afterwards
 * @returns the folder
 */
export async function stage(folder: string, work: string, version: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
  await tool([process.execPath, compiler, '-p', 'tsconfig.release.json', '--outDir', work], { cwd: ROOT });
  await rename(join(work, 'src'), join(folder, 'lib'));
  await rm(work, { recursive: true });
  // Programs in other languages, and tables, which the compiler leaves out.
  for (const file of globSync('**/*.*', { cwd: join(ROOT, 'src') })) {
    if (/\.(ts|md)$/.test(file)) continue;
    await mkdir(dirname(join(folder, 'lib', file)), { recursive: true });
    await cp(join(ROOT, 'src', file), join(folder, 'lib', file));
  }
  for (const name of COPIED)
    await cp(join(ROOT, name), join(folder, name), { recursive: true, filter: (path) => !NOT_COPIED.test(path) });
  const { devDependencies: _, scripts: _scripts, ...rest } = packageJson;
  const own = { ...rest, version, bin: { ingot: 'ingot' }, files: [...COPIED, 'lib'] };
  await writeFile(join(folder, 'package.json'), `${JSON.stringify(own, undefined, 2)}\n`);
  await writeFile(join(folder, 'npm-shrinkwrap.json'), `${JSON.stringify(await productionLock(), undefined, 2)}\n`);
  return folder;
}

/** package-lock.json without what only development needs. npm follows it where Ingot is installed, with its hashes. */
async function productionLock(): Promise<LockFile> {
  const lock = JSON.parse(await readFile(join(ROOT, 'package-lock.json'), 'utf8')) as LockFile;
  const packages = Object.entries(lock.packages)
    .filter(([, entry]) => entry.dev !== true)
    .map(([path, { devDependencies: _, ...entry }]) => [path, entry] as const);
  return { ...lock, packages: Object.fromEntries(packages) };
}

/** What the lock file says of a package. @throws {Error} when it has no such package, or no hash of it */
export async function locked(name: string): Promise<{ readonly version: string; readonly integrity: string }> {
  const { version, integrity } = (await productionLock()).packages[`node_modules/${name}`] ?? {};
  if (version === undefined || integrity === undefined) throw new Error(`package-lock.json has no hash of ${name}`);
  return { version, integrity };
}
