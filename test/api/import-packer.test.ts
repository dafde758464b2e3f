/** `ingot import-packer`, as a user runs it; what it makes is validated by the server. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, before, test } from 'node:test';
import * as processes from '../harness/processes.ts';
import { ingot, startServer, type TestServer } from '../harness/service.ts';

const EXAMPLES = fileURLToPath(new URL('../../examples/packer', import.meta.url));

let folder: string;
let data: string;
let server: TestServer;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ingot-packer-'));
  data = join(folder, 'data');
  server = await startServer(data);
});
after(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

const run = (...args: readonly string[]) => ingot(data, args);

const MAIN = fileURLToPath(new URL('../../src/commands/main.ts', import.meta.url));
/** The one command that knows no data directory. */
const importPacker = (...args: readonly string[]) =>
  processes.run([process.execPath, MAIN, 'import-packer', ...args], { okCodes: 'any', maxCapture: 4 << 20 });

/** A template with one provisioner. */
function template(name: string, provisioner: string, more = ''): string {
  const path = join(folder, name);
  writeFileSync(
    path,
    `${more}
source "amazon-ebs" "web" {
  source_ami_filter {
    filters = {
      name = "debian-12-amd64-*"
    }
    owners = ["136693071363"]
  }
}
build {
  sources = ["source.amazon-ebs.web"]
  ${provisioner}
}
`,
  );
  return path;
}

for (const [what, args] of [
  ['HCL2', ['web.pkr.hcl']],
  ['JSON', ['web.json']],
  ['a folder', ['.']],
  ['a pipeline', ['web.pkr.hcl', '--pipeline']],
] as const)
  test(`the example is imported (${what}), and the server accepts what is made`, async () => {
    const examples = join(folder, 'examples');
    cpSync(EXAMPLES, examples, { recursive: true });
    const made = join(folder, 'made.yaml');
    const [file, ...more] = args;
    const ended = await importPacker(join(examples, file), '--output', made, ...more);
    assert.equal(ended.code, 0, ended.stderr);
    assert.match(ended.stderr, /post-processor manifest/);
    const validated = await run('validate', made);
    assert.equal(validated.stdout, `${made}: valid\n`);
    assert.match(readFileSync(made, 'utf8'), /export GREETING='Hello from Packer'/);
  });

