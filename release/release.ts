/**
 * `npm run release [-- FOLDER]`: makes the packages of this version, `ingot-VERSION.tgz` for npm and
 * `ingot_VERSION_all.deb`, in `dist/` or the folder named. The same commit gives the same bytes: all dates are
 * SOURCE_DATE_EPOCH, else the date of the last commit.
 */
import { mkdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import packageJson from '../package.json' with { type: 'json' };
import { checkVersion } from './changelog.ts';
import { makeDebianPackage } from './debian.ts';
import { ROOT, sourceDate, tool } from './files.ts';
import { makeNpmPackage } from './npm.ts';
import { stage } from './stage.ts';

const { version } = packageJson;
const target = resolve(process.argv[2] ?? join(ROOT, 'dist'));
const epoch = await sourceDate();
await checkVersion(version);
const work = join(target, 'work');
await rm(work, { recursive: true, force: true });
await mkdir(work, { recursive: true });
const staged = await stage(join(work, 'package'), join(work, 'compiled'), version);
const packages = [
  await makeNpmPackage(staged, join(work, 'npm'), target, version),
  await makeDebianPackage(staged, join(work, 'debian'), target, version, epoch),
];
await rm(work, { recursive: true });
process.stdout.write(await tool(['sha256sum', '--', ...packages], { cwd: target }));
