/** One run of `ingot toe run` or `toe test`: where it runs, what it shows, what it leaves. */
import { constants } from 'node:fs';
import { access, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { localDriver } from '../../instances/local/driver.ts';
import { roleOf, type InstanceRole } from '../../instances/services/metadata.ts';
import { connectToWindows, parseMachine, type SshMachine } from '../../instances/ssh/windows-instance.ts';
import type { Instance } from '../../instances/instance.ts';
import { DEFAULT_ACCOUNT, readCredentials } from '../../platform/credentials.ts';
import { memoryRecorder } from '../../platform/held.ts';
import { newInstanceId } from '../../platform/ids.ts';
import type { S3Access } from '../../platform/s3-requests.ts';
import { readConfig } from '../../platform/config.ts';
import { NotGranted } from '../../platform/config-reading.ts';
import { defaultReach } from '../../platform/config-networks.ts';
import type { InstanceProfile } from '../../platform/config-profiles.ts';
import type { Report } from '../../resources/progress.ts';
import { DEFAULT_WORKING_DIRECTORY, WINDOWS_WORKING_DIRECTORY } from '../../runner/environment.ts';
import { environmentOf, s3AccessOf } from '../../workflows/machines/instance-profile.ts';
import { openSecrets } from '../../secrets/open.ts';
import type { Secrets } from '../../secrets/secrets.ts';
import { dataDirectoryOf, regionOf } from '../client.ts';
import { type Arguments, WrongUse, type CommandOption } from '../command.ts';
import { plainRecord } from '../terminal/plain.ts';
import type { LoadedDocument } from './documents.ts';
import { FRESH_DRIVERS, inFreshInstance } from './fresh-instance.ts';
import type { LogFolder } from './log-folder.ts';

/** Options that say where documents run. */
export const PLACE_OPTIONS: Readonly<Record<string, CommandOption>> = {
  on: { type: 'string' },
  image: { type: 'string' },
  data: { type: 'string' },
  region: { type: 'string' },
  'instance-profile': { type: 'string' },
};

/** For `--help`. */
export const PLACE_HELP = `  --on nspawn|qemu     a fresh instance, thrown away at the end: a system container, or a virtual machine
  --image IMAGE        what it boots: a base image (debian-12-x86, the default), an AMI, an image's ARN, or a qcow2 file
  --data DIR           the data directory of AMIs, images and base images (else INGOT_DATA, else /var/lib/ingot)
  --region REGION      the Region of AMIs and images
  --instance-profile NAME  whose credentials the instance has, as config.yaml of the data directory gives them`;

/** Shows a run on stderr and keeps it in its log folder. */
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
   * `host`: this one, which Ingot does not restart; `machine`: one that is there already; `fresh`: an instance that is thrown away, whose role is
   * that of its profile. The others ask S3 as whoever runs the documents.
   */
  readonly kind: 'host' | 'machine' | 'fresh';
  readonly workingDirectory: string;
  /** Gives `work` the instance, and lets it go. */
  readonly use: <T>(
    options: { readonly report: Report; readonly signal: AbortSignal },
    work: (instance: Instance) => Promise<T>,
  ) => Promise<T>;
}

/** The place that the arguments name: this host when they name none. @throws {WrongUse} */
export function placeOf(args: Arguments): Place {
  const machine = sshMachineOf(args);
  if (machine !== undefined)
    return {
      kind: 'machine',
      workingDirectory: WINDOWS_WORKING_DIRECTORY,
      use: ({ signal }, work) => onMachine(machine, signal, work),
    };
  const driver = driverOf(args);
  if (driver !== undefined)
    return {
      kind: 'fresh',
      workingDirectory: DEFAULT_WORKING_DIRECTORY,
      use: (options, work) => inInstance(args, driver, options, work),
    };
  return { kind: 'host', workingDirectory: process.cwd(), use: (_options, work) => onThisHost(work) };
}

/** The machine that `--on ssh://…` names. @throws {WrongUse} */
function sshMachineOf(args: Arguments): SshMachine | undefined {
  const on = args.text('on');
  const configFile = args.text('ssh-config');
  if (on?.startsWith('ssh:') !== true) {
    if (configFile !== undefined) throw new WrongUse('--ssh-config is for --on ssh://…');
    return undefined;
  }
  for (const option of ['image', 'instance-profile'])
    if (args.text(option) !== undefined)
      throw new WrongUse(`--${option} is for fresh instances: the machine at ${on} is as it is`);
  try {
    return { ...parseMachine(on), ...(configFile === undefined ? {} : { configFile }) };
  } catch (error) {
    throw new WrongUse(`--on: ${(error as Error).message}`);
  }
}

/** Gives `work` a Windows machine that is there already. */
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

/** The driver that the arguments name. @throws {WrongUse} */
export function driverOf(args: Arguments, otherwise?: string): string | undefined {
  const on = args.text('on') ?? (args.text('image') === undefined ? otherwise : FRESH_DRIVERS[0]);
  if (on === undefined || (FRESH_DRIVERS as readonly string[]).includes(on)) return on;
  throw new WrongUse(
    `--on takes ${FRESH_DRIVERS.join(' or ')}, not '${on}'${on.startsWith('ssh:') ? ': a test has a fresh instance; toe run takes a machine that is there' : ''}`,
  );
}

/** Tells the warnings of documents. */
export function tellWarnings(documents: readonly LoadedDocument[]): void {
  for (const { warnings } of documents) for (const warning of warnings) process.stderr.write(`${warning}\n`);
}

/** Gives `work` the fresh instance that the arguments ask for. */
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
      image: args.text('image'),
      dataDirectory: dataDirectoryOf(args),
      region: regionOf(args),
      ...options,
      ...(found === undefined ? {} : { role: found.role }),
    },
    work,
  );
}

/** The instance profile that the arguments name. @throws {WrongUse} when the configuration has none of that name */
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
    `--instance-profile '${name}' has no credentials in ${dataDirectoryOf(args)}/config.yaml; there are ${Object.keys(instanceProfiles).join(', ') || 'none'}`,
  );
}

/** Who a fresh instance is to S3, and what its commands find of that: its profile, and nobody without one. */
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

/** A folder for scripts, which may hold secrets: one that no disk keeps, where this host has one. */
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

/** The secrets that the config of the data directory gives access to; without a data directory, those of the environment. */
export async function secretsOf(args: Arguments): Promise<Secrets> {
  const directory = dataDirectoryOf(args);
  const credentials = await readCredentials(directory).catch(() => undefined); // Whoever may not read them has an account of no name.
  return openSecrets(directory, credentials?.account ?? DEFAULT_ACCOUNT, regionOf(args));
}

/** Who this host is to S3, as the AWS SDKs find it in the environment; nobody without a key there. */
export async function s3AccessOfThisHost(env: NodeJS.ProcessEnv = process.env): Promise<S3Access | undefined> {
  const {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken,
  } = env;
  if (!accessKeyId || !secretAccessKey) return undefined;
  const endpoint = env['AWS_ENDPOINT_URL_S3'] || env['AWS_ENDPOINT_URL'];
  return {
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) },
    region: env['AWS_REGION'] || env['AWS_DEFAULT_REGION'] || 'us-east-1',
    ...(endpoint ? { endpoint } : {}),
  };
}
