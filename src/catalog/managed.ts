/**
 * Managed resources, which belong to `aws`: components and workflows from the folder `managed/`, and the base images
 * that the images module registers. They are the same in every Region.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Component, Workflow } from '@aws-sdk/client-imagebuilder';
import { parse } from 'yaml';
import { parseComponentDocument } from '../documents/component/parse.ts';
import { componentType, parameterDetails, type ComponentParameterDetail } from '../documents/component/type.ts';
import { DEFAULT_NAMES, type NameSettings } from '../platform/config/names.ts';
import { readUtf8 } from '../platform/utf8.ts';
import { formatArn, parseArn, resourceArn, type Arn } from '../resources/arns.ts';
import { parseWorkflowDocument } from '../documents/workflow/parse.ts';
import { workflowParameterDetails, type WorkflowParameterDetail } from '../documents/workflow/parameters.ts';
import {
  compareVersions,
  highestMatch,
  isVersion,
  matchesVersion,
  parseVersion,
  type BuildVersion,
} from '../resources/versions.ts';

/** A managed image that users' files name. */
export interface ManagedImage {
  /** Name in ARNs: `debian-12-x86`. */
  readonly name: string;
  /** As in images: `Debian 12`. */
  readonly osVersion: string;
  readonly platform: 'Linux' | 'Windows' | 'macOS';
  /** Default: `AMI`. */
  readonly type?: 'AMI' | 'DOCKER';
  /** How Ingot gets it; `made` if absent. */
  readonly supply?: 'made' | 'fetched' | 'refused';
  /** Why it is not available, as a sentence. */
  readonly refusal?: string;
  /** Whether it would run here after an import of its disk (default: true). */
  readonly canRun?: boolean;
  /** The name in a registry, for a container image that is not made here. */
  readonly registry?: string;
  /** Size in bytes of a disk that Ingot makes, known before it is made. */
  readonly diskBytes?: number | undefined;
  /** Public parameters of Systems Manager for the same system. */
  readonly parameters?: readonly string[];
}

/** A component that AWS publishes and Ingot does not have. */
interface MissingComponent {
  readonly name: string;
  readonly platform: 'Linux' | 'Windows' | 'macOS';
}

type WorkflowType = NonNullable<Arn['workflowType']>;

/** A component that comes with Ingot. */
export interface ManagedComponent extends BuildVersion {
  readonly name: string;
  /** `1.0.0`. */
  readonly version: string;
  readonly type: 'BUILD' | 'TEST';
  readonly platform: 'Linux' | 'Windows' | 'macOS';
  readonly description: string;
  readonly supportedOsVersions?: readonly string[];
  readonly parameters: readonly ComponentParameterDetail[];
  /** ISO-8601. */
  readonly dateCreated: string;
  /** The document's text. */
  readonly data: string;
}

/** A workflow that comes with Ingot. */
export interface ManagedWorkflow extends BuildVersion {
  readonly name: string;
  readonly version: string;
  readonly type: 'BUILD' | 'TEST' | 'DISTRIBUTION';
  readonly description: string;
  readonly parameters: readonly WorkflowParameterDetail[];
  readonly dateCreated: string;
  readonly data: string;
}

/** The managed resources by type, each sorted by name and version. */
export interface ManagedRegister {
  readonly components: readonly ManagedComponent[];
  readonly workflows: readonly ManagedWorkflow[];
  readonly images: readonly ManagedImage[];
  /** Names of AWS components for which neither Ingot nor the owner has a document. */
  readonly missingComponents: readonly MissingComponent[];
  /** The meaning of names, from the owner's configuration. */
  readonly settings: NameSettings;
}

/** The directory that comes with Ingot. */
const MANAGED_FOLDER = fileURLToPath(new URL('../../managed', import.meta.url));

/** An entry of an `index.yaml`: the members that the document itself does not have. */
interface IndexEntry {
  readonly name: string;
  readonly version: string;
  /** File beside the index. */
  readonly file: string;
  /** For workflows; a component's type follows from its document. */
  readonly type?: string;
  readonly platform?: string;
  readonly description?: string;
  readonly supportedOsVersions?: readonly string[];
  readonly dateCreated?: string;
  /** Values of `@NAME@` in the file: one document under several names. */
  readonly fill?: Readonly<Record<string, string>>;
}

/**
 * Reads the managed documents.
 * @param images base images that can be made here
 * @param folder with `components/index.yaml` and `workflows/index.yaml` (default: the one that comes with Ingot)
 * @param settings the meaning of names, from the owner's configuration
 * @throws if an index names a missing file, or lacks a member
 */
