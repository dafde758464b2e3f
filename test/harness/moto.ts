/** Moto, which answers as AWS does, on a port of this host. */
import { start, type RunningProcess } from '../../src/platform/processes.ts';
import { until } from '../../src/platform/clock.ts';
import { run } from './processes.ts';
import { startReceiver } from './receiver-server.ts';

/** Path of `moto_server`; empty if it is not installed. */
export const moto = await run(['sh', '-c', 'command -v moto_server'], { okCodes: 'any' }).then(({ stdout }) =>
  stdout.trim(),
);

/** Why tests with it are skipped; `false` when it is installed. */
export const WITHOUT_MOTO = moto === '' ? 'moto_server is not installed (pip install "moto[server]")' : false;

/** A running one. */
export interface Moto {
  readonly endpoint: string;
  stop(): Promise<void>;
}

/** Starts it, and sets the credentials that the SDK finds to some that Moto accepts. */
export async function startMoto(): Promise<Moto> {
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' });
  const port = await startReceiver().then(async (free) => {
    await free.close();
    return free.port;
  });
  const endpoint = `http://127.0.0.1:${port}`;
  const server: RunningProcess = await start([moto, '-H', '127.0.0.1', '-p', String(port)], {
    stdio: ['ignore', 'ignore', 'ignore'],
    inherit: ['PYENV*'],
    detached: true,
  });
  await until('moto', 60_000, () =>
    fetch(endpoint).then(
      () => true,
      () => undefined,
    ),
  );
  return {
    endpoint,
    async stop() {
      server.kill();
      await server.exited;
    },
  };
}
