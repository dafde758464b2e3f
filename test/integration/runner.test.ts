/** The runner in a system container: its cases, UpdateOS, the managed components, the inventory, the clean-up. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { collectPackages } from '../../src/guest/packages.ts';
import { sanitizeCommand } from '../../src/guest/sanitize.ts';
import { sharedBase } from '../harness/base.ts';
import { launchOn, type Launched } from '../harness/launch-on.ts';
import { diskSearchCases } from '../harness/disk-search-cases.ts';
import { languageCases } from '../harness/language-cases.ts';
import { moduleCases } from '../harness/module-cases.ts';
import { fileSourceCases } from '../harness/file-source-cases.ts';
import { webCases } from '../harness/web-cases.ts';
import { bashDocument, runnerCases, runText } from '../harness/runner-cases.ts';

let launched: Launched;

before(async () => {
  launched = await launchOn('nspawn', await sharedBase());
});
after(() => launched.end());

function managed(name: string): string {
  return readFileSync(new URL(`../../managed/components/${name}.yaml`, import.meta.url), 'utf8');
}

async function printed(script: string): Promise<string> {
  const { outcome } = await runText(launched.instance, bashDocument([{ name: 'Look', script }]));
  assert.equal(outcome.status, 'success', JSON.stringify(outcome.failure));
  return outcome.phases[0]?.steps[0]?.outputs['stdout'] ?? '';
}

// A folder with a space in its name, and one that goes with a restart.
runnerCases(
  () => launched.instance,
  () => '/tmp/runner work',
);
// Its marks outlive restarts, which empty /tmp.
languageCases(
  () => launched.instance,
  () => '/var/tmp/the language',
);
moduleCases(
  () => launched.instance,
  () => '/var/tmp/the modules',
);
webCases(
  () => launched.instance,
  () => '/var/tmp/the web',
);
fileSourceCases(
  () => launched.instance,
  () => '/var/tmp/the files',
);
diskSearchCases(() => launched.instance);

test('programs of the runner pass over the .bashrc of root', async () => {
  await launched.instance.put('/root/.bashrc', 'echo from .bashrc; exit 7\n');
  const text =
    'schemaVersion: 1.0\nphases:\n  - name: build\n    steps:\n      - {name: Make, action: CreateFile, inputs: ' +
    '[{path: /var/tmp/made, content: x}]}\n      - {name: Read, action: ReadFile, inputs: [{path: ' +
    '/var/tmp/made}]}\n';
  const { outcome } = await runText(launched.instance, text);
  assert.equal(outcome.status, 'success', JSON.stringify(outcome.failure));
  assert.equal(outcome.phases[0]?.steps[1]?.outputs['content'], 'x');
  await printed('cp /etc/skel/.bashrc /root/.bashrc');
});

describe('UpdateOS', () => {
  const VERSIONS = "dpkg-query -W -f '${Package}=${Version} ' sample-one sample-two";

  /**
   * Two packages of version 1, version 2 of them in a repository of this machine, and no other repository: no network
   * is needed.
   */
  before(async () => {
    await printed(String.raw`
set -e
mkdir -p /var/tmp/repository /root/sources
mv /etc/apt/sources.list /etc/apt/sources.list.d /root/sources/ 2>/dev/null || true
mkdir -p /etc/apt/sources.list.d
cd /var/tmp/repository
for name in sample-one sample-two; do
  for version in 1 2; do
    mkdir -p tree/DEBIAN
    printf 'Package: %s\nVersion: %s\nArchitecture: all\n' "$name" "$version" > tree/DEBIAN/control
    printf 'Maintainer: test <test@example.org>\nDescription: test\n' >> tree/DEBIAN/control
    dpkg-deb --build tree "$name-$version.deb" >/dev/null
  done
  printf 'Package: %s\nVersion: 2\nArchitecture: all\nFilename: ./%s-2.deb\nSize: %s\nSHA256: %s\n\n' \
    "$name" "$name" "$(stat -c %s "$name-2.deb")" "$(sha256sum "$name-2.deb" | cut -d ' ' -f 1)" >> Packages
  dpkg -i "$name-1.deb" >/dev/null
done
echo 'deb [trusted=yes] file:/var/tmp/repository ./' > /etc/apt/sources.list
`);
  });
  after(() =>
    printed(
      'rm -rf /etc/apt/sources.list /etc/apt/sources.list.d; mv /root/sources/* /etc/apt/; dpkg --purge sample-one ' +
        'sample-two >/dev/null',
    ),
  );

  const updates: readonly [inputs: string, versions: string][] = [
    ['{include: ["sample-*"], exclude: ["sample-*"]}', 'sample-one=1 sample-two=1'],
    ['{exclude: [sample-two, not-installed]}', 'sample-one=2 sample-two=1'],
    ['{include: [sample-two]}', 'sample-one=2 sample-two=2'],
    ['{}', 'sample-one=2 sample-two=2'],
  ];
  for (const [inputs, versions] of updates) {
    test(inputs, async () => {
      const { outcome } = await runText(
        launched.instance,
        `
schemaVersion: 1.0
phases:
  - name: build
    steps:
      - {name: Update, action: UpdateOS, inputs: ${inputs}}
`,
      );
      assert.equal(outcome.status, 'success', JSON.stringify(outcome.failure));
      assert.equal((await printed(VERSIONS)).trim(), versions);
      assert.equal(await printed('apt-mark showhold'), '', 'what was held is let go');
    });
  }

  test('an index that cannot be fetched is a failure that names it', async () => {
    await printed('mv /var/tmp/repository/Packages /var/tmp/Packages');
    const { outcome } = await runText(
      launched.instance,
      managed('update-linux').replace('maxAttempts: 3', 'maxAttempts: 1'),
    );
    await printed('mv /var/tmp/Packages /var/tmp/repository/Packages');
    assert.equal(outcome.status, 'failed');
    assert.match(outcome.failure!.message, /^apt-get update: exit status 100: /);
    assert.equal(outcome.failure!.command, 'apt-get update');
  });

  test('a name that apt would take for an instruction is refused', async () => {
    const { outcome } = await runText(
      launched.instance,
      `
schemaVersion: 1.0
phases:
  - name: build
    steps:
      - {name: Update, action: UpdateOS, inputs: {include: [sample-one-]}}
`,
    );
    assert.equal(outcome.failure?.message, 'include: "sample-one-" is not a valid package name');
  });
});

