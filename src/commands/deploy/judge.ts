/**
 * Every fault of a template in one go, the server's included, and what deploying it would do. The server judges all
 * requests as it would really answer them, and makes nothing.
 */
import type { DryRunAnswer } from '../../api/dry-run/dry-run.ts';
import { parseComponentDocument } from '../../documents/component/parse.ts';
import type { Fault, Position } from '../../documents/position.ts';
import { parseWorkflowDocument } from '../../documents/workflow/parse.ts';
import { dirname } from 'node:path';
import { signedJson, type Connection } from '../../platform/api-client.ts';
import { parseArn } from '../../resources/arns.ts';
import { leniently } from '../../templates/faults.ts';
import type { TemplateNode } from '../../templates/nodes.ts';
import { placeInText, placeOf } from '../../templates/places.ts';
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
import { deploymentIdOf, latestOf } from './deploy.ts';
import { withText } from './files.ts';
import type { EvaluatedTemplate } from './template-file.ts';

type Request = Readonly<Record<string, RequestValue>>;

/** A resource of the template, and what would become of it. */
export interface JudgedResource {
  readonly resource: PlannedResource;
  readonly request?: Request;
  readonly answer?: DryRunAnswer;
  /** Why it was not judged. */
  readonly notJudged?: string;
}

/** What a template comes to. */
export interface Judgement {
  readonly resources: readonly JudgedResource[];
  /** By their places: errors and warnings. */
  readonly faults: readonly Fault[];
  /** Those whose values are known before anything is made. */
  readonly outputs: readonly Output[];
  /** Whether all could be evaluated. */
  readonly allOutputs: boolean;
}

/** Most rounds: each brings the answers that the next resources need, and a chain has five. */
const MOST_ROUNDS = 20;

/** Of one document; to find the place of each takes time as the document is long. */
const MOST_DOCUMENT_FAULTS = 100;

/** Judges a template by the server. */
export async function judgeTemplate(connection: Connection, file: EvaluatedTemplate): Promise<Judgement> {
  const faults = [...file.faults];
  const planned = file.plan?.resources ?? [];
  const requests = new Map<string, Request>();
  const known = new Map<string, ResourceAttributes>();
  const notJudged = new Map<string, string>();
  let answers: ReadonlyMap<string, DryRunAnswer> = new Map();
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const earlier = requests.size;
    let again = false;
    for (const resource of planned) {
      const { logicalId } = resource;
      if (requests.has(logicalId) || notJudged.has(logicalId)) continue;
      const missing = resource.needs.find((id) => planned.some((each) => each.logicalId === id) && !known.has(id));
      if (missing !== undefined) continue;
      const { value, faults: found } = leniently(() => resolveResource(file.plan!, resource, known));
      const image = imageNeededBy(resource, planned);
      if (found.length > 0 && image !== undefined) {
        notJudged.set(logicalId, `needs what ${image} answers once it is built`);
        continue;
      }
      for (const fault of found) if (!faults.some((told) => isSame(told, fault))) faults.push(fault);
      if (value === undefined) continue;
      const own = ownAnswer(resource, value);
      if (own !== undefined) {
        notJudged.set(logicalId, own.why);
        if (own.fault !== undefined) faults.push(own.fault);
        again = true;
      } else requests.set(logicalId, await withDocument(file, resource, value, faults));
    }
    if (requests.size === earlier && !again) break;
    answers = await ask(connection, planned, requests);
    for (const { id, resource } of answers.values())
      if (resource !== undefined) known.set(id, attributesOf(resource, requests.get(id)!));
  }
  for (const resource of planned) {
    const { logicalId } = resource;
    const answer = answers.get(logicalId);
    if (answer === undefined) {
      if (!notJudged.has(logicalId)) notJudged.set(logicalId, 'needs what is refused');
      continue;
    }
    for (const fault of faultsOf(file, resource, requests.get(logicalId)!, answer, faults)) faults.push(fault);
  }
  const outputs = file.plan === undefined ? undefined : leniently(() => resolveOutputs(file.plan!, known));
  return {
    resources: planned.map((resource) => ({
      resource,
      ...optional('request', requests.get(resource.logicalId)),
      ...optional('answer', answers.get(resource.logicalId)),
      ...optional('notJudged', notJudged.get(resource.logicalId)),
    })),
    faults: sorted(faults),
    outputs: outputs?.value ?? [],
    allOutputs: outputs?.value !== undefined && outputs.faults.length === 0,
  };
}

