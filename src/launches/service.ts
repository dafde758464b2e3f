/**
 * The API's side of launched instances: requests become records that the worker processes; commands go to the instance
 * directly.
 */
import { existsSync } from 'node:fs';
import { findAmi, ownAmiOfImage } from '../catalog/amis.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { containerOutput } from '../catalog/container-outputs.ts';
import { heldRecorder } from '../catalog/held.ts';
import {
  getInstance,
  insertInstance,
  type InstanceRecord,
  isUsers,
  listInstances,
  markChangedByHand,
  updateInstance,
} from '../catalog/instances.ts';
import { resolveImage } from '../catalog/resolve.ts';
import { driverNamed } from '../instances/launch.ts';
import { openGet, openPut } from '../instances/copy.ts';
import { InstanceError, type Instance, type InstanceHandle, type StreamedCommand } from '../instances/instance.ts';
import { openShell, type Shell } from '../instances/terminal.ts';
import { resolveInstanceType } from '../resources/instance-types.ts';
import { sleep, timestamp } from '../platform/clock.ts';
import { readConfig } from '../platform/config/config.ts';
import { instanceProfileFor, type InstanceProfile } from '../platform/config/profiles.ts';
import { NotGranted } from '../platform/config/reading.ts';
import { newInstanceId } from '../platform/ids.ts';
import { RingReader } from '../platform/ring-file.ts';
import { parseArn } from '../resources/arns.ts';
import { accessDenied, invalidParameterValue, invalidRequest, resourceNotFound } from '../resources/errors.ts';
import type {
  ExecRequest,
  InstanceDescription,
  LaunchInstanceRequest,
  LaunchService,
  Owner,
  Session,
} from './types.ts';

/** Default instance type of a launch. */
const DEFAULT_LAUNCH_TYPE = 't3.small';
/** The driver of launched container images. */
const CONTAINER_DRIVER = 'buildah';

/** The part of a request that is stored in a launch's record. */
export type StoredLaunch = Pick<
  LaunchInstanceRequest,
  'publish' | 'sshKeys' | 'userData' | 'firmware' | 'instanceProfile'
>;

/**
 * The launches of one data directory.
 * @param wakeWorker called when a new request is stored
 */
export function launchService(catalog: Catalog, wakeWorker: () => void): LaunchService {
  return {
    async launch(owner, request) {
      const image = await imageToLaunch(catalog, owner, request.image);
      if (image.amiId === null) refuseForContainers(request);
      const instanceType = request.instanceType ?? DEFAULT_LAUNCH_TYPE;
      try {
        resolveInstanceType(instanceType, 1, 1024);
      } catch (error) {
        throw invalidParameterValue('instanceType', (error as Error).message);
      }
      const { instanceProfile } = request;
      if (instanceProfile !== undefined && (await profileOf(catalog, owner.account, instanceProfile)) === undefined) {
        throw invalidParameterValue(
          'instanceProfile',
          `'${instanceProfile}' has no credentials in config.yaml of the data directory.`,
        );
      }
      const stored: StoredLaunch = {
        publish: request.publish,
        sshKeys: request.sshKeys,
        userData: request.userData,
        firmware: request.firmware,
        instanceProfile,
      };
      const id = newInstanceId();
      await insertInstance(catalog.db, {
        id,
        purpose: 'launch',
        account: owner.account,
        region: owner.region,
        image_arn: image.arn,
        ami_id: image.amiId,
        driver: image.amiId === null ? CONTAINER_DRIVER : 'qemu',
        instance_type: instanceType,
        state: 'pending',
        reason: null,
        handle: null,
        request: JSON.stringify(stored),
        created: timestamp(),
        kept_until: null,
      });
      wakeWorker();
      return describe((await getInstance(catalog.db, id))!);
    },

    async list(owner) {
      return (await listInstances(catalog.db, owner.account, owner.region)).map(describe);
    },

    async get(owner, instanceId) {
      return describe(await owned(catalog, owner, instanceId));
    },

    async terminate(owner, instanceId) {
      const record = await owned(catalog, owner, instanceId);
      if (!isUsers(record))
        throw invalidRequest(
          record.purpose === 'pool'
            ? `${instanceId} waits in a pool: remove the pool from config.yaml and restart the server to terminate it.`
            : `${instanceId} is the ${record.purpose} instance of ${record.image_arn}: cancel the image to terminate ` +
                'it.',
        );
      if (record.state === 'pending' || record.state === 'running') {
        await updateInstance(catalog.db, instanceId, { state: 'shutting-down' });
        wakeWorker();
      }
      return describe((await getInstance(catalog.db, instanceId))!);
    },

    async exec(owner, instanceId, request, onOutput, signal) {
      const instance = await attachedToChange(catalog, owner, instanceId);
      return instance.run({ ...command(request), onOutput, signal });
    },

    async shell(owner, instanceId, request) {
      const instance = await attachedToChange(catalog, owner, instanceId);
      return sessionOf(await refusingInstanceErrors(openShell(instance, request)));
    },

    async getFiles(owner, instanceId, path) {
      const instance = await attached(catalog, owner, instanceId);
      return sessionOf(withoutTerminal(await refusingInstanceErrors(openGet(instance, path))));
    },

    async putFiles(owner, instanceId, to) {
      const instance = await attachedToChange(catalog, owner, instanceId);
      return sessionOf(withoutTerminal(await refusingInstanceErrors(openPut(instance, to))));
    },

    async console(owner, instanceId, options) {
      const record = await owned(catalog, owner, instanceId);
      const path = consolePath(record);
      if (path === undefined) throw invalidRequest(`${instanceId} has no console: it is ${record.state}.`);
      return tail(path, options, async () => (await getInstance(catalog.db, instanceId))?.state !== 'running');
    },
  };
}

