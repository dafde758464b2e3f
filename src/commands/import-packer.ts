/** `ingot import-packer`. */
import { existsSync, readdirSync, readFileSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { INGOT } from '../platform/own-program.ts';
import { readUtf8 } from '../platform/utf8.ts';
import { importPacker, showNote, type ImportResult, type PackerFile } from '../templates/packer/convert.ts';
import type { LocalContent, LocalFile, ReadLocal } from '../templates/packer/files.ts';
import { PackerFault, showPlace } from '../templates/packer/syntax.ts';
import { MAX_TEMPLATE } from '../templates/parse.ts';
import { describeFile, recognize } from '../templates/recognize.ts';
import { InvalidInput, WrongUse, type Arguments, type Command } from './command.ts';

export const importPackerTemplate: Command = {
  usage: 'import-packer [OPTIONS] FILE|FOLDER',
  about: `
Turns a Packer template into a CloudFormation template that \`ingot build\` builds: a component for the provisioners, a
recipe, an infrastructure configuration, a distribution configuration and an image for each source. FILE is a template
in HCL2 (.pkr.hcl) or JSON. A folder is read as Packer reads it: all of its .pkr.hcl and .auto.pkrvars.hcl files.

Everything without an equivalent is listed with its place, on stderr and on top of the template. Nothing runs, and
Packer is not needed.`,
  options: {
    output: { value: 'FILE', short: 'o', help: 'write the template to a file', default: 'stdout' },
    var: { value: 'NAME=VALUE', short: 'p', multiple: true, help: 'value of a variable, like -var of Packer' },
    'var-file': { value: 'FILE', multiple: true, help: 'file with values of variables (.pkrvars.hcl, or JSON)' },
    only: { value: 'SOURCE', multiple: true, help: 'import only this source, such as amazon-ebs.web', default: 'all' },
    files: {
      value: 'FOLDER',
      multiple: true,
      help: "folder that scripts and files may come from too; paths are looked up in it after the template's folder",
    },
    parent: {
      value: 'NAME',
      help: 'parent image of all sources: a managed image such as debian-12-x86, an ARN, an AMI or ssm:NAME',
      default: 'what the source says, where Ingot knows it',
    },
    name: { value: 'NAME', help: 'name that the resources begin with', default: "the template's name" },
    pipeline: { help: 'make an image pipeline for each source instead of an image' },
    json: { help: 'print an object: template, notes (kind, file, line, column, what, why) and counts' },
  },
  exitCodes: {
    0: 'the template was made; what is not in it is listed',
    2: 'usage error, such as a file that is no Packer template or a variable without a value',
  },
  notes: `
Variables without a default need --var. The environment is not read (env()). Variables that are sensitive become
references to secrets. Expressions that need Packer or a cloud are listed.

Scripts are read from the template's folder and put into the components. Files of file provisioners, and scripts of more
than 48 KiB after compression, become file: sources, which the build uploads. Files outside of the folder are listed;
--files allows another folder.`,
  examples: [
    'ingot import-packer web.pkr.hcl --output template.yaml',
    'ingot import-packer ./packer --only amazon-ebs.web --var region=eu-west-1',
  ],
  positionals: ['FILE|FOLDER'],
  run,
};

/** Maximum bytes of a template, and of a file of variables. */
const MOST_BYTES = 1 << 20;
/** Maximum bytes of one file that a provisioner names and of all files, and their maximum number. */
const MOST_FILE = 8 << 20;
const MOST_ALL = 64 << 20;
const MOST_FILES = 2000;
const MOST_TEMPLATES = 100;

async function run(args: Arguments): Promise<number> {
  const given = args.positionals[0]!;
  const { folder, files, variableFiles } = openTemplate(given);
  const asked = args.list('var-file').map((name) => ({ name, text: readTemplate(name) }));
  const name = args.text('name') ?? nameOf(given);
  if (!/^[A-Za-z0-9_][A-Za-z0-9_ -]{0,99}$/.test(name))
    throw new WrongUse(`invalid value '${name}' for --name: expected at most 100 letters, digits, - and _`);
  const parent = args.text('parent');
  const output = args.text('output');
  let result: ImportResult;
  try {
    result = importPacker({
      files,
      variableFiles: [...variableFiles, ...asked],
      variables: pairs(args.list('var')),
      only: args.list('only').map((each) => each.replace(/^source\./, '')),
      name,
      pipelines: args.flag('pipeline'),
      read: localFiles([folder, ...args.list('files')], output === undefined ? folder : dirname(output)),
      ingot: INGOT,
      today: new Date().toISOString().slice(0, 10),
      parent,
    });
  } catch (error) {
    if (error instanceof PackerFault) throw new InvalidInput(`${showPlace(error.place)}: ${error.message}`);
    throw error;
  }
  if (result.unset.length > 0) {
    const lines = result.unset.map((each) => `  ${showPlace(each.place)}: --var ${each.name}=VALUE`);
    throw new InvalidInput(`these variables are used and have no value; give them:\n${lines.join('\n')}`);
  }
  tell(args, result);
  return 0;
}

function tell(args: Arguments, { template, notes, counts }: ImportResult): void {
  const output = args.text('output');
  if (args.flag('json')) {
    const shown = notes.map(({ kind, place, what, why }) => ({ kind, ...place, what, why }));
    process.stdout.write(`${JSON.stringify({ template, notes: shown, counts }, undefined, 2)}\n`);
  } else {
    for (const kind of ['left out', 'choice'] as const) {
      const own = notes.filter((each) => each.kind === kind);
      if (own.length > 0) process.stderr.write(`${kind === 'left out' ? 'Not imported' : 'Choices to look at'}:\n`);
      for (const each of own) process.stderr.write(`  ${printable(showNote(each))}\n`);
    }
  }
  if (output !== undefined) {
    writeFileSync(output, template);
    const { sources, components } = counts;
    if (template.length > MAX_TEMPLATE)
      process.stderr.write(
        `The template has ${template.length} characters, and at most ${MAX_TEMPLATE} are allowed: import its sources ` +
          'one at a time, with --only SOURCE.\n',
      );
    const root = fileRootFor(template, dirname(output));
    const option = root === undefined ? '' : ` --file-root ${root}`;
    process.stderr.write(
      `${output}: ${count(sources, 'image')} of ${count(components, 'component')}; check it with ` +
        `\`${INGOT} validate${option} ${output}\`, build it with \`${INGOT} build${option} ${output}\`\n`,
    );
  } else if (!args.flag('json')) process.stdout.write(template);
}

/**
 * The folder that a build of the template has to be told of: the lowest one that has all files which the template names
 * above its own folder; undefined where it names none there.
 */
function fileRootFor(template: string, folder: string): string | undefined {
  const up = [...template.matchAll(/\bfile:(?:\/\/)?((?:\.\.\/)+)/g)].map(([, steps]) => steps!.length / 3);
  return up.length === 0 ? undefined : resolve(folder, '../'.repeat(Math.max(...up)));
}

/** Makes untrusted text safe for a terminal. */
function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, ' ');
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}

