/**
 * A release: its packages are made twice, byte for byte the same, are installed where nothing of the project is, and
 * build the tutorial from an empty data directory. Half an hour, most of it compressing and the build.
 */
import assert from 'node:assert/strict';
import { existsSync, globSync, mkdtempSync, readFileSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import packageJson from '../../package.json' with { type: 'json' };
import { debianSources, mirrorsFromEnvironment } from '../../src/images/base/debian-packages.ts';
import { run } from '../harness/processes.ts';
import { PROJECT } from '../harness/service.ts';

const { version } = packageJson;
const NPM = `ingot-${version}.tgz`;
const DEBIAN = `ingot_${version}_all.deb`;
const HALF_HOUR_MS = 1_800_000;
const EXAMPLES = '/usr/share/doc/ingot/examples';

describe('a release', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ingot-test-'));
  const made = join(folder, 'made');
  const tree = join(folder, 'tree');
  /** A command as root of the clean system, whose /usr/lib/ingot cannot be written to. */
  const inside = async (...argv: readonly string[]): Promise<string> => {
    const script = 'mount --bind "$1/usr/lib/ingot" "$1/usr/lib/ingot" && mount -o remount,bind,ro "$1/usr/lib/ingot"';
    const enter = `${script} && mount -t proc proc "$1/proc" && root=$1 && shift && exec chroot "$root" "$@"`;
    const { stdout } = await run(['unshare', '--mount', 'sh', '-c', enter, 'sh', tree, ...argv], {
      inherit: [],
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root' },
    });
    return stdout;
  };

  async function makeRelease(target: string): Promise<void> {
    await mkdir(target, { recursive: true });
    await run([process.execPath, 'release/release.ts', target], {
      cwd: PROJECT,
      env: { SOURCE_DATE_EPOCH: '1767225600' },
    });
  }

  before(async () => makeRelease(made), { timeout: HALF_HOUR_MS });

  /** Stops the server of the build, while the program that can is there. */
  async function stop(): Promise<void> {
    const program = join(tree, 'usr/lib/ingot/ingot');
    if (existsSync(join(folder, 'data')) && existsSync(program))
      await run([program, 'stop', '--data', join(folder, 'data')], { okCodes: 'any' });
  }

  after(async () => {
    await stop();
    await rm(folder, { recursive: true, force: true });
  });

  test('the same source gives the same bytes', { timeout: HALF_HOUR_MS }, async () => {
    assert.deepEqual((await readdir(made)).sort(), [NPM, DEBIAN]);
    const again = join(folder, 'again');
    await makeRelease(again);
    for (const name of [NPM, DEBIAN])
      assert.ok((await readFile(join(made, name))).equals(await readFile(join(again, name))), name);
    await rm(again, { recursive: true });
  });

  test('the npm package runs without the project', { timeout: HALF_HOUR_MS }, async () => {
    const prefix = join(folder, 'npm');
    await run(['npm', 'install', '--global', '--ignore-scripts', '--no-audit', `--prefix=${prefix}`, join(made, NPM)]);
    assert.equal((await run([join(prefix, 'bin/ingot'), '--version'])).stdout, `ingot ${version}\n`);
    assert.deepEqual(globSync('lib/node_modules/ingot/lib/**/*.ts', { cwd: prefix }), []);
  });

  test('the Debian package installs in a clean system', { timeout: HALF_HOUR_MS }, async () => {
    const { stdout: proxies } = await run(
      ['apt-config', 'dump', '--format', '%f "%v";%n', 'Acquire::http::Proxy', 'Acquire::https::Proxy'],
      { okCodes: 'any' },
    );
    const apt = join(folder, 'apt.conf');
    await writeFile(apt, `APT::Install-Recommends "false";\n${proxies}`);
    await copyFile(join(made, DEBIAN), join(folder, 'ingot.deb'));
    await run(
      [
        'mmdebstrap',
        '--quiet',
        '--mode=root',
        '--variant=minbase',
        '--include=man-db,ca-certificates',
        `--aptopt=${apt}`,
        `--customize-hook=copy-in ${join(folder, 'ingot.deb')} /srv`,
        '--customize-hook=DEBIAN_FRONTEND=noninteractive chroot "$1" apt-get install -y -q /srv/ingot.deb',
        'bookworm',
        tree,
        '-',
      ],
      { input: debianSources('bookworm', mirrorsFromEnvironment(process.env)) },
    );
    assert.equal(await inside('ingot', '--version'), `ingot ${version}\n`);
    assert.match(await inside('ingot', 'help'), /^ {2}build +/m);
    assert.match(await inside('man', 'ingot'), /Usage: ingot toe validate/);
    assert.equal(await inside('dpkg', '--verify', 'ingot'), '');
    assert.match(
      await inside('ingot', 'toe', 'validate', `${EXAMPLES}/components/auditd.yaml`),
      /"validationStatus": "success"/,
    );
    // What the launcher would install is there: the dependencies are those of data/packages.txt.
    await inside('ingot', 'install');
    assert.equal(existsSync(join(tree, 'etc/systemd/system/multi-user.target.wants/ingot.service')), false);
  });

  test('systemd takes the unit', async () => {
    const unit = readFileSync(join(tree, 'usr/lib/systemd/system/ingot.service'), 'utf8');
    const copy = join(folder, 'ingot.service');
    // The program is not installed on this host, and the page of its manual neither.
    await writeFile(copy, unit.replace(/^ExecStart=\S+/m, 'ExecStart=/bin/true').replace(/^Documentation=.*\n/m, ''));
    const { stdout, stderr } = await run(['systemd-analyze', 'verify', copy]);
    assert.equal(`${stdout}${stderr}`.trim(), '');
  });

  test('the installed package builds the tutorial from an empty data directory', {
    timeout: 3 * HALF_HOUR_MS,
  }, async () => {
    const { stdout } = await run([
      join(tree, 'usr/lib/ingot/ingot'),
      'build',
      join(tree, EXAMPLES, 'nginx/template.yaml'),
      '--data',
      join(folder, 'data'),
    ]);
    assert.match(stdout, /AVAILABLE/);
    assert.match(stdout, /\bami-[0-9a-f]{17}\b/);
  });

  test('removing the package leaves no file of it', async () => {
    await stop();
    await run(['chroot', tree, 'dpkg', '--remove', 'ingot']);
    assert.equal(existsSync(join(tree, 'usr/lib/ingot')), false);
    assert.equal(existsSync(join(tree, 'usr/bin/ingot')), false);
  });
});
