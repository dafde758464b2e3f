/** The worker process's entry: `worker-main.ts DATA_DIRECTORY TASK`, the task as JSON. */
import { useCompileCache } from '../platform/compile-cache.ts';

useCompileCache();
// The server's umask 077 does not fit: the worker fills base images and creates cgroups, which others must be able to
// enter. Its files in the data directory get explicit modes.
process.umask(0o022);
const { runWorker } = await import('./worker-process.ts');
const [dataDirectory, task] = process.argv.slice(2);
await runWorker(dataDirectory!, JSON.parse(task!) as Parameters<typeof runWorker>[1]);