function optional<K extends string, V>(name: K, value: V | undefined): { readonly [name in K]?: V } {
  return value === undefined ? {} : ({ [name]: value } as { [name in K]?: V });
}

function sorted(faults: readonly Fault[]): readonly Fault[] {
  return [...faults].sort((a, b) => a.position.line - b.position.line || a.position.column - b.position.column);
}

function isSame(a: Fault, b: Fault): boolean {
  return a.path === b.path && a.message === b.message;
}

/** The operation that makes a resource. */
function operationOf({ type }: PlannedResource): string {
  if (type === 'AWS::SSM::Parameter') return 'PutParameter';
  return `Create${type.slice('AWS::ImageBuilder::'.length)}`;
}

async function ask(
  connection: Connection,
  planned: readonly PlannedResource[],
  requests: ReadonlyMap<string, Request>,
): Promise<ReadonlyMap<string, DryRunAnswer>> {
  const list = planned.flatMap((resource) => {
    const input = requests.get(resource.logicalId);
    return input === undefined ? [] : [{ id: resource.logicalId, operation: operationOf(resource), input }];
  });
  const { answers } = await signedJson<{ answers: readonly DryRunAnswer[] }>(connection, {
    method: 'POST',
    path: '/ingot/dry-run',
    body: { requests: list },
  });
  return new Map(answers.map((answer) => [answer.id, answer]));
}

/** What a resource that would be made answers to Ref and GetAtt. What only a build can answer is not among it. */
function attributesOf(
  { arn, name, version, type }: NonNullable<DryRunAnswer['resource']>,
  request: Request,
): ResourceAttributes {
  if (arn.startsWith('arn:aws:ssm:'))
    return { ref: name!, attributes: { Type: String(request['type']), Value: String(request['value']) } };
  const parsed = parseArn(arn);
  const attributes: Record<string, string> = { Arn: arn, Encrypted: 'true' };
  if (name !== undefined) attributes['Name'] = name;
  if (version !== undefined) attributes['Version'] = version;
  if (type !== undefined) attributes['Type'] = type;
  Object.assign(attributes, latestOf(arn));
  if (parsed?.type === 'image-pipeline') attributes['DeploymentId'] = deploymentIdOf(arn);
  return { ref: arn, attributes };
}

/** What is no create of the API's, and what becomes of it. */
function ownAnswer(
  { type, logicalId, position }: PlannedResource,
  request: Request,
): { readonly why: string; readonly fault?: Fault } | undefined {
  if (type === 'AWS::ImageBuilder::Image' && request['imagePipelineExecutionSettings'] !== undefined)
    return { why: 'an execution of its pipeline' };
  if (type !== 'AWS::CloudFormation::Stack') return undefined;
  const message = 'a nested stack is not deployed yet: deploy its template by itself, and import its outputs';
  const fault = {
    code: 'not-supported',
    severity: 'error' as const,
    position,
    path: `Resources.${logicalId}`,
    message,
  };
  return { why: message, fault };
}

/** Members that name a file beside the template, and the member that has its text instead. */
const FILES: Readonly<Partial<Record<ResourceType, readonly [string, string]>>> = {
  'AWS::ImageBuilder::Component': ['uri', 'data'],
  'AWS::ImageBuilder::Workflow': ['uri', 'data'],
  'AWS::ImageBuilder::ContainerRecipe': ['dockerfileTemplateUri', 'dockerfileTemplateData'],
};

