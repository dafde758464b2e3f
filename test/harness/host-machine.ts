/**
 * A machine that is a host of Ingot's: Debian with systemd, cgroup v2 and udev, booted by Ingot's own driver from a
 * base image of its own.
 */
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { attachDisk } from '../../src/images/attach.ts';
import { createOverlay } from '../../src/images/disks.ts';
import { drivers } from '../../src/instances/drivers.ts';
import type { Instance } from '../../src/instances/instance.ts';
import { memoryRecorder, releaseAll } from '../../src/platform/held.ts';
import { RUN_DIRECTORY } from '../../src/platform/host.ts';
import { newInstanceId } from '../../src/platform/ids.ts';
import { run } from './processes.ts';
import { assertNothingLeft, hostState } from './host-state.ts';
import { PROJECT } from './service.ts';

const DISK_BYTES = 20 * 1024 ** 3;

/** What a script printed and how it ended. */
export interface ScriptResult {
  readonly exitCode: number | null;
  readonly output: string;
  readonly seconds: number;
}

/** A running host. */
export interface HostMachine {
  /** Runs a bash script as a user's login would, with its home directory. Its output is shown as it arrives. */
  run(script: string, user?: string): Promise<ScriptResult>;
  /** Ends it; fails when this machine is not as it was before. */
  end(): Promise<void>;
}

/** What a host is made of. */
export interface HostPlan {
  /** Base image, qcow2. */
  readonly base: string;
  /** Puts files on its disk, before it starts. @param root where that is mounted */
  readonly place: (root: string) => Promise<void>;
  /** What is on this host already, as a bash script, run in a container on its disk: that is quick. */
  readonly prepare: string;
}

/**
 * Makes a host and boots it: one processor, 4 GiB of memory, a disk of 20 GiB. One, since V8 has crashed with failed
 * checks of its own (`Size() > offset`) where two emulated processors run the code that it writes.
 */
