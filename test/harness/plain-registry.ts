/** Somebody's registry: Debian's `docker-registry` on a port of 127.0.0.1, open to all. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../../src/platform/clock.ts';
import { freePort } from '../../src/platform/host.ts';
import { start, waitForExit } from '../../src/platform/processes.ts';

/** A running registry. */
export interface PlainRegistry {
  /** `127.0.0.1:5000` */
  readonly host: string;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

/** Starts a registry with its files in a folder. */
export async function plainRegistry(folder: string): Promise<PlainRegistry> {
  mkdirSync(folder, { recursive: true });
  const host = `127.0.0.1:${await freePort()}`;
  const settings = {
    version: 0.1,
    log: { level: 'error', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(folder, 'files') }, delete: { enabled: true } },
    http: { addr: host, relativeurls: true },
  };
  writeFileSync(join(folder, 'config.yml'), JSON.stringify(settings));
  const running = await start(['docker-registry', 'serve', join(folder, 'config.yml')], {
    stdio: ['ignore', 'ignore', 'ignore'],
  });
  await until('the registry to answer', 20_000, async () => {
    const answer = await fetch(`http://${host}/v2/`).catch(() => undefined);
    return answer?.ok === true ? true : undefined;
  });
  return {
    host,
    async stop() {
      running.kill('SIGTERM');
      await waitForExit(running.pid, running.startTime, 20_000);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
