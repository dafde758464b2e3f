/**
 * The container example beside plain buildah: cold, with nothing changed, and with its component changed; each builds
 *   and pushes, and nothing is tested. README.md says how to run it. node bench/container.ts [--runs N] [--json FILE]
 */
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { copyLayout } from '../src/images/container-blobs.ts';
import { blobFile } from '../src/platform/data-layout.ts';
import { plainRegistry } from '../test/harness/plain-registry.ts';
import { run } from '../test/harness/processes.ts';
import { build, withEmptyDirectory } from './lib/build.ts';
import { medianOf, spanTable, seconds, writeResults, type Span } from './lib/figures.ts';
import { describeHost, hostFacts, load } from './lib/host.ts';
import { componentSeconds, type BuildRun } from './lib/timeline.ts';

const EXAMPLE = join(import.meta.dirname, '../examples/container/template.yaml');
const PARENT = 'localhost/bench-parent:latest';
const CASES = ['cold', 'nothing changed', 'component changed'] as const;

const { values } = parseArgs({ options: { runs: { type: 'string', default: '3' }, json: { type: 'string' } } });
const runs = Number(values.runs);
if (!Number.isInteger(runs) || runs < 1) throw new Error('--runs takes a number from 1');
const host = await hostFacts([
  ['buildah', '--version'],
  ['skopeo', '--version'],
]);
process.stdout.write(`${describeHost(host)}\nload: ${load()}\n`);

const measured: { readonly load: number; readonly spans: readonly Span[] }[] = [];
const beyond: number[] = [];
await withEmptyDirectory(async (dataDirectory) => {
  const folder = join(dirname(dataDirectory), 'bench');
  await mkdir(folder, { recursive: true });
  const template = join(folder, 'template.yaml');
  // Makes the base image, which is not measured, and gives it to buildah.
  await write(template, 'first', 0);
  await build(dataDirectory, template);
  const parent = await parentLayout(dataDirectory, folder);
  const registry = await plainRegistry(join(folder, 'registry'));
  try {
    for (let number = 1; number <= runs; number++) {
      const before = load();
      const spans: Span[] = [];
      const add = (who: string, what: string, one: BuildRun | number): void =>
        void spans.push({
          name: `${what}: ${who}`,
          seconds: typeof one === 'number' ? one : (one.ended - one.started) / 1000,
        });
      await write(template, `page ${number}`, 2 * number);
      add('ingot', CASES[0], await build(dataDirectory, template, ['--no-cache']));
      await withBuildah(folder, parent, registry.host, async (buildah) => {
        add('buildah', CASES[0], await buildah(`page ${number}`));
        add('ingot', CASES[1], expect(await build(dataDirectory, template), /no build instance is launched/));
        add('buildah', CASES[1], await buildah(`page ${number}`));
        await write(template, `changed ${number}`, 2 * number + 1);
        const changed = expect(await build(dataDirectory, template), /^layer of Dockerfile: hit/);
        add('ingot', CASES[2], changed);
        beyond.push((changed.ended - changed.started) / 1000 - componentSeconds(changed.records, 'nginx-page'));
        add('buildah', CASES[2], await buildah(`changed ${number}`));
      });
      measured.push({ load: before, spans });
      process.stdout.write(
        `run ${number}: ${spans.map((span) => `${span.name} ${seconds(span.seconds)}`).join(', ')}\n`,
      );
    }
  } finally {
    await registry.stop();
  }
});

const all = measured.map(({ spans }) => spans);
process.stdout.write(`\n${spanTable(all)}\n\n`);
for (const what of CASES) {
  const [ingot, buildah] = ['ingot', 'buildah'].map((who) => medianOf(all, `${what}: ${who}`)!);
  process.stdout.write(`${what}: ${(ingot! / buildah!).toFixed(2)} times buildah\n`);
}
process.stdout.write(`component changed, beyond its own commands: ${beyond.map(seconds).join(', ')}\n`);
process.stdout.write(`\nwritten to ${await writeResults('container', { host, measured, beyond }, values.json)}\n`);

