/** Queries on workflows. */
import type { Workflow } from '@aws-sdk/client-imagebuilder';
import { documentQueries } from './documents.ts';

/** A workflow with the required members. */
export type StoredWorkflow = Workflow & {
  arn: string;
  name: string;
  version: string;
  type: NonNullable<Workflow['type']>;
  data: string;
};

/** Columns that lists can be filtered by. */
export type WorkflowColumn = 'name' | 'type' | 'version';

/** Queries on workflows. */
export const workflows = documentQueries<StoredWorkflow, WorkflowColumn>('workflows', () => ({}));
