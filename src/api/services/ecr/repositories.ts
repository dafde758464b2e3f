/** Repositories, their settings and tags. */
import type * as sdk from '@aws-sdk/client-ecr';
import {
  countImages,
  createRepository,
  deleteRepository,
  findRepository,
  listRepositories,
  updateRepository,
  type Repository,
} from '../../../catalog/repositories.ts';
import type { Place } from '../../../catalog/slices.ts';
import { addTags, removeTags, tagsOf, type Tags } from '../../../catalog/tags.ts';
import { caseFault, sameButForCase } from '../../../policies/tag-keys.ts';
import { parseRepositoryArn, repositoryArn } from '../../../resources/repositories.ts';
import { ServiceError } from '../errors.ts';
import { pageOf } from '../paging.ts';
import type { Operations, ServiceContext } from '../service.ts';
import { invalid, repositoryExists, repositoryNotEmpty, repositoryNotFound } from './errors.ts';
import { checkName, nameOf, needsOf, repositoryOf, uriOf } from './names.ts';

/** Source: Amazon ECR, "service quotas". */
const MOST_REPOSITORIES = 100_000;
const MOST_TAGS = 50;
const MOST_EXCLUSIONS = 5;
const MUTABILITIES = ['MUTABLE', 'IMMUTABLE', 'IMMUTABLE_WITH_EXCLUSION', 'MUTABLE_WITH_EXCLUSION'];

function told(repository: Repository, context: ServiceContext) {
  return {
    repositoryArn: repositoryArn(repository),
    registryId: repository.account,
    repositoryName: repository.name,
    repositoryUri: uriOf(repository, context),
    createdAt: new Date(repository.created),
    ...toldMutability(repository),
    imageScanningConfiguration: { scanOnPush: repository.scan_on_push === 1 },
    // The answer to one who asked for nothing. Ingot's disks are as safe as the host makes them.
    encryptionConfiguration: { encryptionType: 'AES256' as const },
  };
}

function toldMutability({ tag_mutability, mutability_exclusions }: Repository) {
  return {
    imageTagMutability: tag_mutability as sdk.ImageTagMutability,
    ...(mutability_exclusions === null
      ? {}
      : {
          imageTagMutabilityExclusionFilters: JSON.parse(
            mutability_exclusions,
          ) as sdk.ImageTagMutabilityExclusionFilter[],
        }),
  };
}

interface Mutability {
  readonly imageTagMutability?: string | undefined;
  readonly imageTagMutabilityExclusionFilters?:
    | readonly { readonly filterType?: string | undefined; readonly filter?: string | undefined }[]
    | undefined;
}

function readMutability({ imageTagMutability = 'MUTABLE', imageTagMutabilityExclusionFilters: filters }: Mutability) {
  if (!MUTABILITIES.includes(imageTagMutability))
    throw invalid(
      "Invalid parameter at 'imageTagMutability' failed to satisfy constraint: 'Member must satisfy enum value set: " +
        `[${MUTABILITIES.join(', ')}]'`,
    );
  const excludes = imageTagMutability.endsWith('_WITH_EXCLUSION');
  if (excludes !== (filters !== undefined && filters.length > 0))
    throw invalid(
      "Invalid parameter at 'imageTagMutabilityExclusionFilters' failed to satisfy constraint: 'goes with a setting " +
        "WITH_EXCLUSION, and has to be given with one'",
    );
  for (const { filterType, filter = '' } of filters ?? [])
    if (filterType !== 'WILDCARD' || !/^[A-Za-z0-9._*-]{1,128}$/.test(filter) || filter.split('*').length > 3)
      throw invalid(
        "Invalid parameter at 'imageTagMutabilityExclusionFilters' failed to satisfy constraint: 'must be of " +
          "the type WILDCARD, with 1 to 128 letters, digits, '.', '_', '-' and at most 2 '*''",
      );
  if ((filters ?? []).length > MOST_EXCLUSIONS)
    throw invalid(
      `Invalid parameter at 'imageTagMutabilityExclusionFilters' failed to satisfy constraint: 'must have at most ` +
        `${MOST_EXCLUSIONS} members'`,
    );
  return { tag_mutability: imageTagMutability, mutability_exclusions: excludes ? JSON.stringify(filters) : null };
}

