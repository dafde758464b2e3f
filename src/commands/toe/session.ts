/** One run of `ingot toe run` or `toe test`: where it runs, what it shows, what it leaves. */
import { constants, existsSync } from 'node:fs';
import { access, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { localDriver } from '../../instances/local/driver.ts';
import { roleOf, type InstanceRole } from '../../instances/services/metadata.ts';
import { connectToWindows, parseMachine, type SshMachine } from '../../instances/ssh/windows-instance.ts';
import type { Instance } from '../../instances/instance.ts';
import { s3AccessOf } from '../../platform/s3-object.ts';
import { DEFAULT_ACCOUNT, readCredentials } from '../../platform/credentials.ts';
import { memoryRecorder } from '../../platform/held.ts';
import { newInstanceId } from '../../platform/ids.ts';
import type { S3Access } from '../../platform/s3-requests.ts';
import { readConfig } from '../../platform/config/config.ts';
import { NotGranted } from '../../platform/config/reading.ts';
import { defaultReach } from '../../platform/config/networks.ts';
import type { InstanceProfile } from '../../platform/config/profiles.ts';
import type { Report } from '../../resources/progress.ts';
import { DEFAULT_WORKING_DIRECTORY, WINDOWS_WORKING_DIRECTORY } from '../../resources/working-directory.ts';
import { environmentOf } from '../../workflows/machines/instance-profile.ts';
import { openSecrets } from '../../secrets/open.ts';
import type { Secrets } from '../../secrets/secrets.ts';
import { CLIENT_OPTIONS, connect, dataDirectoryOf, regionOf } from '../client.ts';
import { type Arguments, WrongUse, type CommandOption } from '../command.ts';
import { resolveName } from '../short-names.ts';
import { plainRecord } from '../terminal/plain.ts';
import type { LoadedDocument } from './documents.ts';
import { CONTAINER_DRIVER, FRESH_DRIVERS, inFreshInstance } from './fresh-instance.ts';
import type { LogFolder } from './log-folder.ts';

const PLACE_GROUP = 'Where documents run';
/** Begins a value of `--on` that names a container image. */
const CONTAINER_PREFIX = 'container:';

/** Options that say where documents run. */
export const PLACE_OPTIONS: Readonly<Record<string, CommandOption>> = {
  on: {
    value: 'DRIVER',
    help:
      'nspawn: a fresh system container; qemu: a fresh virtual machine; container:IMAGE: a fresh container of a base ' +
      '(debian-12), of an image that Ingot built (an ARN or image/NAME) or of one in a registry',
    default: 'nspawn',
    group: PLACE_GROUP,
  },
  image: {
    value: 'IMAGE',
    help: 'image of the instance: a base image, an AMI ID, an image ARN, image/NAME or a qcow2 file',
    default: 'debian-12-x86',
    group: PLACE_GROUP,
  },
  'instance-profile': {
    value: 'NAME',
    help: 'instance profile in config.yaml whose credentials the instance gets',
    default: 'none',
    group: PLACE_GROUP,
  },
  data: { ...CLIENT_OPTIONS['data']!, group: PLACE_GROUP },
  region: { ...CLIENT_OPTIONS['region']!, group: PLACE_GROUP },
};

/** Shows a run on stderr and writes it to its log directory. */
export function shownBy(log: LogFolder | undefined, trace: boolean): Report {
  return (event) => {
    const record = log?.record(event) ?? {
      v: 1 as const,
      time: new Date().toISOString(),
      image: '',
      level: 'info' as const,
      ...event,
    };
    if (record.level === 'debug' && !trace) return;
    const line = plainRecord(record);
    if (line !== undefined) process.stderr.write(`${line}\n`);
  };
}

/** Where `toe run` runs documents. */
export interface Place {
  /**
   * `host`: this host, which Ingot does not restart; `machine`: an existing instance; `fresh`: a new instance that is
   * deleted afterwards and has the role of its profile. The others use S3 as the user who runs the documents.
   */
  readonly kind: 'host' | 'machine' | 'fresh';
  readonly workingDirectory: string;
  /** Gives `work` the instance, and releases it afterwards. */
  readonly use: <T>(
    options: { readonly report: Report; readonly signal: AbortSignal },
    work: (instance: Instance) => Promise<T>,
  ) => Promise<T>;
}

/** The place in the arguments (default: this host). @throws {WrongUse} */
export function placeOf(args: Arguments): Place {
  const machine = sshMachineOf(args);
  if (machine !== undefined)
    return {
      kind: 'machine',
      workingDirectory: WINDOWS_WORKING_DIRECTORY,
      use: ({ signal }, work) => onMachine(machine, signal, work),
    };
  const driver = driverOf(args, FRESH_DRIVERS[0]);
  if (driver !== undefined)
    return {
      kind: 'fresh',
      workingDirectory: DEFAULT_WORKING_DIRECTORY,
      use: (options, work) => inInstance(args, driver, options, work),
    };
  return { kind: 'host', workingDirectory: process.cwd(), use: (_options, work) => onThisHost(work) };
}

/** The machine in `--on ssh://…`. @throws {WrongUse} */
function sshMachineOf(args: Arguments): SshMachine | undefined {
  const on = args.text('on');
  const configFile = args.text('ssh-config');
  if (on?.startsWith('ssh:') !== true) {
    if (configFile !== undefined) throw new WrongUse('--ssh-config requires --on ssh://…');
    return undefined;
  }
  for (const option of ['image', 'instance-profile'])
    if (args.text(option) !== undefined)
      throw new WrongUse(`--${option} cannot be used with ${on}: it is for fresh instances`);
  try {
    return { ...parseMachine(on), configFile };
  } catch (error) {
    throw new WrongUse(`--on: ${(error as Error).message}`);
  }
}

/** Gives `work` an existing Windows machine. */
async function onMachine<T>(
  machine: SshMachine,
  signal: AbortSignal,
  work: (instance: Instance) => Promise<T>,
): Promise<T> {
  const instance = await connectToWindows(machine.host, machine, signal);
  try {
    return await work(instance);
  } finally {
    await instance.terminate();
  }
}

/** The driver in the arguments. @param withImage if they only name an image @throws {WrongUse} */
export function driverOf(args: Arguments, withImage?: string): string | undefined {
  const on = args.text('on') ?? (args.text('image') === undefined ? undefined : withImage);
  if (on?.startsWith(CONTAINER_PREFIX)) {
    if (on === CONTAINER_PREFIX)
      throw new WrongUse(`invalid value '${on}' for --on: name an image, as container:debian-12`);
    if (args.text('image') !== undefined) throw new WrongUse(`--image cannot be used with --on ${on}, which names one`);
    return CONTAINER_DRIVER;
  }
  if (on === undefined || (FRESH_DRIVERS as readonly string[]).includes(on)) return on;
  throw new WrongUse(
    `invalid value '${on}' for --on: expected ` +
      `${FRESH_DRIVERS.join(', ')} or ${CONTAINER_PREFIX}IMAGE` +
      (on.startsWith('ssh:') ? '; only toe run can use an existing machine' : ''),
  );
}

/** Prints the warnings of documents. */
export function tellWarnings(documents: readonly LoadedDocument[]): void {
  for (const { warnings } of documents) for (const warning of warnings) process.stderr.write(`${warning}\n`);
}

/** The image in the arguments: `image/NAME[/VERSION[/BUILD]]` by its ARN. */
async function imageOf(args: Arguments): Promise<string | undefined> {
  const on = args.text('on') ?? '';
  const image = on.startsWith(CONTAINER_PREFIX) ? on.slice(CONTAINER_PREFIX.length) : args.text('image');
  if (image?.startsWith('image/') !== true || existsSync(image)) return image;
  return resolveName(() => connect(args), image, {
    types: ['image'],
    what: 'image',
    builds: ({ state }) => state?.status === 'AVAILABLE',
    buildWord: 'AVAILABLE',
  });
}

/** Gives `work` the fresh instance that the arguments request. */
export async function inInstance<T>(
  args: Arguments,
  driver: string,
  options: { readonly report: Report; readonly signal: AbortSignal },
  work: (instance: Instance) => Promise<T>,
): Promise<T> {
  const found = await profileOf(args);
  const { networks } = await readConfig(dataDirectoryOf(args));
  return inFreshInstance(
    {
      reach: defaultReach(networks),
      driver,
      image: await imageOf(args),
      dataDirectory: dataDirectoryOf(args),
      region: regionOf(args),
      ...options,
      role: found?.role,
    },
    work,
  );
}

/** The instance profile in the arguments. @throws {WrongUse} if the configuration does not have it */
async function profileOf(
  args: Arguments,
): Promise<{ readonly role: InstanceRole; readonly profile: InstanceProfile } | undefined> {
  const name = args.text('instance-profile');
  if (name === undefined) return undefined;
  const { instanceProfiles, homeAccount } = await readConfig(dataDirectoryOf(args));
  let role;
  try {
    role = roleOf(instanceProfiles, name, homeAccount);
  } catch (error) {
    if (error instanceof NotGranted) throw new WrongUse(`--instance-profile: ${error.message}`);
    throw error;
  }
  if (role !== undefined) return { role, profile: instanceProfiles[name]! };
  throw new WrongUse(
    `invalid value '${name}' for --instance-profile: expected a profile in ${dataDirectoryOf(args)}/config.yaml ` +
      `(${Object.keys(instanceProfiles).join(', ') || 'it has none'})`,
  );
}

/**
 * The S3 credentials of a fresh instance, and those that its commands find: those of its profile, or none without one.
 */
export async function profileRunOf(
  args: Arguments,
): Promise<{ readonly s3Access?: () => Promise<S3Access>; readonly environment?: Readonly<Record<string, string>> }> {
  const found = await profileOf(args);
  return found === undefined
    ? {}
    : { s3Access: s3AccessOf(found.profile, regionOf(args)), environment: environmentOf(found.profile) };
}

/** Gives `work` this host as an instance. */
async function onThisHost<T>(work: (instance: Instance) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(await inMemory(), 'ingot-toe-'));
  const id = newInstanceId();
  const instance = await localDriver.launch({
    id,
    directory,
    held: memoryRecorder(id),
    disk: '',
    cpus: 0,
    memoryMiB: 0,
    allocationOwner: { dataDirectory: directory, owner: id },
  });
  try {
    return await work(instance);
  } finally {
    await instance.terminate();
  }
}

