/** Images of repositories. */
import type * as sdk from '@aws-sdk/client-ecr';
import {
  imagesOfRepository,
  removeImage,
  removeTag,
  type Repository,
  type RepositoryImage,
} from '../../../catalog/repositories.ts';
import { isImageDigest, isImageTag } from '../../../resources/repositories.ts';
import { askRegistry, manifestOf, MOST_IMAGES, readAnswer, recordImage, refusalOfPush } from '../../registry/images.ts';
import type { PushRefusal } from '../../registry/images.ts';
import { MANIFEST_LIMIT, readManifest } from '../../registry/manifests.ts';
import { ServiceError } from '../errors.ts';
import { pageOf } from '../paging.ts';
import type { Operations } from '../service.ts';
import { imageNotFound, invalid, invalidForm } from './errors.ts';
import { imageNamed, needsOf, repositoryOf, type ImageName } from './names.ts';

const MOST_IDS = 100;

function told({ account, name }: Repository, image: RepositoryImage) {
  return {
    registryId: account,
    repositoryName: name,
    imageDigest: image.digest,
    ...(image.tags.length === 0 ? {} : { imageTags: [...image.tags] }),
    imageSizeInBytes: image.size,
    imagePushedAt: new Date(image.pushed),
    imageManifestMediaType: image.media_type,
    ...(image.artifact_type === null ? {} : { artifactMediaType: image.artifact_type }),
    ...(image.pulled === null ? {} : { lastRecordedPullTime: new Date(image.pulled) }),
  };
}

/** @throws {ServiceError} InvalidParameterException for an id without a name */
function checkIds(ids: readonly ImageName[]): void {
  if (ids.length === 0 || ids.length > MOST_IDS)
    throw invalid(
      `Invalid parameter at 'imageIds' failed to satisfy constraint: 'must have between 1 and ${MOST_IDS} members'`,
    );
}

type Failure = sdk.ImageFailure;

/** Why an id names no image, or the image. */
function find(images: readonly RepositoryImage[], imageId: ImageName): RepositoryImage | Failure {
  const fail = (failureCode: sdk.ImageFailureCode, failureReason: string): Failure => ({
    imageId,
    failureCode,
    failureReason,
  });
  const { imageDigest, imageTag } = imageId;
  if (imageDigest === undefined && imageTag === undefined)
    return fail('MissingDigestAndTag', 'Invalid request parameters: both tag and digest cannot be null');
  if (imageDigest !== undefined && !isImageDigest(imageDigest))
    return fail(
      'InvalidImageDigest',
      'Invalid request parameters: image digest should satisfy the regex sha256:[0-9a-f]{64}',
    );
  if (imageTag !== undefined && !isImageTag(imageTag))
    return fail(
      'InvalidImageTag',
      "Invalid request parameters: image tag should satisfy the regex '[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}'",
    );
  const found = imageNamed(images, imageId);
  if (found !== undefined) return found;
  const other = imageDigest !== undefined && imageTag !== undefined && imageNamed(images, { imageTag }) !== undefined;
  return other
    ? fail('ImageTagDoesNotMatchDigest', 'Requested image tag does not match the digest')
    : fail('ImageNotFound', 'Requested image not found');
}

const isFailure = (found: RepositoryImage | Failure): found is Failure => 'failureCode' in found;

type TagStatus = { readonly tagStatus?: string | undefined } | undefined;

function hasStatus({ tags }: RepositoryImage, filter: TagStatus): boolean {
  const { tagStatus = 'ANY' } = filter ?? {};
  return tagStatus === 'TAGGED' ? tags.length > 0 : tagStatus === 'UNTAGGED' ? tags.length === 0 : true;
}

function refuse(refusal: PushRefusal | undefined, { name }: Repository, tag: string | undefined): void {
  if (refusal === 'tag kept')
    throw new ServiceError(
      'ImageTagAlreadyExistsException',
      `The image tag '${tag}' already exists in the '${name}' repository and cannot be overwritten because the ` +
        'repository is immutable.',
    );
  if (refusal === 'too many')
    throw new ServiceError('LimitExceededException', `The repository '${name}' has ${MOST_IMAGES} images, its limit.`);
}

