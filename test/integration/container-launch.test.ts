/** Container images that are launched: their program serves, they are entered, they end; what they must not reach. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { until } from '../../src/platform/clock.ts';
import { freePort } from '../../src/platform/host.ts';
import { containerInfrastructure, createContainer } from '../harness/containers.ts';
import { hostState, type HostState } from '../harness/host-state.ts';
import { waitUntilAvailable } from '../harness/images.ts';
import { ingot, startServer, type TestServer } from '../harness/service.ts';
import { endOnServer } from '../harness/suite.ts';

/** Serves a page on port 80 as a user without rights, and says so on what `/dev/stdout` is. */
const SERVER = `use IO::Socket::INET;
my $door = IO::Socket::INET->new(LocalPort => 80, Listen => 8, ReuseAddr => 1) or die "no port 80: $!";
open my $out, '>', '/dev/stdout' or die "no /dev/stdout: $!";
syswrite $out, "serving as $< with @ARGV\\n";
while (my $client = $door->accept) {
  my $line = <$client>;
  exit 7 if $line =~ m{/end};
  print $client "HTTP/1.0 200 OK\\r\\n\\r\\n$ENV{GREETING} from $<\\n";
  close $client;
}`;

const TEMPLATE = `FROM {{{ imagebuilder:parentImage }}}
RUN echo '${Buffer.from(SERVER).toString('base64')}' | base64 -d >/serve && useradd --uid 1234 web
ENV GREETING=hello
USER web
ENTRYPOINT ["perl", "/serve"]
CMD ["a word", "$HOME"]
`;