function pairs(given: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    given.map((each): [string, string] => {
      const split = each.indexOf('=');
      if (split < 1) throw new WrongUse(`invalid value '${each}' for --var: expected NAME=VALUE`);
      return [each.slice(0, split), each.slice(split + 1)];
    }),
  );
}

function nameOf(given: string): string {
  const full = resolve(given);
  const file = basename(full).replace(/\.(pkr\.hcl|hcl|pkr\.json|json)$/, '');
  // A file called main or packer has no meaningful name, so its directory's is used.
  const name = /^(main|packer|template|build)$/.test(file) ? basename(dirname(full)) : file;
  return (
    name
      .replace(/[^A-Za-z0-9_-]+/g, '-')
      .replace(/^-+|-+$/g, '')
      .slice(0, 80) || 'packer'
  );
}

interface OpenedTemplate {
  readonly folder: string;
  readonly files: readonly PackerFile[];
  readonly variableFiles: readonly PackerFile[];
}

/** @throws {WrongUse} */
function openTemplate(given: string): OpenedTemplate {
  if (statSync(given, { throwIfNoEntry: false })?.isDirectory() !== true) {
    const text = readTemplate(given);
    const kind = recognize(given, text);
    if (kind !== 'packer-hcl' && kind !== 'packer-json') throw new WrongUse(describeFile(given, kind, INGOT));
    return { folder: dirname(given), files: [{ name: basename(given), text }], variableFiles: [] };
  }
  const names = readdirSync(given).sort();
  const open = (ending: string): readonly PackerFile[] => {
    const own = names.filter((name) => name.endsWith(ending));
    if (own.length > MOST_TEMPLATES) throw new WrongUse(`${given} has more than ${MOST_TEMPLATES} files *${ending}`);
    return own.map((name) => ({ name, text: readTemplate(join(given, name)) }));
  };
  const files = open('.pkr.hcl');
  if (files.length === 0) throw new WrongUse(`${given} has no file *.pkr.hcl; name a template in JSON by itself`);
  return { folder: given, files, variableFiles: open('.auto.pkrvars.hcl') };
}

