/** ARNs that name EC2's resources in policies. Source: Service Authorization Reference, "Amazon EC2". */
import type { Place } from '../../../catalog/slices.ts';

/** The ARN of an AMI; it contains no account. */
export function imageArn(id: string, { region }: Pick<Place, 'region'>): string {
  return `arn:aws:ec2:${region}::image/${id}`;
}

/** The ARN of a snapshot; it contains no account. */
export function snapshotArn(id: string, { region }: Pick<Place, 'region'>): string {
  return `arn:aws:ec2:${region}::snapshot/${id}`;
}

/** The ARN of a launch template. */
export function launchTemplateArn(id: string, { region, account }: Place): string {
  return `arn:aws:ec2:${region}:${account}:launch-template/${id}`;
}

/** The ARN for the id of an AMI, snapshot or launch template. */
export function arnOfId(id: string, place: Place): string {
  if (id.startsWith('snap-')) return snapshotArn(id, place);
  if (id.startsWith('lt-')) return launchTemplateArn(id, place);
  return imageArn(id, place);
}