type GivenTags = readonly { readonly Key?: string | undefined; readonly Value?: string | undefined }[] | undefined;

function readTags(tags: GivenTags): Tags | undefined {
  if (tags === undefined || tags.length === 0) return undefined;
  return checked(
    Object.fromEntries(
      tags.map(({ Key, Value = '' }) => {
        if (Key === undefined || Key === '' || Key.length > 128)
          throw invalidTag('A tag key must have 1 to 128 characters.');
        if (Value.length > 256) throw invalidTag('A tag value must have at most 256 characters.');
        if (/^aws:/i.test(Key)) throw invalidTag(`The tag key '${Key}' begins with aws:, which is reserved.`);
        return [Key, Value];
      }),
    ),
  );
}

function checked(tags: Tags): Tags {
  const alike = sameButForCase(Object.keys(tags));
  if (alike !== undefined) throw invalidTag(`The repository ${caseFault(alike)}.`);
  if (Object.keys(tags).length > MOST_TAGS)
    throw new ServiceError('TooManyTagsException', `A repository can have at most ${MOST_TAGS} tags.`);
  return tags;
}

function invalidTag(message: string): ServiceError {
  return new ServiceError('InvalidTagParameterException', message);
}

/** The repository of an ARN. @throws {ServiceError} InvalidParameterException, RepositoryNotFoundException */
async function tagged(arn: string, context: ServiceContext): Promise<string> {
  const name = parseRepositoryArn(arn);
  if (name === undefined || name.region !== context.region)
    throw invalid(
      `Invalid parameter at 'resourceArn' failed to satisfy constraint: 'Invalid ARN' (${arn.slice(0, 300)}): ` +
        `expected arn:aws:ecr:${context.region}:${context.account}:repository/NAME`,
    );
  if ((await findRepository(context.db, name, name.name)) === undefined) throw repositoryNotFound(name);
  return repositoryArn(name);
}

