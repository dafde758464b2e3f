/**
 * The register of operations: one line per file. A file exports an object of handlers that `satisfies
 * Partial<Handlers>`.
 */
import type { Handlers } from '../context.ts';
import { OPERATIONS, type OperationName } from '../model.ts';
import { componentOperations } from './components.ts';
import { containerRecipeOperations } from './container-recipes.ts';
import { distributionConfigurationOperations } from './distribution-configurations.ts';
import { executionOperations } from './executions.ts';
import { imagePipelineOperations } from './image-pipelines.ts';
import { imageRecipeOperations } from './image-recipes.ts';
import { imageOperations } from './images.ts';
import { importOperations } from './imports.ts';
import { infrastructureConfigurationOperations } from './infrastructure-configurations.ts';
import { lifecycleExecutionOperations } from './lifecycle-executions.ts';
import { lifecyclePolicyOperations } from './lifecycle-policies.ts';
import { NOT_YET, notYetOperations } from './not-yet.ts';
import { resourcePolicyOperations } from './resource-policies.ts';
import { scanFindingOperations } from './scan-findings.ts';
import { secondRunOperations } from './second-runs.ts';
import { tagOperations } from './tags.ts';
import { workflowOperations } from './workflows.ts';

/** The handler of every operation. */
export const handlers: Handlers = {
  ...notYetOperations,
  ...componentOperations,
  ...containerRecipeOperations,
  ...distributionConfigurationOperations,
  ...executionOperations,
  ...imagePipelineOperations,
  ...imageRecipeOperations,
  ...imageOperations,
  ...importOperations,
  ...infrastructureConfigurationOperations,
  ...lifecycleExecutionOperations,
  ...lifecyclePolicyOperations,
  ...resourcePolicyOperations,
  ...scanFindingOperations,
  ...secondRunOperations,
  ...tagOperations,
  ...workflowOperations,
};

/** Names of the implemented and the other operations, for `docs/api.md` and the tests. */
export function census(): { readonly supported: readonly OperationName[]; readonly notYet: readonly OperationName[] } {
  const notYet = new Set<OperationName>(NOT_YET);
  const names = [...OPERATIONS.keys()].sort();
  return { supported: names.filter((name) => !notYet.has(name)), notYet: names.filter((name) => notYet.has(name)) };
}
