/** The same commands by Packer's qemu builder, on the same base disk and under the same emulation. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chooseAccelerator } from '../../src/instances/qemu/accelerator.ts';
import { machineArguments } from '../../src/instances/qemu/arguments.ts';
import { findProgram } from '../../src/platform/files.ts';
import { run } from '../../test/harness/processes.ts';
import type { Span } from '../lib/figures.ts';
import { stamped, when } from '../lib/lines.ts';
import { COMMANDS, READY, WHOLE } from '../lib/timeline.ts';

const CPUS = 2;
const MEMORY_MIB = 2048;

/** Installs Packer from Debian where it is missing. @throws {Error} when that does not work */
export async function requirePacker(): Promise<void> {
  const missing = [
    ['packer', 'packer'],
    ['ssh-keygen', 'openssh-client'],
  ]
    .filter(([program]) => findProgram(program!) === undefined)
    .map(([, name]) => name!);
  if (missing.length === 0) return;
  process.stderr.write(`bench: installing ${missing.join(' ')} (apt-get install)\n`);
  const install = ['apt-get', 'install', '--yes', '-q', '--no-install-recommends', ...missing];
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  if ((await run(install, { okCodes: 'any', env })).code === 0) return;
  await run(['apt-get', 'update', '-q'], { env });
  await run(install, { env });
}

/** One build. */
export async function runPacker(base: string): Promise<readonly Span[]> {
  const folder = await mkdtemp(join(tmpdir(), 'ingot-packer-'));
  try {
    await run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', join(folder, 'key')]);
    const authorized = Buffer.from(await readFile(join(folder, 'key.pub'))).toString('base64');
    const { accelerator } = await chooseAccelerator();
    const own = machineArguments({
      id: 'bench',
      accelerator,
      cpus: CPUS,
      memoryMiB: MEMORY_MIB,
      disk: base,
      firmware: { kind: 'bios' },
      directory: folder,
    });
    const values = {
      base,
      accelerator,
      cpu: own[own.indexOf('-cpu') + 1]!,
      cpus: CPUS,
      memory: MEMORY_MIB,
      output: join(folder, 'output'),
      private_key: join(folder, 'key'),
      authorized_key_base64: authorized,
      commands: join(import.meta.dirname, 'commands.sh'),
    };
    const ended = await stamped(
      [
        'packer',
        'build',
        '-color=false',
        ...Object.entries(values).flatMap(([name, value]) => ['-var', `${name}=${value}`]),
        join(import.meta.dirname, 'nginx.pkr.hcl'),
      ],
      { cwd: folder, env: { CHECKPOINT_DISABLE: '1', PACKER_CACHE_DIR: join(folder, 'cache'), TMPDIR: folder } },
    );
    const boot = when(ended, /Starting VM/);
    const ready = when(ended, /Connected to SSH/);
    const first = when(ended, /:: first command/);
    const last = when(ended, /:: last command/);
    const parts: readonly (readonly [name: string, from: number, to: number])[] = [
      ['start', ended.started, boot],
      ['boot, until ssh answers', boot, ready],
      ['until the first command', ready, first],
      ['commands', first, last],
      ['shutdown', last, ended.ended],
      [WHOLE, ended.started, ended.ended],
      [COMMANDS, first, last],
      [READY, boot, ready],
    ];
    return parts.map(([name, from, to]) => ({ name, seconds: (to - from) / 1000 }));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