/** A request with the text of the file that it names. */
async function withDocument(
  { path }: EvaluatedTemplate,
  resource: PlannedResource,
  request: Request,
  faults: Fault[],
): Promise<Request> {
  const members = FILES[resource.type];
  if (members === undefined) return request;
  try {
    return await withText(dirname(path), request, ...members);
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

/** The image that a resource needs, through others or not. */
function imageNeededBy(resource: PlannedResource, planned: readonly PlannedResource[]): string | undefined {
  const byId = new Map(planned.map((each) => [each.logicalId, each]));
  const needed = new Set(resource.needs);
  for (const id of needed) {
    if (byId.get(id)?.type === 'AWS::ImageBuilder::Image') return id;
    for (const next of byId.get(id)?.needs ?? []) needed.add(next);
  }
  return undefined;
}

/** What the server says of a resource, with places in the template. */
function faultsOf(
  file: EvaluatedTemplate,
  resource: PlannedResource,
  request: Request,
  answer: DryRunAnswer,
  told: readonly Fault[],
): readonly Fault[] {
  const base = `Resources.${resource.logicalId}`;
  const own = told.filter(({ path }) => path === base || path.startsWith(`${base}.`));
  // What a value that is missing leaves out is no fault of its own.
  const valueless = told.flatMap(({ path }) => /^Parameters\.(\w+)/.exec(path)?.[1] ?? []);
  const incomplete = resource.properties !== undefined && mentions(resource.properties, new Set(valueless));
  const faults: Fault[] = [...documentFaults(file, resource, request)];
  const ofDocument = faults.some(({ severity }) => severity === 'error');
  for (const { code, message, path, reason } of answer.faults ?? []) {
    if (path === 'data' && ofDocument) continue;
    const { properties } = resource;
    const place = path === undefined || properties === undefined ? undefined : placeOf(properties, path);
    const full = place === undefined ? base : `${base}.${place.path}`;
    if (incomplete && (place === undefined || reason === 'missing')) continue;
    // The template's own check has said so.
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

/** Whether a value names one of these, by Ref or in a Sub. */
function mentions(node: TemplateNode, names: ReadonlySet<string>): boolean {
  if (names.size === 0) return false;
  if (node.kind === 'call') return mentions(node.argument, names);
  if (node.kind === 'list') return node.items.some((item) => mentions(item, names));
  if (node.kind === 'map') return [...node.entries.values()].some(({ value }) => mentions(value, names));
  if (node.kind !== 'scalar') return false;
  return names.has(node.text) || [...names].some((name) => node.text.includes(`\${${name}}`));
}

/** The faults and warnings of the document that a resource holds. */
function documentFaults(
  { text, plan }: EvaluatedTemplate,
  resource: PlannedResource,
  request: Request,
): readonly Fault[] {
  const { type, properties, logicalId, position } = resource;
  const { data } = request;
  if (typeof data !== 'string' || properties === undefined) return [];
  const { faults } =
    type === 'AWS::ImageBuilder::Component'
      ? parseComponentDocument(data, { platform: request['platform'] as 'Linux' })
      : type === 'AWS::ImageBuilder::Workflow'
        ? parseWorkflowDocument(data, request['type'] as 'BUILD')
        : { faults: [] };
  const inTemplate = placeOf(properties, 'data');
  const written = inTemplate.path.endsWith('Data');
  const place = written ? inTemplate : placeOf(properties, 'uri');
  const lines = text.split('\n');
  return faults.slice(0, MOST_DOCUMENT_FAULTS).map((fault) => {
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

/** Faults as lines that editors and terminals follow: `template.yaml:5:7 Resources.A.Properties.Name: …`. */
export function faultLines(file: string, faults: readonly Fault[]): readonly string[] {
  return faults.map(
    ({ position, path, message, severity }) =>
      `${file}:${position.line}:${position.column} ${severity === 'warning' ? 'warning: ' : ''}` +
      `${path === '' ? '' : `${path}: `}${message}`,
  );
}
