import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { test } from 'node:test';
import { parse } from 'yaml';
import { parseComponentDocument } from '../../documents/component/parse.ts';
import { parseTemplate } from '../template.ts';
import { baseNamed } from './bases.ts';
import { importPacker, showNote, type ImportRequest, type ImportResult } from './convert.ts';
import { expandTemplate } from './engine.ts';
import { Evaluator, type Names } from './evaluate.ts';
import type { LocalFile, ReadLocal } from './files.ts';
import { parseExpression, parseHcl } from './hcl.ts';
import { PackerFault } from './syntax.ts';
import { BUILD_TIME, isList, isMap, type PackerValue } from './values.ts';

const EXAMPLES = fileURLToPath(new URL('../../../examples/packer', import.meta.url));

const NAMES: Names = {
  variable: (name, place) => {
    if (name === 'list') return ['a', 'b'];
    if (name === 'map') return { map: new Map<string, PackerValue>([['key', 'value']]) };
    if (name === 'name') return 'web';
    throw new PackerFault(`no variable ${name}`, place);
  },
  local: () => 'local',
  source: (name) => (name === 'name' ? 'source' : undefined),
};

function evaluated(text: string): unknown {
  const plain = (value: PackerValue): unknown =>
    isList(value)
      ? value.map(plain)
      : isMap(value)
        ? Object.fromEntries([...value.map].map(([key, item]) => [key, plain(item)]))
        : value;
  return plain(new Evaluator().evaluate(parseExpression('x', text), NAMES));
}

