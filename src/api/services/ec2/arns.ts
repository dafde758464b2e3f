/** ARNs by which policies name what EC2's operations are about. Source: Service Authorization Reference, "Amazon EC2". */
import type { Place } from '../../../catalog/slices.ts';

/** An AMI: its ARN names no account. */
export function imageArn(id: string, { region }: Pick<Place, 'region'>): string {
  return `arn:aws:ec2:${region}::image/${id}`;
}

/** A snapshot: its ARN names no account. */
export function snapshotArn(id: string, { region }: Pick<Place, 'region'>): string {
  return `arn:aws:ec2:${region}::snapshot/${id}`;
}

/** A launch template. */
export function launchTemplateArn(id: string, { region, account }: Place): string {
  return `arn:aws:ec2:${region}:${account}:launch-template/${id}`;
}

/** The ARN of whatever an id is of. */
export function arnOfId(id: string, place: Place): string {
  if (id.startsWith('snap-')) return snapshotArn(id, place);
  if (id.startsWith('lt-')) return launchTemplateArn(id, place);
  return imageArn(id, place);
}
