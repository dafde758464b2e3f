/**
 * Answers what a list of creates would do, exactly as the server would: all run in one transaction, which is rolled
 * back. A resource that already exists is compared, and updated if its type allows that.
 *
 * An operation reports one fault, or those of one kind. To find the others, the faulty value is removed or replaced by
 * a valid one, and the request is tried again until it is accepted. In this way the requests that refer to it are
 * checked too.
 */
import { sql } from 'kysely';
import type { Queryable } from '../../catalog/catalog.ts';
import { putKeptFile, tooLarge } from '../../catalog/kept-files.ts';
import { getParameter, PARAMETER_TYPES, putParameter } from '../../catalog/parameters.ts';
import { differences, tagChanges } from '../../templates/compare.ts';
import { patient } from '../../platform/patience.ts';
import { ApiError, invalidRequest } from '../../resources/errors.ts';
import { parameterArn } from '../../resources/store-arns.ts';
import { authorize } from '../access/authorize.ts';
import { readUri } from '../access/demands.ts';
import { LONGEST_PARAMETER, PARAMETER_NAME } from '../ingot/parameters.ts';
import { fileArn } from '../ingot/resources.ts';
import { decodeInput, type Structure } from '../codec.ts';
import type { Handlers, RequestContext, UriTexts } from '../context.ts';
import { OPERATIONS, type Operation, type OperationName } from '../model.ts';
import { operateWithin } from '../operate.ts';
import { readUriTexts, URI_MEMBERS, uriOf, withUriText } from '../uri-texts.ts';
import { validateInput } from '../validate.ts';
import type { DryRunAnswer, DryRunFault } from './answers.ts';
import { arnOfInput, contentMembers, KINDS, type Kind } from './kinds.ts';
import { checkRepository } from './repository.ts';
import { originalPath, pathOfText, tokensOf, valueAt, withoutHoles, withValue } from './paths.ts';

/** One create of the list. */
export interface DryRunRequest {
  /** Identifies it in the answer. */
  readonly id: string;
  /** One of `KINDS`; `PutParameter` for a parameter, `PutRepository` for a repository of container images. */
  readonly operation: OperationName | 'PutParameter' | 'PutRepository';
  readonly input: Structure;
}

/** A file that components of the list name, and that the client would upload before them. */
export interface ComingFile {
  readonly sha256: string;
  /** In bytes. */
  readonly size: number;
}

/** Maximum number of reported faults per request. */
const MOST_FAULTS = 20;
/** Maximum number of attempts per dry run, including repaired requests: the transaction blocks other writers. */
const MOST_TRIES = 600;
/** Time limit of a dry run, in milliseconds: the server answers no other request meanwhile. */
const MOST_MS = 5000;
/** A version that is never in use. */
const UNUSED_VERSION = '1073741.0.0';
const SOUND_COMPONENT = `{"schemaVersion": 1.0, "phases": [{"name": "build", "steps": [{"name": "Nothing",
  "action": "ExecuteBash", "inputs": {"commands": ["true"]}}]}]}`;
const SOUND_DOCKERFILE =
  'FROM {{{ imagebuilder:parentImage }}}\n{{{ imagebuilder:environments }}}\n{{{ imagebuilder:components }}}\n';
const SOUND_WORKFLOW = `{"schemaVersion": 1.0, "steps": [{"name": "Launch", "action": "LaunchInstance",
  "onFailure": "Abort", "inputs": {"waitFor": "ssmAgent"}}]}`;
/** Required members. Without them, another fault would be reported that the user did not cause. */
const NEEDED = ['imageRecipeArn', 'containerRecipeArn', 'infrastructureConfigurationArn', 'name'];

/** Thrown to roll back the transaction. */
class Undo extends Error {}

/**
 * Checks all requests one after the other, so that later ones may refer to resources that earlier ones would create.
 * @param now the clock, in milliseconds since 1970
 * @throws {ApiError} InvalidRequestException if it takes too long
 */
