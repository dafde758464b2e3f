/** Identifiers, in the forms that AWS gives them. */
import { randomBytes, randomUUID } from 'node:crypto';

function hex17(): string {
  return randomBytes(9).toString('hex').slice(0, 17);
}

/** `i-` and 17 hexadecimal digits. */
export function newInstanceId(): string {
  return `i-${hex17()}`;
}

/** `ami-` and 17 hexadecimal digits. */
export function newAmiId(): string {
  return `ami-${hex17()}`;
}

/** `lay-` and 17 hexadecimal digits. */
export function newLayerId(): string {
  return `lay-${hex17()}`;
}

/** `wf-` and a uuid. */
export function newWorkflowExecutionId(): string {
  return `wf-${randomUUID()}`;
}

/** `step-` and a uuid. */
export function newStepExecutionId(): string {
  return `step-${randomUUID()}`;
}

/** A uuid: request ids, client tokens. */
export function newUuid(): string {
  return randomUUID();
}
