/** Finds the parent image of a container recipe when the image is planned. */
import type { Queryable } from '../../catalog/catalog.ts';
import { containerOutput } from '../../catalog/container-outputs.ts';
import { findManagedImage, type ManagedRegister } from '../../catalog/managed.ts';
import { resolveImage } from '../../catalog/resolve.ts';
import { layoutDescriptor } from '../../platform/oci-layout.ts';
import { parseArn } from '../../resources/arns.ts';

/** The source of a parent image. */
export type ParentSource =
  /** A container base that Ingot makes from packages, by its name. */
  | { readonly kind: 'base'; readonly name: string }
  | { readonly kind: 'registry'; readonly reference: string }
  /** A container image that Ingot built. */
  | {
      readonly kind: 'image';
      readonly arn: string;
      readonly digest: string;
      readonly mediaType: string;
      readonly size: number;
    }
  /** An OCI layout on this host, which `config.yaml` names. */
  | {
      readonly kind: 'layout';
      readonly path: string;
      readonly digest: string;
      readonly mediaType: string;
      readonly size: number;
    }
  | { readonly kind: 'scratch' };

/** The parent image does not exist. The message says which, and what to do. */
export class ParentMissing extends Error {
  override readonly name = 'ParentMissing';
}

/**
 * Finds the parent image: a managed name, an image of the account (with wildcards: its latest available build), a name
 * in a registry, or `scratch`.
 * @throws {ParentMissing}
 */
export async function parentSource(
  reference: string,
  {
    db,
    managed,
    account,
    region,
  }: {
    readonly db: Queryable;
    readonly managed: ManagedRegister;
    readonly account: string;
    readonly region: string;
  },
): Promise<ParentSource> {
  if (reference === 'scratch') return { kind: 'scratch' };
  const arn = parseArn(reference);
  if (arn === undefined) return { kind: 'registry', reference };
  const mapped = arn.owner === 'aws' ? managed.settings.parentImages[arn.slug] : undefined;
  if (mapped?.startsWith('docker://')) return { kind: 'registry', reference: mapped.slice('docker://'.length) };
  if (mapped?.startsWith('oci:')) return layoutSource(arn.slug, mapped.slice('oci:'.length));
  if (mapped !== undefined && !mapped.startsWith('ami-')) {
    const full = mapped.startsWith('image/') ? `arn:aws:imagebuilder:${region}:${account}:${mapped}` : mapped;
    const other = full.startsWith('arn:') ? full : `arn:aws:imagebuilder:${region}:aws:image/${full}/x.x.x`;
    if (parseArn(other)?.slug !== arn.slug) return parentSource(other, { db, managed, account, region });
  }
  if (arn.owner === 'aws') {
    const named = findManagedImage(managed, arn);
    if (named?.type === 'DOCKER' && named.supply === 'made') return { kind: 'base', name: named.name };
    if (named?.registry !== undefined) return { kind: 'registry', reference: named.registry };
    throw new ParentMissing(`the managed image '${arn.slug}' is not a container image`);
  }
  if (arn.owner !== account || arn.region !== region)
    throw new ParentMissing(`the parent image ${reference} belongs to another account or Region`);
  const build = await resolveImage(db, reference);
  const output = build === undefined ? undefined : await containerOutput(db, build);
  if (build === undefined || output === undefined)
    throw new ParentMissing(`no container image of ${reference} is AVAILABLE; build it first`);
  return { kind: 'image', arn: build, digest: output.digest, mediaType: output.media_type, size: output.size };
}

async function layoutSource(name: string, path: string): Promise<ParentSource> {
  try {
    return { kind: 'layout', path, ...(await layoutDescriptor(path)) };
  } catch (error) {
    throw new ParentMissing(
      `parentImages.${name} in config.yaml: the OCI layout ${path} cannot be used: ${(error as Error).message}`,
    );
  }
}