export function loadManaged(
  images: readonly ManagedImage[],
  folder: string = MANAGED_FOLDER,
  settings: NameSettings = DEFAULT_NAMES,
): ManagedRegister {
  const own = readIndex(join(folder, 'components'), 'components').map(component);
  const mapped = Object.entries(settings.managedComponents).flatMap(([name, documents]) =>
    documents.map((document) => mappedComponent(name, document)),
  );
  // The owner's documents take precedence over Ingot's.
  const components = [...own.filter(({ name }) => !mapped.some((each) => each.name === name)), ...mapped].sort(inOrder);
  return {
    components,
    missingComponents: readNames(folder).filter(({ name }) => !components.some((each) => each.name === name)),
    settings,
    workflows: readIndex(join(folder, 'workflows'), 'workflows').map(workflow).sort(inOrder),
    images: [...images].sort((a, b) => (a.name < b.name ? -1 : 1)),
  };
}

/** The names of AWS's components by platform, from `component-names.yaml`. */
function readNames(folder: string): readonly MissingComponent[] {
  const path = join(folder, 'component-names.yaml');
  if (!existsSync(path)) return [];
  const names = parse(readFileSync(path, 'utf8')) as Readonly<Record<MissingComponent['platform'], readonly string[]>>;
  return (Object.entries(names) as [MissingComponent['platform'], readonly string[]][]).flatMap(([platform, list]) =>
    list.map((name) => ({ name, platform })),
  );
}

/** @throws {Error} if a file cannot be read or is not a component document */
function mappedComponent(
  name: string,
  { file, version, platform }: NameSettings['managedComponents'][string][number],
): ManagedComponent {
  const where = `managedComponents.${name}: the document ${file}`;
  let data: string;
  try {
    data = readUtf8(readFileSync(file));
  } catch (error) {
    throw new Error(`${where} cannot be read: ${(error as Error).message}`, { cause: error });
  }
  const { document, faults } = parseComponentDocument(data, { platform });
  if (document === undefined)
    throw new Error(
      `${where} is not valid: ` +
        `${faults.map((fault) => `${fault.position.line}:${fault.position.column} ${fault.message}`).join('; ')}`,
    );
  return {
    ...parseVersion(version)!,
    build: 1,
    name,
    version,
    platform,
    data,
    description: `Replaces AWS's ${name}, by this server's configuration.`,
    dateCreated: statSync(file).mtime.toISOString(),
    type: componentType(document),
    parameters: parameterDetails(document),
  };
}

type ReadEntry = IndexEntry & { readonly folder: string };

function readIndex(folder: string, kind: string): readonly ReadEntry[] {
  const path = join(folder, 'index.yaml');
  if (!existsSync(path)) return [];
  const content = parse(readFileSync(path, 'utf8')) as Record<string, readonly IndexEntry[]>;
  const entries = content[kind];
  if (!Array.isArray(entries)) throw new Error(`${path}: expected a list '${kind}'`);
  return entries.map((entry: IndexEntry) => {
    for (const member of ['name', 'version', 'file'] as const) {
      if (typeof entry[member] !== 'string')
        throw new Error(`${path}: an entry (${entry.name ?? 'without a name'}) has no ${member}`);
    }
    return { ...entry, folder };
  });
}

function component(entry: ReadEntry): ManagedComponent {
  const common = shared(entry);
  const platform = (entry.platform ?? 'Linux') as ManagedComponent['platform'];
  const { document, faults } = parseComponentDocument(common.data, { platform });
  if (document === undefined)
    throw new Error(
      `managed component ${entry.name}: ` +
        `${faults.map((fault) => `${fault.position.line}:${fault.position.column} ${fault.message}`).join('; ')}`,
    );
  return {
    ...common,
    platform,
    type: componentType(document),
    parameters: parameterDetails(document),
    supportedOsVersions: entry.supportedOsVersions,
  };
}

function workflow(entry: ReadEntry): ManagedWorkflow {
  const type = entry.type?.toUpperCase();
  if (type !== 'BUILD' && type !== 'TEST' && type !== 'DISTRIBUTION')
    throw new Error(`managed workflow ${entry.name}: its type is ${entry.type}`);
  const common = shared(entry);
  const { document, faults } = parseWorkflowDocument(common.data, type);
  if (document === undefined) throw new Error(`managed workflow ${entry.name}: ${faults[0]!.message}`);
  return { ...common, type, parameters: workflowParameterDetails(document) };
}

function shared(entry: ReadEntry) {
  const version = parseVersion(entry.version);
  if (version === undefined)
    throw new Error(`managed document ${entry.name}: '${entry.version}' is not a valid version, such as 1.0.0`);
  return {
    ...version,
    // A changed managed document gets a new version, never a second build.
    build: 1,
    name: entry.name,
    version: entry.version,
    description: entry.description ?? '',
    dateCreated: entry.dateCreated ?? '2026-11-20T00:00:00.000Z',
    data: Object.entries(entry.fill ?? {}).reduce(
      (text, [name, value]) => text.replaceAll(`@${name}@`, value),
      readFileSync(join(entry.folder, entry.file), 'utf8'),
    ),
  };
}

