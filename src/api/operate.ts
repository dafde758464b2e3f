/**
 * Runs a handler with everything around it: authorization, transaction, client token, dry run, common output members.
 */
import { createHash } from 'node:crypto';
import type { Queryable } from '../catalog/catalog.ts';
import { findToken, saveToken } from '../catalog/client-tokens.ts';
import { rememberUnknown } from '../catalog/unknown-members.ts';
import { logger } from '../platform/log.ts';
import { parseArn } from '../resources/arns.ts';
import { dryRunSucceeded, idempotentParameterMismatch } from '../resources/errors.ts';
import { authorize } from './access/authorize.ts';
import { madeBy, needsOf } from './access/demands.ts';
import { canonicalInput, doorOf } from './canonical.ts';
import { encodeOutput, type Structure } from './codec.ts';
import type { Handler, Handlers, OperationContext, RequestContext } from './context.ts';
import { members, type Operation, type OperationName } from './model.ts';
import { canonical } from './paging.ts';
import { checkQuota } from './quotas.ts';
import { readUriTexts, uriOf } from './uri-texts.ts';

/**
 * Runs an operation on a decoded and validated input.
 * @returns its wire form
 * @throws {ApiError} AccessDeniedException, errors of the handler, IdempotentParameterMismatchException,
 * DryRunOperationException
 */
export async function operate(
  operation: Operation,
  handlers: Handlers,
  given: Structure,
  request: RequestContext,
): Promise<Structure> {
  const input = canonicalInput(operation, given, doorOf(request));
  const opened = await authorize(request, needsOf(operation.name, input as never, request));
  const writtenVersion = writtenVersionOf(given);
  if (!operation.mutating)
    return answer(operation, handlers, input, {
      ...request,
      operation: operation.name,
      opened,
      db: request.services.catalog.db,
      afterCommit: runAfter,
    });

  // Network requests come before the transaction, because it blocks other writers.
  const uri = uriOf(operation.name, input);
  const uriTexts = uri === undefined ? undefined : await readUriTexts([uri], request);
  const later: (() => void)[] = [];
  const made = (context: OperationContext): Promise<Structure> => make(operation, handlers, input, context);
  const result = await request.services.catalog.transaction(async (db) => {
    const context: OperationContext = {
      ...request,
      ...(uriTexts === undefined ? {} : { uriTexts }),
      operation: operation.name,
      writtenVersion,
      opened,
      db,
      afterCommit: (work) => void later.push(work),
    };
    // A dry run leaves nothing behind, not even its token: the error rolls back everything that the handler wrote.
    if (input['dryRun'] === true) {
      await made(context);
      throw dryRunSucceeded();
    }
    const token = operation.idempotent ? (input['clientToken'] as string | undefined) : undefined;
    if (token === undefined) return made(context);
    const key = { account: request.account, region: request.region, operation: operation.name, token };
    const hash = requestHash(input);
    const earlier = await findToken(db, key);
    if (earlier) {
      if (earlier.request_hash !== hash) throw idempotentParameterMismatch(token);
      const response = JSON.parse(earlier.response) as Structure;
      return 'requestId' in response ? { ...response, requestId: request.requestId } : response;
    }
    const response = await made(context);
    await saveToken(db, { ...key, request_hash: hash, response: JSON.stringify(response) });
    return response;
  });
  later.forEach(runAfter);
  return result;
}

/**
 * Runs an operation in the caller's transaction, which the caller will roll back: no client token is read or stored,
 * and nothing runs afterwards. Documents named by `uri` are in the request's `uriTexts`.
 * @throws {ApiError} as `operate`
 */
export async function operateWithin(
  db: Queryable,
  operation: Operation,
  handlers: Handlers,
  given: Structure,
  request: RequestContext,
): Promise<Structure> {
  // The audit log records the request that this is a part of.
  const within = { ...request, call: { ...request.call }, db };
  const input = canonicalInput(operation, given, doorOf(request));
  const opened = await authorize(within, needsOf(operation.name, input as never, request));
  const writtenVersion = writtenVersionOf(given);
  const context: OperationContext = {
    ...within,
    operation: operation.name,
    writtenVersion,
    opened,
    afterCommit: () => {},
  };
  return operation.mutating ? make(operation, handlers, input, context) : answer(operation, handlers, input, context);
}

/** The version as the request spells it, for the response. */
function writtenVersionOf(given: Structure): string | undefined {
  return given['semanticVersion'] as string | undefined;
}

/** The output of a handler, with the common members. */
async function answer(
  operation: Operation,
  handlers: Handlers,
  input: Structure,
  context: OperationContext,
): Promise<Structure> {
  const handler = handlers[operation.name] as unknown as Handler<OperationName>;
  const output: Record<string, unknown> = { ...((await handler(input as never, context)) as object) };
  for (const [name, value] of [
    ['requestId', context.requestId],
    ['clientToken', input['clientToken']],
  ] as const) {
    if (members(operation.output).has(name)) output[name] ??= value;
  }
  return encodeOutput(operation.output, output);
}

/** Like `answer`, for mutating operations: then checks a deny for the created resource, and the quotas. */
async function make(
  operation: Operation,
  handlers: Handlers,
  input: Structure,
  context: OperationContext,
): Promise<Structure> {
  const output = await answer(operation, handlers, input, context);
  await authorize(context, madeBy(operation.name, output));
  await keepUnknown(operation.name, output, context);
  await checkQuota(context.db, operation.name, context, context.services.config.quotas);
  return output;
}

/** Stores the unknown members of a request for a resource, so that images built with it can report them. */
async function keepUnknown(
  name: OperationName,
  output: Structure,
  { db, unknownMembers = [] }: OperationContext,
): Promise<void> {
  const updates = name.startsWith('Update');
  if (unknownMembers.length === 0 && !updates) return;
  const arn = Object.values(output).find((value) => typeof value === 'string' && parseArn(value) !== undefined);
  if (arn !== undefined) await rememberUnknown(db, arn as string, unknownMembers);
}

/** Runs work after the commit, where an error can no longer fail the request. */
export function runAfter(work: () => void): void {
  try {
    work();
  } catch (error) {
    logger().error({ err: error }, 'what was to be done after a commit failed');
  }
}

/** SHA-256 of an input without its client token, independent of the order of members. */
function requestHash(input: Structure): string {
  const { clientToken: _, ...parameters } = input;
  return createHash('sha256')
    .update(JSON.stringify(canonical(parameters)))
    .digest('hex');
}