describe('launched container images', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ingot-launched-'));
  let state: HostState;
  let dataDirectory: string;
  let server: TestServer;
  let infrastructure: string;

  before(async () => {
    state = await hostState();
    dataDirectory = join(mkdtempSync(join(tmpdir(), 'ingot-test-')), 'data directory');
    server = await startServer(dataDirectory);
    infrastructure = await containerInfrastructure(server);
    const images = [
      { name: 'served', template: TEMPLATE },
      { name: 'idle', template: 'FROM {{{ imagebuilder:parentImage }}}\nCMD []\n' },
    ];
    for (const image of images) await waitUntilAvailable(server, await createContainer(server, infrastructure, image));
  });

  after(async () => {
    rmSync(folder, { recursive: true });
    await endOnServer({ state, dataDirectory, server });
  });

  async function said(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await ingot(dataDirectory, args);
    assert.equal(code, 0, `${args.join(' ')}: ${stderr}`);
    return stdout;
  }

  async function launched(port: number): Promise<string> {
    return (await said('launch', 'served', '--publish', `${port}:80`, '--detach')).trim();
  }

  const page = async (port: number): Promise<string> =>
    until(`the page on port ${port}`, 30_000, () =>
      fetch(`http://127.0.0.1:${port}/`).then(
        (answer) => answer.text(),
        () => undefined,
      ),
    );

  async function goneFor(id: string): Promise<string | undefined> {
    const { reason } = await until(`${id} to end`, 30_000, async () => {
      const lines = (await said('instances', '--all', '--json')).trim().split('\n');
      const all = lines.map((line) => JSON.parse(line) as { instanceId: string; state: string; reason?: string });
      return all.find(({ instanceId, state }) => instanceId === id && state === 'terminated');
    });
    return reason;
  }

  test('serve their page on a published port; they are entered, outlive the server, and are terminated', async () => {
    const port = await freePort();
    const id = await launched(port);
    assert.equal(await page(port), 'hello from 1234\n');
    assert.match(await said('logs', id), /^serving as 1234 with a word \$HOME$/m);
    assert.match(await said('exec', id, '--', 'sh', '-c', 'id -u; echo "$GREETING"'), /^0\nhello\n$/);
    writeFileSync(join(folder, 'note'), 'from outside');
    await said('cp', join(folder, 'note'), `${id}:/srv/note`);
    await said('cp', `${id}:/srv/note`, join(folder, 'back'));
    assert.equal(readFileSync(join(folder, 'back'), 'utf8'), 'from outside');

    await server.stop();
    server = await startServer(dataDirectory);
    assert.equal(await page(port), 'hello from 1234\n');
    assert.equal(await said('exec', id, '--', 'cat', '/srv/note'), 'from outside');

    await said('terminate', id);
    assert.equal(await goneFor(id), undefined);
    await assert.rejects(fetch(`http://127.0.0.1:${port}/`));
  });

  test('nothing of the host is reachable from one', async () => {
    const id = await launched(await freePort());
    const tries = [
      'test ! -e /work',
      'test ! -e /run/start',
      'test "$(awk \'{print $2}\' /proc/self/uid_map)" -ge 1073741824',
      '! mount -t tmpfs x /mnt',
      '! mknod /dev/sda b 8 0',
      '! unshare --mount true',
      '! cat /proc/kcore',
      '! (echo x >/proc/sys/kernel/core_pattern)',
      '! (echo 1 >/proc/sys/net/ipv4/ip_unprivileged_port_start)',
      '! bash -c ": </dev/tcp/127.0.0.1/22"',
      '! bash -c ": </dev/tcp/10.0.2.2/22"',
      'test ! -S /run/docker.sock',
      'test "$(ls /proc | grep -c "^[0-9]*$")" -lt 12',
      'test "$(cat /proc/1/comm)" = perl',
    ];
    for (const each of tries) {
      const { code } = await ingot(dataDirectory, ['exec', id, '--', 'sh', '-c', `{ ${each}; } 2>/dev/null`]);
      assert.equal(code, 0, each);
    }
    await said('terminate', id);
    await goneFor(id);
  });

  test('end with their program; a failure has its exit code and its last words', async () => {
    const port = await freePort();
    const attached = ingot(dataDirectory, ['launch', 'served', '--publish', `${port}:80`]);
    await page(port);
    await fetch(`http://127.0.0.1:${port}/end`).catch(() => {});
    const { code, stdout, stderr } = await attached;
    assert.equal(code, 1);
    assert.match(stderr, /ended: its program ended with exit code 7: .*serving as 1234/);
    assert.match((await goneFor(stdout.trim())) ?? '', /^its program ended with exit code 7: /);
  });

  test('are unpacked again if the disk of their build was deleted', async () => {
    await said('gc');
    const port = await freePort();
    const id = await launched(port);
    assert.equal(await page(port), 'hello from 1234\n');
    await said('terminate', id);
    await goneFor(id);
  });

  test('are refused if they have no program, and with what only machines have', async () => {
    const idle = await ingot(dataDirectory, ['launch', 'idle', '--detach']);
    assert.equal(idle.code, 1);
    assert.match(idle.stderr, /has neither ENTRYPOINT nor CMD: there is no program to run/);
    const firmware = await ingot(dataDirectory, ['launch', 'served', '--firmware', 'uefi']);
    assert.match(firmware.stderr, /firmware.*container image, which has no cloud-init and no firmware/);
  });

  test('component documents are tried in a fresh container of an image, or of a base', async () => {
    const document = join(folder, 'greets.yaml');
    const steps = (command: string): string =>
      `[{name: Look, action: ExecuteBash, inputs: {commands: ['${command}']}}]`;
    writeFileSync(
      document,
      `name: greets\nschemaVersion: 1.0\nphases:\n  - {name: build, steps: ${steps('test -e /serve')}}\n` +
        `  - {name: test, steps: ${steps('test "$GREETING" = hello')}}\n`,
    );
    const good = await ingot(dataDirectory, ['toe', 'test', document, '--on', 'container:image/served']);
    assert.equal(good.code, 0, good.stderr);
    const bad = await ingot(dataDirectory, ['toe', 'test', document, '--on', 'container:debian-12-slim']);
    assert.equal(bad.code, 1, bad.stderr);
    assert.match(bad.stdout, /FAILED +build +Look/);
    const absent = await ingot(dataDirectory, ['toe', 'test', document, '--on', 'container:registry.invalid/none:1']);
    assert.match(absent.stderr, /--on container:registry\.invalid\/none:1: getting the parent image failed/);
    const both = await ingot(dataDirectory, ['toe', 'test', document, '--on', 'container:debian-12', '--image', 'x']);
    assert.equal(both.code, 2);
  });
});
