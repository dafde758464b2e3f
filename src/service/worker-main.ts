/** The worker process's entry: `worker-main.ts DATA_DIRECTORY CONCURRENCY [REASON]`. */
import { useCompileCache } from '../platform/compile-cache.ts';

useCompileCache();
const { runWorker } = await import('./worker-process.ts');
const [dataDirectory, concurrency, reason] = process.argv.slice(2);
await runWorker(dataDirectory!, Number(concurrency), reason);
