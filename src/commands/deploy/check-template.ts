/**
 * Finds every fault of a template at once, including those that only the server finds, and what deploying it would do.
 * The server answers all requests as in a real deployment, and creates nothing.
 */
import { parseStoreArn } from '../../resources/store-arns.ts';
import type { DryRunAnswer } from '../../api/dry-run/answers.ts';
import type { Stack, StackExport } from '../../catalog/stacks.ts';
import { parseComponentDocument } from '../../documents/component/parse.ts';
import type { Fault, Position } from '../../documents/position.ts';
import { parseWorkflowDocument } from '../../documents/workflow/parse.ts';
import { dirname } from 'node:path';
import { signedJson, type Connection } from '../../platform/api-client.ts';
import { parseArn } from '../../resources/arns.ts';
import { leniently, sortedFaults } from '../../templates/faults.ts';
import type { TemplateNode } from '../../templates/nodes.ts';
import { placeInText, placeOf } from '../../templates/places.ts';
import { stackIdOf } from '../../templates/pseudo.ts';
import {
  placeInProperty,
  resolveOutputs,
  resolveResource,
  type Output,
  type PlannedResource,
  type RequestValue,
  type ResourceAttributes,
  type ResourceType,
} from '../../templates/template.ts';
import { CommandFailed } from '../command.ts';
import { deploymentIdOf } from './deployment-id.ts';
import { latestOf } from './existing.ts';
import { withText } from './files.ts';
import type { TemplateContext } from './named-files.ts';
import { openNested } from './nested.ts';
import { packedComponent } from './packed.ts';
import type { LocalFile } from '../local-files/find.ts';
import { exportsInUse, findStack } from './stack.ts';
import type { EvaluatedTemplate } from './template-file.ts';

type Request = Readonly<Record<string, RequestValue>>;

/** A resource of the template, with the result of its check. */
export interface CheckedResource {
  readonly resource: PlannedResource;
  readonly request?: Request;
  readonly answer?: DryRunAnswer;
  /** Why it was not checked. */
  readonly unchecked?: string;
  /** The result of a nested stack. */
  readonly nested?: NestedJudgement;
}

/** A nested stack. */
interface NestedJudgement {
  readonly stackName: string;
  readonly before: Stack | undefined;
  readonly checked: TemplateCheck;
}

/** A fault, with its file if that is not the template itself. */
export type FileFault = Fault & { readonly file?: string };

/** The result of checking a template. */
export interface TemplateCheck {
  readonly resources: readonly CheckedResource[];
  /** Errors and warnings, sorted by position. Those in templates of nested stacks come last. */
  readonly faults: readonly FileFault[];
  /** Outputs whose values are known before the deployment. */
  readonly outputs: readonly Output[];
  /** Whether all outputs could be evaluated. */
  readonly allOutputs: boolean;
}

/**
 * Maximum number of rounds. Each gives the attributes that the next resources need. A chain has five, and stacks may
 * depend on each other.
 */
const MOST_ROUNDS = 60;

/** Maximum number of stacks in a tree. */
const MOST_STACKS = 50;

/**
 * Maximum number of faults per document: finding the position of each takes time proportional to the document's length.
 */
const MOST_DOCUMENT_FAULTS = 100;

/** A template in the tree of nested stacks, while it is checked. */
interface Frame {
  readonly file: EvaluatedTemplate;
  readonly context: TemplateContext;
  readonly resources: readonly PlannedResource[];
  readonly faults: Fault[];
  readonly requests: Map<string, Request>;
  /** Files that documents name by `file:`. */
  readonly files: LocalFile[];
  /** Attributes of resources and nested stacks, as far as they are known. */
  readonly known: Map<string, ResourceAttributes>;
  readonly unchecked: Map<string, string>;
  /** Nested stacks by logical id. */
  readonly children: Map<string, Frame>;
  /** The record of the stack, if it is nested. */
  readonly before: Stack | undefined;
  answers: ReadonlyMap<string, DryRunAnswer>;
}

interface Judging {
  readonly connection: Connection;
  /** All templates of the tree so far. */
  readonly frames: Frame[];
}

