/** The worker process's entry: `worker-main.ts DATA_DIRECTORY TASK`, the task as JSON. */
import { useCompileCache } from '../platform/compile-cache.ts';

useCompileCache();
const { runWorker } = await import('./worker-process.ts');
const [dataDirectory, task] = process.argv.slice(2);
await runWorker(dataDirectory!, JSON.parse(task!) as Parameters<typeof runWorker>[1]);