function inOrder(a: BuildVersion & { readonly name: string }, b: BuildVersion & { readonly name: string }): number {
  return a.name === b.name ? compareVersions(a, b) : a.name < b.name ? -1 : 1;
}

/** A managed component as the API returns it in a Region. */
export function managedComponent(
  component: ManagedComponent,
  region: string,
): Component & { arn: string; name: string; data: string } {
  return {
    arn: resourceArn({ region, account: 'aws' }, 'component', component.name, component, component.build),
    name: component.name,
    version: component.version,
    description: component.description,
    type: component.type,
    platform: component.platform,
    supportedOsVersions: component.supportedOsVersions && [...component.supportedOsVersions],
    ...(component.parameters.length === 0
      ? {}
      : {
          parameters: component.parameters.map((each) => ({
            ...each,
            defaultValue: each.defaultValue && [...each.defaultValue],
          })),
        }),
    state: { status: 'ACTIVE' },
    owner: 'Amazon',
    data: component.data,
    encrypted: true,
    dateCreated: component.dateCreated,
    tags: {},
  };
}

/**
 * The managed component that an `aws` ARN names, with wildcards resolved; `undefined` for an unknown name. AWS's
 * versions are not those of Ingot's documents: an unknown version or build resolves to the highest one.
 */
export function findManagedComponent(managed: ManagedRegister, arn: Arn): ManagedComponent | undefined {
  if (arn.type !== 'component' || arn.version === undefined) return undefined;
  return here(
    arn,
    managed.components.filter(({ name }) => name === arn.slug),
  );
}

function here<V extends BuildVersion>(arn: Arn, versions: readonly V[]): V | undefined {
  return highestMatch(arn.version!, versions) ?? highestMatch(ANY_VERSION, versions);
}

const ANY_VERSION = { major: 'x', minor: 'x', patch: 'x' } as const;

/**
 * Whether an `aws` ARN names another version or build than the one it resolves to, which is then logged for an image.
 */
export function isOtherVersion(reference: string, meant: string): boolean {
  const [asked, found] = [parseArn(reference), parseArn(meant)];
  if (asked?.owner !== 'aws' || asked.version === undefined || found?.version === undefined) return false;
  if (!isVersion(found.version)) return false;
  return (
    !matchesVersion(asked.version, found.version) ||
    (asked.build !== undefined && found.build !== undefined && asked.build !== found.build)
  );
}

/**
 * Why an `aws` component is missing, and the configuration line that supplies it, with a leading space; empty if it is
 * not AWS's, or exists.
 */
export function missingComponent({ missingComponents }: ManagedRegister, reference: string): string {
  const arn = parseArn(reference);
  const missing =
    arn?.type === 'component' && arn.owner === 'aws'
      ? missingComponents.find(({ name }) => name === arn.slug)
      : undefined;
  if (missing === undefined) return '';
  const platform = missing.platform === 'Linux' ? '' : `, platform: ${missing.platform}`;
  const document = `{file: /PATH/${missing.name}.yaml${platform}}`;
  return (
    ' AWS publishes it, but Ingot has no document for it. Write one and name it in config.yaml of the data ' +
    `directory, managedComponents: {${missing.name}: ${document}}, or use a component of your own.`
  );
}

/** A managed workflow as the API returns it in a Region. */
export function managedWorkflow(
  workflow: ManagedWorkflow,
  region: string,
): Workflow & { arn: string; name: string; version: string; type: ManagedWorkflow['type']; data: string } {
  return {
    arn: formatArn({
      partition: 'aws',
      region,
      owner: 'aws',
      type: 'workflow',
      workflowType: workflow.type.toLowerCase() as WorkflowType,
      slug: workflow.name,
      version: workflow,
      build: workflow.build,
    }),
    name: workflow.name,
    version: workflow.version,
    description: workflow.description,
    type: workflow.type,
    owner: 'Amazon',
    data: workflow.data,
    dateCreated: workflow.dateCreated,
    tags: {},
    ...(workflow.parameters.length === 0
      ? {}
      : {
          parameters: workflow.parameters.map((each) => ({
            ...each,
            defaultValue: each.defaultValue && [...each.defaultValue],
          })),
        }),
  };
}

/** The managed workflow that an `aws` ARN names, as `findManagedComponent` finds components. */
export function findManagedWorkflow(managed: ManagedRegister, arn: Arn): ManagedWorkflow | undefined {
  if (arn.type !== 'workflow' || arn.version === undefined) return undefined;
  return here(
    arn,
    managed.workflows.filter(({ name, type }) => name === arn.slug && type.toLowerCase() === arn.workflowType),
  );
}

/**
 * The base image of an `aws` ARN. Its versions are the dates on which it was made, so any wildcard means the newest.
 */
export function findManagedImage(managed: ManagedRegister, arn: Arn): ManagedImage | undefined {
  return arn.type === 'image' ? managed.images.find(({ name }) => name === arn.slug) : undefined;
}