/** Checks a template with the server, including its nested stacks. */
export async function checkTemplate(
  connection: Connection,
  file: EvaluatedTemplate,
  context: TemplateContext,
): Promise<TemplateCheck> {
  // The exports of nested stacks are added for later stacks.
  const exports = [...context.surroundings.exports];
  const judging: Judging = { connection, frames: [] };
  const root = frameOf(judging, file, { ...context, surroundings: { ...context.surroundings, exports } }, undefined);
  for (let round = 0; round < MOST_ROUNDS; round++) {
    if (!(await advance(judging, root))) break;
    await ask(connection, root);
    settle(root, exports);
  }
  return templateCheckOf(root, context.surroundings.exports);
}

function frameOf(
  { frames }: Judging,
  file: EvaluatedTemplate,
  context: TemplateContext,
  before: Stack | undefined,
): Frame {
  const frame: Frame = {
    file,
    context,
    resources: file.plan?.resources ?? [],
    faults: [...file.faults],
    requests: new Map(),
    files: [],
    known: new Map(),
    unchecked: new Map(),
    children: new Map(),
    before,
    answers: new Map(),
  };
  frames.push(frame);
  return frame;
}

/** Evaluates what can be evaluated by now. @returns whether there is anything new */
async function advance(judging: Judging, frame: Frame): Promise<boolean> {
  const { file, resources, requests, known, unchecked, children, faults } = frame;
  let progress = false;
  for (const resource of resources) {
    const { logicalId } = resource;
    const child = children.get(logicalId);
    if (child !== undefined && (await advance(judging, child))) progress = true;
    if (requests.has(logicalId) || unchecked.has(logicalId) || child !== undefined) continue;
    const missing = resource.needs.find((id) => resources.some((each) => each.logicalId === id) && !known.has(id));
    if (missing !== undefined) continue;
    const { value, faults: found } = leniently(() => resolveResource(file.plan!, resource, known));
    const image = imageNeededBy(frame, resource);
    if (found.length > 0 && image !== undefined) {
      unchecked.set(logicalId, `needs an attribute of ${image}, which must be built first`);
      continue;
    }
    for (const fault of found) if (!faults.some((told) => isSame(told, fault))) faults.push(fault);
    if (value === undefined) continue;
    progress = true;
    if (resource.type === 'AWS::CloudFormation::Stack') await nest(judging, frame, resource, value);
    else if (resource.type === 'AWS::ImageBuilder::Image' && value['imagePipelineExecutionSettings'] !== undefined)
      unchecked.set(logicalId, 'an execution of its pipeline');
    else requests.set(logicalId, await withDocument(frame, resource, value));
  }
  return progress;
}

/** Opens a nested stack. */
async function nest(judging: Judging, frame: Frame, resource: PlannedResource, request: Request): Promise<void> {
  const { logicalId, properties, position } = resource;
  try {
    if (judging.frames.length >= MOST_STACKS)
      throw new CommandFailed(`there are more than ${MOST_STACKS} stacks in one template`);
    const { file, context } = await openNested(frame.context, resource, request);
    const before = await findStack(judging.connection, context.given.stackName);
    const child = frameOf(judging, file, context, before);
    frame.children.set(logicalId, child);
    await advance(judging, child);
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    const place = properties === undefined ? undefined : placeOf(properties, 'templateURL');
    const path = `Resources.${logicalId}${place === undefined ? '' : `.${place.path}`}`;
    const where = place?.position ?? position;
    frame.faults.push({ code: 'invalid-value', severity: 'error', position: where, path, message: error.message });
    frame.unchecked.set(logicalId, 'its template cannot be read');
  }
}

/** Makes the outputs of nested stacks available to the outer template, once everything in them has been checked. */
function settle(frame: Frame, exports: StackExport[]): void {
  for (const [logicalId, child] of frame.children) {
    settle(child, exports);
    if (frame.known.has(logicalId)) continue;
    const { file, known, unchecked, resources, before, context } = child;
    if (file.plan === undefined || !resources.every(({ logicalId: id }) => known.has(id) || unchecked.has(id)))
      continue;
    const { value: outputs = [] } = leniently(() => resolveOutputs(file.plan!, known));
    const stack = context.given.stackName;
    const ref = before?.stackId ?? stackIdOf({ ...file.plan.scope.pseudo, stackName: stack });
    frame.known.set(logicalId, { ref, attributes: outputAttributes(outputs) });
    for (const { exportName: name, value } of outputs)
      if (name !== undefined) exports.push({ name, value, stack, importedBy: [] });
  }
}