/** @throws {WrongUse} */
function readTemplate(path: string): string {
  try {
    const stats = statSync(path);
    if (!stats.isFile()) throw new Error('it is not a file');
    if (stats.size > MOST_BYTES) throw new Error(`it is larger than ${MOST_BYTES >> 20} MiB`);
    return readUtf8(readFileSync(path));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new WrongUse(`cannot read ${path}: ${code === 'ENOENT' ? 'no such file' : message}`);
  }
}

/**
 * Reads files of these directories only: a template is untrusted, and the files that it names end up in an image. Links
 * are followed only within the directories.
 * @param beside directory of the generated template, from which it names files
 */
function localFiles(folders: readonly string[], beside: string): ReadLocal {
  const base = realpathSync(existsSync(beside) ? beside : '.');
  const fromTemplate = (path: string): string => relative(base, path).split(sep).join('/');
  const roots = folders.map((folder) => {
    try {
      return { folder: resolve(folder), real: realpathSync(folder) };
    } catch {
      throw new WrongUse(`cannot read the folder ${folder}: no such folder`);
    }
  });
  let left = MOST_ALL;
  const inside = (path: string): boolean => roots.some(({ real }) => isWithin(real, path));

  const readOne = (path: string, name: string, what?: 'names'): LocalFile | string => {
    const stats = statSync(path);
    if (!stats.isFile()) return `${name} is not a file`;
    const file = { name, executable: (stats.mode & 0o100) !== 0, path: fromTemplate(path) };
    // The build reads it from its place.
    if (what === 'names' || stats.size > MOST_FILE || stats.size > left)
      return { ...file, bytes: new Uint8Array(), size: stats.size };
    left -= stats.size;
    return { ...file, bytes: readFileSync(path) };
  };

  return (asked, what): LocalContent => {
    if (asked.includes('\0')) return { kind: 'absent', why: 'the path has a NUL' };
    let outside = false;
    for (const { folder } of roots) {
      const path = isAbsolute(asked) ? asked : resolve(folder, asked);
      let real: string;
      try {
        real = realpathSync(path);
      } catch {
        continue;
      }
      if (!inside(real)) {
        outside = true;
        continue;
      }
      if (!statSync(real).isDirectory()) {
        const file = readOne(real, basename(asked), what);
        return typeof file === 'string' ? { kind: 'absent', why: file } : { kind: 'file', file };
      }
      return {
        ...readFolder(real, asked, inside, (file, name) => readOne(file, name, what)),
        path: fromTemplate(real) || '.',
      } as LocalContent;
    }
    return {
      kind: 'absent',
      outside,
      why: outside
        ? `${asked} is outside of the template's folder: allow its folder with --files FOLDER`
        : `there is no ${asked} in the template's folder; --files FOLDER names another one`,
    };
  };
}

function isWithin(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way));
}

function readFolder(
  root: string,
  asked: string,
  inside: (path: string) => boolean,
  readOne: (path: string, name: string) => LocalFile | string,
): LocalContent {
  const files: LocalFile[] = [];
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    if (entry.isDirectory()) continue;
    if (files.length >= MOST_FILES) return { kind: 'absent', why: `${asked} has more than ${MOST_FILES} files` };
    const path = join(entry.parentPath, entry.name);
    const name = relative(root, path);
    let real: string;
    try {
      real = realpathSync(path);
    } catch {
      return { kind: 'absent', why: `${asked}/${name} is a broken link` };
    }
    if (!inside(real)) return { kind: 'absent', why: `${asked}/${name} points outside the template's folder` };
    const file = readOne(real, name);
    if (typeof file === 'string') return { kind: 'absent', why: `${asked}: ${file}` };
    files.push(file);
  }
  return { kind: 'folder', files };
}
