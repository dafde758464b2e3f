/**
 * Every fault of a template in one go, the server's included, and what deploying it would do. The server judges all
 * requests as it would really answer them, and makes nothing.
 */
import type { DryRunAnswer } from '../../api/dry-run/dry-run.ts';
import { parseComponentDocument } from '../../documents/component/parse.ts';
import type { Fault } from '../../documents/position.ts';
import { parseWorkflowDocument } from '../../documents/workflow/parse.ts';
import { signedJson, type Connection } from '../../platform/api-client.ts';
import { latestVersionReferences, parseArn, type Arn } from '../../resources/arns.ts';
import type { Version } from '../../resources/versions.ts';
import { leniently } from '../../templates/faults.ts';
import { placeInText, placeOf } from '../../templates/places.ts';
import {
  resolveOutputs,
  resolveResource,
  type Output,
  type PlannedResource,
  type RequestValue,
  type ResourceAttributes,
} from '../../templates/template.ts';
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
      if (value !== undefined) requests.set(logicalId, value);
    }
    if (requests.size === earlier) break;
    answers = await ask(connection, planned, requests);
    for (const { id, resource } of answers.values()) if (resource !== undefined) known.set(id, attributesOf(resource));
  }
  for (const resource of planned) {
    const { logicalId } = resource;
    const answer = answers.get(logicalId);
    if (answer === undefined) {
      if (!notJudged.has(logicalId)) notJudged.set(logicalId, 'needs what is refused');
      continue;
    }
    for (const fault of faultsOf(file.text, resource, requests.get(logicalId)!, answer, faults)) faults.push(fault);
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
function attributesOf({ arn, name, version, type }: NonNullable<DryRunAnswer['resource']>): ResourceAttributes {
  const parsed = parseArn(arn);
  const latest =
    parsed?.version === undefined ? undefined : latestVersionReferences(parsed as Arn & { version: Version });
  const attributes: Record<string, string> = { Arn: arn, Encrypted: 'true' };
  if (name !== undefined) attributes['Name'] = name;
  if (version !== undefined) attributes['Version'] = version;
  if (type !== undefined) attributes['Type'] = type;
  if (latest !== undefined) {
    attributes['LatestVersion.Arn'] = latest.latestVersionArn;
    attributes['LatestVersion.Major'] = latest.latestMajorVersionArn;
    attributes['LatestVersion.Minor'] = latest.latestMinorVersionArn;
    attributes['LatestVersion.Patch'] = latest.latestPatchVersionArn;
  }
  return { ref: arn, attributes };
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
  text: string,
  resource: PlannedResource,
  request: Request,
  answer: DryRunAnswer,
  told: readonly Fault[],
): readonly Fault[] {
  const base = `Resources.${resource.logicalId}`;
  const own = told.filter(({ path }) => path === base || path.startsWith(`${base}.`));
  const faults: Fault[] = [...documentFaults(text, resource, request)];
  const ofDocument = faults.some(({ severity }) => severity === 'error');
  for (const { code, message, path } of answer.faults ?? []) {
    if (path === 'data' && ofDocument) continue;
    const place = path === undefined ? undefined : placeOf(resource.properties, path);
    const full = place === undefined ? base : `${base}.${place.path}`;
    // The template's own check has said so.
    if (own.some((fault) => fault.path === full) || (own.length > 0 && message.includes('must not be null'))) continue;
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

/** The faults and warnings of the document that a resource holds. */
function documentFaults(
  text: string,
  { type, properties, logicalId }: PlannedResource,
  request: Request,
): readonly Fault[] {
  const { data } = request;
  if (typeof data !== 'string') return [];
  const { faults } =
    type === 'AWS::ImageBuilder::Component'
      ? parseComponentDocument(data, { platform: request['platform'] as 'Linux' })
      : type === ('AWS::ImageBuilder::Workflow' as string)
        ? parseWorkflowDocument(data, request['type'] as 'BUILD')
        : { faults: [] };
  const place = placeOf(properties, 'data');
  return faults.map((fault) => {
    const inText = placeInText(text, place.node, fault.position);
    const where =
      inText === undefined ? ` (line ${fault.position.line}, column ${fault.position.column} of the document)` : '';
    return {
      ...fault,
      position: inText ?? place.position,
      path: `Resources.${logicalId}.${place.path}${fault.path === '' ? '' : `: ${fault.path}`}`,
      message: `${fault.message}${where}`,
    };
  });
}

/** Faults as lines that editors and terminals follow: `template.yaml:5:7 Resources.A.Properties.Name: …`. */
export function faultLines(file: string, faults: readonly Fault[]): readonly string[] {
  return faults.map(
    ({ position, path, message, severity }) =>
      `${file}:${position.line}:${position.column} ${severity === 'warning' ? 'warning: ' : ''}` +
      `${path === '' ? '' : `${path}: `}${message}`,
  );
}