/** The attributes of a nested stack. */
export function outputAttributes(outputs: readonly { readonly name: string; readonly value: string }[]) {
  return Object.fromEntries(outputs.map(({ name, value }) => [`Outputs.${name}`, value]));
}

function templateCheckOf(frame: Frame, exports: readonly StackExport[]): TemplateCheck {
  const { file, resources, answers, unchecked, requests, children, known } = frame;
  const faults: FileFault[] = [...frame.faults];
  const nested = new Map<string, NestedJudgement>();
  for (const [logicalId, child] of children)
    nested.set(logicalId, {
      stackName: child.context.given.stackName,
      before: child.before,
      checked: templateCheckOf(child, exports),
    });
  for (const resource of resources) {
    const { logicalId } = resource;
    const answer = answers.get(logicalId);
    if (answer === undefined) {
      const image = imageNeededBy(frame, resource);
      const why =
        image === undefined
          ? 'depends on a resource that was rejected'
          : `needs an attribute of ${image}, which must be built first`;
      if (!unchecked.has(logicalId)) unchecked.set(logicalId, why);
      continue;
    }
    for (const fault of faultsOf(file, resource, requests.get(logicalId)!, answer, faults)) faults.push(fault);
  }
  const outputs = file.plan === undefined ? undefined : leniently(() => resolveOutputs(file.plan!, known));
  const own: TemplateCheck = {
    resources: resources.map((resource) => ({
      resource,
      ...optional('request', requests.get(resource.logicalId)),
      ...optional('answer', answers.get(resource.logicalId)),
      ...optional('unchecked', unchecked.get(resource.logicalId)),
      ...optional('nested', nested.get(resource.logicalId)),
    })),
    faults: sortedFaults(faults),
    outputs: outputs?.value ?? [],
    allOutputs: outputs?.value !== undefined && outputs.faults.length === 0,
  };
  const inside = [...children].flatMap(
    ([
      logicalId,
      {
        file: { path: name },
      },
    ]) => {
      const { checked, before } = nested.get(logicalId)!;
      return [...checked.faults, ...exportsInUse(before, checked, exports)].map((fault) => ({
        file: name,
        ...fault,
      }));
    },
  );
  return { ...own, faults: [...own.faults, ...inside] };
}

function optional<K extends string, V>(name: K, value: V | undefined): { readonly [name in K]?: V } {
  return value === undefined ? {} : ({ [name]: value } as { [name in K]?: V });
}

function isSame(a: Fault, b: Fault): boolean {
  return a.path === b.path && a.message === b.message;
}

/** The operation that creates a resource. */
function operationOf({ type }: PlannedResource): string {
  if (type === 'AWS::SSM::Parameter') return 'PutParameter';
  if (type === 'AWS::ECR::Repository') return 'PutRepository';
  return `Create${type.slice('AWS::ImageBuilder::'.length)}`;
}

/** Sends all requests of the tree to the server's dry run, in the order of a deployment. */
async function ask(connection: Connection, root: Frame): Promise<void> {
  const asked: { readonly frame: Frame; readonly logicalId: string }[] = [];
  const requests: object[] = [];
  const files = new Map<string, object>();
  const gather = (frame: Frame): void => {
    for (const { sha256, size } of frame.files) files.set(sha256, { sha256, size });
    for (const resource of frame.resources) {
      const { logicalId } = resource;
      const child = frame.children.get(logicalId);
      if (child !== undefined) gather(child);
      const input = frame.requests.get(logicalId);
      if (input === undefined) continue;
      requests.push({ id: String(asked.length), operation: operationOf(resource), input });
      asked.push({ frame, logicalId });
    }
  };
  gather(root);
  const { answers } = await signedJson<{ answers: readonly DryRunAnswer[] }>(connection, {
    method: 'POST',
    path: '/ingot/dry-run',
    body: { requests, ...(files.size === 0 ? {} : { files: [...files.values()] }) },
  });
  const found = new Map<Frame, Map<string, DryRunAnswer>>();
  for (const answer of answers) {
    const { frame, logicalId } = asked[Number(answer.id)]!;
    const own = found.get(frame) ?? new Map<string, DryRunAnswer>();
    found.set(frame, own.set(logicalId, answer));
    if (answer.resource !== undefined)
      frame.known.set(logicalId, attributesOf(answer.resource, frame.requests.get(logicalId)!));
  }
  for (const [frame, own] of found) frame.answers = own;
}