export const images = {
  DescribeImages: {
    mutating: false,
    takes: ['registryId', 'repositoryName', 'imageIds', 'nextToken', 'maxResults', 'filter'],
    needs: needsOf,
    async run(input, context) {
      const { imageIds = [], nextToken, maxResults, filter, registryId, repositoryName } = input;
      const repository = await repositoryOf(input, context);
      const all = await imagesOfRepository(context.db, repository.id);
      if (imageIds.length > 0) {
        checkIds(imageIds);
        const named = imageIds.map((id) => {
          const found = imageNamed(all, id);
          if (found === undefined) throw imageNotFound(repository, id);
          return found;
        });
        return { imageDetails: [...new Set(named)].map((image) => told(repository, image)) };
      }
      const page = pageOf(
        { MaxResults: maxResults, NextToken: nextToken, registryId, repositoryName, filter },
        context,
        { most: 1000, usual: 100, shape: ['string', 'string'] },
      );
      const cut = page.cutAll(
        all.filter((image) => hasStatus(image, filter)),
        ({ pushed, digest }) => [pushed, digest],
      );
      return { imageDetails: cut.items.map((image) => told(repository, image)), nextToken: cut.nextToken };
    },
  },

  ListImages: {
    mutating: false,
    takes: ['registryId', 'repositoryName', 'nextToken', 'maxResults', 'filter'],
    needs: needsOf,
    async run(input, context) {
      const { nextToken, maxResults, filter, registryId, repositoryName } = input;
      const repository = await repositoryOf(input, context);
      const page = pageOf(
        { MaxResults: maxResults, NextToken: nextToken, registryId, repositoryName, filter },
        context,
        { most: 1000, usual: 100, shape: ['string', 'string', 'string'] },
      );
      const ids = (await imagesOfRepository(context.db, repository.id))
        .filter((image) => hasStatus(image, filter))
        .flatMap(({ pushed, digest, tags }) =>
          (tags.length === 0 ? [''] : tags).map((tag) => ({ pushed, digest, tag })),
        );
      const cut = page.cutAll(ids, ({ pushed, digest, tag }) => [pushed, digest, tag]);
      return {
        imageIds: cut.items.map(({ digest, tag }) => ({
          imageDigest: digest,
          ...(tag === '' ? {} : { imageTag: tag }),
        })),
        nextToken: cut.nextToken,
      };
    },
  },

  BatchGetImage: {
    mutating: false,
    takes: ['registryId', 'repositoryName', 'imageIds', 'acceptedMediaTypes'],
    needs: needsOf,
    async run(input, context) {
      checkIds(input.imageIds);
      const repository = await repositoryOf(input, context);
      const all = await imagesOfRepository(context.db, repository.id);
      const failures: Failure[] = [];
      const found: sdk.Image[] = [];
      for (const imageId of input.imageIds) {
        const image = find(all, imageId);
        if (isFailure(image)) failures.push(image);
        else
          found.push({
            registryId: repository.account,
            repositoryName: repository.name,
            imageId: {
              imageDigest: image.digest,
              ...(imageId.imageTag === undefined ? {} : { imageTag: imageId.imageTag }),
            },
            imageManifest: (await manifestOf(context.services.registry, repository.id, image)).toString('utf8'),
            imageManifestMediaType: image.media_type,
          });
      }
      return { images: found, failures };
    },
  },

  BatchDeleteImage: {
    mutating: true,
    takes: ['registryId', 'repositoryName', 'imageIds'],
    needs: needsOf,
    async run(input, context) {
      checkIds(input.imageIds);
      const repository = await repositoryOf(input, context);
      const failures: Failure[] = [];
      const imageIds: sdk.ImageIdentifier[] = [];
      for (const imageId of input.imageIds) {
        const all = await imagesOfRepository(context.db, repository.id);
        const image = find(all, imageId);
        if (isFailure(image)) {
          failures.push(image);
          continue;
        }
        const index = all.find(({ children }) => (JSON.parse(children) as string[]).includes(image.digest));
        // As AWS: a tag goes, and with the last one the image.
        const goes = imageId.imageTag === undefined || image.tags.length === 1;
        if (goes && index !== undefined) {
          failures.push({
            imageId,
            failureCode: 'ImageReferencedByManifestList',
            failureReason: `Requested image referenced by manifest list: [${index.digest}]`,
          });
          continue;
        }
        if (goes) await removeImage(context.db, repository.id, image.digest);
        else await removeTag(context.db, repository.id, imageId.imageTag!);
        for (const tag of goes ? image.tags : [imageId.imageTag!])
          imageIds.push({ imageDigest: image.digest, imageTag: tag });
        if (image.tags.length === 0) imageIds.push({ imageDigest: image.digest });
      }
      return { imageIds, failures };
    },
  },

  PutImage: {
    mutating: true,
    // The registry is asked before the transaction.
    outside: true,
    takes: ['registryId', 'repositoryName', 'imageManifest', 'imageManifestMediaType', 'imageTag', 'imageDigest'],
    needs: needsOf,
    async run(input, context) {
      const { imageTag, imageDigest } = input;
      const repository = await repositoryOf(input, context);
      const body = Buffer.from(input.imageManifest);
      if (body.length > MANIFEST_LIMIT)
        throw invalid(`Invalid parameter at 'imageManifest': it has more than ${MANIFEST_LIMIT} bytes`);
      if (imageTag !== undefined && !isImageTag(imageTag))
        throw invalidForm('imageTag', '[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}');
      let image;
      try {
        image = readManifest(body, input.imageManifestMediaType);
      } catch (error) {
        throw error instanceof ServiceError
          ? invalid(`Invalid parameter at 'imageManifest' failed to satisfy constraint: '${error.message}'`)
          : error;
      }
      if (imageDigest !== undefined && imageDigest !== image.digest)
        throw new ServiceError(
          'ImageDigestDoesNotMatchException',
          `The specified image digest does not match the digest of the manifest: ${image.digest}`,
        );
      refuse(await refusalOfPush(context.db, repository, image.digest, imageTag), repository, imageTag);
      const before = (await imagesOfRepository(context.db, repository.id)).find(
        ({ digest }) => digest === image.digest,
      );
      if (before !== undefined && (imageTag === undefined || before.tags.includes(imageTag)))
        throw new ServiceError(
          'ImageAlreadyExistsException',
          `Image with digest '${image.digest}' and tag '${imageTag ?? 'null'}' already exists in the repository with ` +
            `name '${repository.name}' in registry with id '${repository.account}'`,
        );
      const sent = await askRegistry(context.services.registry, `/v2/${repository.id}/manifests/${image.digest}`, {
        method: 'PUT',
        headers: { 'content-type': image.media_type, 'content-length': String(body.length) },
        body,
      });
      const said = await readAnswer(sent);
      if (sent.answer.statusCode !== 201) {
        if (sent.answer.statusCode! >= 500) throw new Error(`the registry answered ${said.toString('utf8', 0, 1000)}`);
        throw new ServiceError(
          'LayersNotFoundException',
          `One or more of the layers or images that the manifest names do not exist in the repository with name ` +
            `'${repository.name}' in the registry with id '${repository.account}'`,
        );
      }
      const { catalog } = context.services;
      refuse(await catalog.transaction((trx) => recordImage(trx, repository, image, imageTag)), repository, imageTag);
      return {
        image: {
          registryId: repository.account,
          repositoryName: repository.name,
          imageId: { imageDigest: image.digest, ...(imageTag === undefined ? {} : { imageTag }) },
          imageManifest: input.imageManifest,
          imageManifestMediaType: image.media_type,
        },
      };
    },
  },
} satisfies Operations<typeof sdk>;