export async function dryRun(
  requests: readonly DryRunRequest[],
  handlers: Handlers,
  context: RequestContext,
  now: () => number = Date.now,
  files: readonly ComingFile[] = [],
): Promise<readonly DryRunAnswer[]> {
  const answers: DryRunAnswer[] = [];
  const limits = context.services.config.files;
  const fileFaults = new Map(
    files.flatMap(({ sha256, size }) => {
      const why = tooLarge(size, limits);
      return why === undefined ? [] : [[sha256, why] as const];
    }),
  );
  const given = { ...context, uriTexts: await textsOf(requests, context), fileFaults };
  try {
    await context.services.catalog.transaction(async (db) => {
      const until = now() + patient(MOST_MS);
      await expect(db, context, files);
      const run: Run = { db, handlers, context: given, placeholders: new Set(), tries: 0, isLate: () => now() > until };
      for (const { id, operation, input } of requests) {
        if (run.isLate())
          throw invalidRequest(
            `The server needs more than ${patient(MOST_MS) / 1000} s to check these ${requests.length} requests. ` +
              'Send fewer at once.',
          );
        answers.push(
          operation === 'PutParameter'
            ? await checkParameter(run, id, input)
            : operation === 'PutRepository'
              ? await checkRepository(db, context, id, input)
              : await checkRequest(run, { id, operation, input }),
        );
      }
      throw new Undo();
    });
  } catch (error) {
    if (!(error instanceof Undo)) throw error;
  }
  return answers;
}

/** Records files as if they were uploaded; the transaction is rolled back. */
async function expect(db: Queryable, context: RequestContext, files: readonly ComingFile[]): Promise<void> {
  const { account } = context;
  for (const { sha256, size } of files) {
    const need = { action: 'ingot:PutFile', resource: fileArn(sha256, context) };
    await authorize({ ...context, call: { ...context.call }, db }, [need]);
    await putKeptFile(db, { account, sha256, size, complete: true });
  }
}

/**
 * Reads the documents that requests name by `uri` and that the caller may read, before the transaction: network
 * requests must not delay it.
 */
async function textsOf(requests: readonly DryRunRequest[], context: RequestContext): Promise<UriTexts> {
  const allowed = new Set<string>();
  for (const { operation, input } of requests) {
    const uri = operation === 'PutParameter' || operation === 'PutRepository' ? undefined : uriOf(operation, input);
    if (uri === undefined || allowed.has(uri)) continue;
    try {
      await authorize({ ...context, call: { ...context.call } }, readUri(uri));
      allowed.add(uri);
    } catch (error) {
      // The request itself will be rejected with this error.
      if (!(error instanceof ApiError)) throw error;
    }
  }
  return readUriTexts(allowed, context);
}

interface Run {
  readonly db: Queryable;
  readonly handlers: Handlers;
  readonly context: RequestContext;
  /** ARNs of resources whose document was replaced by a valid one, which lacks the real one's parameters. */
  readonly placeholders: Set<string>;
  tries: number;
  /** Whether the time limit is reached. */
  readonly isLate: () => boolean;
}

/** Whether no more repairs are tried. */
function isSpent({ tries, isLate }: Run): boolean {
  return tries > MOST_TRIES || isLate();
}

/** Checks a parameter and stores it for later requests of the list. */
async function checkParameter({ db, context }: Run, id: string, input: Structure): Promise<DryRunAnswer> {
  const { name, value, description } = input;
  const type = PARAMETER_TYPES.find((each) => each === input['type']);
  const refused = (message: string, path: string): DryRunAnswer => ({
    id,
    action: 'refused',
    faults: [{ code: 'InvalidParameterValueException', message, path }],
  });
  if (type === undefined) return refused(`It must be one of ${PARAMETER_TYPES.join(', ')}.`, 'type');
  if (typeof name !== 'string' || !PARAMETER_NAME.test(name))
    return refused('It is not the name of a parameter.', 'name');
  if (typeof value !== 'string' || value === '' || value.length > LONGEST_PARAMETER)
    return refused(`It must have 1 to ${LONGEST_PARAMETER} characters.`, 'value');
  const resource = { arn: parameterArn(name, context), name };
  try {
    const need = { action: 'ingot:PutParameter', resource: resource.arn };
    await authorize({ ...context, call: { ...context.call }, db }, [need]);
  } catch (error) {
    if (error instanceof ApiError)
      return { id, action: 'refused', faults: [{ code: error.code, message: error.message }] };
    throw error;
  }
  const before = await getParameter(db, context, name);
  const content = { type, value, ...(typeof description === 'string' ? { description } : {}) };
  const after = await putParameter(db, context, { name, ...content });
  if (before === undefined) return { id, action: 'create', resource };
  if (after.version === before.version) return { id, action: 'unchanged', resource };
  const changes = differences(content, before, ['type', 'value', 'description']);
  return { id, action: 'update', resource, changes, before: pick({ ...before }, changes) };
}

