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

/** What a run needs. */
export interface DocumentsRun {
  readonly request: ToeRequest;
  /** In the order of the request's. */
  readonly documents: readonly LoadedDocument[];
  readonly instance: Instance;
  readonly workingDirectory: string;
  readonly report: Report;
  readonly signal: AbortSignal;
  /** This host is the instance: a step that asks for a restart ends the run with what it needs to go on. */
  readonly leaveForRestart?: true;
  /** Who the host is to S3. */
  readonly s3Access?: DocumentRun['s3Access'];
  /** Environment variables of every command. */
  readonly environment?: DocumentRun['environment'];
  readonly secrets?: DocumentRun['secrets'];
  readonly componentText?: DocumentRun['componentText'];
  /** What the `file:` sources of a document mean, by its path. */
  readonly filesOf?: (path: string) => FindSourceFile;
  /** What an earlier run left when it asked for a restart. */
  readonly from?: InterruptedRun;
}

/** What is known of a run that waits for a restart: JSON. */
export interface InterruptedRun {
  readonly startTime: string;
  readonly finished: readonly Omit<DocumentReport, 'document'>[];
  readonly point: RestartPoint;
}

/** A run that ended, or waits for a restart. */
export type RunEnd = { readonly report: RunReport } | { readonly interrupted: InterruptedRun };

/** @throws the signal's reason when it is aborted */
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
