/** Converts a Packer template to a CloudFormation template for EC2 Image Builder. Pure. */
import { Document } from 'yaml';
import { blockDevices, distributions, infrastructure, noteUserData } from './configurations.ts';
import type { ReadLocal } from './files.ts';
import { PackerFault, showPlace, type Place } from './syntax.ts';
import { readHclTemplate } from './hcl-template.ts';
import { readJsonTemplate } from './json-template.ts';
import type { Build, Note, PackerTemplate, Settings, Source } from './model.ts';
import { PARENT_PARAMETER, parentImage } from './parent-image.ts';
import { stepsOf, type Machine } from './provisioners.ts';
import type { Step } from './steps.ts';
import { noteUnused } from './unused.ts';
import { dataOf, hasMarker, replaceMarkers } from './values.ts';
import { comment, documentsOf, MOST_COMPONENTS, tagged, yamlText } from './write.ts';

/** A file of a Packer template. */
export interface PackerFile {
  readonly name: string;
  readonly text: string;
}

/** The inputs of an import. */
export interface ImportRequest {
  /** One JSON file, or the `.pkr.hcl` files of a folder. */
  readonly files: readonly PackerFile[];
  readonly variableFiles: readonly PackerFile[];
  readonly variables: ReadonlyMap<string, string>;
  readonly only: readonly string[];
  /** A parent image for all sources: the name of a managed image, an ARN, an AMI, `ssm:NAME`. */
  readonly parent?: string;
  /** Name of the template, which its resources begin with. */
  readonly name: string;
  /** Whether to create pipelines instead of images. */
  readonly pipelines: boolean;
  readonly read: ReadLocal;
  /** The name of the `ingot` command, for messages. */
  readonly ingot: string;
  /** The day of the import, as YYYY-MM-DD. */
  readonly today: string;
}

/** The result of an import. */
export interface ImportResult {
  /** The CloudFormation template. */
  readonly template: string;
  readonly notes: readonly Note[];
  /** Required variables without a value, with the positions of their declarations. */
  readonly unset: readonly { readonly name: string; readonly place: Place }[];
  readonly counts: { readonly sources: number; readonly components: number; readonly steps: number };
}

/** Provisioners that mean Windows where no other shell is used. */
const ONLY_WINDOWS = ['powershell', 'windows-shell', 'windows-restart'];

/** Maximum number of notes that are kept; further ones are counted. */
const MOST_NOTES = 2000;

