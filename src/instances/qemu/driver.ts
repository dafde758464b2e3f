/** Virtual machines: QEMU, with KVM where it works, else with emulation. Commands go through the guest agent. */
import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { findProgram } from '../../platform/files.ts';
import { HELD_MARK, release, releaseAll, type HeldRecorder } from '../../platform/held.ts';
import { patience, patient } from '../../platform/patience.ts';
import { isSameProcess, run, start } from '../../platform/processes.ts';
import { intoRingFiles, ringFiles } from '../../platform/ring-file.ts';
import {
  InstanceError,
  type Capabilities,
  type Driver,
  type Instance,
  type InstanceHandle,
  type LaunchRequest,
} from '../instance.ts';
import { keysOf, QemuSecrets } from '../../images/encrypted-disk.ts';
import { startInstanceServices } from '../services/start.ts';
import { publishPorts, resolvConf, startSlirp } from '../network.ts';
import { chooseAccelerator, rememberVerdict } from './accelerator.ts';
import {
  CONSOLE_FD,
  GUEST_ADDRESS,
  GUEST_NETWORK,
  inNamespace,
  machineArguments,
  machineFiles,
  NAMESPACE_ADDRESS,
  type Accelerator,
  type Firmware,
} from './arguments.ts';
import { consoleLogOf, consoleTail } from '../console.ts';
import { guestAgent } from './guest-agent.ts';
import { QemuInstance, type QemuHandle } from './machine.ts';
import { writeSeedDisk } from './seed.ts';

const capabilities: Capabilities = {
  kernel: true,
  reboots: true,
  liveSnapshots: true,
  bootLoader: true,
  platform: 'Linux',
};

/** Seconds until the agent must respond. A hopeless start is detected long before (`boot-progress.ts`). */
const BOOT_SECONDS = 1800;
/** The slowness factor of a host above which a guest's own limits would kill processes that are only slow. */
const SLOW_HOST = 4;
/**
 * Milliseconds without output after which a machine under KVM counts as hopeless. Only kernel output counts, not
 * firmware.
 */
const KVM_PROGRESS_MS = 30_000;

const OVMF_CODE = '/usr/share/OVMF/OVMF_CODE_4M.fd';
const OVMF_VARS = '/usr/share/OVMF/OVMF_VARS_4M.fd';

/** Programs of the host that the driver needs, with their Debian packages. */
const PROGRAMS: readonly (readonly [program: string, debianPackage: string])[] = [
  ['qemu-system-x86_64', 'qemu-system-x86'],
  ['qemu-img', 'qemu-utils'],
  ['slirp4netns', 'slirp4netns'],
  ['ip', 'iproute2'],
  ['nft', 'nftables'],
  ['unshare', 'util-linux'],
  ['nsenter', 'util-linux'],
  ['mount', 'mount'],
  ['mkfs.vfat', 'dosfstools'],
  ['mcopy', 'mtools'],
];

/** The `qemu` driver. */
export const qemuDriver: Driver = {
  name: 'qemu',
  capabilities,
  launch,
  attach,
  missing,
};

async function launch(request: LaunchRequest): Promise<Instance> {
  const choice = await chooseAccelerator();
  request.report?.({
    text: `${choice.accelerator === 'kvm' ? 'KVM' : 'emulation, which is slow'}: ${choice.reason}`,
    level: choice.accelerator === 'kvm' ? 'info' : 'warn',
  });
  try {
    const netns = await prepare(request);
    const firmware = await prepareFirmware(request);
    try {
      return await boot(request, choice.accelerator, firmware, netns);
    } catch (error) {
      if (!(error instanceof NoProgress)) throw error; // Also if KVM was forced: it logs that, and continues.
      const reason = `under KVM no kernel printed anything within ${patient(KVM_PROGRESS_MS) / 1000} s here`;
      request.report?.({ text: `${reason}; starting it again with emulation, which is slow`, level: 'warn' });
      await rememberVerdict({ works: false, reason });
      return await boot(request, 'tcg', firmware, netns);
    }
  } catch (error) {
    // Read before the directory is removed.
    const tail = await consoleTail(consoleLogOf(request), 30);
    guestAgent(machineFiles(request.directory).agentSocket).close();
    await releaseAll(request.held);
    if (request.signal?.aborted) throw request.signal.reason;
    if (error instanceof InstanceError) throw error;
    throw new InstanceError(`instance ${request.id} could not be started: ${(error as Error).message}`, tail, {
      cause: error,
    });
  }
}

/** A machine under KVM made no progress. */
class NoProgress extends Error {}

/** Creates directory, seed and network. Returns the path of the network namespace. */
async function prepare(request: LaunchRequest): Promise<string> {
  const { directory, held, id } = request;
  const files = machineFiles(directory);
  request.signal?.throwIfAborted();
  await held.record({ kind: 'path', path: directory });
  await mkdir(directory, { recursive: true, mode: 0o700 });
  for (const path of ringFiles(consoleLogOf(request))) await held.record({ kind: 'path', path });
  await writeFile(files.resolvConf, resolvConf());
  if (request.seed !== undefined) await writeSeedDisk(files.seedDisk, id, request.seed);
  const name = `ingot-${id}`;
  const netns = `/run/netns/${name}`;
  await held.record({ kind: 'netns', name });
  await run(['ip', 'netns', 'add', name]);
  await run(['ip', '-n', name, 'link', 'set', 'lo', 'up']);
  await (await startInstanceServices(request, { address: GUEST_ADDRESS, network: GUEST_NETWORK })).ready();
  const slirp = await startSlirp({
    target: { netns },
    interfaceName: 'tap0',
    directory,
    held,
    allocationOwner: request.allocationOwner,
    apiSocket: (request.publish ?? []).length > 0,
    signal: request.signal,
  });
  await publishPorts(slirp, request.publish ?? [], NAMESPACE_ADDRESS);
  return netns;
}

