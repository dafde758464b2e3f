/** Checks a run of documents before it starts, and where the documents have to run. */
import { needsMachine } from '../../documents/component/machine-rule.ts';
import { nearestWord } from '../../documents/nearest.ts';
import { UIDS_OF_A_CONTAINER } from '../../platform/host.ts';
import { parameterScope, ParameterError } from '../../runner/parameters.ts';
import { containerRefusal } from '../../workflows/machines/container-refusals.ts';
import type { RunReport } from '../../runner/detailed-output.ts';
import { WrongUse } from '../command.ts';
import { nameOf, type LoadedDocument } from './documents.ts';
import type { ToeRequest } from './request.ts';

/** Phases that a run may name even if no document has them: those of Image Builder. */
const USUAL_PHASES: readonly string[] = ['build', 'validate', 'test', 'container-host-test'];

/**
 * Checks the phases and the parameters of a run.
 * @throws {WrongUse} for a phase that no document has, and for parameters with a missing or invalid value
 */
export function checkRun({ phases, documents: sources }: ToeRequest, documents: readonly LoadedDocument[]): void {
  const there = [...new Set(documents.flatMap(({ document }) => document.phases.map(({ name }) => name)))];
  const missing = (phases ?? []).filter((phase) => !there.includes(phase));
  const strange = missing.find((phase) => !USUAL_PHASES.includes(phase)) ?? missing[0];
  if (strange !== undefined && (missing.length === phases?.length || !USUAL_PHASES.includes(strange))) {
    const near = nearestWord(strange, there);
    throw new WrongUse(
      `invalid value '${strange}' for --phases: expected a phase of the documents (${there.join(', ')})` +
        `${near === undefined ? '' : `; did you mean '${near}'?`}`,
    );
  }
  for (const [index, loaded] of documents.entries()) {
    try {
      parameterScope(loaded.document, nameOf(loaded), sources[index]!.parameters);
    } catch (error) {
      if (!(error instanceof ParameterError)) throw error;
      throw new WrongUse(`${error.message}. Give it with --parameters NAME=VALUE`, { cause: error });
    }
  }
}

/** Why a run needs a virtual machine, as in a build of the documents; `undefined` if a container is enough. */
export function machineReason(
  { phases, documents: sources }: ToeRequest,
  documents: readonly LoadedDocument[],
  ownBase: boolean,
): string | undefined {
  for (const [index, loaded] of documents.entries()) {
    const { document, path } = loaded;
    const run = phases ?? document.phases.map(({ name }) => name);
    const need = needsMachine(document, run, { ownBase }, sources[index]!.parameters);
    if (need === undefined) continue;
    const { line, column } = need.position;
    const place = `${path}:${line}:${column}`;
    return `${nameOf(loaded)} needs a virtual machine, because ${need.reason} (${place}, rule ${need.rule})`;
  }
  return undefined;
}

/** Advice after a success that a build repeats in a machine, because of an id that a container does not have. */
export function foreignIdHint(foreign: string): string {
  return (
    `After it ${foreign}, and a container has ids up to ${UIDS_OF_A_CONTAINER - 1}. A build runs it once more in a ` +
    'virtual machine, as --on qemu does here'
  );
}

/** Advice after a failure in a container that a virtual machine would avoid; `undefined` for any other. */
export function machineHint({ documents }: RunReport): string | undefined {
  for (const { outcome } of documents) {
    const { failure } = outcome;
    const found = failure === undefined ? undefined : containerRefusal(failure.outputTail, failure);
    if (found !== undefined)
      return (
        `The container may be the cause: ${found.refusal} (${found.line}). ` +
        'A build retries in a virtual machine, as --on qemu does here'
      );
  }
  return undefined;
}
