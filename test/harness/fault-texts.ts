/** Texts of documents with a fault, for the cases of faults. */
import type { Platform } from '../../src/documents/component/modules.ts';
import type { FaultCode } from '../../src/documents/faults.ts';
import type { WorkflowType } from '../../src/documents/workflow/document.ts';

export interface Case {
  readonly code: FaultCode;
  /** A document with ▸ just before the position of the fault. */
  readonly text: string;
  readonly says: RegExp;
  readonly path?: string;
  readonly platform?: Platform;
  /** For workflow documents. */
  readonly workflow?: WorkflowType;
}

export const PLACE = '▸';

/** A component document with one step; `step` is what follows its name, `top` comes before the phases. */
export function component(step: string, top = ''): string {
  const lines = step.replace(/^(?=.)/gm, '        ');
  return `schemaVersion: 1.0\n${top}phases:\n  - name: build\n    steps:\n      - name: One\n${lines}`;
}

export function bash(command: string, top = ''): string {
  return component(`action: ExecuteBash\ninputs:\n  commands:\n    - ${command}\n`, top);
}

/** A workflow with one launch step, and what follows it. */
export function workflow(more: string): string {
  const launch = '  - name: Launch\n    action: LaunchInstance\n    inputs: {waitFor: ssmAgent}\n';
  return `schemaVersion: 1.0\nsteps:\n${launch}${more}`;
}

export const GOOD_STEP = 'action: ExecuteBash\ninputs: {commands: ["true"]}\n';
