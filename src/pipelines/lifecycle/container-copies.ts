/** Deletes what an image of Ingot's has in repositories: its tags, and the image that they name. */
import type { Selectable } from 'kysely';
import type { Catalog, Queryable } from '../../catalog/catalog.ts';
import { imagesWithCopy, removeContainerCopy } from '../../catalog/container-outputs.ts';
import type { ContainerCopyTable } from '../../catalog/engine-tables.ts';
import { findRepository, imagesOfRepository, removeImage, removeTag } from '../../catalog/repositories.ts';
import { recordedPlace } from '../../resources/repositories.ts';
import type { Outcome } from './ends.ts';

/**
 * Deletes one copy. The tag goes, and the image in the repository with its last tag. What a newer image has under the
 * same name, or an index needs, stays. The registry frees the layers at the next garbage collection.
 */
export async function deleteCopy(catalog: Catalog, copy: Selectable<ContainerCopyTable>): Promise<Outcome> {
  const place = recordedPlace(copy.uri);
  if (place === undefined)
    return { status: 'SKIPPED', reason: 'It is in a registry of config.yaml, from which Ingot deletes nothing.' };
  return catalog.transaction(async (trx) => {
    const outcome = await deleteOwn(trx, copy, place);
    await removeContainerCopy(trx, copy);
    return outcome;
  });
}

const DONE: Outcome = { status: 'SUCCESS', reason: null };

async function deleteOwn(
  trx: Queryable,
  copy: Selectable<ContainerCopyTable>,
  { tag, ...name }: NonNullable<ReturnType<typeof recordedPlace>>,
): Promise<Outcome> {
  const [other] = (await imagesWithCopy(trx, copy)).filter((arn) => arn !== copy.image_arn);
  if (other !== undefined) return { status: 'SKIPPED', reason: `${other} has the same image under this name.` };
  const repository = await findRepository(trx, name, name.name);
  const images = repository === undefined ? [] : await imagesOfRepository(trx, repository.id);
  const image = images.find(({ digest }) => digest === copy.digest);
  // Somebody deleted it, or gave the tag to another image.
  if (repository === undefined || image === undefined) return DONE;
  if (image.tags.includes(tag)) await removeTag(trx, repository.id, tag);
  const left = image.tags.filter((each) => each !== tag);
  const index = images.find(({ children }) => (JSON.parse(children) as readonly string[]).includes(image.digest));
  if (left.length === 0 && index === undefined) await removeImage(trx, repository.id, image.digest);
  return DONE;
}