for (const [text, expected] of [
  ['"a ${var.name} $${b} \\"c\\" \\u00e9"', 'a web ${b} "c" é'],
  ['"${var.list}"', ['a', 'b']],
  ['var.list[1]', 'b'],
  ['var.map["key"]', 'value'],
  ['var.map.key', 'value'],
  ['1 + 2 * 3 - 4 / 2', 5],
  ['-1 < 2 && !false', true],
  ['var.name == "web" ? "yes" : "no"', 'yes'],
  ['[for each in var.list : upper(each) if each != "a"]', ['B']],
  ['{ for key, value in var.map : value => key }', { value: 'key' }],
  ['{\n a = 1\n "b" : 2, c = [1,\n 2]\n}', { a: 1, b: 2, c: [1, 2] }],
  ['merge({ a = 1 }, { a = 2, b = 3 })', { a: 2, b: 3 }],
  ['concat(var.list, ["c"])', ['a', 'b', 'c']],
  ['join("-", var.list...)', 'unsupported'],
  ['format("%s-%03d", "a", 7)', 'a-007'],
  ['regex_replace(timestamp(), "[- TZ:]", "")', BUILD_TIME],
  ['regex_replace("a b:c", "[ :]", "_")', 'a_b_c'],
  ['formatdate("YYYY", timestamp())', BUILD_TIME],
  ['try(var.nothing, "other")', 'other'],
  ['coalesce("", null, "x")', 'x'],
  ['split(",", "a,b")', ['a', 'b']],
  ['lookup(var.map, "none", "default")', 'default'],
  ['source.name', 'source'],
  ['"%{ if var.name == "web" }a%{ else }b%{ endif }c"', 'ac'],
  ['"%{ if false }a%{ endif }"', ''],
  ['"a  ${~ var.name ~}  b"', 'awebb'],
  ['"%{ for a in var.list }<${a}>%{ endfor }"', '<a><b>'],
  ['<<EOT\n  a\n  %{~ if true ~}\n  b\n  %{~ endif ~}\n  c\nEOT\n', '  a\n  b\n  c\n'],
  ['jsondecode("{\\"a\\": [1, null, \\"x\\"]}").a[2]', 'x'],
  ['<<-EOT\n    a\n      b ${var.name}\n    EOT\n', 'a\n  b web\n'],
  // The first word of FIPS 180-4's example, and of RFC 1321's.
  ['sha256("abc")', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
  ['substr(sha512("abc"), 0, 16)', 'ddaf35a193617aba'],
  ['sha1("abc")', 'a9993e364706816aba3e25717850c26c9cd0d89d'],
  ['md5("abc")', '900150983cd24fb0d6963f7d28e17f72'],
  ['uuidv5("dns", "www.example.com")', '2ed6657d-e927-568b-95e1-2665a8aea6a2'],
  ['textencodebase64("dir", "UTF-16LE")', 'ZABpAHIA'],
  ['textdecodebase64("ZABpAHIA", "UTF-16LE")', 'dir'],
  ['urlencode("a b/c*é")', 'a+b%2Fc%2A%C3%A9'],
  ['yamldecode("a: [1, {b: x}]").a[1].b', 'x'],
  ['yamlencode({ a = ["x", 1] })', '"a":\n  - "x"\n  - 1\n'],
  ['regex("[a-z]+", "12abc34")', 'abc'],
  ['regex("(\\\\d+)-(\\\\d+)", "a 12-34")', ['12', '34']],
  ['regex("(?P<year>\\\\d{4})", "in 2026").year', '2026'],
  ['regexall("\\\\d", "a1b2")', ['1', '2']],
  ['regex_replace("v1.2.3", "v(\\\\d+)\\\\.(?P<minor>\\\\d+)", "$minor of $${1}-")', '2 of 1-.3'],
  ['regex_replace("aaaab", "(a+)+b", "x")', 'x'],
  ['trim("?!hello?!", "!?")', 'hello'],
  ['strrev("hello")', 'olleh'],
  ['startswith("hello", "he") && endswith("hello", "lo") && strcontains("hello", "ll")', true],
  ['indent(2, "a\\nb")', 'a\n  b'],
  ['formatlist("%s-%s", "a", var.list)', ['a-a', 'a-b']],
  ['parseint("ff", 16)', 255],
  ['pow(2, 10) + signum(-3) + log(8, 2)', 1026],
  ['range(1, 6, 2)', [1, 3, 5]],
  ['range(3)', [0, 1, 2]],
  ['slice(["a", "b", "c"], 1, 2)', ['b']],
  ['chunklist(["a", "b", "c"], 2)', [['a', 'b'], ['c']]],
  ['zipmap(["a", "b"], [1, 2])', { a: 1, b: 2 }],
  ['index(var.list, "b")', 1],
  ['setunion(["b", "a"], ["a"])', ['a', 'b']],
  ['setintersection(["b", "a"], ["a", "c"])', ['a']],
  [
    'setproduct(["a", "b"], ["1"])',
    [
      ['a', '1'],
      ['b', '1'],
    ],
  ],
  ['coalescelist([], ["x"])', ['x']],
  ['sum([1, 2.5])', 3.5],
  ['alltrue([true, true]) && !anytrue([false])', true],
] as const)
  test(`evaluates ${text.replace(/\s+/g, ' ')}`, () => {
    if (expected === 'unsupported') assert.throws(() => evaluated(text), PackerFault);
    else assert.deepEqual(evaluated(text), expected);
  });

for (const [text, message] of [
  ['file("/etc/passwd")', /the function file\(\) is not evaluated here/],
  ['consul_key("a")', /not evaluated here/],
  ['regex_replace("aaaa", "(a", "")', /the pattern '\(a' is not valid/],
  ['regex("x", "abc")', /the pattern does not match/],
  [`regex("${'a'.repeat(1001)}", "abc")`, /the pattern or its text is too long/],
  ['sha256(timestamp())', /known only when the image is built/],
  ['range(0, 2000)', /more than 1024 numbers/],
  ['parseint("12", 2)', /'12' is not a whole number of base 2/],
  ['yamldecode("a: [")', /yamldecode: /],
  ['log(0, 10)', /not a number/],
  ['build.ID', /known only when Packer runs/],
  [`${'['.repeat(100)}`, /nested deeper/],
  ['"a', /no closing quote/],
  ['["a" "b"]', /expected ',' or ']', found '"'/],
  ['"%{ if true }a"', /%{ if } has no %{ endif }/],
  ['"%{ for a in var.list }a%{ endif }"', /%{ for } has no %{ endfor }/],
  ['"a%{ else }b"', /%{ else } without its beginning/],
  ['"%{ when true }b"', /expected if, else, endif, for or endfor/],
  [`"${'%{ if true }'.repeat(40)}"`, /nested deeper/],
  ['jsondecode("{")', /expected/],
] as const)
  test(`rejects ${text.slice(0, 40)}`, () => assert.throws(() => evaluated(text), { message }));

test('texts that grow by doubling are limited', () => {
  const locals = Array.from({ length: 60 }, (_, index) => `l${index + 1} = "\${local.l${index}}\${local.l${index}}"`);
  const result = imported({
    files: [
      {
        name: 'a.pkr.hcl',
        text: `locals {\nl0 = "aaaaaaaaaa"\n${locals.join('\n')}\n}
source "null" "a" {}
build {
  sources = ["null.a"]
  provisioner "shell" {
    inline = [local.l60]
  }
}`,
      },
    ],
  });
  assert.match(result.notes.map(showNote).join('\n'), /provisioner shell: inline: the texts become too long/);
});

test('provisioners of Windows mean Windows, unless a shell of Linux is beside them', () => {
  const platformOf = (...types: readonly string[]): unknown => {
    const made = hcl(types.map((type) => `provisioner "${type}" {\n  inline = ["echo one"]\n}`).join('\n'));
    return resourcesOf(made)['Component']?.Properties['Platform'];
  };
  assert.equal(platformOf('powershell'), 'Windows');
  assert.equal(platformOf('windows-shell'), 'Windows');
  assert.equal(platformOf('shell', 'powershell'), 'Linux');
});

test('files are hashed, encoded and looked for', () => {
  const files = new Map([['a.txt', 'abc']]);
  const read: ReadLocal = (name) =>
    files.has(name)
      ? { kind: 'file', file: { name, executable: false, bytes: Buffer.from(files.get(name)!) } }
      : { kind: 'absent', why: `${name} is missing`, outside: name.startsWith('/') };
  const evaluate = (text: string): PackerValue => new Evaluator(read).evaluate(parseExpression('x', text), NAMES);
  assert.equal(evaluate('sha256(file("a.txt"))'), createHash('sha256').update('abc').digest('hex'));
  assert.equal(evaluate('filebase64("a.txt")'), 'YWJj');
  assert.deepEqual([evaluate('fileexists("a.txt")'), evaluate('fileexists("b.txt")')], [true, false]);
  assert.throws(() => evaluate('fileexists("/etc/passwd")'), /fileexists\(\): \/etc\/passwd is missing/);
});

test('dynamic blocks are expanded, and commands of cmd.exe become a batch file', () => {
  const result = imported({
    files: [
      {
        name: 'a.pkr.hcl',
        text: `source "amazon-ebs" "a" {
  dynamic "launch_block_device_mappings" {
    for_each = { "/dev/sda1" = 20, "/dev/sdb" = 30 }
    iterator = disk
    content {
      device_name = disk.key
      volume_size = disk.value
    }
  }
}
build {
  sources = ["amazon-ebs.a"]
  dynamic "provisioner" {
    for_each = { one = "echo made for a", two = "echo never" }
    labels   = ["shell-local"]
    content {}
  }
  dynamic "provisioner" {
    for_each = { one = "Write-Output one", two = "Write-Output two" }
    labels   = ["powershell"]
    iterator = each
    content {
      except = each.key == "two" ? ["amazon-ebs.a"] : []
      inline = [each.value]
    }
  }
  dynamic "provisioner" {
    for_each = 5
    labels   = [1, {}]
  }
  dynamic "post-processor" {
    for_each = ["x"]
    content {}
  }
  provisioner "powershell" {
    inline = [file("greeting.ps1"), file("nothing")]
  }
  provisioner "powershell" {
    inline = [file("greeting.ps1")]
  }
  provisioner "windows-shell" {
    inline = ["echo it's", "ver"]
  }
}`,
      },
    ],
    parent: 'windows-server-2022-english-full-base-x86',
    read: (path) =>
      path === 'greeting.ps1'
        ? { kind: 'file', file: { name: path, bytes: Buffer.from('Write-Output hello'), executable: false } }
        : { kind: 'absent', why: `there is no ${path}` },
  });
  assert.match(result.template, /Write-Output hello/);
  assert.match(result.notes.map(showNote).join('\n'), /inline: file\(\): there is no nothing/);
  assert.match(result.template, /Write-Output one/);
  assert.doesNotMatch(result.template, /Write-Output two/);
  const notes = result.notes.map(showNote).join('\n');
  assert.match(notes, /provisioner shell-local/);
  assert.match(notes, /dynamic provisioner: a dynamic block needs 'for_each' and a block 'content'/);
  assert.match(notes, /post-processor/);
  assert.match(result.template, /VolumeSize: 20[^]*VolumeSize: 30/);
  assert.match(result.template, /'@echo off',\n\s+'echo it''s',\n\s+'ver'/);
  assert.doesNotMatch(result.notes.map(showNote).join('\n'), /launch_block|windows-shell/);
});

test('templatefile() inserts its values into the text of a file, and nothing else', () => {
  const texts: Readonly<Record<string, string>> = {
    'a.tpl': 'port ${port}\n%%{x} $${y} ${upper(join(",", names))}\n',
    'other.tpl': '${var.name}',
    'self.tpl': '${templatefile("a.tpl", {})}',
    'if.tpl':
      '%{ if on ~}\non\n%{ else ~}\noff\n%{ endif ~}\n' +
      '%{ for i, name in names ~}\n  - ${i} ${name}\n%{ endfor ~}\nend\n',
  };
  const evaluator = new Evaluator((path) =>
    texts[path] === undefined
      ? { kind: 'absent', why: `there is no ${path}` }
      : { kind: 'file', file: { name: path, bytes: Buffer.from(texts[path]), executable: false } },
  );
  const of = (text: string) => evaluator.evaluate(parseExpression('x', text), NAMES);
  assert.equal(of('templatefile("a.tpl", { port = 80, names = var.list })'), 'port 80\n%{x} ${y} A,B\n');
  assert.equal(of('templatefile("if.tpl", { on = true, names = ["a", "b"] })'), 'on\n  - 0 a\n  - 1 b\nend\n');
  assert.equal(of('templatefile("if.tpl", { on = false, names = [] })'), 'off\nend\n');
  for (const [text, why] of [
    ['templatefile("a.tpl", { port = 80 })', /'names' is not known/],
    ['templatefile("other.tpl", {})', /var\.name is not known/],
    ['templatefile("self.tpl", {})', /within the file/],
    ['templatefile("none", {})', /there is no none/],
    ['templatefile("a.tpl", 1)', /a map/],
  ] as const)
    assert.throws(() => of(text), why);
});

test('fileset() lists files of a folder that match a pattern', () => {
  const names = ['b.sh', 'a.sh', 'sub/c.sh', 'sub/deep/d.sh', 'e.txt'];
  const evaluator = new Evaluator((path, what) =>
    path === 'scripts' && what === 'names'
      ? { kind: 'folder', files: names.map((name) => ({ name, bytes: new Uint8Array(), executable: false })) }
      : { kind: 'absent', why: `there is no ${path}` },
  );
  const of = (text: string) => evaluator.evaluate(parseExpression('x', text), NAMES);
  for (const [pattern, expected] of [
    ['*.sh', ['a.sh', 'b.sh']],
    ['**/*.sh', ['a.sh', 'b.sh', 'sub/c.sh', 'sub/deep/d.sh']],
    ['sub/**', ['sub/c.sh', 'sub/deep/d.sh']],
    ['?.{txt,md}', ['e.txt']],
    ['*', ['a.sh', 'b.sh', 'e.txt']],
    ['*/d.sh', []],
    ['[ab].sh', ['a.sh', 'b.sh']],
    ['[!a-a].*', ['b.sh', 'e.txt']],
    ['**/[^a-c].{sh,txt}', ['e.txt', 'sub/deep/d.sh']],
    ['[\\\\a-b]?sh', ['a.sh', 'b.sh']],
    ['\\\\a.sh', ['a.sh']],
    ['[*].sh', []],
  ] as const)
    assert.deepEqual(of(`fileset("scripts", "${pattern}")`), expected, pattern);
  assert.deepEqual(of('[for f in fileset("scripts", "*.sh") : "scripts/${f}"]'), ['scripts/a.sh', 'scripts/b.sh']);
  for (const pattern of ['[ab.sh', '[].sh', 'a[/]b', 'a\\\\', '{a', '{[,]}'])
    assert.throws(() => of(`fileset("scripts", "${pattern}")`), /the pattern/, pattern);
  assert.throws(() => of('fileset("none", "*")'), /there is no none/);
});

test('a fault has line and column', () => {
  assert.throws(
    () => parseHcl('a.pkr.hcl', 'variable "a" {\n  type = \n}\n'),
    (error: PackerFault) => {
      assert.deepEqual(error.place, { file: 'a.pkr.hcl', line: 2, column: 10 });
      return true;
    },
  );
});

for (const [text, expected] of [
  ['web-{{timestamp}}', `web-${BUILD_TIME}`],
  ['{{user `a` | clean_resource_name}}', 'value-of-a'],
  ['{{ .Vars }} {{ .Path }}', '{{ .Vars }} {{ .Path }}'],
  ['{{`{{.Names}}`}}', '{{.Names}}'],
  ['{{ resolve:secretsmanager:packer/a }}', '{{ resolve:secretsmanager:packer/a }}'],
  ['{{ no end', '{{ no end'],
  ['{{replace "o" "0" 1 "foo"}} {{replace_all `o` `0` `foo`}} {{split "a-b-c" "-" 1}}', 'f0o f00 b'],
] as const)
  test(`expands ${text}`, () => {
    const place = { file: 'x', line: 1, column: 1 };
    assert.equal(expandTemplate(text, { place, user: (name) => `value of ${name}`.replaceAll(' ', '*') }), expected);
  });

for (const [text, expected] of [
  ['ubuntu/images/*ubuntu-jammy-22.04-amd64-server-*', 'ubuntu-server-22-lts-x86'],
  ['ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-arm64-server-*', 'ubuntu-server-24-lts-arm64'],
  ['al2023-ami-2023.*-x86_64', 'amazon-linux-2023-x86'],
  ['amzn2-ami-hvm-*-x86_64-gp2', 'amazon-linux-2-x86'],
  ['debian-12-amd64-*', 'debian-12-x86'],
  ['RHEL-9.4.0_HVM-*', 'red-hat-enterprise-linux-9-x86'],
  ['Windows_Server-2022-English-Full-Base-*', 'windows-server-2022-english-full-base-x86'],
  ['golden-image-*', undefined],
] as const)
  test(`the base of ${text}`, () => assert.equal(baseNamed(text, false), expected));

/** Reads the files of the examples. */
function exampleFile(path: string): ReturnType<ImportRequest['read']> {
  const full = `${EXAMPLES}/${path}`;
  const one = (name: string, from: string): LocalFile => ({
    name,
    bytes: readFileSync(from),
    executable: /\.sh$/.test(name),
  });
  if (!path.endsWith('/')) return { kind: 'file', file: one(path.split('/').at(-1)!, full) };
  return {
    kind: 'folder',
    files: readdirSync(full)
      .sort()
      .map((name) => one(name, `${full}${name}`)),
  };
}

function imported(request: Partial<ImportRequest>): ImportResult {
  return importPacker({
    files: [],
    variableFiles: [],
    variables: new Map(),
    only: [],
    name: 'web',
    pipelines: false,
    read: exampleFile,
    ingot: 'ingot',
    today: '2026-11-30',
    ...request,
  });
}

function hcl(body: string, rest: Partial<ImportRequest> = {}): ImportResult {
  return imported({
    files: [
      {
        name: 'a.pkr.hcl',
        text:
          'source "amazon-ebs" "web" {\n  source_ami = "ami-0123456789abcdef0"\n}\n' +
          `build {\n  sources = ["amazon-ebs.web"]\n${body}\n}\n`,
      },
    ],
    ...rest,
  });
}

interface Made {
  readonly Resources: Readonly<
    Record<string, { readonly Type: string; readonly Properties: Readonly<Record<string, unknown>> }>
  >;
}

function resourcesOf({ template }: ImportResult): Made['Resources'] {
  parseTemplate(template);
  return (parse(template, { logLevel: 'silent' }) as Made).Resources;
}

interface MadeStep {
  readonly name: string;
  readonly action: string;
  readonly inputs?: { readonly commands?: readonly string[] };
}

function stepsIn(result: ImportResult): readonly MadeStep[] {
  return Object.values(resourcesOf(result))
    .filter(({ Type }) => Type === 'AWS::ImageBuilder::Component')
    .flatMap(({ Properties }) => {
      const data = String(Properties['Data']);
      assert.ok(data.length <= 16_000, `${data.length} characters`);
      assert.deepEqual(
        parseComponentDocument(data).faults.filter(({ severity }) => severity === 'error'),
        [],
      );
      return (parse(data) as { phases: { steps: MadeStep[] }[] }).phases[0]!.steps;
    });
}

for (const name of ['web.pkr.hcl', 'web.json'])
  test(`the example ${name} becomes a component, a recipe, configurations and an image`, () => {
    const result = imported({ files: [{ name, text: readFileSync(`${EXAMPLES}/${name}`, 'utf8') }] });
    const resources = resourcesOf(result);
    assert.deepEqual(Object.keys(resources), ['Component', 'Recipe', 'Infrastructure', 'Distribution', 'Image']);
    assert.deepEqual(
      stepsIn(result)
        .map(({ action }) => action)
        .slice(0, 4),
      ['ExecuteBash', 'CreateFile', 'CreateFile', 'ExecuteBash'],
    );
    assert.ok(stepsIn(result)[3]!.inputs!.commands!.includes("export GREETING='Hello from Packer'"));
    assert.match(String(resources['Recipe']!.Properties['ParentImage']), /image\/debian-12-x86\/x\.x\.x$/);
    assert.match(result.template, /Name: web-\{\{ imagebuilder:buildDate \}\}/);
    assert.match(result.notes.map(showNote).join('\n'), /post-processor manifest/);
    assert.deepEqual(result.unset, []);
  });

test('settings without an equivalent are listed with their positions, also at the top of the template', () => {
  const result = hcl(`
  provisioner "ansible" {
    playbook_file = "site.yml"
  }
  provisioner "shell" {
    inline           = ["true"]
    valid_exit_codes = [0, 2]
  }
  post-processor "vagrant" {}
  hcp_packer_registry {}`);
  for (const words of [
    /a\.pkr\.hcl:7:3: provisioner ansible: all of it: Ansible runs on your machine/,
    /a\.pkr\.hcl:12:5: provisioner shell: valid_exit_codes/,
    /a\.pkr\.hcl:14:3: post-processor vagrant/,
    /build: hcp_packer_registry: there is no equivalent/,
    /source_ami: the AMI ami-0123456789abcdef0 must exist/,
  ]) {
    assert.match(result.notes.map(showNote).join('\n'), words);
    assert.match(result.template, words);
  }
});

test('a variable without a value is requested only if it is needed', () => {
  const text = `variable "needed" {}\nvariable "other" {}
source "amazon-ebs" "web" {\n  source_ami = "ami-0123456789abcdef0"\n  vpc_id = var.other\n}
build {\n  sources = ["amazon-ebs.web"]\n  provisioner "shell" {\n    inline = [var.needed]\n  }\n}\n`;
  const files = [{ name: 'a.pkr.hcl', text }];
  assert.deepEqual(
    imported({ files }).unset.map(({ name }) => name),
    ['needed'],
  );
  const given = imported({ files, variables: new Map([['needed', 'echo given']]) });
  assert.deepEqual(given.unset, []);
  assert.deepEqual(stepsIn(given)[0]!.inputs!.commands, ['set -e', 'echo given']);
});

test('a sensitive variable becomes a reference to a secret, whatever its value', () => {
  const text = `variable "password" {\n  sensitive = true\n  default = "hunter2"\n}
source "amazon-ebs" "web" {\n  source_ami = "ami-0123456789abcdef0"\n}
build {\n  sources = ["amazon-ebs.web"]\n  provisioner "shell" {
    environment_vars = ["PASSWORD=\${var.password}"]\n    inline = ["true"]\n  }\n}\n`;
  const result = imported({ files: [{ name: 'a.pkr.hcl', text }], variables: new Map([['password', 'hunter3']]) });
  assert.doesNotMatch(result.template, /hunter/);
  assert.ok(
    stepsIn(result)[0]!.inputs!.commands!.includes("export PASSWORD='{{ resolve:secretsmanager:packer/password }}'"),
  );
});

test('commands with braces, and long and binary files, are preserved byte for byte', () => {
  // Incompressible data.
  const bytes = Buffer.concat(
    Array.from({ length: 900 }, (_, index) => createHash('sha256').update(String(index)).digest()),
  );
  const result = hcl(
    `
  provisioner "shell" {
    inline = ["echo '{{\`{{ build.a.outputs.stdout }}\`}}'"]
  }
  provisioner "file" {
    source      = "big.bin"
    destination = "/opt/it's big.bin"
  }`,
    { read: () => ({ kind: 'file', file: { name: 'big.bin', bytes, executable: true } }) },
  );
  const scripts = stepsIn(result).map(({ inputs }) => (inputs!.commands ?? []).join('\n'));
  const packed = (place: string): Buffer =>
    gunzipSync(
      Buffer.from(
        scripts
          .filter((each) => each.includes(`${place}.base64 <<'END'`))
          .map((each) => /<<'END'\n([^]*?)\nEND/.exec(each)![1])
          .join(''),
        'base64',
      ),
    );
  assert.equal(packed('/tmp/packer-commands.sh').toString(), "set -e\necho '{{ build.a.outputs.stdout }}'\n");
  assert.deepEqual(packed("'/opt/it'\\''s big.bin'"), bytes);
  assert.ok(Number(result.counts.components) > 1);
});

test('text of the template cannot end a comment or a document of the result', () => {
  const result = hcl(`
  provisioner "evil\\nResources: {}\\n" {}
  provisioner "file" {
    content     = "END\\nx: y\\n---\\n# \\u0085 \\u2028 z"
    destination = "/tmp/x"
  }`);
  assert.deepEqual(Object.keys(resourcesOf(result)), [
    'Component',
    'Recipe',
    'Infrastructure',
    'Distribution',
    'Image',
  ]);
  stepsIn(result);
});

test('a restart at the end of commands becomes a step, and retries and timeouts are kept', () => {
  const result = hcl(`
  provisioner "shell" {
    inline            = ["apt-get -y upgrade", "sudo reboot"]
    expect_disconnect = true
  }
  provisioner "shell" {
    inline      = ["true"]
    max_retries = 2
    timeout     = "5m"
  }`);
  const steps = stepsIn(result) as readonly (MadeStep & { maxAttempts?: number; timeoutSeconds?: number })[];
  assert.deepEqual(
    steps.map(({ action, maxAttempts, timeoutSeconds }) => [action, maxAttempts, timeoutSeconds]),
    [
      ['ExecuteBash', undefined, undefined],
      ['Reboot', undefined, undefined],
      ['ExecuteBash', 3, 300],
    ],
  );
});

test('only and except select provisioners for each source, and --only selects sources', () => {
  const text = `source "amazon-ebs" "a" {\n  source_ami = "ami-0123456789abcdef0"\n}
source "amazon-ebs" "b" {\n  source_ami = "ami-0123456789abcdef0"\n}
build {\n  sources = ["source.amazon-ebs.a", "source.amazon-ebs.b"]
  provisioner "shell" {\n    only = ["amazon-ebs.a"]\n    inline = ["echo a"]\n  }
  provisioner "shell" {\n    except = ["amazon-ebs.a"]\n    inline = ["echo b"]\n  }\n}\n`;
  const files = [{ name: 'a.pkr.hcl', text }];
  assert.deepEqual(
    stepsIn(imported({ files })).map(({ inputs }) => inputs!.commands!.at(-1)),
    ['echo a', 'echo b'],
  );
  assert.deepEqual(
    stepsIn(imported({ files, only: ['amazon-ebs.b'] })).map(({ inputs }) => inputs!.commands!.at(-1)),
    ['echo b'],
  );
});

test('members of data sources: what their settings say, secrets as references, the rest is listed', () => {
  const result = imported({
    files: [
      {
        name: 'a.pkr.hcl',
        text: `data "null" "greeting" {
  input = "hello from ${'${var.who}'}"
}
variable "who" { default = "data" }
data "amazon-secretsmanager" "db" {
  name = "prod/db"
  key  = "password"
}
data "amazon-parameterstore" "size" { name = "/size" }
data "amazon-ami" "base" {
  filters = { name = "debian-12-amd64-*" }
}
source "amazon-ebs" "a" { source_ami = data.amazon-ami.base.id }
build {
  dynamic "source" {
    for_each = ["one", "two"]
    labels   = ["amazon-ebs.a"]
    content { name = "a-${'${source.value}'}" }
  }
  provisioner "shell" {
    only   = ["amazon-ebs.a-one"]
    inline = [
      "echo ${'${data.null.greeting.output}'}",
      "echo ${'${data.amazon-secretsmanager.db.value}'}",
      "echo ${'${data.amazon-parameterstore.size.value}'}",
    ]
  }
  provisioner "shell" { inline = ["echo ${'${data.amazon-ami.base.id}'}"] }
  provisioner "shell" { inline = ["echo ${'${data.amazon-ami.base.name}'}"] }
  provisioner "shell" { inline = ["echo ${'${data.http.none.body}'}"] }
}`,
      },
    ],
  });
  assert.equal(result.counts.sources, 2);
  assert.match(result.template, /echo hello from data/);
  assert.match(result.template, /echo \{\{ resolve:secretsmanager:prod\/db:SecretString:password \}\}/);
  assert.match(result.template, /echo \{\{ resolve:ssm:\/size \}\}/);
  assert.match(result.template, /debian-12-x86/);
  const notes = result.notes.map(showNote).join('\n');
  assert.match(notes, /data\.amazon-ami\.base\.name is known only when Packer runs/);
  assert.match(notes, /the answer of the data source amazon-ami\.base is known only/);
  assert.doesNotMatch(notes, /no build uses it/);
  assert.match(notes, /there is no data source 'http' 'none'/);
});