/** @throws {PackerFault} if the file is not a Packer template, or has nothing to import */
export function importPacker(request: ImportRequest): ImportResult {
  const notes: Note[] = [];
  const seen = new Set<string>();
  const note = (given: Note): void => {
    const one = { ...given, why: given.why.replaceAll('$INGOT', request.ingot) };
    const key = `${showPlace(one.place)} ${one.what} ${one.why}`;
    if (seen.has(key) || notes.length >= MOST_NOTES) return;
    seen.add(key);
    notes.push(one);
  };
  const unset = new Map<string, Place>();
  const given = {
    variables: request.variables,
    read: request.read,
    only: request.only,
    note,
    unset: (name: string, place: Place): void => void unset.set(name, place),
  };
  const [first] = request.files;
  const isJson = request.files.length === 1 && /^\s*\{/.test(first!.text);
  const template = isJson
    ? readJsonTemplate(first!.name, first!.text, request.variableFiles, given)
    : readHclTemplate(request.files, request.variableFiles, given);
  if (template.builds.length === 0)
    throw new PackerFault(
      request.only.length === 0
        ? 'nothing is built: there is no build with a source, or no builder'
        : `no source is called ${request.only.join(' or ')}`,
      { file: first!.name, line: 1, column: 1 },
    );
  const writer = new Writer(request, template, note);
  const text = writer.write();
  notes.sort((a, b) => order(a.place, b.place));
  return {
    template: `${header(request, notes)}${text}`,
    notes,
    unset: [...unset].map(([name, place]) => ({ name, place })),
    counts: writer.counts,
  };
}

function order(a: Place, b: Place): number {
  return a.file === b.file ? a.line - b.line || a.column - b.column : a.file < b.file ? -1 : 1;
}

/** One line of a note. */
export function showNote({ place, what, why }: Note): string {
  return `${showPlace(place)}: ${what}: ${why}`;
}

/** Comments at the top of the template: its source, and what was left out. */
function header(request: ImportRequest, notes: readonly Note[]): string {
  const lines = [`Imported from ${request.files.map(({ name }) => name).join(', ')} by ${request.ingot} import-packer`];
  for (const [kind, title] of [
    ['left out', 'Not imported:'],
    ['choice', 'Choices to look at:'],
  ] as const) {
    const own = notes.filter((each) => each.kind === kind);
    if (own.length > 0) lines.push(title, ...own.slice(0, 200).map((each) => `  ${showNote(each)}`));
    if (own.length > 200) lines.push(`  and ${own.length - 200} more`);
  }
  // A note quotes the template: no line of it may end the comment.
  return lines.map((line) => `# ${line.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff]/g, ' ')}\n`).join('');
}

class Writer {
  readonly #request: ImportRequest;
  readonly #template: PackerTemplate;
  readonly #note: (note: Note) => void;
  /** Logical ids of components by their document. */
  readonly #components = new Map<string, string>();
  readonly #resources: Record<string, unknown> = {};
  readonly #comments = new Map<string, string>();
  #needsParent = false;
  #steps = 0;

  constructor(request: ImportRequest, template: PackerTemplate, note: (note: Note) => void) {
    this.#request = request;
    this.#template = template;
    this.#note = note;
  }

  get counts(): ImportResult['counts'] {
    return { sources: this.#template.builds.length, components: this.#components.size, steps: this.#steps };
  }

  write(): string {
    const names = new Set<string>();
    for (const build of this.#template.builds) {
      // If names of sources collide, the type is added, then a number.
      let name = build.source.name;
      if (names.has(name)) name = `${build.source.type}-${name}`;
      for (let number = 2; names.has(name); number++) name = `${build.source.type}-${build.source.name}-${number}`;
      names.add(name);
      this.#build(build, this.#template.builds.length === 1 ? '' : name);
    }
    const document = new Document(
      {
        AWSTemplateFormatVersion: '2010-09-09',
        Description: `The images of ${this.#request.files[0]!.name}, a Packer template`.slice(0, 1024),
        ...(this.#needsParent
          ? {
              Parameters: {
                [PARENT_PARAMETER]: {
                  Type: 'String',
                  Description: 'A managed image (an ARN), an AMI, or ssm: and the name of a parameter',
                },
              },
            }
          : {}),
        Resources: this.#resources,
      },
      { aliasDuplicateObjects: false },
    );
    const resources = document.get('Resources');
    for (const [id, text] of this.#comments) comment(resources, id, text);
    return yamlText(document);
  }

  #build({ source, provisioners }: Build, suffix: string): void {
    const { settings } = source;
    const id = this.#freeId(pascal(suffix));
    const name = resourceName(suffix === '' ? this.#request.name : `${this.#request.name}-${suffix}`);
    const parent = parentImage(source, this.#request.parent, this.#template.data);
    if (parent.missing === true) this.#needsParent = true;
    const windows = isWindows(source, parent.text, provisioners);
    const user = this.#user(settings, windows);
    const machine: Machine = { windows, user, source, read: this.#request.read };
    const steps = provisioners.flatMap((each, index) => stepsOf(each, machine, index + 1));
    if (user !== undefined && steps.some(({ inputs }) => JSON.stringify(inputs).includes(user))) {
      settings.note('choice', 'ssh_username', `the commands run as root in ~${user}; Packer ran them as ${user}`);
      steps.unshift(accountStep(user, settings));
    } else if (user !== undefined)
      settings.note('choice', 'ssh_username', `the commands run as root; Packer ran them as ${user}`);
    if (steps.length === 0) steps.push(nothingStep(settings, windows));
    this.#steps += steps.length;
    const components = this.#componentsOf(this.#dated(this.#answered(steps), settings), name, id, windows, source);

    this.#put(`${id}Recipe`, 'ImageRecipe', {
      Name: name,
      Version: '1.0.0',
      ParentImage: parent.value,
      Components: components.map((component) => ({ ComponentArn: tagged('!Ref', component) })),
      ...blockDevices(settings),
    });
    noteUserData(settings);
    if (parent.comment !== undefined) this.#comments.set(`${id}Recipe`, parent.comment);
    this.#put(`${id}Infrastructure`, 'InfrastructureConfiguration', infrastructure(settings, name));
    this.#put(`${id}Distribution`, 'DistributionConfiguration', {
      Name: name,
      Distributions: distributions(settings, name),
    });
    const made = {
      ImageRecipeArn: tagged('!Ref', `${id}Recipe`),
      InfrastructureConfigurationArn: tagged('!Ref', `${id}Infrastructure`),
      DistributionConfigurationArn: tagged('!Ref', `${id}Distribution`),
    };
    if (this.#request.pipelines) this.#put(`${id}Pipeline`, 'ImagePipeline', { Name: name, ...made });
    else this.#put(`${id}Image`, 'Image', made);
    noteUnused(source, this.#note);
  }

  /** Different names may give the same logical id. */
  #freeId(wanted: string): string {
    let id = wanted;
    for (let number = 2; Object.hasOwn(this.#resources, `${id}Recipe`); number++) id = `${wanted}${number}`;
    return id;
  }

  #put(id: string, type: string, properties: Record<string, unknown>): void {
    this.#resources[id] = { Type: `AWS::ImageBuilder::${type}`, Properties: properties };
  }

  /** Answers of data sources: a parameter is read when the image is built, and a step with any other is left out. */
  #answered(steps: readonly Step[]): readonly Step[] {
    return steps.flatMap((step) => {
      let unknown: string | undefined;
      const text = replaceMarkers(JSON.stringify(step.inputs), (marker) => {
        const [type, name] = dataOf(marker) ?? [];
        if (type === undefined) return marker;
        const parameter =
          type === 'amazon-parameterstore' ? this.#template.data.get(`${type} ${name}`)?.text('name') : undefined;
        if (parameter !== undefined && /^[\w/.-]+$/.test(parameter)) return `{{ resolve:ssm:${parameter} }}`;
        unknown = `${type}.${name}`;
        return marker;
      });
      if (unknown === undefined) return [{ ...step, inputs: JSON.parse(text) as unknown }];
      const why = `the answer of the data source ${unknown} is known only when Packer runs`;
      this.#note({ kind: 'left out', place: step.place, what: step.from, why });
      return [];
    });
  }

  /** A component cannot know a time or id of the build earlier than Packer: the day of the import is used. */
  #dated(steps: readonly Step[], settings: Settings): readonly Step[] {
    return steps.map((step) => {
      if (!hasMarker(JSON.stringify(step.inputs))) return step;
      settings.use('ami_name');
      this.#note({
        kind: 'choice',
        place: step.place,
        what: step.from,
        why: `the time of the build is the day of the import, ${this.#request.today}: use $(date) in the script`,
      });
      return {
        ...step,
        inputs: JSON.parse(replaceMarkers(JSON.stringify(step.inputs), () => this.#request.today)) as unknown,
      };
    });
  }

  #componentsOf(
    steps: readonly Step[],
    name: string,
    id: string,
    windows: boolean,
    { settings, type, name: sourceName }: Source,
  ): readonly string[] {
    const documents = documentsOf(steps, `Provisioners of ${type} ${sourceName} in ${this.#request.files[0]!.name}`);
    if (documents.length > MOST_COMPONENTS)
      this.#note({
        kind: 'left out',
        place: settings.place,
        what: settings.owner,
        why:
          `its files and scripts need ${documents.length} components, and a recipe has ${MOST_COMPONENTS}: ` +
          'only the first are in it. Download the large ones in a step (S3Download, WebDownload)',
      });
    return documents.slice(0, MOST_COMPONENTS).map((data, index) => {
      const number = documents.length === 1 ? '' : String(index + 1);
      const component = `${id}Component${number}`;
      // Equal documents of several sources become one component.
      const key = `${windows} ${data.slice(data.indexOf('\n'))}`;
      const known = this.#components.get(key);
      if (known !== undefined) return known;
      this.#components.set(key, component);
      this.#put(component, 'Component', {
        Name: resourceName(number === '' ? name : `${name}-${number}`),
        Version: '1.0.0',
        Platform: windows ? 'Windows' : 'Linux',
        Data: data,
      });
      return component;
    });
  }

  #user(settings: Settings, windows: boolean): string | undefined {
    const user = windows ? undefined : settings.text('ssh_username');
    if (user === undefined || user === '' || user === 'root') return undefined;
    if (/^[a-z_][a-z0-9_-]{0,31}$/.test(user)) return user;
    settings.note(
      'left out',
      'ssh_username',
      `'${user.slice(0, 40)}' is not a valid user name; the commands run as root`,
    );
    return undefined;
  }
}

