/** Queries on lifecycle policies. */
import type { LifecyclePolicy } from '@aws-sdk/client-imagebuilder';
import { configurationQueries } from './configurations.ts';

type Times = 'dateCreated' | 'dateUpdated' | 'dateLastRun';

/** A lifecycle policy on record: its times are ISO-8601 text, which the API has as times. */
export type StoredLifecyclePolicy = Omit<LifecyclePolicy, Times> & { readonly [T in Times]?: string | undefined };

/** Columns that lists can be filtered by. */
export type LifecyclePolicyColumn = 'name' | 'status';

/** Queries on lifecycle policies. */
export const lifecyclePolicies = configurationQueries<StoredLifecyclePolicy, LifecyclePolicyColumn>(
  'lifecycle_policies',
  ({ status }) => ({ status: status! }),
);
