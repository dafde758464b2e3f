/** Runs documents on an instance, one after the other, until one fails. */
import { timestamp } from '../../platform/clock.ts';
import type { Instance } from '../../instances/instance.ts';
import { ParameterError } from '../../runner/parameters.ts';
import type { RestartPoint } from '../../runner/restart.ts';
import { RunInterrupted } from '../../runner/restart.ts';
import type { DocumentRun } from '../../runner/run-state.ts';
import type { FindSourceFile } from '../../runner/source-files.ts';
import { runDocument } from '../../runner/run-document.ts';
import type { Report } from '../../resources/progress.ts';
import type { DocumentReport, RunReport } from '../../runner/detailed-output.ts';
import { nameOf, type LoadedDocument } from './documents.ts';
import type { ToeRequest } from './request.ts';

/** The inputs of a run. */
export interface DocumentsRun {
  readonly request: ToeRequest;
  /** In the order of the request. */
  readonly documents: readonly LoadedDocument[];
  readonly instance: Instance;
  readonly workingDirectory: string;
  readonly report: Report;
  readonly signal: AbortSignal;
  /** This host is the instance: a step that requests a restart ends the run with the state to continue. */
  readonly leaveForRestart?: true;
  /** S3 credentials for the host. */
  readonly s3Access?: DocumentRun['s3Access'];
  /** Environment variables of every command. */
  readonly environment?: DocumentRun['environment'];
  readonly secrets?: DocumentRun['secrets'];
  readonly componentText?: DocumentRun['componentText'];
  /** The files of a document's `file:` sources, by its path. */
  readonly filesOf?: (path: string) => FindSourceFile;
  /** The state of an earlier run that requested a restart. */
  readonly from?: InterruptedRun;
}

/** The state of a run that waits for a restart, as JSON. */
export interface InterruptedRun {
  readonly startTime: string;
  readonly finished: readonly Omit<DocumentReport, 'document'>[];
  readonly point: RestartPoint;
}

/** A run that ended, or waits for a restart. */
export type RunEnd = { readonly report: RunReport } | { readonly interrupted: InterruptedRun };

/** @throws the signal's reason if it is aborted */
export async function runDocuments(run: DocumentsRun): Promise<RunEnd> {
  const { request, documents, from } = run;
  const startTime = from?.startTime ?? timestamp();
  const reports: DocumentReport[] = (from?.finished ?? []).map((finished, index) => ({
    ...finished,
    document: documents[index]!.document,
  }));
  const ended = (problem?: string): RunEnd => ({
    report: {
      executionId: request.executionId,
      startTime,
      endTime: timestamp(),
      documents: reports,
      problem,
    },
  });
  for (const [index, { path, document }] of documents.entries()) {
    if (index < reports.length) continue;
    const resumed = from !== undefined && index === from.finished.length;
    const begun = timestamp();
    try {
      const outcome = await runDocument({
        document,
        name: nameOf({ document, path }),
        phases: request.phases ?? document.phases.map(({ name }) => name),
        parameters: request.documents[index]!.parameters,
        instance: run.instance,
        workingDirectory: run.workingDirectory,
        report: run.report,
        signal: run.signal,
        leaveForRestart: run.leaveForRestart,
        componentText: run.componentText,
        sourceFile: run.filesOf?.(path),
        secrets: run.secrets,
        s3Access: run.s3Access,
        environment: run.environment,
        ...(resumed ? { from: from.point } : {}),
      });
      reports.push({ path, document, outcome, startTime: begun, endTime: timestamp() });
      if (outcome.status !== 'success') return ended();
    } catch (error) {
      if (error instanceof ParameterError) return ended(error.message);
      if (!(error instanceof RunInterrupted)) throw error;
      return {
        interrupted: {
          startTime,
          finished: reports.map(({ document: _, ...finished }) => finished),
          point: error.point,
        },
      };
    }
  }
  return ended();
}