interface ImageBuilderRequest extends DryRunRequest {
  readonly operation: OperationName;
}

async function checkRequest(run: Run, request: ImageBuilderRequest): Promise<DryRunAnswer> {
  const { id, operation } = request;
  const kind = KINDS[operation]!;
  const input = withoutPlaceholderParameters(run, request.input);
  const found = await existing(run, kind, input);
  if (found instanceof ApiError) return { id, action: 'refused', faults: faultsOf(found, input) };
  const read = withUriText(operation, input, run.context.uriTexts);
  const changes = found === undefined ? [] : differencesOf(operation, kind, read, found);
  // A document that could not be read may have changed.
  const known = uriOf(operation, read) === undefined;
  if (found !== undefined && changes.length === 0 && known)
    return { id, action: 'unchanged', resource: resourceOf(found) };
  const told = found === undefined ? {} : { changes, before: pick(found, changes) };
  if (found !== undefined && kind.versions !== undefined && changes.every((member) => member === 'tags')) {
    if (known) return { id, action: 'update', resource: resourceOf(found), ...told };
  } else if (found !== undefined && kind.versions === 'immutable' && !String(input['semanticVersion']).includes('x')) {
    const version = String(input['semanticVersion']);
    const message =
      `${kind.get!.type.replace('-', ' ')} ${String(found['name'])} ${version} exists with different content ` +
      `(${changes.join(', ')}), and versions are immutable. Use version ${version.replace(/\d+$/, 'x')} to create ` +
      'the next version on each change, or choose a new version';
    const faults = [{ code: 'ResourceAlreadyExistsException', message, path: 'semanticVersion' }];
    return { id, action: 'refused', resource: resourceOf(found), faults, ...told };
  }
  if (found !== undefined && kind.update !== undefined) {
    if (changes.every((member) => member === 'tags'))
      return { id, action: 'update', resource: resourceOf(found), ...told };
    const { name: _name, tags: _tags, ...content } = input;
    const outcome = await faultsOfAll(run, kind.update, { ...content, [kind.get!.member]: found['arn'] });
    const resource = resourceOf(found);
    if (outcome.faults.length > 0) return { id, action: 'refused', resource, faults: outcome.faults, ...told };
    return { id, action: 'update', resource, ...told };
  }
  const { output, faults, placeholder } = await faultsOfAll(run, operation, input);
  if (output === undefined && found !== undefined && faults[0]?.code === 'ResourceAlreadyExistsException')
    return { id, action: 'unchanged', resource: resourceOf(found) };
  const arn = output?.[kind.answer] as string | undefined;
  if (arn !== undefined && placeholder) run.placeholders.add(arn);
  const made = arn === undefined ? undefined : await recordOf(run, kind, arn);
  const resource = arn === undefined ? {} : { resource: made === undefined ? { arn } : resourceOf(made) };
  if (faults.length > 0) return { id, action: 'refused', ...resource, faults, ...told };
  if (found === undefined) return { id, action: 'create', ...resource };
  return { id, action: 'replace', ...resource, ...told, replaces: String(found['arn']) };
}

/** The existing resource with the name and version of an input. */
async function existing(run: Run, kind: Kind, input: Structure): Promise<Structure | ApiError | undefined> {
  if (kind.get === undefined || typeof input['name'] !== 'string') return undefined;
  const found = await attempt(run, kind.get.operation, {
    [kind.get.member]: arnOfInput(kind, input, run.context),
  });
  if ('output' in found) return found.output[kind.get.record] as Structure;
  // Without a name or version, the create reports the fault.
  const unknown = ['ResourceNotFoundException', 'InvalidParameterValueException', 'InvalidVersionNumberException'];
  return unknown.includes(found.error.code) ? undefined : found.error;
}

async function recordOf(run: Run, { get }: Kind, arn: string): Promise<Structure | undefined> {
  if (get === undefined) return undefined;
  const found = await attempt(run, get.operation, { [get.member]: arn });
  return 'output' in found ? (found.output[get.record] as Structure) : undefined;
}

