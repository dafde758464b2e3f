/** ARNs by which policies name what Ingot's own routes are about. */
import type { RequestContext } from '../context.ts';

/** The server itself: it belongs to the account of the first key pair. */
export function serverArn({ services }: RequestContext): string {
  return `arn:aws:ingot::${services.defaultAccount}:server`;
}

/** A launched instance, by its id; all of them with `*`. */
export function instanceArn(id: string, { region, account }: RequestContext): string {
  return `arn:aws:ec2:${region}:${account}:instance/${id}`;
}

/** An AMI, by its id. */
export function amiArn(id: string, { region, account }: RequestContext): string {
  return `arn:aws:ec2:${region}:${account}:image/${id}`;
}

/** A file that components name, by its SHA-256; all of them with `*`. */
export function fileArn(sha256: string, { region, account }: RequestContext): string {
  return `arn:aws:ingot:${region}:${account}:file/${sha256}`;
}

/** A stack, by its name; all of them with `*`. */
export function stackArn(name: string, { region, account }: RequestContext): string {
  return `arn:aws:cloudformation:${region}:${account}:stack/${name}`;
}

/** The resources that a dry run is about: those of an account and Region. Each is asked for by its own action, too. */
export function dryRunArn({ region, account }: RequestContext): string {
  return `arn:aws:ingot:${region}:${account}:dry-run`;
}
