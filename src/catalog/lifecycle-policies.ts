/** Queries on lifecycle policies. */
import type { LifecyclePolicy } from '@aws-sdk/client-imagebuilder';
import { configurationQueries } from './configurations.ts';

type Times = 'dateCreated' | 'dateUpdated' | 'dateLastRun';

/** A recorded lifecycle policy. Its times are ISO-8601 text, unlike in the API. */
export type StoredLifecyclePolicy = Omit<LifecyclePolicy, Times> & { readonly [T in Times]?: string | undefined };

/** Columns that lists can be filtered by. */
export type LifecyclePolicyColumn = 'name' | 'status';

/** Queries on lifecycle policies. */
export const lifecyclePolicies = configurationQueries<StoredLifecyclePolicy, LifecyclePolicyColumn>(
  'lifecycle_policies',
  ({ status }) => ({ status: status! }),
);