/** The example without tests, with another page: a new version of its component. */
async function write(path: string, page: string, version: number): Promise<void> {
  const text = (await readFile(EXAMPLE, 'utf8'))
    .replace('Hello from a container', page)
    .replace('Version: 1.0.0', `Version: 1.0.${version}`)
    .replace('      DistributionConfigurationArn:', '      ImageTestsConfiguration: {ImageTestsEnabled: false}\n$&');
  await writeFile(path, text);
}

function expect(one: BuildRun, words: RegExp): BuildRun {
  if (!one.records.some(({ text }) => words.test(text))) throw new Error(`the build did not say ${words}`);
  return one;
}

/** Ingot's container base, alone, as an OCI layout. */
async function parentLayout(dataDirectory: string, folder: string): Promise<string> {
  const template = join(folder, 'parent.yaml');
  const text = (await readFile(join(folder, 'template.yaml'), 'utf8'))
    .replace(
      / {6}DockerfileTemplateData: \|\n( {8}.*\n)+/,
      '      DockerfileTemplateData: "FROM {{{ imagebuilder:parentImage }}}"\n',
    )
    .replace(/ {6}Components:\n( {8}.*\n)+/, '')
    .replaceAll('nginx-container', 'bench-parent');
  await writeFile(template, text);
  const { records } = await build(dataDirectory, template);
  const digest = records.map(({ text }) => /^image (sha256:[0-9a-f]{64}): /.exec(text)?.[1]).find(Boolean);
  if (digest === undefined) throw new Error('the build named no image');
  const layout = join(folder, 'parent');
  const { size } = await stat(blobFile(dataDirectory, digest));
  await copyLayout(dataDirectory, layout, { digest, mediaType: 'application/vnd.oci.image.manifest.v1+json', size });
  return layout;
}

/** Works with a storage of buildah's that has the parent image and nothing else. */
async function withBuildah(
  folder: string,
  parent: string,
  registry: string,
  work: (buildah: (page: string) => Promise<number>) => Promise<void>,
): Promise<void> {
  const root = join(folder, 'storage');
  const context = join(folder, 'context');
  await mkdir(context, { recursive: true });
  await writeFile(join(context, 'Dockerfile'), dockerfile());
  const storage = ['--root', join(root, 'graph'), '--runroot', join(root, 'run'), '--storage-driver', 'overlay'];
  const buildah = (args: readonly string[]) =>
    run(['buildah', ...storage, ...args], {
      maxOutput: 64 << 20,
      timeoutMs: 1_800_000,
      env: { BUILDAH_RUNTIME: 'crun' },
    });
  try {
    const { stdout } = await buildah(['pull', '--quiet', `oci:${parent}`]);
    await buildah(['tag', stdout.trim(), PARENT]);
    await work(async (page) => {
      await writeFile(join(context, 'index.html'), `<h1>${page}</h1>`);
      const started = Date.now();
      await buildah([
        ...['bud', '--quiet', '--layers', '--pull-never', '--format', 'oci', '--isolation', 'chroot'],
        ...['--tag', 'bench', context],
      ]);
      await buildah(['push', '--quiet', '--tls-verify=false', 'bench', `docker://${registry}/bench:latest`]);
      return (Date.now() - started) / 1000;
    });
  } finally {
    await buildah(['rmi', '--all', '--force']).catch(() => {});
    await run(['umount', join(root, 'graph/overlay')], { okCodes: 'any' });
    await rm(root, { recursive: true, force: true });
  }
}

/** What the example builds. */
function dockerfile(): string {
  return [
    `FROM ${PARENT}`,
    'RUN apt-get update && apt-get install -y --no-install-recommends nginx-light curl && rm -rf /var/lib/apt/lists/*',
    'WORKDIR /tmp',
    'COPY index.html /var/www/html/index.html',
    'RUN nginx -t',
    'WORKDIR /',
    'EXPOSE 80',
    'CMD ["nginx", "-g", "daemon off;"]',
    '',
  ].join('\n');
}