export const repositories = {
  CreateRepository: {
    mutating: true,
    takes: [
      'registryId',
      'repositoryName',
      'tags',
      'imageTagMutability',
      'imageTagMutabilityExclusionFilters',
      'imageScanningConfiguration',
      'encryptionConfiguration',
    ],
    needs: (input, place) => {
      const tags = readTags(input.tags);
      const [need] = needsOf(input, place);
      return [{ ...need, tags }, ...(tags === undefined ? [] : [{ ...need, tags, action: 'ecr:TagResource' }])];
    },
    async run(input, context) {
      const name = nameOf(input, context);
      checkName(name);
      if (name.account !== context.account)
        throw invalid(`Invalid parameter at 'registryId' failed to satisfy constraint: 'must be ${context.account}'`);
      const encryption = input.encryptionConfiguration?.encryptionType ?? 'AES256';
      if (encryption !== 'AES256')
        throw invalid(
          `Invalid parameter at 'encryptionConfiguration' failed to satisfy constraint: 'Ingot has no key service: ` +
            `repositories encrypted with ${encryption} are not supported. Leave encryptionConfiguration out.'`,
        );
      const settings = {
        name: name.name,
        ...readMutability(input),
        scan_on_push: input.imageScanningConfiguration?.scanOnPush === true ? 1 : 0,
      };
      if ((await findRepository(context.db, name, name.name)) !== undefined) throw repositoryExists(name);
      if ((await listRepositories(context.db, context)).length >= MOST_REPOSITORIES)
        throw new ServiceError(
          'LimitExceededException',
          `The registry has ${MOST_REPOSITORIES} repositories, its limit.`,
        );
      const repository = await createRepository(context.db, context, settings);
      await addTags(context.db, repositoryArn(repository), readTags(input.tags));
      return { repository: told(repository, context) };
    },
  },

  DescribeRepositories: {
    mutating: false,
    takes: ['registryId', 'repositoryNames', 'nextToken', 'maxResults'],
    needs: ({ registryId, repositoryNames = [] }, place) =>
      (repositoryNames.length === 0 ? ['*'] : repositoryNames).flatMap((repositoryName) =>
        needsOf({ registryId, repositoryName }, place),
      ),
    async run({ registryId, repositoryNames = [], nextToken, maxResults }, context) {
      if (repositoryNames.length > 0 && (nextToken !== undefined || maxResults !== undefined))
        throw invalid('Invalid parameter: repositoryNames cannot be used together with nextToken or maxResults');
      if (repositoryNames.length > 0) {
        const found = [];
        for (const repositoryName of repositoryNames)
          found.push(told(await repositoryOf({ registryId, repositoryName }, context), context));
        return { repositories: found };
      }
      const page = pageOf({ MaxResults: maxResults, NextToken: nextToken, registryId }, context, {
        most: 1000,
        usual: 100,
        shape: ['string'],
      });
      const all = await listRepositories(context.db, {
        account: registryId ?? context.account,
        region: context.region,
      });
      const { items, nextToken: next } = page.cutAll(all, ({ name }) => [name]);
      return { repositories: items.map((each) => told(each, context)), nextToken: next };
    },
  },

  DeleteRepository: {
    mutating: true,
    takes: ['registryId', 'repositoryName', 'force'],
    needs: needsOf,
    async run(input, context) {
      const repository = await repositoryOf(input, context);
      if (input.force !== true && (await countImages(context.db, repository.id)) > 0)
        throw repositoryNotEmpty(repository);
      await deleteRepository(context.db, repository);
      return { repository: told(repository, context) };
    },
  },

  PutImageTagMutability: {
    mutating: true,
    takes: ['registryId', 'repositoryName', 'imageTagMutability', 'imageTagMutabilityExclusionFilters'],
    needs: needsOf,
    async run(input, context) {
      const repository = await repositoryOf(input, context);
      const settings = readMutability(input);
      await updateRepository(context.db, repository.id, settings);
      return {
        registryId: repository.account,
        repositoryName: repository.name,
        ...toldMutability({ ...repository, ...settings }),
      };
    },
  },

  PutImageScanningConfiguration: {
    mutating: true,
    takes: ['registryId', 'repositoryName', 'imageScanningConfiguration'],
    needs: needsOf,
    async run(input, context) {
      const repository = await repositoryOf(input, context);
      const scanOnPush = input.imageScanningConfiguration.scanOnPush === true;
      await updateRepository(context.db, repository.id, { scan_on_push: scanOnPush ? 1 : 0 });
      return {
        registryId: repository.account,
        repositoryName: repository.name,
        imageScanningConfiguration: { scanOnPush },
      };
    },
  },

  ListTagsForResource: {
    mutating: false,
    takes: ['resourceArn'],
    needs: ({ resourceArn }) => [{ resource: resourceArn }],
    async run({ resourceArn }, context) {
      const tags = await tagsOf(context.db, await tagged(resourceArn, context));
      return { tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) };
    },
  },

  TagResource: {
    mutating: true,
    takes: ['resourceArn', 'tags'],
    needs: ({ resourceArn, tags }) => [{ resource: resourceArn, tags: readTags(tags) }],
    async run({ resourceArn, tags: given }, context) {
      const arn = await tagged(resourceArn, context);
      const tags = readTags(given);
      checked({ ...(await tagsOf(context.db, arn)), ...tags });
      await addTags(context.db, arn, tags);
      return {};
    },
  },

  UntagResource: {
    mutating: true,
    takes: ['resourceArn', 'tagKeys'],
    needs: ({ resourceArn, tagKeys }, _place: Place) => [{ resource: resourceArn, tagKeys }],
    async run({ resourceArn, tagKeys }, context) {
      await removeTags(context.db, await tagged(resourceArn, context), tagKeys);
      return {};
    },
  },
} satisfies Operations<typeof sdk>;
