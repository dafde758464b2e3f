/** The API on a catalogue of its own, listening, with no worker behind it: images stay as the tests put them. */
import { ImagebuilderClient } from '@aws-sdk/client-imagebuilder';
import type { AwsCredentialIdentity } from '@smithy/types';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openIdentities } from '../../src/api/access/identities.ts';
import type { ApiServices } from '../../src/api/context.ts';
import { createApi } from '../../src/api/server.ts';
import { openAuditLog } from '../../src/catalog/audit-log.ts';
import { openCatalog, type Catalog } from '../../src/catalog/catalog.ts';
import type { ManagedImage } from '../../src/catalog/managed.ts';
import { localRegistry } from '../../src/distribution/registry/local-registry.ts';
import { signedJson, type Connection } from '../../src/platform/api-client.ts';
import { DEFAULT_CONFIG, type Config } from '../../src/platform/config/config.ts';
import { openSealer } from '../../src/platform/sealing.ts';
import { storageService } from '../../src/storage/storage.ts';
import { launchService } from '../../src/launches/service.ts';

process.env['INGOT_LOG'] ??= 'silent';

/** Account of the tests' key pair. */
export const ACCOUNT = '123456789012';
/** Region of the tests' client. */
export const REGION = 'eu-west-1';
/** A parent image that is always there. */
export const DEBIAN = `arn:aws:imagebuilder:${REGION}:aws:image/debian-12-x86/x.x.x`;

/** A document of one command. */
export function documentOf(command: string, extra = ''): string {
  return (
    `schemaVersion: 1.0\n${extra}phases:\n  - name: build\n    steps:\n      - name: Run\n        action: ` +
    `ExecuteBash\n        inputs:\n          commands:\n            - ${command}\n`
  );
}

/** A listening API. */
export interface TestApi {
  readonly client: ImagebuilderClient;
  readonly catalog: Catalog;
  /** What the API stands on. */
  readonly services: ApiServices;
  /** `http://127.0.0.1:…` */
  readonly endpoint: string;
  /** How often the worker would have been woken. */
  readonly woken: () => number;
  /** A client of another account, or Region. */
  clientOf(account: 'other' | 'same', region: string): ImagebuilderClient;
  /** A client with other credentials. */
  clientWith(credentials: AwsCredentialIdentity): ImagebuilderClient;
  /** For requests to Ingot's own routes: of the account that the server belongs to, or the other one. */
  connectionOf(account: 'other' | 'same'): Connection;
  /** Ends it and starts it again on the same data directory, at another port. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

/** A key pair of a user. */
export interface UserKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** Makes a user with one policy, and a key for it, as the root of the server's account. @param arn the user's */
export async function addUser(api: TestApi, arn: string, statement: object | readonly object[]): Promise<UserKey> {
  const send = <T>(to: string, body?: object): Promise<T> =>
    signedJson<T>(api.connectionOf('same'), {
      method: 'POST',
      path: `/ingot/principals/${encodeURIComponent(arn)}${to}`,
      ...(body === undefined ? {} : { body }),
    });
  await send('', {});
  await send('/policies/p', { document: JSON.stringify({ Version: '2012-10-17', Statement: statement }) });
  return send<UserKey>('/keys');
}

const SOME_IMAGES: readonly ManagedImage[] = [
  { name: 'debian-12-x86', osVersion: 'Debian 12', platform: 'Linux', diskBytes: 3 * 2 ** 30 },
  { name: 'windows-11', osVersion: 'Windows 11', platform: 'Windows' },
];

/** The version of every package in the tests' package indexes. */
export const NEWER = '2.0-1';

/** Starts the API on a free port and an empty data directory. */
export async function startApi(
  config: Partial<Config> = {},
  managedImages: readonly ManagedImage[] = SOME_IMAGES,
): Promise<TestApi> {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'ingot api '));
  const keys = {
    AKIDTEST: { accessKeyId: 'AKIDTEST', secretAccessKey: 'secret', account: ACCOUNT },
    AKIDOTHER: { accessKeyId: 'AKIDOTHER', secretAccessKey: 'hidden', account: '210987654321' },
  };
  const keysOf = (account: 'other' | 'same') => (account === 'same' ? keys.AKIDTEST : keys.AKIDOTHER);
  let woken = 0;
  const start = async () => {
    const catalog = await openCatalog(dataDirectory, {
      managedImages,
      ...(config.names === undefined ? {} : { names: config.names }),
    });
    const audit = openAuditLog(dataDirectory, DEFAULT_CONFIG.audit);
    const registry = localRegistry(dataDirectory);
    const services: ApiServices = {
      catalog,
      identities: openIdentities(catalog, await openSealer(dataDirectory), Object.values(keys)),
      config: { ...DEFAULT_CONFIG, ...config },
      audit,
      defaultAccount: ACCOUNT,
      wakeWorker: () => void woken++,
      worker: () => ({ up: true, silentSeconds: 0 }),
      launches: launchService(catalog, () => void woken++),
      storage: storageService(catalog, registry),
      registry,
      packageIndexes: async (_system, names) => [
        { suite: 'bookworm-security', security: true, versions: new Map([...names].map((name) => [name, NEWER])) },
      ],
      version: '0.0.0',
      dataDirectory,
      shutdown: () => {},
    };
    const app = createApi(services);
    const endpoint = await app.listen({ host: '127.0.0.1', port: 0 });
    const clients: ImagebuilderClient[] = [];
    const make = (credentials: AwsCredentialIdentity, region: string): ImagebuilderClient => {
      const client = new ImagebuilderClient({ endpoint, region, credentials, maxAttempts: 1 });
      clients.push(client);
      return client;
    };
    const clientOf: TestApi['clientOf'] = (account, region) => make(keysOf(account), region);
    const close = async (): Promise<void> => {
      for (const client of clients) client.destroy();
      await app.close();
      await registry.stop();
      audit.close();
      await catalog.close();
    };
    return { catalog, services, client: clientOf('same', REGION), clientOf, make, endpoint, close };
  };
  let running = await start();
  return {
    get client() {
      return running.client;
    },
    get endpoint() {
      return running.endpoint;
    },
    get catalog() {
      return running.catalog;
    },
    get services() {
      return running.services;
    },
    woken: () => woken,
    clientOf: (account, region) => running.clientOf(account, region),
    clientWith: (credentials) => running.make(credentials, REGION),
    connectionOf: (account) => ({
      host: '127.0.0.1',
      port: Number(new URL(running.endpoint).port),
      region: REGION,
      credentials: keysOf(account),
    }),
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
