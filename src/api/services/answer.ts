/** Handles a request to one of the services: signature, validation, policies, transaction, response. */
import { createHash } from 'node:crypto';
import { findToken, saveToken } from '../../catalog/client-tokens.ts';
import { dryRunSucceeded, idempotentParameterMismatch } from '../../resources/errors.ts';
import { authorize } from '../access/authorize.ts';
import type { Structure } from '../codec.ts';
import type { RequestContext } from '../context.ts';
import { runAfter } from '../operate.ts';
import { canonical } from '../paging.ts';
import { missingMember, type ModelOperation, readModel } from './model.ts';
import type { Answer, Envelope, ProtocolRequest } from './protocols/protocol.ts';
import { readTimes, writeTimes } from './times-json.ts';
import type { AnyOperation, Service, ServiceContext, ServiceEntry } from './service.ts';

/** A request to a service, and how to find out who sent it. */
export interface ServiceRequest extends ProtocolRequest {
  readonly entry: ServiceEntry;
  /** The context before the signature is verified; its `call` receives the name of the operation. */
  readonly anonymous: Omit<RequestContext, 'identity' | 'account'>;
  /** Verifies the signature. @throws {ApiError} if the request is unsigned or its signature is invalid */
  readonly caller: () => Promise<RequestContext>;
  /** Aborts when the client disconnects or the server stops. */
  readonly signal: AbortSignal;
  /** Counts the call against the account's rate. @throws {ApiError} if the account exceeds it */
  readonly count: (context: RequestContext, kind: 'reads' | 'writes') => void;
}

interface Loaded extends Service {
  readonly model: ReadonlyMap<string, ModelOperation>;
}

const loaded = new Map<ServiceEntry, Promise<Loaded>>();

/** Loads the service of an entry, once. */
function loadService(entry: ServiceEntry): Promise<Loaded> {
  let service = loaded.get(entry);
  if (service === undefined) {
    service = entry.load().then((found) => ({ ...found, model: readModel(found.schemas, namesOf(found)) }));
    loaded.set(entry, service);
  }
  return service;
}

function namesOf({ operations, unsigned = {} }: Service): readonly string[] {
  return [...Object.keys(operations), ...Object.keys(unsigned)].sort();
}

/** Answers a request. @throws {ApiError} which the entry's protocol writes as its own error */
export async function answerService(request: ServiceRequest): Promise<Answer> {
  const { entry, anonymous } = request;
  const { call } = anonymous;
  const envelope = entry.protocol.open(request);
  const { operation: name } = envelope;
  Object.assign(call, { name: name?.slice(0, 64) ?? call.name, named: false, parameters: envelope.parameters });
  // A large model is loaded only for a signed request, except for operations that need no signature.
  const own = name !== undefined && entry.unsigned?.includes(name) === true ? await loadService(entry) : undefined;
  if (own !== undefined) {
    const { run, takes } = own.unsigned![name!]!;
    Object.assign(call, { readOnly: false, named: true });
    const input = readInput(request, name!, own, envelope, takes);
    return encode(request, name!, own, await run(input as never, anonymous));
  }
  const context = await request.caller();
  const service = await loadService(entry);
  const operation =
    name !== undefined && Object.hasOwn(service.operations, name) ? service.operations[name] : undefined;
  Object.assign(call, { readOnly: operation?.mutating !== true, named: operation !== undefined });
  request.count(context, call.readOnly ? 'reads' : 'writes');
  if (name === undefined || operation === undefined) {
    throw entry.protocol.unknownOperation(name, namesOf(service), entry.title);
  }
  const input = readInput(request, name, service, envelope, operation.takes);
  return encode(request, name, service, await operate(request, name, operation, input, context));
}

function readInput(
  { entry: { protocol }, anonymous: { call } }: ServiceRequest,
  name: string,
  { model }: Loaded,
  envelope: Envelope,
  takes: readonly string[],
): Structure {
  const { input: schema } = model.get(name)!;
  const input = envelope.decode(schema);
  call.parameters = input;
  const missing = missingMember(schema, input);
  if (missing !== undefined) throw protocol.missing(missing);
  const untaken = Object.keys(input).find((member) => !takes.includes(member));
  if (untaken !== undefined) throw protocol.notTaken(untaken);
  return input;
}

function encode(
  { entry: { protocol }, anonymous: { call, requestId } }: ServiceRequest,
  name: string,
  { model }: Loaded,
  output: object,
): Answer {
  call.answer = output;
  return protocol.answer(name, model.get(name)!.output, output, requestId);
}

async function operate(
  { entry, signal }: ServiceRequest,
  name: string,
  { mutating, needs, outside, run }: AnyOperation,
  input: Structure,
  context: RequestContext,
): Promise<object> {
  const { catalog } = context.services;
  const action = `${entry.name}:${name}`;
  await authorize(
    context,
    needs(input as never, context).map((need) => ({ action, ...need })),
  );
  if (!mutating || outside === true) {
    if (input['DryRun'] === true) throw dryRunSucceeded();
    return run(input as never, { ...context, operation: action, signal, db: catalog.db, afterCommit: runAfter });
  }
  const later: (() => void)[] = [];
  const output = await catalog.transaction(async (db) => {
    const afterCommit = (work: () => void): void => void later.push(work);
    const within: ServiceContext = { ...context, operation: action, signal, db, afterCommit };
    if (input['DryRun'] === true) {
      await run(input as never, within);
      throw dryRunSucceeded();
    }
    const token = input['ClientToken'];
    if (typeof token !== 'string') return run(input as never, within);
    const key = { account: context.account, region: context.region, operation: action, token };
    const { ClientToken: _, ...others } = input;
    const hash = createHash('sha256')
      .update(JSON.stringify(canonical(others)))
      .digest('hex');
    const earlier = await findToken(db, key);
    if (earlier !== undefined) {
      if (earlier.request_hash !== hash) throw idempotentParameterMismatch(token);
      return readTimes(earlier.response);
    }
    const response = await run(input as never, within);
    await saveToken(db, { ...key, request_hash: hash, response: writeTimes(response) });
    return response;
  });
  later.forEach(runAfter);
  return output;
}
