/**
 * The README's commands on a host that is a virtual machine with systemd as process 1, cgroup v2 and udev: a fresh
 * clone, as a newcomer would. Emulated, and what it boots runs in it: three quarters of an hour on a machine that does
 * nothing else, twice that beside other tests.
 */
import assert from 'node:assert/strict';
import { cp, mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { sharedBase, type TestBase } from './base.ts';
import { bootHost, placeNetworkSettings, placeNode, placeProject, type HostMachine } from './host-machine.ts';
import { dataDirectoryWithBase } from './service.ts';

/** A host. */
export interface HostKind {
  readonly base: TestBase;
  readonly description: string;
  /** Who types the commands. */
  readonly user: string;
  /** Whether Node and npm are there, by hand. */
  readonly node: boolean;
  /** What was installed and set up on it before. */
  readonly prepare: string;
  /** How the user gets the checkout at `~/ingot`. */
  readonly clone: string;
}

/** The project on the host's disk, as a tar archive. */
export const SOURCE = '/srv/ingot.tar';
const HOUR_MS = 3_600_000;

/** What Ingot left on a host, one line each. */
const LEFT = `
  ps -eo args | grep -E '^(qemu-|slirp4netns|systemd-nspawn|.*src/(commands|service|instances)/)' | sed 's/^/process /'
  findmnt --list --noheadings --output TARGET | grep -i ingot | sed 's/^/mount /'
  losetup --all | sed 's/^/loop /'
  find /sys/fs/cgroup -maxdepth 1 -name 'ingot*'
  nft list tables | grep ingot
  ip -br address show dev lo | grep 198.18
  ip route show table default 2>&1 | grep 169.254.169.254
  ip netns list
  ls /run/ingot | grep -v -e '^host\\.db' -e '^kvm\\.json$' -e '^relay\\.sh$' -e '^status\\.sh$' \\
    -e '^command\\.sh$' -e '^control$' -e '^setup$' -e '^[0-9a-f]*\\.[a-z]*[.0-9a-z]*$'
  true`;

/** The newcomer's steps as tests. */
export function newcomerOn(kind: HostKind): void {
  describe(kind.description, () => {
    let host: HostMachine;
    let ami = '';

    async function succeeds(script: string, user = kind.user): Promise<string> {
      const { exitCode, output, seconds } = await host.run(script, user);
      process.stdout.write(`\n# ${seconds} s: ${script.trim().split('\n')[0]}\n`);
      assert.equal(exitCode, 0, `${script}\n${output.slice(-8000)}`);
      return output;
    }

    before(async () => {
      // The base image that is built on is there already: making it there takes another quarter of an hour.
      const dataDirectory = await dataDirectoryWithBase();
      try {
        host = await bootHost({
          base: await sharedBase(kind.base),
          prepare: kind.prepare,
          async place(root) {
            await placeProject(root, SOURCE);
            await placeNetworkSettings(root);
            if (kind.node) await placeNode(root);
            await mkdir(join(root, 'var/lib'), { recursive: true });
            await cp(dataDirectory, join(root, 'var/lib/ingot'), { recursive: true });
          },
        });
      } finally {
        await rm(dirname(dataDirectory), { recursive: true, force: true });
      }
    });

    after(async () => {
      await host?.end();
    });

    test('a fresh clone, and what is missing: doctor says it, and installs it', { timeout: HOUR_MS }, async () => {
      await succeeds(kind.clone);
      const found = await host.run('cd ingot && ./ingot doctor --json', kind.user);
      assert.equal(found.exitCode, 1, found.output.slice(-4000));
      const report = JSON.parse(/^\{"checks".*$/m.exec(found.output)?.[0] ?? '{}') as {
        ok: boolean;
        checks: { name: string; status: string; detail: string; remedy?: string }[];
      };
      assert.equal(report.ok, false);
      assert.match(
        report.checks.find(({ name }) => name === 'virtual machines')?.remedy ?? '',
        /^apt-get install .*qemu-system-x86/,
      );

      const mended = await succeeds('cd ingot && ./ingot doctor --install');
      const lines = mended.split('\n').filter((line) => /^(ok|warn|FAIL) /.test(line));
      assert.deepEqual(
        lines.filter((line) => line.startsWith('FAIL')),
        [],
        mended,
      );
      for (const name of [
        'mounting disks',
        'user namespaces',
        'cgroups',
        'system containers',
        'networks of instances',
        'virtual machines',
        'making base images',
        'clock',
        'names (DNS)',
      ]) {
        assert.ok(
          lines.some((line) => line.startsWith(`ok    ${name}`)),
          `${name}\n${mended}`,
        );
      }
      assert.match(
        mended,
        /^ok {4}cgroups +version 2: CPU, memory and number of processes of a system container are limited$/m,
      );
    });

    test('./ingot build examples/nginx/template.yaml', { timeout: HOUR_MS }, async () => {
      const output = await succeeds('cd ingot && ./ingot build examples/nginx/template.yaml');
      ami = /\bami-[0-9a-f]{17}\b/.exec(output)?.[0] ?? '';
      assert.notEqual(ami, '', output.slice(-4000));
      assert.match(output, /AVAILABLE/);
    });

    test('./ingot launch, curl localhost:8080, Ctrl-C', { timeout: HOUR_MS }, async () => {
      // In a process group of its own, as a shell with job control gives it: Ctrl-C reaches all of it.
      const output = await succeeds(`
        cd ingot; set -m
        ./ingot launch ${ami} --publish 8080:80 & launch=$!
        until page=$(curl --silent --fail --max-time 20 localhost:8080); do kill -0 $launch || exit 1; sleep 5; done
        printf 'the page: %s\\n' "$page"; kill -INT -$launch; wait $launch; true`);
      assert.match(output, /the page: [^]*</);
    });

    test('./ingot stop leaves nothing, and what was there before is untouched', { timeout: HOUR_MS }, async () => {
      await succeeds('cd ingot && ./ingot stop');
      assert.equal((await succeeds(LEFT, 'root')).trim(), '');
      if (kind.prepare.includes('firewall'))
        assert.match(await succeeds('nft list ruleset', 'root'), /table inet firewall \{[^]*policy drop/);
      assert.equal((await succeeds('systemctl --failed --no-legend --plain', 'root')).trim(), '');
    });
  });
}