test('without --output the template is on stdout, and --json has the notes', async () => {
  const plain = await importPacker(join(EXAMPLES, 'web.json'));
  assert.match(plain.stdout, /^# Imported from web\.json/);
  const { notes, template: text } = JSON.parse((await importPacker('--json', join(EXAMPLES, 'web.json'))).stdout) as {
    readonly notes: readonly { readonly line: number }[];
    readonly template: string;
  };
  assert.equal(text, plain.stdout);
  assert.ok(notes.every(({ line }) => line > 0));
});

test('variables without a value are named together, and a fault has its place', async () => {
  const variables = 'variable "one" {}\nvariable "two" {}';
  const path = template('vars.pkr.hcl', 'provisioner "shell" {\n inline = [var.one, var.two]\n}', variables);
  const ended = await importPacker(path);
  assert.equal(ended.code, 2);
  assert.match(ended.stderr, /vars\.pkr\.hcl:1:1: --var one=VALUE\n {2}vars\.pkr\.hcl:2:1: --var two=VALUE/);
  writeFileSync(path, 'source "a" "b" {\n  x =\n}\n');
  assert.match((await importPacker(path)).stderr, /^ingot: vars\.pkr\.hcl:2:6: expected a value/);
});

test('files outside of the folder are read only when their folder is named', async () => {
  const inner = join(folder, 'inner');
  mkdirSync(inner);
  writeFileSync(join(folder, 'secret.txt'), 'of somebody else');
  symlinkSync(join(folder, 'secret.txt'), join(inner, 'link.txt'));
  for (const source of ['../secret.txt', join(folder, 'secret.txt'), 'link.txt', '${path.root}/../secret.txt', './']) {
    const path = template('inner/a.pkr.hcl', `provisioner "file" {\n source = "${source}"\n destination = "/x"\n}`);
    const refused = await importPacker(path);
    assert.match(refused.stderr, /outside (of )?the template's folder/, source);
    assert.doesNotMatch(refused.stdout, /of somebody else/);
    if (source === './') continue;
    const allowed = await importPacker(path, '--files', folder);
    assert.match(allowed.stdout, /source: file:(?:\.\.\/)?secret\.txt/, source);
    assert.match(allowed.stderr, /outside of the template's folder: build with --file-root FOLDER/, source);
  }
});

test('files of a file provisioner are sources of the build, however large, and what is made is validated', async () => {
  const inner = mkdtempSync(join(folder, 'sources-'));
  mkdirSync(join(inner, 'conf'));
  writeFileSync(join(inner, 'conf/a.conf'), 'a');
  writeFileSync(join(inner, 'big.bin'), Buffer.alloc(9 << 20, 'x'));
  const path = template(
    `${inner.slice(folder.length + 1)}/a.pkr.hcl`,
    `provisioner "file" {
      source      = "big.bin"
      destination = "/opt/big/"
    }
    provisioner "file" {
      source      = "conf"
      destination = "/etc/app"
    }`,
  );
  const made = join(inner, 'made.yaml');
  const ended = await importPacker(path, '--output', made);
  assert.equal(ended.code, 0, ended.stderr);
  const text = readFileSync(made, 'utf8');
  assert.match(text, /source: file:big\.bin\n\s+destination: \/opt\/big\/big\.bin/);
  assert.match(text, /source: file:conf\/\*\n\s+destination: \/etc\/app\/conf/);
  assert.equal((await run('validate', made)).stdout, `${made}: valid\n`);
  // In another folder: the printed command finds the files.
  mkdirSync(join(folder, 'out/deep'), { recursive: true });
  const elsewhere = join(folder, 'out/deep/made.yaml');
  const { stderr } = await importPacker(path, '--output', elsewhere);
  const root = /validate --file-root (\S+) \S+made\.yaml`, build it with `\S+ build --file-root/.exec(stderr)?.[1];
  assert.equal(root, folder, stderr);
  assert.equal((await run('validate', '--file-root', root, elsewhere)).stdout, `${elsewhere}: valid\n`);
  rmSync(join(inner, 'big.bin'));
  assert.match((await run('validate', made)).stdout, /'file:big\.bin' does not exist/);
});

test('another file is said to be what it is, and build says what to do with a Packer template', async () => {
  const path = join(folder, 'Dockerfile');
  writeFileSync(path, 'FROM debian:12\n');
  assert.match((await importPacker(path)).stderr, /is a Dockerfile/);
  assert.match((await run('build', join(EXAMPLES, 'web.pkr.hcl'))).stderr, /import-packer \S+web\.pkr\.hcl` turns it/);
});

test('a template that is longer than allowed is made, and the command says how to make shorter ones', async () => {
  const sources = ['a', 'b', 'c', 'd'];
  const script = (source: string, step: number): string => {
    const name = `long-${source}-${step}.sh`;
    writeFileSync(join(folder, name), `echo '${randomBytes(7000).toString('hex')}'\n`);
    return name;
  };
  const provisioners = sources.flatMap((source) =>
    Array.from(
      { length: 20 },
      (_, step) =>
        `  provisioner "shell" {\n    only = ["null.${source}"]\n    script = "${script(source, step)}"\n  }\n`,
    ),
  );
  const path = join(folder, 'long.pkr.hcl');
  writeFileSync(
    path,
    `${sources.map((source) => `source "null" "${source}" {}\n`).join('')}build {\n` +
      `  sources = [${sources.map((source) => `"null.${source}"`).join(', ')}]\n${provisioners.join('')}}\n`,
  );
  const made = await importPacker(path, '--parent', 'debian-12-x86', '--output', join(folder, 'long.yaml'));
  assert.equal(made.code, 0, made.stderr);
  assert.match(made.stderr, /The template has 1\d{6} characters, .* one at a time, with --only SOURCE/);
  const one = await importPacker(path, '--parent', 'debian-12-x86', '--only', 'null.a', '--output', `${path}.yaml`);
  assert.doesNotMatch(one.stderr, /characters/);
});
