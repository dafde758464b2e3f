/** CloudWatch Logs: read access to the logs of images and pipelines. */
import type { Service } from '../service.ts';
import { events } from './events.ts';
import { groups } from './groups.ts';
import { liveTail } from './live-tail.ts';

export const logs: Service = {
  schemas: '@aws-sdk/client-cloudwatch-logs/dist-cjs/schemas/schemas_0.js',
  operations: { ...groups, ...events, ...liveTail },
};