function resourceOf(record: Structure): NonNullable<DryRunAnswer['resource']> {
  const text = (name: string): object => (typeof record[name] === 'string' ? { [name]: record[name] } : {});
  return { arn: String(record['arn']), ...text('name'), ...text('version'), ...text('type') };
}

function differencesOf(operation: OperationName, kind: Kind, input: Structure, found: Structure): readonly string[] {
  const content = differences(input as never, found, contentMembers(operation, kind));
  const tags = tagChanges(input['tags'] as Record<string, string> | undefined, found['tags'] as Record<string, string>);
  return tags.remove.length > 0 || Object.keys(tags.set).length > 0 ? [...content, 'tags'] : content;
}

function pick(record: Structure, names: readonly string[]): Structure {
  return Object.fromEntries(names.filter((name) => record[name] !== undefined).map((name) => [name, record[name]]));
}

type Attempt = { readonly output: Structure } | { readonly error: ApiError };

/** Tries a request. If it is accepted, what it wrote stays. */
async function attempt(run: Run, name: OperationName, input: Structure): Promise<Attempt> {
  const operation = OPERATIONS.get(name)!;
  run.tries++;
  await sql`savepoint dry_run`.execute(run.db);
  try {
    const decoded = operation.mutating
      ? decodeInput(operation, { path: '', query: '', body: bodyOf(operation, input) })
      : input;
    validateInput(name, decoded);
    const output = await operateWithin(run.db, operation, run.handlers, decoded, run.context);
    await sql`release dry_run`.execute(run.db);
    return { output };
  } catch (error) {
    await sql`rollback to dry_run`.execute(run.db);
    await sql`release dry_run`.execute(run.db);
    if (error instanceof ApiError && error.status < 500) return { error };
    throw error;
  }
}

/** Encodes the input. The client token is required but chosen by the client, so a new one is used. */
function bodyOf({ idempotent }: Operation, input: Structure): Uint8Array {
  const token = idempotent ? { clientToken: 'dry-run' } : {};
  return Buffer.from(JSON.stringify({ ...(withoutHoles(input) as Structure), ...token, dryRun: undefined }));
}

/** All faults of a request, and the answer without them. */
async function faultsOfAll(
  run: Run,
  operation: OperationName,
  given: Structure,
): Promise<{ readonly output?: Structure; readonly faults: readonly DryRunFault[]; readonly placeholder: boolean }> {
  const faults: DryRunFault[] = [];
  const repaired: string[] = [];
  let input = given;
  let last = await attempt(run, operation, input);
  while ('error' in last) {
    const now = faultsOf(last.error, input).filter((fault) => !isMadeHere(fault, repaired));
    for (const fault of now)
      if (faults.length < MOST_FAULTS && !faults.some(({ message }) => message === fault.message)) faults.push(fault);
    const paths = now.flatMap(({ path }) => path ?? []);
    let gone = false;
    // From the last to the first: removing later items of a list first keeps the paths of earlier ones.
    for (const path of paths.toReversed()) {
      if ('output' in last) break;
      const sound = await repair(run, operation, input, path);
      if (sound === undefined) continue;
      gone = true;
      repaired.push(path);
      ({ input, last } = sound);
    }
    if (!gone || isSpent(run) || repaired.length > MOST_FAULTS) break;
  }
  const placeholder = input['data'] !== given['data'] || input['uri'] !== given['uri'];
  return 'output' in last ? { output: last.output, faults, placeholder } : { faults, placeholder };
}

/** Repairs the value at a path. */
async function repair(
  run: Run,
  operation: OperationName,
  input: Structure,
  path: string,
): Promise<{ readonly input: Structure; readonly last: Attempt } | undefined> {
  let best: { readonly input: Structure; readonly last: Attempt } | undefined;
  for (const candidate of candidates(run, operation, input, path)) {
    if (isSpent(run)) return best;
    const last = await attempt(run, operation, candidate);
    if ('output' in last) return { input: candidate, last };
    const left = faultsOf(last.error, candidate);
    if (best === undefined && !left.some((fault) => fault.path === undefined || isWithin(fault.path, path)))
      best = { input: candidate, last };
    // A parent image must also have the right platform; for other members the first accepted value is enough.
    if (best !== undefined && path !== 'parentImage') break;
  }
  return best;
}