/** Whether a source is Windows: by its communicator, its parent image, or its provisioners. */
function isWindows({ settings }: Source, parent: string, provisioners: Build['provisioners']): boolean {
  if (settings.text('communicator') === 'winrm' || parent.includes('windows')) return true;
  const types = provisioners.map(({ type }) => type);
  return types.some((type) => ONLY_WINDOWS.includes(type)) && !types.includes('shell');
}

function accountStep(user: string, settings: Settings): Step {
  return {
    name: `00-account-${user}`,
    action: 'ExecuteBash',
    inputs: { commands: [`id ${user} >/dev/null 2>&1 || useradd --create-home --shell /bin/bash ${user}`] },
    place: settings.placeOf('ssh_username'),
    from: 'ssh_username',
  };
}

/** A component needs at least one step. */
function nothingStep(settings: Settings, windows: boolean): Step {
  return {
    name: '00-nothing',
    action: windows ? 'ExecutePowerShell' : 'ExecuteBash',
    inputs: { commands: [windows ? "'no provisioner was imported'" : 'echo no provisioner was imported'] },
    place: settings.place,
    from: settings.owner,
  };
}

/** Converts a text to a valid Image Builder name. */
function resourceName(text: string): string {
  const name = text
    .replace(/[^A-Za-z0-9_-]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 120);
  return name.length < 3 ? `packer-${name}` : name;
}

/** The beginning of a logical id. */
function pascal(text: string): string {
  return text
    .split(/[^A-Za-z0-9]+/)
    .map((word) => `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`)
    .join('')
    .slice(0, 60);
}
