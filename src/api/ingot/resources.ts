/** ARNs that policies use for the resources of Ingot's own routes. */
import type { RequestContext } from '../context.ts';

/** The server itself, which belongs to the account of the first key pair. */
export function serverArn({ services }: RequestContext): string {
  return `arn:aws:ingot::${services.defaultAccount}:server`;
}

/** A launched instance by its id; `*` for all. */
export function instanceArn(id: string, { region, account }: RequestContext): string {
  return `arn:aws:ec2:${region}:${account}:instance/${id}`;
}

/** An AMI by its id. */
export function amiArn(id: string, { region, account }: RequestContext): string {
  return `arn:aws:ec2:${region}:${account}:image/${id}`;
}

/** A file of components by its SHA-256; `*` for all. */
export function fileArn(sha256: string, { region, account }: RequestContext): string {
  return `arn:aws:ingot:${region}:${account}:file/${sha256}`;
}

/** A stack by its name; `*` for all. */
export function stackArn(name: string, { region, account }: RequestContext): string {
  return `arn:aws:cloudformation:${region}:${account}:stack/${name}`;
}

/** The resource of a dry run: everything in an account and Region. Each create also needs its own permission. */
export function dryRunArn({ region, account }: RequestContext): string {
  return `arn:aws:ingot:${region}:${account}:dry-run`;
}
