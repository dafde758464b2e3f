/** UpdateOS: all packages, or some, to their newest versions. Source: reference, `awstoe.md` section 6. */
import { wildcardMatcher } from '../../policies/globs.ts';
import { mapOf, texts } from '../kit/inputs.ts';
import { among, RPM_MANAGERS, rpmCommands, rpmNames, type RpmManager } from '../kit/rpm-updates.ts';
import {
  ending,
  InputError,
  onWindows,
  type ActionModule,
  type AttemptContext,
  type AttemptResult,
  type ModuleCommandResult,
} from '../module.ts';
import { updateWindows } from '../kit/windows-updates.ts';
import { readScript } from '../../platform/scripts.ts';

const PACKAGE_MANAGER = readScript(import.meta.url, 'package-manager.sh');

const UPDATE_TRIES = 4;
const UPDATE_PAUSE_SECONDS = 5;

/**
 * Never asks, keeps changed configuration files, waits for another dpkg to finish, and fails if an index cannot be
 * downloaded (apt-get update would succeed with the old one).
 */
const APT_OPTIONS = [
  '-o',
  'Dpkg::Options::=--force-confdef',
  '-o',
  'Dpkg::Options::=--force-confold',
  '-o',
  'DPkg::Lock::Timeout=600',
  '-o',
  'Acquire::Retries=3',
  '-o',
  'APT::Update::Error-Mode=any',
  '-o',
  'Dpkg::Use-Pty=0',
];
const APT_ENVIRONMENT = { DEBIAN_FRONTEND: 'noninteractive', APT_LISTCHANGES_FRONTEND: 'none', NEEDRESTART_MODE: 'a' };

export const updateOs: ActionModule = {
  name: 'UpdateOS',
  platforms: ['Linux', 'Windows'],
  async attempt(context) {
    if (onWindows(context)) return updateWindows(context);
    const inputs = mapOf(context.inputs);
    const names = { include: texts(inputs, 'include'), exclude: texts(inputs, 'exclude') };
    const manager = await packageManager(context);
    const rpm = RPM_MANAGERS.find((each) => each === manager);
    if (rpm !== undefined)
      return updateRpm(context, rpm, rpmNames('include', names.include), rpmNames('exclude', names.exclude));
    if (manager !== 'apt-get') {
      return {
        result: 'failed',
        message:
          'UpdateOS works with apt-get, dnf, yum and zypper; this system has ' +
          `${manager ?? 'no package manager that is known'}`,
      };
    }
    const include = packageNames('include', names.include);
    const exclude = packageNames('exclude', names.exclude);
    const updated = await refresh(context);
    if (updated !== undefined) return updated;

    const installed = include.length + exclude.length > 0 ? await installedPackages(context) : [];
    const excluded = matching(exclude, installed, (name) => context.log(`exclude: ${name} is not installed`, 'warn'));
    const held = await hold(context, excluded);
    try {
      if (include.length === 0) return verdict('apt-get dist-upgrade', await apt(context, ['dist-upgrade']));
      const wanted = matching(include, installed, (name) =>
        context.log(`include: ${name} is not installed`, 'warn'),
      ).filter((item) => !excluded.includes(item));
      if (wanted.length === 0) {
        context.log('none of the packages to include is installed and not excluded: nothing to update', 'warn');
        return { result: 'success' };
      }
      return verdict(
        'apt-get install --only-upgrade',
        await apt(context, ['install', '--only-upgrade', '--', ...aptNames(wanted)]),
      );
    } finally {
      await release(context, held);
    }
  },
};

async function updateRpm(
  context: AttemptContext,
  manager: RpmManager,
  include: readonly string[],
  exclude: readonly string[],
): Promise<AttemptResult> {
  const listed = await context.command({
    argv: ['rpm', '-qa', '--queryformat', '%{NAME}\\n'],
    own: true,
    quiet: true,
    what: 'listing the installed packages',
  });
  if (listed.exitCode !== 0 || listed.stdout === undefined)
    throw new InputError(`the installed packages could not be listed: ${listed.stderr}`);
  const installed = listed.stdout.split('\n').filter((name) => name !== '');
  for (const [input, patterns] of [
    ['include', include],
    ['exclude', exclude],
  ] as const) {
    for (const pattern of patterns)
      if (among([pattern], installed).length === 0) context.log(`${input}: ${pattern} is not installed`, 'warn');
  }
  const commands = rpmCommands(manager, include, exclude, installed);
  if (commands.length === 0)
    context.log('none of the packages to include is installed and not excluded: nothing to update', 'warn');
  for (const argv of commands) {
    const ended = await context.command({ argv, what: `${manager} update` });
    if (ended.exitCode !== 0) return verdict(argv.join(' '), ended);
  }
  return { result: 'success' };
}

/**
 * Package names as dpkg allows them, with `*` and `?` as wildcards: apt would take `name-` as a request to remove, and
 * `-x` as an option.
 */