/** Whether one of two paths contains the other. */
function isWithin(a: string, b: string): boolean {
  const [first, second] = [tokensOf(a), tokensOf(b)];
  return first.slice(0, second.length).join('/') === second.slice(0, first.length).join('/');
}

/** Requests with a valid value in place of the faulty one, the most similar first. */
function candidates(run: Run, operation: OperationName, input: Structure, path: string): readonly Structure[] {
  const tokens = tokensOf(path);
  const [top] = tokens as [string];
  const replaced = (value: unknown, at: readonly (string | number)[] = tokens): Structure =>
    withValue(input, at, value) as Structure;
  if (tokens.length === 1) {
    if (top === 'semanticVersion') return [replaced(UNUSED_VERSION)];
    if (top === 'name') return [replaced('ingot-dry-run')];
    const member = URI_MEMBERS[operation];
    if (top === member?.text) return [replaced(soundText(operation))];
    if (top === member?.uri) return [withValue(replaced(undefined), [member.text], soundText(operation)) as Structure];
    if (top === 'parentImage') return soundParents(run).map((parent) => replaced(parent));
  }
  if (NEEDED.includes(top)) return [];
  const found: Structure[] = [];
  for (let length = tokens.length; length > 0; length--) {
    const at = tokens.slice(0, length);
    if (valueAt(input, at) !== undefined) found.push(replaced(undefined, at));
  }
  if (top === 'components') found.push(...soundComponents(run).map((arn) => replaced([{ componentArn: arn }], [top])));
  if (top === 'distributions')
    found.push(replaced([{ region: run.context.region, amiDistributionConfiguration: {} }], ['distributions']));
  return found;
}

function soundText(operation: OperationName): string {
  if (operation === 'CreateContainerRecipe') return SOUND_DOCKERFILE;
  return operation === 'CreateWorkflow' ? SOUND_WORKFLOW : SOUND_COMPONENT;
}

/** A base image of each platform. */
function soundParents({ context }: Run): readonly string[] {
  const images = context.services.catalog.managed.images.filter(({ supply }) => supply !== 'refused');
  return firstOfEach(images).map(({ name }) => `arn:aws:imagebuilder:${context.region}:aws:image/${name}/x.x.x`);
}

/** A component of each platform that comes with Ingot. */
function soundComponents({ context }: Run): readonly string[] {
  const found = firstOfEach(context.services.catalog.managed.components);
  return found.map(({ name }) => `arn:aws:imagebuilder:${context.region}:aws:component/${name}/x.x.x`);
}

/** The first of each platform. */
function firstOfEach<T extends { readonly platform: string }>(items: readonly T[]): readonly T[] {
  return [...Map.groupBy(items, ({ platform }) => platform).values()].map(([first]) => first!);
}

/** Whether a fault was caused by a value that replaced another fault. */
function isMadeHere({ reason }: DryRunFault, repaired: readonly string[]): boolean {
  return repaired.includes('parentImage') && reason === 'other-platform';
}

/** The faults that an error reports, each with its path in the request. */
function faultsOf(error: ApiError, input: Structure): readonly DryRunFault[] {
  const { code } = error;
  if (error.values.length > 0)
    return error.values.map(({ path, detail, reason }) => ({
      code,
      message: detail,
      path: originalPath(input, path),
      reason,
    }));
  if (code === 'ResourceAlreadyExistsException') return [{ code, message: error.message, path: 'name' }];
  const path = error.subject === undefined ? undefined : pathOfText(input, error.subject);
  return [{ code, message: error.message, path }];
}

/** Parameters for an invalid document cannot be checked after the document was replaced, so they are removed. */
function withoutPlaceholderParameters({ placeholders }: Run, input: Structure): Structure {
  let changed = input;
  for (const [list, member] of [
    ['components', 'componentArn'],
    ['workflows', 'workflowArn'],
  ] as const) {
    const items = input[list];
    if (!Array.isArray(items)) continue;
    for (const [index, item] of (items as readonly Structure[]).entries())
      if (placeholders.has(String(item?.[member])))
        changed = withValue(changed, [list, index, 'parameters'], undefined) as Structure;
  }
  return changed;
}