async function profileOf(catalog: Catalog, account: string, name: string): Promise<InstanceProfile | undefined> {
  const { instanceProfiles } = await readConfig(catalog.dataDirectory);
  try {
    return instanceProfileFor(instanceProfiles, name, account);
  } catch (error) {
    if (error instanceof NotGranted) throw accessDenied(`You cannot use it: ${error.message}.`);
    throw error;
  }
}

function command(request: ExecRequest): ExecRequest {
  return {
    argv: request.argv,
    env: request.env,
    cwd: request.cwd,
    timeoutSeconds: request.timeoutSeconds,
  };
}

function sessionOf({ command, terminal, resize }: Shell): Session {
  const { stdin, stdout, stderr } = command;
  return {
    stdin,
    stdout,
    stderr,
    terminal,
    ended: refusingInstanceErrors(command.ended),
    resize,
    hangUp: () => command.hangUp(),
  };
}

function withoutTerminal(command: StreamedCommand): Shell {
  return { command, terminal: false, resize: async () => {} };
}

/** Shows errors from the instance: its user may read them. */
async function refusingInstanceErrors<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof InstanceError)) throw error;
    throw invalidRequest(error.message);
  }
}

/** What an instance is launched from: an AMI, or (without `amiId`) a container image. */
interface Launchable {
  readonly arn: string | null;
  readonly amiId: string | null;
}

async function imageToLaunch(catalog: Catalog, owner: Owner, image: string): Promise<Launchable> {
  if (image.startsWith('ami-')) {
    const ami = await findAmi(catalog.db, image, owner.region);
    if (ami === undefined) throw resourceNotFound(`${image} in ${owner.region}`);
    return { arn: ami.image_arn, amiId: ami.id };
  }
  const arn = await resolveImage(catalog.db, image);
  if (arn !== undefined) {
    const ami = await ownAmiOfImage(catalog.db, arn, owner.region);
    if (ami !== undefined) return { arn: ami.image_arn, amiId: ami.id };
    const { owner: account, region } = parseArn(arn) ?? {};
    if (account === owner.account && region === owner.region && (await containerOutput(catalog.db, arn)) !== undefined)
      return { arn, amiId: null };
  }
  throw resourceNotFound(`${image} (no available build with an AMI or a container in ${owner.region})`);
}

/** @throws {ApiError} if the request has members that only machines have */
function refuseForContainers({ sshKeys, userData, firmware }: LaunchInstanceRequest): void {
  const given: readonly (readonly [string, boolean])[] = [
    ['sshKeys', sshKeys.length > 0],
    ['userData', userData !== undefined],
    ['firmware', firmware !== undefined],
  ];
  for (const [member, isGiven] of given)
    if (isGiven)
      throw invalidParameterValue(member, 'the image is a container image, which has no cloud-init and no firmware.');
}

async function owned(catalog: Catalog, owner: Owner, instanceId: string): Promise<InstanceRecord> {
  const record = await getInstance(catalog.db, instanceId);
  if (record === undefined || record.account !== owner.account || record.region !== owner.region)
    throw resourceNotFound(instanceId);
  return record;
}

async function attached(catalog: Catalog, owner: Owner, instanceId: string): Promise<Instance> {
  const record = await owned(catalog, owner, instanceId);
  if (record.state !== 'running' || record.handle === null)
    throw invalidRequest(`${instanceId} is ${record.state}, not running.`);
  try {
    return await driverNamed(record.driver).attach(
      JSON.parse(record.handle) as InstanceHandle,
      heldRecorder(catalog.db, instanceId),
    );
  } catch (error) {
    if (!(error instanceof InstanceError)) throw error;
    throw invalidRequest(`${instanceId} is no longer running: ${error.message}`);
  }
}

/**
 * Attaches to an instance for a command that may change it. The layers of a changed build instance must not be reused
 * by other builds.
 */
async function attachedToChange(catalog: Catalog, owner: Owner, instanceId: string): Promise<Instance> {
  const record = await owned(catalog, owner, instanceId);
  if (!isUsers(record)) await markChangedByHand(catalog.db, instanceId, timestamp());
  return attached(catalog, owner, instanceId);
}

function consolePath(record: InstanceRecord): string | undefined {
  const handle = record.handle === null ? undefined : (JSON.parse(record.handle) as InstanceHandle);
  return handle?.consoleLog !== undefined && existsSync(handle.consoleLog) ? handle.consoleLog : undefined;
}

async function* tail(
  path: string,
  options: { readonly follow: boolean; readonly signal: AbortSignal },
  ended: () => Promise<boolean>,
): AsyncGenerator<Buffer> {
  const ring = new RingReader(path);
  for (;;) {
    const last = !options.follow || (await ended());
    const content = await ring.read();
    if (content.length > 0) yield content;
    if (last || options.signal.aborted) return;
    await sleep(200, options.signal).catch(() => {});
  }
}

/** An instance's record in the form of responses. */
function describe(record: InstanceRecord): InstanceDescription {
  const stored = JSON.parse(record.request) as Partial<StoredLaunch>;
  return {
    instanceId: record.id,
    imageId: record.ami_id ?? '',
    image: record.image_arn ?? undefined,
    state: record.state,
    reason: record.reason ?? undefined,
    driver: record.driver,
    instanceType: record.instance_type,
    launchTime: record.created,
    publish: stored.publish ?? [],
    purpose: record.purpose,
    keptUntil: record.kept_until ?? undefined,
  };
}