export async function bootHost(plan: HostPlan): Promise<HostMachine> {
  const before = await hostState();
  const folder = await mkdtemp(join(tmpdir(), 'ingot-host-'));
  const id = newInstanceId();
  const disk = join(folder, 'disk.qcow2');
  const held = memoryRecorder(id);
  const directory = `${RUN_DIRECTORY}/${id}`;
  const common = {
    id,
    disk,
    cpus: 1,
    memoryMiB: 4096,
    directory,
    allocationOwner: { dataDirectory: folder, owner: id },
    held,
  };
  try {
    await createOverlay(plan.base, disk, DISK_BYTES);
    await placeFiles(disk, directory, id, plan.place);
    const container = await drivers['nspawn']!.launch(common);
    const prepared = await runIn(container, `set -e\n${plan.prepare}`, 'root');
    await container.stop();
    await container.terminate();
    if (prepared.exitCode !== 0) throw new Error(`the host could not be prepared:\n${prepared.output}`);
    const machine = await drivers['qemu']!.launch({ ...common, timeoutSeconds: 1800 });
    return {
      run: (script, user = 'root') => runIn(machine, script, user),
      async end() {
        await machine.terminate().finally(() => rm(folder, { recursive: true, force: true }));
        await assertNothingLeft(before, folder);
      },
    };
  } catch (error) {
    await releaseAll(held);
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

async function placeFiles(disk: string, directory: string, owner: string, place: HostPlan['place']): Promise<void> {
  const held = memoryRecorder(owner);
  try {
    await held.record({ kind: 'path', path: directory });
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const attached = await attachDisk({ disk, directory, held });
    await place(attached.root);
    await attached.detach();
  } finally {
    await releaseAll(held);
  }
}

async function runIn(instance: Instance, script: string, user: string): Promise<ScriptResult> {
  const started = Date.now();
  let output = '';
  const { exitCode } = await instance.run({
    script,
    user,
    cwd: user === 'root' ? '/root' : `/home/${user}`,
    env: { HOME: user === 'root' ? '/root' : `/home/${user}`, TERM: 'dumb' },
    onOutput: (_, chunk) => {
      output += chunk.toString();
      process.stdout.write(chunk);
    },
  });
  return { exitCode, output, seconds: Math.round((Date.now() - started) / 1000) };
}

/** Puts a checkout's files on a disk, as an archive: without what is installed in it and what git keeps. */
export async function placeProject(root: string, path: string): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await run([
    'tar',
    '--create',
    '--file',
    join(root, path),
    '--directory',
    PROJECT,
    '--exclude=./node_modules',
    '--exclude=./.git',
    '.',
  ]);
}

/** npm's settings that say how its registry is reached; what lets somebody in is not among them. */
const NPM_SETTINGS = ['registry', 'proxy', 'https-proxy', 'noproxy'] as const;
const CERTIFICATES = '/usr/local/share/certificates-of-this-network.pem';

/**
 * Passes on how this machine reaches npm's registry and Debian's mirrors (registry, proxies, certificates of the
 * network's own), for every user of the host: a newcomer has that already, or needs none.
 */
export async function placeNetworkSettings(root: string): Promise<void> {
  const lines: string[] = [];
  for (const name of NPM_SETTINGS) {
    const value = await npmSetting(name);
    if (value !== undefined) lines.push(`${name}=${value}`);
  }
  const certificates = (await npmSetting('cafile')) ?? process.env['NODE_EXTRA_CA_CERTS'];
  if (certificates !== undefined && existsSync(certificates)) {
    await mkdir(dirname(join(root, CERTIFICATES)), { recursive: true });
    await copyFile(certificates, join(root, CERTIFICATES));
    lines.push(`cafile=${CERTIFICATES}`);
  }
  for (const home of ['root', 'etc/skel'])
    await writeFile(join(root, home, '.npmrc'), lines.map((line) => `${line}\n`).join(''));
  const { stdout } = await run(
    ['apt-config', 'dump', '--format', '%f "%v";%n', 'Acquire::http::Proxy', 'Acquire::https::Proxy'],
    { okCodes: 'any' },
  );
  const proxies = stdout.split('\n').filter((line) => /^Acquire::https?::Proxy\S* "[^"]+";$/.test(line));
  if (proxies.length > 0) await writeFile(join(root, 'etc/apt/apt.conf.d/90proxy'), `${proxies.join('\n')}\n`);
  const mirrors = ['INGOT_DEBIAN_MIRROR', 'INGOT_DEBIAN_SECURITY_MIRROR'].flatMap((name) =>
    process.env[name] ? [`${name}=${process.env[name]}`] : [],
  );
  const environment = join(root, 'etc/environment');
  if (mirrors.length > 0)
    await writeFile(environment, `${await readFile(environment, 'utf8').catch(() => '')}${mirrors.join('\n')}\n`);
}

async function npmSetting(name: string): Promise<string | undefined> {
  const { stdout, code } = await run(['npm', 'config', 'get', name], { okCodes: 'any' });
  const value = stdout.trim();
  return code !== 0 || ['', 'null', 'undefined'].includes(value) ? undefined : value;
}

/** Puts this machine's Node and npm on a disk, where one puts them by hand. */
export async function placeNode(root: string): Promise<void> {
  const { stdout } = await run(['npm', 'root', '--global']);
  await mkdir(join(root, 'usr/local/lib/node_modules'), { recursive: true });
  await copyFile(process.execPath, join(root, 'usr/local/bin/node'));
  await run([
    'cp',
    '--archive',
    '--dereference',
    join(stdout.trim(), 'npm'),
    join(root, 'usr/local/lib/node_modules/npm'),
  ]);
  await run(['ln', '--symbolic', '--force', '../lib/node_modules/npm/bin/npm-cli.js', join(root, 'usr/local/bin/npm')]);
}