/** The values of Ref and GetAtt for a resource that would be created, except those that only a build determines. */
function attributesOf(
  { arn, name, version, type, uri }: NonNullable<DryRunAnswer['resource']>,
  request: Request,
): ResourceAttributes {
  if (parseStoreArn(arn)?.service === 'ssm')
    return { ref: name!, attributes: { Type: String(request['type']), Value: String(request['value']) } };
  if (uri !== undefined) return { ref: name!, attributes: { Arn: arn, RepositoryUri: uri } };
  const parsed = parseArn(arn);
  const attributes: Record<string, string> = { Arn: arn, Encrypted: 'true' };
  if (name !== undefined) attributes['Name'] = name;
  if (version !== undefined) attributes['Version'] = version;
  if (type !== undefined) attributes['Type'] = type;
  Object.assign(attributes, latestOf(arn));
  if (parsed?.type === 'image-pipeline') attributes['DeploymentId'] = deploymentIdOf(arn);
  return { ref: arn, attributes };
}

/** Members that name a file beside the template, and the member for its text. */
const FILES: Readonly<Partial<Record<ResourceType, readonly [string, string]>>> = {
  'AWS::ImageBuilder::Component': ['uri', 'data'],
  'AWS::ImageBuilder::Workflow': ['uri', 'data'],
  'AWS::ImageBuilder::ContainerRecipe': ['dockerfileTemplateUri', 'dockerfileTemplateData'],
};

/** A request with the text of the file that it names. */
async function withDocument(frame: Frame, resource: PlannedResource, request: Request): Promise<Request> {
  const { file, context, faults, files } = frame;
  const members = FILES[resource.type];
  if (members === undefined) return request;
  const folder = dirname(file.path);
  try {
    if (resource.type !== 'AWS::ImageBuilder::Component') return await withText(folder, request, ...members);
    const packed = await packedComponent({ folder, fileRoot: context.fileRoot }, request);
    files.push(...packed.files);
    const found = packed.faults.map(
      (fault) => ({ code: 'invalid-value', severity: 'error', path: '', ...fault }) as const,
    );
    faults.push(...placedFaults(file, resource, found));
    return packed.request;
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    const place = resource.properties === undefined ? undefined : placeOf(resource.properties, members[0]);
    faults.push({
      code: 'invalid-value',
      severity: 'error',
      position: place?.position ?? resource.position,
      path: `Resources.${resource.logicalId}${place === undefined ? '' : `.${place.path}`}`,
      message: error.message,
    });
    return request;
  }
}

/** The image that a resource needs, also indirectly; or the nested stack that has one. */
function imageNeededBy({ resources, children }: Frame, resource: PlannedResource): string | undefined {
  const byId = new Map(resources.map((each) => [each.logicalId, each]));
  const needed = new Set(resource.needs);
  for (const id of needed) {
    const child = children.get(id);
    if (byId.get(id)?.type === 'AWS::ImageBuilder::Image' || (child !== undefined && hasImage(child))) return id;
    for (const next of byId.get(id)?.needs ?? []) needed.add(next);
  }
  return undefined;
}

function hasImage({ resources, children }: Frame): boolean {
  return resources.some(({ type }) => type === 'AWS::ImageBuilder::Image') || [...children.values()].some(hasImage);
}

