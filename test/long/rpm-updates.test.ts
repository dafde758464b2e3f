/**
 * UpdateOS with dnf, yum and zypper, for real: on a Debian instance that has these programs (and whose apt-get is out
 * of the way), with a database of RPM packages of its own and a repository of files. `yum` is dnf by another name, as
 * on every system with RPM 8 and later.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { updatesFor } from '../../src/pipelines/packages/outdated.ts';
import { rpmIndexes } from '../../src/pipelines/packages/rpm.ts';
import { sharedBase } from '../harness/base.ts';
import { startFileServer } from '../harness/file-server.ts';
import { launchOn, type Launched } from '../harness/launch-on.ts';
import { bashDocument, runText } from '../harness/runner-cases.ts';

let launched: Launched;

async function printed(script: string): Promise<string> {
  const { outcome } = await runText(launched.instance, bashDocument([{ name: 'Look', script: `set -e\n${script}` }]));
  assert.equal(outcome.status, 'success', JSON.stringify(outcome.failure));
  return outcome.phases[0]?.steps[0]?.outputs['stdout'] ?? '';
}

before(async () => {
  launched = await launchOn('nspawn', await sharedBase());
  await printed(String.raw`
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -qq -y --no-install-recommends dnf zypper createrepo-c rpm >/dev/null
mkdir -p /var/tmp/repository /var/tmp/old /etc/yum.repos.d /etc/zypp/repos.d
cd /var/tmp
for name in sample-one sample-two; do
  for version in 1 2; do
    {
      printf 'Name: %s\nVersion: %s\nRelease: 1\nSummary: test\n' "$name" "$version"
      printf 'License: none\nBuildArch: noarch\n%%description\ntest\n'
      printf '%%install\nmkdir -p %%{buildroot}/opt\necho %s >%%{buildroot}/opt/%s\n' "$version" "$name"
      printf '%%files\n/opt/%s\n' "$name"
    } >sample.spec
    rpmbuild -bb --quiet --define "_rpmdir /var/tmp/built" sample.spec
  done
  cp built/noarch/$name-2-1.noarch.rpm repository/
  cp built/noarch/$name-1-1.noarch.rpm old/
done
createrepo_c --quiet repository
printf '[local]\nname=local\nbaseurl=file:///var/tmp/repository\nenabled=1\ngpgcheck=0\n' >/etc/yum.repos.d/local.repo
cp /etc/yum.repos.d/local.repo /etc/zypp/repos.d/
mkdir -p /root/away /etc/rpm
# Debian's rpm has a database in the home folder, which zypper does not know.
echo '%_dbpath /var/lib/rpm' >/etc/rpm/macros.dbpath
mv /usr/bin/apt-get /root/away/
`);
});
after(() => launched.end());

test('the metadata that createrepo_c makes is read as the index of a system', async () => {
  const server = await startFileServer();
  try {
    for (const name of (await printed('ls /var/tmp/repository/repodata')).trim().split('\n'))
      server.files.set(`/os/repodata/${name}`, {
        content: await launched.instance.get(`/var/tmp/repository/repodata/${name}`),
      });
    const names = new Set(['sample-one', 'sample-two', 'bash']);
    const base = `${server.address}os`;
    const indexes = await rpmIndexes([{ name: 'local', base }], names, AbortSignal.timeout(60_000));
    const packages = ['sample-one', 'sample-two', 'bash'].map((name) => ({ name, version: '1-1' }));
    assert.deepEqual(
      updatesFor(packages, indexes).map(({ name, available }) => `${name}=${available}`),
      ['sample-one=2-1', 'sample-two=2-1'],
    );
  } finally {
    await server.close();
  }
});

const MANAGERS: readonly (readonly [name: string, prepare: string])[] = [
  ['dnf', ''],
  ['yum', 'ln -s dnf-3 /usr/bin/yum; mv /usr/bin/dnf /root/away/'],
  ['zypper', 'rm /usr/bin/yum'],
];
const UPDATES: readonly (readonly [inputs: string, versions: string])[] = [
  ['{include: ["sample-*"], exclude: ["sample-*"]}', 'sample-one=1 sample-two=1'],
  ['{include: [not-installed]}', 'sample-one=1 sample-two=1'],
  ['{exclude: [sample-two, not-installed]}', 'sample-one=2 sample-two=1'],
  ['{include: [sample-two]}', 'sample-one=2 sample-two=2'],
  ['{}', 'sample-one=2 sample-two=2'],
];

const AS_OLD =
  'rpm -e --force-debian sample-one sample-two 2>/dev/null || true\nrpm -i --force-debian /var/tmp/old/*.rpm';

async function update(inputs: string): Promise<Awaited<ReturnType<typeof runText>>> {
  return runText(
    launched.instance,
    'schemaVersion: 1.0\nphases:\n  - name: build\n    steps:\n      - {name: Update, action: UpdateOS, inputs: ' +
      `${inputs}}\n`,
  );
}

for (const [manager, prepare] of MANAGERS) {
  describe(manager, () => {
    before(() => printed(`${prepare}\n${AS_OLD}`));

    for (const [inputs, versions] of UPDATES) {
      test(inputs, async () => {
        const { outcome, lines } = await update(inputs);
        assert.equal(outcome.status, 'success', `${JSON.stringify(outcome.failure)}\n${lines.join('\n')}`);
        assert.equal(
          (await printed("rpm -q --queryformat '%{NAME}=%{VERSION} ' sample-one sample-two")).trim(),
          versions,
          lines.join('\n'),
        );
      });
    }

    test('everything at once', async () => {
      await printed(AS_OLD);
      assert.equal((await update('{}')).outcome.status, 'success');
      assert.equal(await printed('cat /opt/sample-one /opt/sample-two'), '2\n2');
    });

    test('an index that cannot be fetched is a failure', async () => {
      await printed('mv /var/tmp/repository /var/tmp/away');
      const { outcome, lines } = await update('{}');
      await printed('mv /var/tmp/away /var/tmp/repository');
      assert.equal(outcome.status, 'failed', lines.join('\n'));
      assert.match(outcome.failure!.message, new RegExp(`^${manager} .*exit status \\d+`));
    });
  });
}
