/** The register of Ingot's own routes. */
import { auditRoutes } from './audit.ts';
import { dependentRoutes } from './dependents.ts';
import { dryRunRoutes } from './dry-run.ts';
import { fileRoutes } from './files.ts';
import { eventRoutes } from './events.ts';
import { imageRoutes } from './images.ts';
import { importRoutes } from './imports.ts';
import { instanceRoutes } from './instances.ts';
import { keyRoutes } from './keys.ts';
import { lifecycleRoutes } from './lifecycle.ts';
import { outdatedRoutes } from './outdated.ts';
import { parameterRoutes } from './parameters.ts';
import { pipelineRoutes } from './pipelines.ts';
import { principalRoutes } from './principals.ts';
import type { IngotRoute } from './route.ts';
import { serverRoutes } from './server.ts';
import { stackRoutes } from './stacks.ts';
import { statusRoutes } from './status.ts';
import { storageRoutes } from './storage.ts';
import { storeRoutes } from './stores.ts';

/** All routes. */
export const ingotRoutes: readonly IngotRoute[] = [
  ...serverRoutes,
  ...instanceRoutes,
  ...imageRoutes,
  ...importRoutes,
  ...storageRoutes,
  ...storeRoutes,
  ...dependentRoutes,
  ...pipelineRoutes,
  ...lifecycleRoutes,
  ...outdatedRoutes,
  ...dryRunRoutes,
  ...stackRoutes,
  ...parameterRoutes,
  ...fileRoutes,
  ...principalRoutes,
  ...keyRoutes,
  ...auditRoutes,
  ...eventRoutes,
  ...statusRoutes,
];