function packageNames(input: string, names: readonly string[]): readonly string[] {
  for (const name of names) {
    if (!/^[a-z0-9*?]([a-z0-9+.*?-]*[a-z0-9+.*?])?(:[a-z0-9-]+)?$/.test(name))
      throw new InputError(`${input}: "${name}" is not a valid package name`);
  }
  return names;
}

async function packageManager(context: AttemptContext): Promise<string | undefined> {
  const found = await context.command({
    script: PACKAGE_MANAGER,
    quiet: true,
    what: 'looking for the package manager',
  });
  return found.stdout || undefined;
}

function apt(context: AttemptContext, argv: readonly string[]): Promise<ModuleCommandResult> {
  return context.command({
    argv: ['apt-get', '-y', ...APT_OPTIONS, ...argv],
    env: APT_ENVIRONMENT,
    what: `apt-get ${argv[0]}`,
  });
}

/** Retried several times, because apt does not wait for the lock of the indexes, and mirrors fail temporarily. */
async function refresh(context: AttemptContext): Promise<ReturnType<typeof verdict> | undefined> {
  for (let attempt = 1; ; attempt++) {
    const ended = await apt(context, ['update']);
    if (ended.exitCode === 0) return undefined;
    if (attempt === UPDATE_TRIES) return verdict('apt-get update', ended);
    context.log(
      `apt-get update: ${ending(ended)}; again in ${UPDATE_PAUSE_SECONDS} s (attempt ${attempt} of ${UPDATE_TRIES})`,
      'warn',
    );
    await context.pause(UPDATE_PAUSE_SECONDS);
  }
}

function verdict(command: string, ended: ModuleCommandResult) {
  if (ended.exitCode === 0) return { result: 'success' } as const;
  const said = ended.stderr
    .split('\n')
    .filter((line) => line.startsWith('E: '))
    .at(-1);
  return {
    result: 'failed',
    message: `${command}: ${ending(ended)}${said === undefined ? '' : `: ${said.slice(3)}`}`,
    exitCode: ended.exitCode ?? undefined,
    command,
  } as const;
}

/** An installed package, from dpkg. */
export interface InstalledPackage {
  readonly name: string;
  readonly architecture: string;
  readonly held: boolean;
}

async function installedPackages(context: AttemptContext): Promise<readonly InstalledPackage[]> {
  const listed = await context.command({
    argv: ['dpkg-query', '-W', '-f', '${db:Status-Status} ${db:Status-Want} ${Package} ${Architecture}\\n'],
    quiet: true,
    what: 'listing the installed packages',
  });
  if (listed.exitCode !== 0 || listed.stdout === undefined)
    throw new InputError(`the installed packages could not be listed: ${listed.stderr}`);
  return readInstalled(listed.stdout);
}

/** Parses the listing above. */
export function readInstalled(listing: string): readonly InstalledPackage[] {
  return listing.split('\n').flatMap((line) => {
    const [status, want, name, architecture] = line.split(' ');
    return status === 'installed' && name !== undefined && architecture !== undefined
      ? [{ name, architecture, held: want === 'hold' }]
      : [];
  });
}

/** The installed packages that match the patterns; a pattern without an architecture matches all of them. */
export function matching(
  patterns: readonly string[],
  installed: readonly InstalledPackage[],
  onMiss: (pattern: string) => void,
): readonly InstalledPackage[] {
  const matched = new Set<InstalledPackage>();
  for (const pattern of patterns) {
    const [name, architecture] = pattern.split(':') as [string, string | undefined];
    const matches = wildcardMatcher(name);
    const hits = installed.filter(
      (item) => matches(item.name) && (architecture === undefined || item.architecture === architecture),
    );
    if (hits.length === 0) onMiss(pattern);
    for (const hit of hits) matched.add(hit);
  }
  return [...matched];
}

function aptNames(packages: readonly InstalledPackage[]): readonly string[] {
  return packages.map(({ name, architecture }) => `${name}:${architecture}`);
}

/** Holds packages during the update. Returns those that were not held before. */
async function hold(
  context: AttemptContext,
  packages: readonly InstalledPackage[],
): Promise<readonly InstalledPackage[]> {
  const toHold = packages.filter((item) => !item.held);
  if (packages.length > 0) context.log(`excluded: ${packages.map((item) => item.name).join(', ')}`);
  if (toHold.length === 0) return [];
  const done = await context.command({
    argv: ['apt-mark', 'hold', '--', ...aptNames(toHold)],
    quiet: true,
    what: 'apt-mark hold',
  });
  if (done.exitCode !== 0) throw new InputError(`the excluded packages could not be held: ${done.stderr}`);
  return toHold;
}

async function release(context: AttemptContext, packages: readonly InstalledPackage[]): Promise<void> {
  if (packages.length === 0) return;
  const done = await context.command({
    argv: ['apt-mark', 'unhold', '--', ...aptNames(packages)],
    quiet: true,
    graceSeconds: 60,
    what: 'apt-mark unhold',
  });
  if (done.exitCode !== 0)
    throw new InputError(`the excluded packages could not be released from hold: ${done.stderr}`);
}
