/** Documents that steps of other documents run. Source: reference, `awstoe.md` section 6, ExecuteDocument. */
import { createHash } from 'node:crypto';
import type { ComponentDocument } from '../documents/component/document.ts';
import { MAX_DEPTH } from '../documents/component/named-documents.ts';
import { InstanceError } from '../instances/instance.ts';
import type { Report } from '../resources/progress.ts';
import { InputError, type NestedDocument } from './module.ts';
import { ParameterError } from './parameters.ts';
import type { DocumentOutcome } from './outcome.ts';
import { runDocument } from './run-document.ts';
import type { RunState } from './run-state.ts';

/**
 * Runs a document on the same instance.
 * @throws {InputError} if it runs itself or one that runs it, documents are nested too deep, or parameters lack values
 * @throws {InstanceError} if the instance was lost
 */
export async function runNested(state: RunState, nested: NestedDocument, report: Report): Promise<DocumentOutcome> {
  const { run } = state;
  const above = [...(run.above ?? []), identityOf(run.document)];
  const forbidden = nested.inLoop ? above.slice(0, -1) : above;
  if (forbidden.includes(identityOf(nested.document)))
    throw new InputError(
      `document: ${nested.name} is already running: a document cannot run itself, or a document that runs it`,
    );
  if (above.length > MAX_DEPTH)
    throw new InputError(
      `document: ${nested.name} would be ${above.length} documents deep; at most ${MAX_DEPTH} below the first are ` +
        'allowed',
    );
  const maxReboots = run.maxReboots === undefined ? {} : { maxReboots: Math.max(0, run.maxReboots - state.reboots) };
  try {
    const outcome = await runDocument({
      document: nested.document,
      name: nested.name,
      phases: nested.phases,
      parameters: nested.parameters,
      instance: run.instance,
      workingDirectory: state.workingDirectory,
      report,
      above,
      ...maxReboots,
      signal: run.signal,
      secrets: run.secrets,
      s3Access: run.s3Access,
      environment: run.environment,
      componentText: run.componentText,
      parsed: run.parsed,
      sourceFile: run.sourceFile,
    });
    // A restart in the nested document restarts this one too: its working directory may be gone.
    state.workingDirectoryMade = false;
    const { failure } = outcome;
    if (failure?.instanceLost)
      throw new InstanceError(failure.message, [], { code: failure.code === 'time-limit' ? undefined : failure.code });
    return outcome;
  } catch (error) {
    throw error instanceof ParameterError ? new InputError(error.message, { cause: error }) : error;
  }
}

/** Identified by its content, because one document can have several paths and ARNs. */
function identityOf(document: ComponentDocument): string {
  return createHash('sha256').update(JSON.stringify(document)).digest('hex');
}
