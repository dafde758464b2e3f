/** `AWS::ECR::Repository` of templates: its properties, as requests to Amazon ECR. Pure. */
import type { RequestValue } from './shapes.ts';

/** A repository as a template wants it. */
export interface WantedRepository {
  readonly name: string;
  /** Members of the request that creates it, without its tags. */
  readonly settings: {
    readonly imageTagMutability: string;
    readonly imageTagMutabilityExclusionFilters?: readonly { readonly filterType: string; readonly filter: string }[];
    readonly imageScanningConfiguration: { readonly scanOnPush: boolean };
  };
  readonly encryptionConfiguration?: RequestValue;
  /** JSON; absent: no policy. */
  readonly repositoryPolicyText?: string;
  readonly lifecyclePolicyText?: string;
  readonly tags: Readonly<Record<string, string>>;
  /** Whether it is deleted with its images. */
  readonly emptyOnDelete: boolean;
}

type Members = Readonly<Record<string, RequestValue | undefined>>;

/** Reads the properties of a repository, with small first letters. */
export function wantedRepository(request: Members): WantedRepository {
  const scanning = request['imageScanningConfiguration'] as Members | undefined;
  const lifecycle = request['lifecyclePolicy'] as Members | undefined;
  const policy = request['repositoryPolicyText'];
  const filters = request['imageTagMutabilityExclusionFilters'] as readonly Members[] | undefined;
  const tags = (request['tags'] ?? []) as unknown as readonly { readonly key: string; readonly value: string }[];
  return {
    name: String(request['repositoryName']),
    settings: {
      imageTagMutability: String(request['imageTagMutability'] ?? 'MUTABLE'),
      ...(filters === undefined
        ? {}
        : {
            imageTagMutabilityExclusionFilters: filters.map((filter) => ({
              filterType: String(filter['imageTagMutabilityExclusionFilterType']),
              filter: String(filter['imageTagMutabilityExclusionFilterValue']),
            })),
          }),
      imageScanningConfiguration: { scanOnPush: scanning?.['scanOnPush'] === true },
    },
    encryptionConfiguration: request['encryptionConfiguration'],
    repositoryPolicyText: policy === undefined || typeof policy === 'string' ? policy : JSON.stringify(policy),
    lifecyclePolicyText: lifecycle?.['lifecyclePolicyText'] as string | undefined,
    tags: Object.fromEntries(tags.map(({ key, value }) => [key, value])),
    emptyOnDelete: request['emptyOnDelete'] === true,
  };
}

/** What can differ between two repositories of one name, by the property that it is of. */
export type RepositoryState = Readonly<Record<string, unknown>>;

/** What a template wants, to be compared. */
export function stateOf(wanted: Omit<WantedRepository, 'name' | 'emptyOnDelete'>): RepositoryState {
  const { imageTagMutability, imageTagMutabilityExclusionFilters, imageScanningConfiguration } = wanted.settings;
  return {
    imageTagMutability,
    imageTagMutabilityExclusionFilters,
    imageScanningConfiguration,
    repositoryPolicyText: wanted.repositoryPolicyText,
    lifecyclePolicy: wanted.lifecyclePolicyText,
    tags: wanted.tags,
  };
}

/** Members in which two states differ. Policies are compared as JSON. */
export function stateChanges(wanted: RepositoryState, before: RepositoryState): readonly string[] {
  return Object.keys(wanted).filter((member) => canonical(wanted[member]) !== canonical(before[member]));
}

function canonical(value: unknown): string {
  if (typeof value === 'string')
    try {
      return canonical(JSON.parse(value) as unknown);
    } catch {
      return JSON.stringify(value);
    }
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? '';
  const entries = Object.entries(value).filter(([, member]) => member !== undefined);
  entries.sort(([one], [other]) => (one < other ? -1 : 1));
  return `{${entries.map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`).join()}}`;
}
