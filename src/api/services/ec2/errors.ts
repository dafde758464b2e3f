/** EC2's errors, by their codes. Source: EC2 API Reference, "Error codes". */
import { ServiceError } from '../errors.ts';

/** A parameter has an invalid value. */
export function invalidParameter(message: string): ServiceError {
  return new ServiceError('InvalidParameterValue', message);
}

/** Parameters that exclude each other. */
export function invalidCombination(message: string): ServiceError {
  return new ServiceError('InvalidParameterCombination', message);
}

/** An AMI does not exist, or the caller may not use it. */
export function amiNotFound(ids: readonly string[]): ServiceError {
  const many = ids.length > 1;
  return new ServiceError(
    'InvalidAMIID.NotFound',
    `The image id${many ? 's' : ''} '[${ids.slice(0, 10).join(', ')}]' do${many ? '' : 'es'} not exist`,
  );
}

/** A snapshot does not exist, or the caller may not use it. */
export function snapshotNotFound(id: string): ServiceError {
  return new ServiceError('InvalidSnapshot.NotFound', `The snapshot '${id}' does not exist.`);
}

/** A resource of another account that only its owner may change. */
export function notOwner(id: string): ServiceError {
  return new ServiceError('AuthFailure', `Not authorized for image:${id}`, 403);
}

const FORMS = {
  ami: { form: /^ami-[0-9a-f]{8,17}$/, code: 'InvalidAMIID.Malformed' },
  snap: { form: /^snap-[0-9a-f]{8,17}$/, code: 'InvalidSnapshotID.Malformed' },
  lt: { form: /^lt-[0-9a-f]{8,17}$/, code: 'InvalidLaunchTemplateId.Malformed' },
} as const;

/** @throws {ServiceError} if an id does not have the form of its kind */
export function checkIds(kind: keyof typeof FORMS, ids: readonly string[]): void {
  const { form, code } = FORMS[kind];
  const wrong = ids.find((id) => !form.test(id));
  if (wrong !== undefined)
    throw new ServiceError(code, `Invalid id: "${wrong.slice(0, 64)}" (expecting "${kind}-...")`);
}
