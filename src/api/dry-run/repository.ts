/** `AWS::ECR::Repository` in a dry run: checked by Amazon ECR's own operations, in the transaction that is undone. */
import { sql } from 'kysely';
import type { Queryable } from '../../catalog/catalog.ts';
import { findRepository } from '../../catalog/repositories.ts';
import { tagsOf } from '../../catalog/tags.ts';
import { ApiError } from '../../resources/errors.ts';
import { pathInRegistry, repositoryArn } from '../../resources/repositories.ts';
import { stateChanges, stateOf, wantedRepository } from '../../templates/repository.ts';
import type { RequestValue } from '../../templates/shapes.ts';
import { authorize } from '../access/authorize.ts';
import type { Structure } from '../codec.ts';
import type { RequestContext } from '../context.ts';
import { policies } from '../services/ecr/policies.ts';
import { repositories } from '../services/ecr/repositories.ts';
import type { ServiceContext } from '../services/service.ts';
import type { DryRunAnswer } from './answers.ts';

/** Judges a repository, and creates it for the later requests of the list. */
export async function checkRepository(
  db: Queryable,
  context: RequestContext,
  id: string,
  input: Structure,
): Promise<DryRunAnswer> {
  const wanted = wantedRepository(input as Readonly<Record<string, RequestValue>>);
  const { name, settings } = wanted;
  const place = { account: context.account, region: context.region, name };
  const own = { ...context, call: { ...context.call }, db };
  const within: ServiceContext = {
    ...own,
    operation: 'ecr:CreateRepository',
    afterCommit: () => {},
    signal: new AbortController().signal,
  };
  const resource = { arn: repositoryArn(place), name, uri: `${context.host}/${pathInRegistry(place)}` };
  const run = async (
    action: string,
    work: () => Promise<unknown>,
    tags?: Readonly<Record<string, string>>,
  ): Promise<void> => {
    await authorize(own, [{ action: `ecr:${action}`, resource: resource.arn, tags }]);
    await work();
  };
  await sql`savepoint dry_run`.execute(db);
  try {
    const found = await findRepository(db, place, name);
    const tags = Object.entries(wanted.tags).map(([Key, Value]) => ({ Key, Value }));
    const before =
      found === undefined
        ? undefined
        : stateOf({
            settings: {
              imageTagMutability: found.tag_mutability,
              ...(found.mutability_exclusions === null
                ? {}
                : { imageTagMutabilityExclusionFilters: JSON.parse(found.mutability_exclusions) as never }),
              imageScanningConfiguration: { scanOnPush: found.scan_on_push === 1 },
            },
            repositoryPolicyText: found.policy ?? undefined,
            lifecyclePolicyText: found.lifecycle_policy ?? undefined,
            tags: await tagsOf(db, resource.arn),
          });
    const changes = before === undefined ? [] : stateChanges(stateOf(wanted), before);
    if (before === undefined) {
      const create = {
        repositoryName: name,
        ...settings,
        encryptionConfiguration: wanted.encryptionConfiguration,
        tags,
      };
      await run('CreateRepository', () => repositories.CreateRepository.run(create as never, within), wanted.tags);
    } else if (changes.some((member) => member.startsWith('imageTagMutability')))
      await run('PutImageTagMutability', () =>
        repositories.PutImageTagMutability.run({ repositoryName: name, ...settings } as never, within),
      );
    const { repositoryPolicyText: policyText, lifecyclePolicyText } = wanted;
    if (policyText !== undefined && (before === undefined || changes.includes('repositoryPolicyText')))
      await run('SetRepositoryPolicy', () =>
        policies.SetRepositoryPolicy.run({ repositoryName: name, policyText }, within),
      );
    if (lifecyclePolicyText !== undefined && (before === undefined || changes.includes('lifecyclePolicy')))
      await run('PutLifecyclePolicy', () =>
        policies.PutLifecyclePolicy.run({ repositoryName: name, lifecyclePolicyText }, within),
      );
    await sql`release dry_run`.execute(db);
    if (before === undefined) return { id, action: 'create', resource };
    if (changes.length === 0) return { id, action: 'unchanged', resource };
    return {
      id,
      action: 'update',
      resource,
      changes,
      before: Object.fromEntries(changes.map((member) => [member, before[member]])),
    };
  } catch (error) {
    await sql`rollback to dry_run`.execute(db);
    await sql`release dry_run`.execute(db);
    if (!(error instanceof ApiError) || error.status >= 500) throw error;
    return { id, action: 'refused', faults: [{ code: error.code, message: error.message }] };
  }
}
