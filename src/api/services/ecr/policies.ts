/** Policies of repositories: who else may use one, and how long its images are kept. */
import type * as sdk from '@aws-sdk/client-ecr';
import { updateRepository } from '../../../catalog/repositories.ts';
import { parsePolicy } from '../../../policies/document.ts';
import type { Operations } from '../service.ts';
import { invalid, policyNotFound } from './errors.ts';
import { lifecycleFaults } from './lifecycle.ts';
import { needsOf, repositoryOf } from './names.ts';

/** Longest policies, in characters. Source: Amazon ECR, "service quotas". */
const LONGEST = { repository: 10_240, lifecycle: 30_720 };

/** When a new or changed lifecycle policy runs first, in milliseconds: time to take a mistake back. */
const FIRST_RUN_MS = 3_600_000;

export const policies = {
  SetRepositoryPolicy: {
    mutating: true,
    // `force` is about locking oneself out. Whoever has the account cannot be.
    takes: ['registryId', 'repositoryName', 'policyText', 'force'],
    needs: needsOf,
    async run(input, context) {
      const { policyText } = input;
      const repository = await repositoryOf(input, context);
      const read = parsePolicy(policyText, 'repository');
      const faults = [
        ...(policyText.length > LONGEST.repository ? [`it has more than ${LONGEST.repository} characters`] : []),
        ...('faults' in read ? read.faults : []),
      ];
      if (faults.length > 0)
        throw invalid(
          `Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided': ` +
            faults.join('; '),
        );
      await updateRepository(context.db, repository.id, { policy: policyText });
      return { registryId: repository.account, repositoryName: repository.name, policyText };
    },
  },

  GetRepositoryPolicy: {
    mutating: false,
    takes: ['registryId', 'repositoryName'],
    needs: needsOf,
    async run(input, context) {
      const repository = await repositoryOf(input, context);
      const { account, name, policy } = repository;
      if (policy === null) throw policyNotFound('Repository', repository);
      return { registryId: account, repositoryName: name, policyText: policy };
    },
  },

  DeleteRepositoryPolicy: {
    mutating: true,
    takes: ['registryId', 'repositoryName'],
    needs: needsOf,
    async run(input, context) {
      const repository = await repositoryOf(input, context);
      const { account, name, policy } = repository;
      if (policy === null) throw policyNotFound('Repository', repository);
      await updateRepository(context.db, repository.id, { policy: null });
      return { registryId: account, repositoryName: name, policyText: policy };
    },
  },

  PutLifecyclePolicy: {
    mutating: true,
    takes: ['registryId', 'repositoryName', 'lifecyclePolicyText'],
    needs: needsOf,
    async run(input, context) {
      const { lifecyclePolicyText } = input;
      const repository = await repositoryOf(input, context);
      const faults =
        lifecyclePolicyText.length > LONGEST.lifecycle
          ? [`it has more than ${LONGEST.lifecycle} characters`]
          : lifecycleFaults(lifecyclePolicyText);
      if (faults.length > 0)
        throw invalid(
          `Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: 'Lifecycle policy validation ` +
            `failure: ${faults.join('; ')}'`,
        );
      await updateRepository(context.db, repository.id, {
        lifecycle_policy: lifecyclePolicyText,
        lifecycle_evaluated: null,
        lifecycle_due: new Date(Date.now() + FIRST_RUN_MS).toISOString(),
      });
      return { registryId: repository.account, repositoryName: repository.name, lifecyclePolicyText };
    },
  },

  GetLifecyclePolicy: {
    mutating: false,
    takes: ['registryId', 'repositoryName'],
    needs: needsOf,
    async run(input, context) {
      const repository = await repositoryOf(input, context);
      if (repository.lifecycle_policy === null) throw policyNotFound('Lifecycle', repository);
      return {
        registryId: repository.account,
        repositoryName: repository.name,
        lifecyclePolicyText: repository.lifecycle_policy,
        ...(repository.lifecycle_evaluated === null
          ? {}
          : { lastEvaluatedAt: new Date(repository.lifecycle_evaluated) }),
      };
    },
  },

  DeleteLifecyclePolicy: {
    mutating: true,
    takes: ['registryId', 'repositoryName'],
    needs: needsOf,
    async run(input, context) {
      const repository = await repositoryOf(input, context);
      const { account, name, lifecycle_policy } = repository;
      if (lifecycle_policy === null) throw policyNotFound('Lifecycle', repository);
      await updateRepository(context.db, repository.id, {
        lifecycle_policy: null,
        lifecycle_evaluated: null,
        lifecycle_due: null,
      });
      return { registryId: account, repositoryName: name, lifecyclePolicyText: lifecycle_policy };
    },
  },
} satisfies Operations<typeof sdk>;
