/** Identifiers in AWS's formats. */
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

/** `lt-` and 17 hexadecimal digits. */
export function newLaunchTemplateId(): string {
  return `lt-${hex17()}`;
}

/** `dk-` and 17 hexadecimal digits. */
export function newDataKeyId(): string {
  return `dk-${hex17()}`;
}

/** `lay-` and 17 hexadecimal digits. */
export function newLayerId(): string {
  return `lay-${hex17()}`;
}

/** `import-ami-` and 17 hexadecimal digits. */
export function newImportTaskId(): string {
  return `import-ami-${hex17()}`;
}

/** `wf-` and a uuid. */
export function newWorkflowExecutionId(): string {
  return `wf-${randomUUID()}`;
}

/** `step-` and a uuid. */
export function newStepExecutionId(): string {
  return `step-${randomUUID()}`;
}

/** `lce-` and a uuid. */
export function newLifecycleExecutionId(): string {
  return `lce-${randomUUID()}`;
}

/** A uuid: request ids, client tokens. */
export function newUuid(): string {
  return randomUUID();
}

/**
 * An access key id: 20 characters, as on AWS, but with a different prefix, so that no scanner takes it for an AWS key.
 * Keys of a `session` have another prefix.
 */
export function newAccessKeyId(kind: 'long-lived' | 'session' = 'long-lived'): string {
  return `${kind === 'session' ? 'INGS' : 'INGT'}${capitals(16)}`;
}

/** `AIDA…` for a user, `AROA…` for a role: 21 characters. */
export function newPrincipalId(type: 'user' | 'role'): string {
  return `${type === 'user' ? 'AIDA' : 'AROA'}${capitals(17)}`;
}

function capitals(count: number): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  return [...randomBytes(count)].map((byte) => alphabet[byte & 31]).join('');
}
