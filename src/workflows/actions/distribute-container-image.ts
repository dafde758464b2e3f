/** `DistributeContainerImage`: pushes the image to the repositories of each Region, under each of its tags. */
import { containerCopies, saveContainerCopy } from '../../catalog/container-outputs.ts';
import { digestOfTag } from '../../catalog/repositories.ts';
import { repositoryOf } from '../../distribution/registry/repositories.ts';
import { writeToFolder } from '../../distribution/registry/folders.ts';
import { placeManifest } from '../../distribution/registry/place-manifest.ts';
import { pushImage } from '../../distribution/registry/push.ts';
import { timestamp } from '../../platform/clock.ts';
import { recordedUri } from '../../resources/repositories.ts';
import { StepError } from '../errors.ts';
import type { StepAction, StepNeeds, StepOutputs } from './action.ts';

export const distributeContainerImage: StepAction = {
  name: 'DistributeContainerImage',
  skip: ({ plan }) => (plan.container === undefined ? 'this is not a container image' : undefined),
  run,
};

type Needs = StepNeeds<'arn' | 'account' | 'distribution', 'container', 'catalog' | 'dataDirectory'>;

async function run({ plan, progress, services, report, signal }: Needs): Promise<StepOutputs> {
  const image = progress.container;
  if (image === undefined) throw new StepError('the build stage made no container image that could be distributed');
  const { db } = services.catalog;
  for (const path of plan.distribution.withoutEffect)
    report({ type: 'log', level: 'warn', text: `${path} has no effect yet` });
  const there = await containerCopies(db, plan.arn);
  const succeededRegions: string[] = [];
  for (const { region, container } of plan.distribution.regions) {
    if (container === undefined) continue;
    const repository = await repositoryOf(
      { db, dataDirectory: services.dataDirectory, image: plan.arn },
      { region, account: plan.account, target: container },
      signal,
    );
    for (const tag of container.tags) {
      const uri = `${repository.name}:${tag}`;
      const { own, folder } = repository;
      const recorded = own === undefined ? uri : recordedUri(own, tag);
      const known = there.some(
        (copy) => copy.uri === recorded && copy.region === region && copy.digest === image.digest,
      );
      // In Ingot's own registry it may have been deleted since.
      // A folder is the operator's: written again.
      if (
        known &&
        folder === undefined &&
        (own === undefined || (await digestOfTag(db, own.id, tag)) === image.digest)
      ) {
        report({ type: 'log', text: `${uri} is there already` });
        continue;
      }
      const { plain, login } = repository;
      const target = { uri, plain, ...(login === undefined ? {} : { login }) };
      const control = { report, signal };
      const placed =
        folder !== undefined
          ? await writeToFolder(services.dataDirectory, image, { folder, repository: repository.name, tag }, control)
          : own === undefined
            ? undefined
            : await placeManifest(services.dataDirectory, image, target, signal);
      const digest = placed ?? (await pushImage(services.dataDirectory, image, target, control));
      if (digest !== image.digest)
        throw new StepError(`${uri} has the digest ${digest} in its registry, expected ${image.digest}`);
      await saveContainerCopy(db, { image_arn: plan.arn, region, uri: recorded, digest, created: timestamp() });
      report({ type: 'log', text: `${uri} in ${region}: ${digest}` });
    }
    succeededRegions.push(region);
  }
  return { status: 'Success', succeededRegions, failedRegions: [] };
}