async function prepareFirmware(request: LaunchRequest): Promise<Firmware> {
  if (request.firmware !== 'uefi') return { kind: 'bios' };
  for (const file of [OVMF_CODE, OVMF_VARS])
    if (!existsSync(file)) throw new Error(`${file} (the UEFI firmware) is missing: install the Debian package ovmf`);
  const { vars } = machineFiles(request.directory);
  await copyFile(OVMF_VARS, vars);
  return { kind: 'uefi', code: OVMF_CODE, vars };
}

async function boot(
  request: LaunchRequest,
  accelerator: Accelerator,
  firmware: Firmware,
  netns: string,
): Promise<Instance> {
  const { directory, held, id } = request;
  const ownTime = accelerator === 'tcg' && patience() >= SLOW_HOST;
  if (ownTime)
    request.report?.({
      text:
        `this host is slow (${Math.round(patience())} times): time in the machine passes with its instructions, so ` +
        'that its own limits hold, and it has one processor',
      level: 'warn',
    });
  const files = machineFiles(directory);
  const consoleLog = consoleLogOf(request);
  for (const stale of [...ringFiles(consoleLog), files.qmpSocket, files.agentSocket]) await rm(stale, { force: true });
  using secrets = new QemuSecrets(keysOf(request.encryption), '-object', CONSOLE_FD + 1);
  const argv = machineArguments({
    id,
    accelerator,
    ownTime,
    cpus: request.cpus,
    memoryMiB: request.memoryMiB,
    disk: request.disk,
    encryption: request.encryption,
    secrets,
    firmware,
    directory,
    publish: request.publish ?? [],
    ...(request.seed === undefined ? {} : { seedDisk: files.seedDisk }),
  });
  const heldId = await held.record({ kind: 'process', what: 'qemu' });
  // No pipes to this process: the machine outlives it.
  const command = intoRingFiles(
    { '1,2': files.log, [CONSOLE_FD]: consoleLog },
    inNamespace(netns, files.resolvConf, argv),
  );
  const started = await start(command, {
    files: 'private',
    env: { [HELD_MARK]: heldId },
    // The descriptor of the console is the command's own.
    stdio: [
      'ignore',
      'ignore',
      'ignore',
      ...(secrets.descriptors.length === 0 ? [] : (['ignore'] as const)),
      ...secrets.descriptors,
    ],
    detached: true,
  });
  started.unref();
  const qemu = { pid: started.pid, startTime: started.startTime };
  await held.amend(heldId, { kind: 'process', what: 'qemu', ...qemu });
  const handle: QemuHandle = { driver: 'qemu', id, directory, ...qemu, accelerator, ownTime, consoleLog };
  try {
    const machine = new QemuInstance(handle, held, capabilities, request.report);
    const seconds = request.timeoutSeconds ?? patient(BOOT_SECONDS);
    await machine.awaitBoot({
      seconds,
      after: undefined,
      what: `instance ${id} (${request.firmware ?? 'bios'}, ${accelerator === 'kvm' ? 'KVM' : 'emulated'})`,
      signal: request.signal,
      ...(accelerator === 'kvm'
        ? { noKernel: { afterMs: patient(KVM_PROGRESS_MS), error: () => new NoProgress() } }
        : {}),
    });
    machine.followConsole();
    return machine;
  } catch (error) {
    if (error instanceof NoProgress) {
      guestAgent(files.agentSocket).close();
      await release(held, heldId);
    }
    throw error;
  }
}

async function attach(handle: InstanceHandle, held: HeldRecorder): Promise<Instance> {
  const { id, directory, consoleLog, pid, startTime, accelerator, ownTime } = handle;
  if (
    handle.driver !== 'qemu' ||
    consoleLog === undefined ||
    typeof directory !== 'string' ||
    typeof pid !== 'number' ||
    typeof startTime !== 'string'
  ) {
    throw new InstanceError(`instance ${id}: not a handle of the qemu driver`);
  }
  if (!isSameProcess(pid, startTime))
    throw new InstanceError(`instance ${id} no longer runs`, await consoleTail(consoleLog, 30));
  return new QemuInstance(
    {
      driver: 'qemu',
      id,
      directory,
      consoleLog,
      pid,
      startTime,
      accelerator: accelerator === 'kvm' ? 'kvm' : 'tcg',
      ownTime: ownTime === true,
    },
    held,
    capabilities,
  );
}

async function missing(): Promise<readonly string[]> {
  const lacks = PROGRAMS.filter(([program]) => findProgram(program) === undefined).map(
    ([program, name]) => `${program} is missing: install the Debian package ${name}`,
  );
  if (!existsSync(OVMF_CODE)) lacks.push(`${OVMF_CODE} is missing: install the Debian package ovmf`);
  if (!existsSync('/dev/net/tun')) lacks.push('/dev/net/tun is missing: load the kernel module tun');
  if (process.getuid?.() !== 0) lacks.push('virtual machines need root for their networks: run Ingot as root');
  return lacks;
}