/** The server's faults of a resource, with positions in the template. */
function faultsOf(
  file: EvaluatedTemplate,
  resource: PlannedResource,
  request: Request,
  answer: DryRunAnswer,
  told: readonly Fault[],
): readonly Fault[] {
  const base = `Resources.${resource.logicalId}`;
  const own = told.filter(({ path }) => path === base || path.startsWith(`${base}.`));
  // A member that is missing only because another value is missing is not a separate fault.
  const valueless = told.flatMap(({ path }) => /^Parameters\.(\w+)/.exec(path)?.[1] ?? []);
  const incomplete = resource.properties !== undefined && mentions(resource.properties, new Set(valueless));
  const faults: Fault[] = [...documentFaults(file, resource, request)];
  const ofDocument = faults.some(({ severity }) => severity === 'error');
  for (const { code, message, path, reason } of answer.faults ?? []) {
    if (path === 'data' && ofDocument) continue;
    const { properties } = resource;
    const place = path === undefined || properties === undefined ? undefined : placeOf(properties, path);
    const full = place === undefined ? base : `${base}.${place.path}`;
    // A fault of the request as a whole may follow from what could not be evaluated.
    if ((incomplete || own.length > 0) && place === undefined) continue;
    const absent = path !== undefined && request[path.split(/[.[]/)[0]!] === undefined;
    if (incomplete && (absent || reason === 'missing')) continue;
    // The template's own check has reported it already.
    if (own.some((fault) => fault.path === full) || (own.length > 0 && reason === 'missing')) continue;
    faults.push({
      code,
      severity: 'error',
      position: place?.position ?? resource.position,
      path: full,
      message: place === undefined ? `${code}: ${message}` : message,
    });
  }
  return faults;
}

/** Whether a value refers to one of these, by Ref or in a Sub. */
function mentions(node: TemplateNode, names: ReadonlySet<string>): boolean {
  if (names.size === 0) return false;
  if (node.kind === 'call') return mentions(node.argument, names);
  if (node.kind === 'list') return node.items.some((item) => mentions(item, names));
  if (node.kind === 'map') return [...node.entries.values()].some(({ value }) => mentions(value, names));
  if (node.kind !== 'scalar') return false;
  return names.has(node.text) || [...names].some((name) => node.text.includes(`\${${name}}`));
}

/** The faults and warnings of a resource's document. */
function documentFaults(file: EvaluatedTemplate, resource: PlannedResource, request: Request): readonly Fault[] {
  const { type, properties } = resource;
  const { data } = request;
  if (typeof data !== 'string' || properties === undefined) return [];
  const { faults } =
    type === 'AWS::ImageBuilder::Component'
      ? parseComponentDocument(data, { platform: request['platform'] as 'Linux' })
      : type === 'AWS::ImageBuilder::Workflow'
        ? parseWorkflowDocument(data, request['type'] as 'BUILD')
        : { faults: [] };
  return placedFaults(file, resource, faults.slice(0, MOST_DOCUMENT_FAULTS));
}

/** Faults of a document with positions in the template. */
function placedFaults(
  { text, plan, included }: Pick<EvaluatedTemplate, 'text' | 'plan' | 'included'>,
  resource: PlannedResource,
  faults: readonly Fault[],
): readonly Fault[] {
  const { properties, logicalId, position } = resource;
  if (properties === undefined) return faults;
  const inTemplate = placeOf(properties, 'data');
  const written = inTemplate.path.endsWith('Data');
  const place = written ? inTemplate : placeOf(properties, 'uri');
  const { file } = place.node.position;
  const lines = (file === undefined ? text : (included?.get(file) ?? '')).split('\n');
  return faults.map((fault) => {
    const exact = written ? placeInText(lines, place.node, fault.position) : undefined;
    const found = exact ?? (written ? placeInProperty(plan!, resource, 'Data', fault.position) : place.position);
    const known = exact !== undefined || ![place.node.position, position].some((each) => isSamePlace(each, found));
    const { line, column } = fault.position;
    return {
      ...fault,
      position: known ? found : place.position,
      path: `Resources.${logicalId}.${place.path}${fault.path === '' ? '' : `: ${fault.path}`}`,
      message: known && written ? fault.message : `${fault.message} (line ${line}, column ${column} of the document)`,
    };
  });
}

function isSamePlace(a: Position, b: Position): boolean {
  return a.line === b.line && a.column === b.column;
}

/** Faults as lines that editors and terminals recognize: `template.yaml:5:7 Resources.A.Properties.Name: …`. */
export function faultLines(file: string, faults: readonly FileFault[]): readonly string[] {
  return faults.map(
    ({ position, path, message, severity, file: own = file }) =>
      `${position.file ?? own}:${position.line}:${position.column} ${severity === 'warning' ? 'warning: ' : ''}` +
      `${path === '' ? '' : `${path}: `}${message}`,
  );
}
