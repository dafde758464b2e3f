/** The API on a catalogue of its own, listening, with no worker behind it: images stay as the tests put them. */
import { ImagebuilderClient } from '@aws-sdk/client-imagebuilder';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApi } from '../../src/api/server.ts';
import { openCatalog, type Catalog } from '../../src/catalog/catalog.ts';
import type { StorageService } from '../../src/pipelines/storage.ts';
import type { LaunchService } from '../../src/launches/types.ts';

process.env['INGOT_LOG'] ??= 'silent';

/** Account of the tests' key pair. */
export const ACCOUNT = '123456789012';
/** Region of the tests' client. */
export const REGION = 'eu-west-1';
/** A parent image that is always there. */
export const DEBIAN = `arn:aws:imagebuilder:${REGION}:aws:image/debian-12-x86/x.x.x`;

/** A document of one command. */
export function documentOf(command: string, extra = ''): string {
  return `schemaVersion: 1.0\n${extra}phases:\n  - name: build\n    steps:\n      - name: Run\n        action: ExecuteBash\n        inputs:\n          commands:\n            - ${command}\n`;
}

/** A listening API. */
export interface TestApi {
  readonly client: ImagebuilderClient;
  readonly catalog: Catalog;
  /** How often the worker would have been woken. */
  readonly woken: () => number;
  /** A client of another account, or Region. */
  clientOf(account: 'other' | 'same', region: string): ImagebuilderClient;
  /** Ends it and starts it again on the same data directory, at another port. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

/** Starts the API on a free port and an empty data directory. */
export async function startApi(): Promise<TestApi> {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'ingot api '));
  const keys = { AKIDTEST: { accessKeyId: 'AKIDTEST', secretAccessKey: 'secret', account: ACCOUNT }, AKIDOTHER: { accessKeyId: 'AKIDOTHER', secretAccessKey: 'hidden', account: '210987654321' } };
  let woken = 0;
  const start = async () => {
    const catalog = await openCatalog(dataDirectory, {
      managedImages: [{ name: 'debian-12-x86', osVersion: 'Debian 12', platform: 'Linux' }, { name: 'windows-11', osVersion: 'Windows 11', platform: 'Windows' }],
    });
    const app = createApi({
      catalog,
      credential: (id) => keys[id as keyof typeof keys],
      defaultAccount: ACCOUNT,
      wakeWorker: () => void woken++,
      launches: {} as LaunchService,
      storage: {} as StorageService,
      version: '0.0.0',
      dataDirectory,
      shutdown: () => {},
    });
    const endpoint = await app.listen({ host: '127.0.0.1', port: 0 });
    const clients: ImagebuilderClient[] = [];
    const clientOf: TestApi['clientOf'] = (account, region) => {
      const client = new ImagebuilderClient({ endpoint, region, credentials: account === 'same' ? keys.AKIDTEST : keys.AKIDOTHER, maxAttempts: 1 });
      clients.push(client);
      return client;
    };
    const close = async (): Promise<void> => {
      for (const client of clients) client.destroy();
      await app.close();
      await catalog.close();
    };
    return { catalog, client: clientOf('same', REGION), clientOf, close };
  };
  let running = await start();
  return {
    get client() {
      return running.client;
    },
    get catalog() {
      return running.catalog;
    },
    woken: () => woken,
    clientOf: (account, region) => running.clientOf(account, region),
    async restart() {
      await running.close();
      running = await start();
    },
    async close() {
      await running.close();
      await rm(dataDirectory, { recursive: true, force: true });
    },
  };
}