describe('managed components', () => {
  for (const name of ['hello-world-linux', 'reboot-linux', 'simple-boot-test-linux']) {
    test(name, async () => {
      const { outcome } = await runText(launched.instance, managed(name), { phases: ['build', 'validate', 'test'] });
      assert.equal(outcome.status, 'success', JSON.stringify(outcome.failure));
    });
  }

  test('simple-boot-test-linux names the unit that has failed', async () => {
    await printed('systemd-run --unit=ingot-broken --quiet -- /bin/sh -c "echo why it broke; exit 7"; sleep 1');
    const { outcome } = await runText(launched.instance, managed('simple-boot-test-linux'), { phases: ['test'] });
    await printed('systemctl reset-failed ingot-broken');
    assert.equal(outcome.failure?.step, 'NoFailedUnit');
    assert.ok(outcome.failure.outputTail.includes('Failed units: ingot-broken.service'));
    assert.ok(outcome.failure.outputTail.includes('why it broke'));
  });

  test('simple-boot-test-linux misses the gateway', async () => {
    const text = managed('simple-boot-test-linux').replace('SECONDS + 90', 'SECONDS + 1');
    await printed('ip route show default > /run/routes; while ip route del default 2>/dev/null; do :; done');
    const { outcome } = await runText(launched.instance, text, { phases: ['test'] });
    await printed('while read -r route; do ip route add $route 2>/dev/null || true; done < /run/routes');
    assert.equal(outcome.failure?.step, 'NetworkUp');
    assert.match(
      outcome.failure.outputTail.join('\n'),
      /There is no default gateway after 90 seconds\. Links:.*host0 \(/,
    );
  });
});

test('the inventory', async () => {
  const inventory = await collectPackages(launched.instance);
  assert.equal(inventory.osVersion, 'Debian 12');
  assert.match(inventory.packages.find((each) => each.name === 'bash')!.version, /^5\.2/);
});

describe('the clean-up', () => {
  const LEFT = [
    '/etc/ssh/ssh_host_test_key',
    '/root/.ssh/authorized_keys',
    '/root/.bash_history',
    '/var/log/old.log.1',
    '/var/lib/dhcp/dhclient.leases',
    '/home/some one/.ssh/authorized_keys',
    '/srv/work dir/TOE_2026/console.log',
    '/var/log/amazon/ssm/agent.log',
    '/var/log/cloud-init.log',
    '/var/lib/systemd/timers/stamp-apt-daily.timer',
  ];

  async function prepare(): Promise<void> {
    for (const path of LEFT) await launched.instance.put(path, 'left\n');
    await printed(
      'id someone >/dev/null 2>&1 || useradd --uid 4321 --home-dir "/home/some one" someone; echo left > ' +
        '/var/log/app.log',
    );
  }

  async function clean(): Promise<void> {
    const ended = await launched.instance.run({ argv: sanitizeCommand('/srv/work dir') });
    assert.equal(ended.exitCode, 0);
  }

  function still(): Promise<string> {
    return printed(
      `for path in ${LEFT.map((path) => `'${path}'`).join(' ')}; do [ ! -e "$path" ] || echo "$path"; done`,
    );
  }

  test('takes out what belongs to one machine', async () => {
    await prepare();
    await clean();
    assert.equal(await still(), '');
    assert.equal(
      await printed(
        'stat -c %s /etc/machine-id /var/log/app.log; ls /etc/ssh/ssh_host_*_key /var/log/journal/* 2>/dev/null; true',
      ),
      '0\n0',
    );
    await clean();
  });

  test('leaves out what a file in the working directory says', async () => {
    await prepare();
    const names = ['cloudinit', 'instance', 'ssh', 'instance_log', 'toe', 'ssm_log'].map(
      (name) => `skip_cleanup_${name}_files`,
    );
    for (const name of names) await launched.instance.put(`/srv/work dir/${name}`, '');
    await clean();
    assert.equal(await still(), LEFT.join('\n'));
  });

  test('leaves a machine that starts again as another', async () => {
    await printed('rm -r "/srv/work dir"');
    await clean();
    await launched.instance.reboot();
    assert.match(await printed('cat /etc/machine-id'), /^[0-9a-f]{32}$/);
    assert.match(await printed('ls /etc/ssh/'), /ssh_host_ed25519_key/);
    const { outcome } = await runText(launched.instance, managed('simple-boot-test-linux'), { phases: ['test'] });
    assert.equal(outcome.status, 'success', JSON.stringify(outcome.failure));
  });
});