/** A directory for scripts, which may contain secrets: in memory, if this host has such a file system. */
async function inMemory(): Promise<string> {
  for (const folder of ['/run', process.env['XDG_RUNTIME_DIR'], '/dev/shm']) {
    if (
      folder &&
      (await access(folder, constants.W_OK).then(
        () => true,
        () => false,
      ))
    )
      return folder;
  }
  return tmpdir();
}

/** The secrets from the data directory's configuration; without a data directory, those in the environment. */
export async function secretsOf(args: Arguments): Promise<Secrets> {
  const directory = dataDirectoryOf(args);
  // A user who cannot read them gets the default account.
  const credentials = await readCredentials(directory).catch(() => undefined);
  return openSecrets(directory, credentials?.account ?? DEFAULT_ACCOUNT, regionOf(args), 'ingot');
}

/** The S3 credentials of this host: those that AWS SDKs find in the environment, or none. */
export async function s3AccessOfThisHost(env: NodeJS.ProcessEnv = process.env): Promise<S3Access | undefined> {
  const {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken,
  } = env;
  if (!accessKeyId || !secretAccessKey) return undefined;
  const endpoint = env['AWS_ENDPOINT_URL_S3'] || env['AWS_ENDPOINT_URL'];
  return {
    credentials: { accessKeyId, secretAccessKey, sessionToken: sessionToken || undefined },
    region: env['AWS_REGION'] || env['AWS_DEFAULT_REGION'] || 'us-east-1',
    endpoint: endpoint || undefined,
  };
}
